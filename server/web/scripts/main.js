// What happens on the page, in order: the voices are listed, a recording comes, it is compared.

import { getJson, Problem } from "./api.js";
import { compare } from "./compare-view.js";
import { showJobs } from "./jobs.js";
import { clearReport, report } from "./messages.js";
import { decodeRecording } from "./recording.js";
import { listenForRecordings } from "./source.js";
import { systemsOf } from "./systems.js";
import { showVoices } from "./voices.js";

listenForRecordings(async (file, title, text) => {
  clearReport();
  try {
    const list = await listVoices();
    if (!list.length) throw new Problem("There is no voice to speak with", "Put checkpoints into a folder of $VOCODER_VOICES.");
    const rate = Math.max(...list.map((voice) => voice.sample_rate));
    const samples = await decodeRecording(file, rate);
    await compare({ samples, rate, title, text }, systemsOf(list));
  } catch (problem) {
    report(problem);
  }
});

try {
  await listVoices();
  const { info, paths } = await getJson("openapi.json");
  document.querySelector("#version").textContent = info.version;
  if ("/v1/jobs" in paths) {
    document.querySelector("#to-jobs").hidden = false;
    await showJobs(listVoices);
  }
} catch (problem) {
  report(problem);
}

/** The voices as they are installed now, on their cards too. */
async function listVoices() {
  const list = await getJson("v1/voices");
  showVoices(list);
  return list.voices;
}
