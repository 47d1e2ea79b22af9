// The training jobs of this server: asked for with a form, listed, each looked into as it goes.

import { getJson } from "./api.js";
import { offerForm } from "./job-form.js";
import { JobRow } from "./job-row.js";
import { report } from "./messages.js";

const LIMIT = 20;
const PERIOD = 2000; // milliseconds between two looks while one is under way
const IDLE = 15000; // and while none is: others may ask for some too

const rows = new Map();
let timer;

/** Show the jobs and keep them up to date. @param {() => Promise<void>} onPublished a voice has been added */
export async function showJobs(onPublished) {
  try {
    await look(onPublished);
    await offerForm(document.querySelector("#job-form"), async ({ id }) => {
      await look(onPublished);
      rows.get(id)?.open();
    });
  } catch (problem) {
    if (problem.status !== 403) report(problem); // a key for speech alone shows no jobs
  }
}

async function look(onPublished) {
  clearTimeout(timer);
  const { jobs } = await getJson(`v1/jobs?limit=${LIMIT}`);
  const list = document.querySelector("#job-list");
  for (const [id, row] of rows) {
    if (jobs.some((job) => job.id === id)) continue;
    row.end();
    rows.delete(id);
  }
  for (const job of jobs) {
    if (rows.has(job.id)) rows.get(job.id).show(job);
    else rows.set(job.id, new JobRow(job, { onChange: () => look(onPublished), onPublished }));
  }
  const elements = jobs.map(({ id }) => rows.get(id).element);
  const same = list.children.length === elements.length && elements.every((element, i) => list.children[i] === element);
  if (!same) list.replaceChildren(...elements); // only then: it would take the focus away
  document.querySelector("#jobs .none").hidden = jobs.length > 0;
  document.querySelector("#jobs").hidden = false;
  const busy = jobs.some(({ state }) => ["queued", "running"].includes(state));
  timer = setTimeout(() => look(onPublished).catch(() => retry(onPublished)), busy ? PERIOD : IDLE);
}

/** The server may be away for a moment: the jobs outlive that, and so does the list. */
function retry(onPublished) {
  timer = setTimeout(() => look(onPublished).catch(() => retry(onPublished)), IDLE);
}
