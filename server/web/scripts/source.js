// The ways in: a file chosen or dropped, the microphone, a clip that ships.

import { getJson, request } from "./api.js";
import { announce, report } from "./messages.js";
import { Microphone } from "./microphone.js";

const $ = (selector) => document.querySelector(selector);

/** @param {(file: Blob, title: string, text: string) => Promise<void>} onRecording */
export function listenForRecordings(onRecording) {
  const take = async (...recording) => {
    press(undefined);
    await onRecording(...recording);
  };
  const takeFile = (file) => file && take(file, file.name, "Your recording");
  $("#file").addEventListener("change", ({ target }) => {
    takeFile(target.files[0]);
    target.value = ""; // so that the same file can be chosen again
  });
  acceptDrops(takeFile);
  acceptVoice((wav) => take(wav, "Your voice", `Recorded at ${new Date().toLocaleTimeString([], { timeStyle: "short" })}`));
  offerSamples(async (sample, button) => {
    const response = await request(sample.url.replace(/^\//, ""));
    await take(await response.blob(), sample.name, sample.text);
    press(button);
  });
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
    takeFile(event.dataTransfer.files[0]);
  });
}

function acceptVoice(takeWav) {
  const button = $("#record");
  let microphone;
  let ticking;
  button.addEventListener("click", async () => {
    try {
      if (microphone) {
        const wav = await microphone.stop();
        microphone = undefined;
        show(false);
        await takeWav(wav);
      } else {
        const started = new Microphone();
        await started.start();
        microphone = started;
        show(true);
      }
    } catch (problem) {
      report(problem);
    }
  });

  function show(recording) {
    button.setAttribute("aria-pressed", recording);
    $("#record-label").textContent = recording ? "Stop" : "Record";
    clearInterval(ticking);
    const began = Date.now();
    if (recording) ticking = setInterval(() => ($("#record-time").textContent = ` ${Math.floor((Date.now() - began) / 1000)} s`), 200);
    $("#record-time").textContent = "";
    announce(recording ? "Recording." : "Recording ended.");
  }
}

async function offerSamples(onChoice) {
  try {
    const { samples } = await getJson("v1/samples");
    $("#samples").replaceChildren(...samples.map((sample) => sampleItem(sample, onChoice)));
  } catch (problem) {
    report(problem);
  }
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
