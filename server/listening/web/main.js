// One listener's way: the start, a trial after the other, the end.

import { getJson, request } from "../web/scripts/api.js";
import { clearReport, report } from "../web/scripts/messages.js";
import { Listener } from "./answers.js";
import { Deck } from "./deck.js";
import { askMos } from "./mos.js";
import { askMushra } from "./mushra.js";

const ASK = { mos: askMos, mushra: askMushra };
const WORDS = { mos: "single sounds", mushra: "comparisons" };
const view = document.querySelector("#view");
const listener = new Listener();
let life = new AbortController();

try {
  const test = await getJson("v1/test");
  document.title = test.title;
  document.querySelector("#title").textContent = test.title;
  await start(test, await listener.place());
} catch (problem) {
  report(problem);
}

/** Sound needs a click first: this is where it comes. */
async function start(test, place) {
  if (place && !place.trial) return show(test, place);
  const card = document.querySelector("#start-template").content.cloneNode(true).firstElementChild;
  const counts = Object.entries(test.trials).map(([kind, count]) => `${count} ${WORDS[kind]}`);
  card.querySelector("#plan").textContent = place
    ? `You have done ${place.done} of ${place.of}.`
    : `There are ${counts.join(", then ")}.`;
  card.querySelector("#name-label").hidden = Boolean(place);
  card.querySelector("[type=submit]").textContent = place ? "Go on" : "Begin";
  setVolume(card.querySelector("#volume"), test.sample_rate, life.signal);
  card.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await show(test, place ?? (await listener.begin(card.querySelector("#name").value)));
    } catch (problem) {
      report(problem);
    }
  });
  view.replaceChildren(card);
}

function setVolume(button, rate, signal) {
  const words = button.textContent;
  let deck;
  signal.addEventListener("abort", () => deck?.close());
  button.addEventListener("click", async () => {
    try {
      if (!deck) {
        deck = new Deck(rate, { round: true });
        deck.addEventListener("change", () => {
          button.setAttribute("aria-pressed", deck.current === 0);
          button.textContent = deck.current === 0 ? "Stop" : words;
        });
      }
      if (!deck.loaded) await deck.load([await (await request("v1/volume")).arrayBuffer()]);
      if (signal.aborted) return;
      if (deck.current === 0) deck.stop();
      else deck.play(0);
    } catch (problem) {
      report(problem);
    }
  });
}

async function show(test, place) {
  const { done, of, trial } = place;
  life.abort();
  life = new AbortController();
  clearReport();
  const bar = document.querySelector("#bar");
  bar.hidden = false;
  bar.value = done / of;
  document.querySelector("#progress").textContent = trial ? `${done + 1} of ${of}` : "";
  if (!trial) return view.replaceChildren(document.querySelector("#end-template").content.cloneNode(true));
  view.dataset.trial = `${trial.kind} ${trial.number}`;
  let busy = false;
  const onDone = async (values) => {
    if (busy) return; // Enter, held down
    busy = true;
    try {
      await show(test, await listener.complete(trial, values));
    } catch (problem) {
      report(problem);
    } finally {
      busy = false;
    }
  };
  try {
    await ASK[trial.kind](view, { trial, rate: test.sample_rate, listener }, life.signal, onDone);
  } catch (problem) {
    report(problem);
    offerAgain(() => show(test, place));
  }
}

function offerAgain(load) {
  const button = view.querySelector(".again");
  button.hidden = false;
  button.addEventListener("click", load);
  button.focus();
}
