// Words for the reader: errors, which stay until dismissed, and news for those who listen to the page.

const $ = (selector) => document.querySelector(selector);

$("#alert-close").addEventListener("click", clearReport);

/** @param {Error} problem a Problem says what to do; anything else is our own mistake */
export function report(problem) {
  if (problem.name === "AbortError") return;
  $("#alert-title").textContent = `${problem.title ?? "This page made a mistake"}.`;
  $("#alert-detail").textContent = problem.detail ?? `Reload it and try again (${problem.message}).`;
  $("#alert").hidden = false;
}

export function clearReport() {
  $("#alert").hidden = true;
}

/** Say something to a screen reader. */
export function announce(text) {
  $("#status").textContent = text;
}
