// The training jobs of this server: asked for with a form, listed, each looked into as it goes.

import { getJson } from "./api.js";
import { offerForm } from "./job-form.js";
import { JobRow } from "./job-row.js";
import { keys } from "./key.js";

const LIMIT = 20;
const PERIOD = 2000; // milliseconds between two looks while one is under way
const IDLE = 15000; // and while none is: others may ask for some too

const rows = new Map();
let timer;
let seen; // when the server last said how they are
let failures = 0; // since then

/**
 * Show the jobs and keep them up to date; once they have been seen, whatever may come between.
 *
 * @param {() => Promise<void>} onPublished a voice has been added
 */
export async function showJobs(onPublished) {
  try {
    await look(onPublished);
    await offerForm(document.querySelector("#job-form"), async ({ id }) => {
      await look(onPublished);
      rows.get(id)?.open();
    });
    keys.addEventListener("given", () => later(onPublished, 0)); // without one, nothing is asked for by itself
  } catch (problem) {
    if (problem.status !== 403) throw problem; // a key for speech alone shows no jobs
  }
}

async function look(onPublished) {
  try {
    const { jobs } = await getJson(`v1/jobs?limit=${LIMIT}`);
    show(jobs, onPublished);
    [seen, failures] = [new Date(), 0];
    sayStale("");
    later(onPublished, jobs.some(({ state }) => ["queued", "running"].includes(state)) ? PERIOD : IDLE);
  } catch (problem) {
    // The server may be away for a moment: the jobs outlive that, and so does the list.
    failures += 1;
    if (seen && problem.status !== 401) later(onPublished, failures === 1 ? PERIOD : IDLE);
    if (seen && failures > 1) sayStale(`As of ${seen.toLocaleTimeString([], { timeStyle: "short" })}. ${problem.title ?? problem.message}.`);
    throw problem;
  }
}

function later(onPublished, wait) {
  clearTimeout(timer);
  timer = setTimeout(() => look(onPublished).catch(() => {}), wait);
}

function sayStale(words) {
  const element = document.querySelector("#jobs-stale");
  if (element.textContent !== words) element.textContent = words;
}

function show(jobs, onPublished) {
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
  if (!same) replace(list, elements);
  document.querySelector("#jobs .none").hidden = jobs.length > 0;
  document.querySelector("#jobs").hidden = document.querySelector("#to-jobs").hidden = false;
}

/** The focus stays where it is; from a job that is gone it comes to the heading. */
function replace(list, elements) {
  const focused = document.activeElement;
  const inside = list.contains(focused);
  list.replaceChildren(...elements);
  if (!inside) return;
  const stays = list.contains(focused);
  (stays ? focused : document.querySelector("#jobs-title")).focus({ preventScroll: stays });
}
