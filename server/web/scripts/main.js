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

const { offerSamples } = listenForRecordings({ onChoice: show, onRecording, longest });
const rest = [offerSamples, showVersionAndJobs]; // what is to be there from the start, and is not yet

/**
 * @param {(signal: AbortSignal) => Promise<Blob>} open gives the recording
 * @returns {Promise<boolean>} whether it can be heard, or another was chosen since
 */
async function show(open, title, text) {
  const { signal } = chooseAnew();
  clearReport();
  showReading(title);
  try {
    const list = await listVoices();
    const { limits } = await getJson("./");
    showRest();
    signal.throwIfAborted();
    const rate = rateFor(list);
    const file = await open(signal);
    signal.throwIfAborted();
    const samples = await decodeRecording(file, rate, longestFor(list, rate, limits));
    signal.throwIfAborted();
    await compare({ samples, rate, title, text }, systemsOf(list, limits), signal);
    return true;
  } catch (problem) {
    if (!signal.aborted) report(problem);
    return signal.aborted;
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
  const { limits } = await getJson("./");
  return longestFor(list, rateFor(list), limits);
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
  showRest();
} catch (problem) {
  report(problem);
}

/** What did not come, for want of a key say, is asked for again when something else has come. */
async function showRest() {
  const parts = rest.splice(0);
  try {
    for (; parts.length; parts.shift()) await parts[0]();
  } catch (problem) {
    rest.push(...parts);
    report(problem);
  }
}

async function showVersionAndJobs() {
  const { info, paths } = await getJson("openapi.json");
  document.querySelector("#version").textContent = info.version;
  if ("/v1/jobs" in paths) await showJobs(listVoices);
}

/** The voices as they are installed now, on their cards too. */
async function listVoices() {
  const list = await getJson("v1/voices");
  showVoices(list);
  return list.voices;
}
