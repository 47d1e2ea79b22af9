// The comparison on the screen: rows, the player, the view of the pictures.

import { Comparison } from "./comparison.js";
import { announce, report } from "./messages.js";
import { Player } from "./player.js";
import { ScoreRow } from "./score.js";
import { TakeRow } from "./take-row.js";
import { Transport } from "./transport.js";

const $ = (selector) => document.querySelector(selector);

const player = new Player();
const transport = new Transport(player);
let comparison;
let rows = [];
let scores = [];

$("#view").addEventListener("change", ({ target }) => showView(target.value));
$("#make-all").addEventListener("click", makeAll);

/**
 * Show a recording beside what every system makes of it.
 *
 * @param {{samples: Float32Array, rate: number, title: string, text: string}} recording
 * @param {import("./systems.js").System[]} all those that can speak so much are taken
 * @param {AbortSignal} signal another recording has been chosen
 */
export async function compare({ samples, rate, title, text }, all, signal) {
  const systems = all.filter(({ longest = Infinity }) => samples.length < longest * rate);
  const next = new Comparison(samples, rate, systems);
  await next.melFor(systems[0].voice); // what cannot be analysed is refused before anything is shown
  signal.throwIfAborted();
  comparison?.abandon();
  for (const row of [...rows, ...scores]) row.end();
  comparison = next;
  $("#compare-title").textContent = title;
  $("#compare-text").textContent = text;
  showLeftOut(all.filter((system) => !systems.includes(system)));
  $("#compare").hidden = false;
  rows = makeRows(systems);
  $("#takes").replaceChildren(...rows.map((row) => row.element));
  scores = makeScores(systems);
  $("#scores").replaceChildren(...scores.map((row) => row.element));
  $("#score").hidden = scores.length === 0;
  transport.offer(comparison.takes, { onWant: make, onChange: showPlaying });
  showView(document.querySelector("#view input:checked").value);
  $("#make-all").setAttribute("aria-disabled", "false");
  await Promise.all(rows.map((row) => row.begin()));
  signal.throwIfAborted();
  $("#compare").focus({ preventScroll: true });
  $("#compare").scrollIntoView({ block: "start" });
  announce(`${title} is analysed. ${systems.length} systems can speak it.`);
}

function showLeftOut(systems) {
  $("#left-out").hidden = systems.length === 0;
  $("#left-out").textContent = systems.map(({ name, longest }) => `${name} is left out: it speaks recordings of less than ${longest} s.`).join(" ");
}

function makeRows(systems) {
  const original = { take: comparison.recording, voice: systems[0].voice, about: "What the mel is taken from" };
  const spoken = comparison.spoken.map(({ system, take }) => ({ take, voice: system.voice, about: system.about }));
  return [original, ...spoken].map((what) => {
    const { take } = what;
    const events = {
      onToggle: () => transport.toggle(take),
      onSeek: (seconds) => transport.playFrom(take, seconds),
    };
    take.addEventListener("change", () => tell(take));
    return new TakeRow(comparison, what, events);
  });
}

function makeScores(systems) {
  const { recording } = comparison;
  const onSeek = (seconds) => transport.playFrom(recording, seconds);
  const voices = new Set(systems.map(({ voice }) => voice).filter(({ scores: can }) => can));
  const students = (voice) => voice.kind === "student"; // the others are trained by likelihood
  const sorted = [...voices].sort((a, b) => students(a) - students(b));
  return sorted.map((voice) => new ScoreRow(recording, voice, onSeek));
}

async function make(take) {
  try {
    await comparison.make(take);
  } catch (problem) {
    report(problem);
  }
}

async function makeAll() {
  $("#make-all").setAttribute("aria-disabled", "true"); // and not disabled, which would drop the focus
  const { takes } = comparison;
  for (const take of takes) await make(take);
  if (takes.some(({ state }) => state === "failed")) $("#make-all").setAttribute("aria-disabled", "false");
}

function tell(take) {
  if (take.state === "making") announce(`${take.name} is being made.`);
  if (take.state === "done") announce(`${take.name} is made: first audio after ${Math.round(1000 * take.firstSeconds)} milliseconds.`);
}

function showPlaying(active, state) {
  comparison.takes.forEach((take, i) => rows[i].showPlaying(take === active ? state : "idle"));
}

function showView(view) {
  const [low, , high] = $("#scale").children;
  $("#scale").classList.toggle("difference", view === "difference");
  [low.textContent, high.textContent] = view === "difference" ? ["20 dB less", "20 dB more"] : ["−70 dB", "loudest"];
  for (const row of rows) row.view = view;
}
