// What happens on the page, in order: the voices are listed, a recording comes, it is compared.

import { getJson, Problem } from "./api.js";
import { compare, silence } from "./compare-view.js";
import { showJobs } from "./jobs.js";
import { clearReport, report, showReading } from "./messages.js";
import { decodeRecording, longestFor } from "./recording.js";
import { listenForRecordings } from "./source.js";
import { systemsOf } from "./systems.js";
import { showVoices } from "./voices.js";

let choice = new AbortController(); // of the recording chosen last: what comes of those before is dropped

listenForRecordings({ onChoice: show, onRecording, longest });

/** @param {(signal: AbortSignal) => Promise<Blob>} open gives the recording */
async function show(open, title, text) {
  const { signal } = chooseAnew();
  clearReport();
  showReading(title);
  try {
    const list = await listVoices();
    signal.throwIfAborted();
    const rate = rateFor(list);
    const seconds = await longestFor(list, rate);
    const file = await open(signal);
    signal.throwIfAborted();
    const samples = await decodeRecording(file, rate, seconds);
    signal.throwIfAborted();
    await compare({ samples, rate, title, text }, systemsOf(list), signal);
  } catch (problem) {
    if (!signal.aborted) report(problem);
  } finally {
    if (!signal.aborted) showReading(undefined);
  }
}

/** The microphone is on: it hears nothing of the page, and is what was chosen last. */
function onRecording() {
  chooseAnew();
  clearReport();
  showReading(undefined);
  silence();
}

/** How many seconds may be recorded. */
async function longest() {
  const list = await listVoices();
  return longestFor(list, rateFor(list));
}

function chooseAnew() {
  choice.abort();
  return (choice = new AbortController());
}

function rateFor(list) {
  if (!list.length) throw new Problem("There is no voice to speak with", "Put checkpoints into a folder of $VOCODER_VOICES.");
  return Math.max(...list.map((voice) => voice.sample_rate));
}

try {
  await listVoices();
  const { info, paths } = await getJson("openapi.json");
  document.querySelector("#version").textContent = info.version;
  if ("/v1/jobs" in paths) await showJobs(listVoices);
} catch (problem) {
  report(problem);
}

/** The voices as they are installed now, on their cards too. */
async function listVoices() {
  const list = await getJson("v1/voices");
  showVoices(list);
  return list.voices;
}
