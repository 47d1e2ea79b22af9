// The training jobs of this server, while it has any: how far each is, and why one failed.

import { getJson } from "./api.js";
import { report } from "./messages.js";

const PERIOD = 5000; // milliseconds between two looks
const ENDED = ["succeeded", "failed", "cancelled"];

/** Show the jobs, and keep them up to date while one is under way. */
export async function followJobs() {
  const section = document.querySelector("#jobs");
  try {
    const { jobs } = await getJson("v1/jobs?limit=20");
    section.querySelector("tbody").replaceChildren(...jobs.map(jobRow));
    section.querySelector(".none").hidden = jobs.length > 0;
    section.querySelector(".sheet").hidden = jobs.length === 0;
    section.hidden = false;
    if (jobs.some(({ state }) => !ENDED.includes(state))) setTimeout(followJobs, PERIOD);
  } catch (problem) {
    if (problem.status !== 403) report(problem); // a key for speech alone shows no jobs
  }
}

function jobRow({ id, recipe, name, state, reason, progress, created }) {
  const row = document.querySelector("#job-template").content.cloneNode(true).firstElementChild;
  row.dataset.job = id;
  const [title, stateCell, progressCell, time] = row.children;
  title.textContent = name;
  title.title = `${recipe}, job ${id}`;
  stateCell.textContent = reason ? `${state}: ${reason}` : state;
  stateCell.dataset.state = state;
  if (progress) progressCell.append(...bar(name, progress));
  time.textContent = new Date(created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return row;
}

function bar(name, { fraction, stage, step, steps, eta_seconds: rest }) {
  const element = Object.assign(document.createElement("progress"), { max: 1, value: fraction ?? 0 });
  element.setAttribute("aria-label", `Progress of ${name}`);
  const text = document.createElement("span");
  const left = rest ? `, ${Math.ceil(rest / 60)} min left` : "";
  text.textContent = `${stage} ${step.toLocaleString("en")} of ${steps.toLocaleString("en")}${left}`;
  return [element, text];
}
