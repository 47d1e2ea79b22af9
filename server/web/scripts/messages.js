// Words for the reader: errors, which stay until dismissed or past, and news for those who listen to the page.

const $ = (selector) => document.querySelector(selector);
let reported = 0; // when the last error was
let current; // it

$("#alert-close").addEventListener("click", clearReport);

/** @param {Error} problem a Problem says what to do; anything else is our own mistake */
export function report(problem) {
  if (problem.name === "AbortError") return;
  reported = performance.now();
  current = problem;
  $("#alert-title").textContent = `${problem.title ?? "This page made a mistake"}.`;
  $("#alert-detail").textContent = problem.detail ?? `Reload it and try again (${problem.message}).`;
  $("#alert").hidden = false;
}

export function clearReport() {
  $("#alert").hidden = true;
}

/** What was begun at `time` has succeeded: an error from before is past. */
export function clearReportBefore(time) {
  if (time > reported) clearReport();
}

/** What `problem` was reported of is there now. */
export function withdraw(problem) {
  if (problem && problem === current) clearReport();
}

/** Say something to a screen reader. */
export function announce(text) {
  $("#status").textContent = text;
}

/** Show that something is read, seen wherever one is; without a name, that it is over. @param {string} [name] */
export function showReading(name) {
  $("#main").setAttribute("aria-busy", name !== undefined);
  $("#reading").hidden = name === undefined;
  if (name === undefined) return;
  $("#reading").textContent = `Reading ${name} …`;
  announce(`Reading ${name}.`);
}
