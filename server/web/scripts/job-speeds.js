// What a benchmark has measured, as a table: the result of a job of the recipe "bench".

import { getJson } from "./api.js";

const COLUMNS = {
  Voice: ({ voice }) => voice,
  Setting: ({ threads, precision, batch, seconds }) => `${plural(threads, "thread")}, ${precision}, ${batch} × ${seconds} s`,
  "Samples a second": ({ samples_per_second: rate }) => Math.round(rate.p50).toLocaleString("en"),
  "× real time": ({ times_real_time: times }) => times.toPrecision(3),
  "First audio, ms": ({ first_block_ms: first }) => first.p50.toPrecision(3),
  "Of the peak": ({ share_of_peak: share }) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`),
};

/** Fill `element`, which stays hidden until there is a result. @param {HTMLElement} element @param {string} job */
export async function showSpeeds(element, job) {
  const { result } = await getJson(`v1/benchmarks/${job}`);
  element.hidden = !result;
  if (!result) return;
  const table = document.createElement("table");
  const caption = table.createCaption();
  caption.textContent = `${result.device}, ${plural(result.machine.cores, "core")}: medians of ${result.config.runs} runs`;
  const head = table.createTHead().insertRow();
  for (const name of Object.keys(COLUMNS)) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of result.rows) {
    const line = body.insertRow();
    for (const show of Object.values(COLUMNS)) line.insertCell().textContent = show(row);
  }
  element.replaceChildren(table);
}

function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
