// What happens on the page, in order: the voices are listed, a recording comes, it is compared.

import { getJson, Problem } from "./api.js";
import { untilDone } from "./awaited.js";
import { compare } from "./compare-view.js";
import { silence } from "./heard.js";
import { showJobs } from "./jobs.js";
import { clearReport, report, showReading } from "./messages.js";
import { decodeRecording, longestFor } from "./recording.js";
import { listenForRecordings } from "./source.js";
import { systemsOf } from "./systems.js";
import { showVoices } from "./voices.js";

let choice = new AbortController(); // of the recording chosen last: what comes of those before is dropped

listenForRecordings({ onChoice: show, onRecording, longest });
untilDone(listVoices, { place: document.querySelector("#voices-awaited"), name: "The voices" });
untilDone(async () => {
  const { version, jobs } = await getJson("./");
  document.querySelector("#version").textContent = version;
  if (jobs) untilDone(() => showJobs(listVoices));
});

/**
 * @param {(signal: AbortSignal) => Promise<Blob>} open gives the recording
 * @returns {Promise<boolean | undefined>} whether it is shown now; undefined if another was chosen meanwhile
 */
async function show(open, title, text) {
  const { signal } = chooseAnew();
  clearReport();
  showReading(title);
  try {
    const [list, { limits }, file] = await Promise.all([listVoices(), getJson("./"), open(signal)]);
    signal.throwIfAborted();
    const rate = rateFor(list);
    const samples = await decodeRecording(file, rate, longestFor(limits, list, rate));
    signal.throwIfAborted();
    await compare({ samples, rate, title, text }, systemsOf(list, limits), signal);
    return true;
  } catch (problem) {
    if (signal.aborted) return undefined;
    report(problem);
    return false;
  } finally {
    if (!signal.aborted) showReading(undefined);
  }
}

/** The microphone goes on: it hears nothing of the page, and is what was chosen last. */
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
  return longestFor(limits, list, rateFor(list));
}

function chooseAnew() {
  choice.abort();
  return (choice = new AbortController());
}

function rateFor(list) {
  if (!list.length) throw new Problem("There is no voice to speak with", "Put checkpoints into a folder of $VOCODER_VOICES.");
  return Math.max(...list.map((voice) => voice.sample_rate));
}

/** The voices as they are installed now, on their cards too. */
async function listVoices() {
  const list = await getJson("v1/voices");
  showVoices(list);
  return list.voices;
}
