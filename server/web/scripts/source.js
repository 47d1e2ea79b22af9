// The ways in: a file chosen or dropped, the microphone, a clip that ships.

import { getJson, request } from "./api.js";
import { untilDone } from "./awaited.js";
import { announce, report } from "./messages.js";
import { Microphone } from "./microphone.js";

const $ = (selector) => document.querySelector(selector);

/**
 * @param {{onChoice: (open: (signal: AbortSignal) => Promise<Blob>, title: string, text: string) => Promise<boolean | undefined>,
 *   onRecording: () => void, longest: () => Promise<number>}} events
 *   `onChoice`: a recording was chosen, or made; tells whether it is shown, if nothing else was chosen meanwhile; `onRecording`: the microphone is on, for `longest` seconds at most
 */
export function listenForRecordings({ onChoice, onRecording, longest }) {
  let shown; // the button of the clip that is compared
  const take = async (open, title, text, button) => {
    press(button);
    const done = await onChoice(open, title, text);
    if (done) shown = button;
    if (done === false) press(shown);
  };
  const takeFile = (file) => file && take(async () => file, file.name, "Your recording");
  $("#file").addEventListener("change", ({ target }) => {
    takeFile(target.files[0]);
    target.value = ""; // so that the same file can be chosen again
  });
  takeFile($("#file").files[0]); // chosen before this script was here
  acceptDrops(takeFile);
  const takeWav = (wav) => take(async () => wav, "Your voice", `Recorded at ${new Date().toLocaleTimeString([], { timeStyle: "short" })}`);
  acceptVoice({ takeWav, onRecording, longest });
  const takeSample = (sample, button) => {
    const open = async (signal) => (await request(sample.url.replace(/^\//, ""), { signal })).blob();
    return take(open, sample.name, sample.text, button);
  };
  untilDone(() => offerSamples(takeSample), { place: $("#samples-awaited"), name: "The clips" });
}

function acceptDrops(takeFile) {
  const zone = $("#drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (!$("#file").disabled) takeFile(event.dataTransfer.files[0]);
  });
}

function acceptVoice({ takeWav, onRecording, longest }) {
  const button = $("#record");
  let microphone;
  let ticking;
  let busy = false; // the microphone is being switched on or off
  button.addEventListener("click", ({ detail: count }) => count < 2 && toggle()); // a double click is one

  async function toggle() {
    if (busy) return;
    busy = true;
    try {
      if (microphone) await stop();
      else await start();
    } catch (problem) {
      report(problem);
    } finally {
      busy = false;
    }
  }

  async function start() {
    const limit = await longest();
    const started = new Microphone(limit, () => microphone && toggle());
    await started.start();
    microphone = started;
    press(undefined);
    onRecording();
    show(true);
    const tick = () => ($("#record-time").textContent = ` ${Math.floor(started.seconds)} s of ${Math.floor(limit)} s`);
    tick();
    ticking = setInterval(tick, 200);
  }

  async function stop() {
    const stopped = microphone;
    microphone = undefined;
    show(false);
    takeWav(await stopped.stop());
  }

  function show(recording) {
    button.setAttribute("aria-pressed", recording);
    $("#record-label").textContent = recording ? "Stop" : "Record";
    $("#file").disabled = recording;
    for (const place of ["#samples", "#compare", "#jobs"]) $(place).inert = recording; // the microphone would hear them
    clearInterval(ticking);
    $("#record-time").textContent = "";
    announce(recording ? "Recording." : "Recording ended.");
  }
}

async function offerSamples(onChoice) {
  const { samples } = await getJson("v1/samples");
  $("#samples").replaceChildren(...samples.map((sample) => sampleItem(sample, onChoice)));
  $("#samples-awaited").hidden = true;
}

function sampleItem(sample, onChoice) {
  const item = $("#sample-template").content.cloneNode(true).firstElementChild;
  const button = item.querySelector("button");
  button.setAttribute("aria-pressed", "false");
  item.querySelector(".sample-text").textContent = sample.text;
  item.querySelector(".sample-facts").textContent = `${sample.name} · ${sample.seconds.toFixed(1)} s`;
  button.addEventListener("click", () => onChoice(sample, button).catch(report));
  return item;
}

function press(button) {
  for (const each of document.querySelectorAll(".sample")) each.setAttribute("aria-pressed", each === button);
}
