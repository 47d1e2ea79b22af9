// What the page looks for by itself: where that failed it says so, and looks again until it is there.

import { isRefused } from "./api.js";
import { isDeclined, keys } from "./key.js";
import { report, withdraw } from "./messages.js";

const SOON = 2000; // milliseconds until the second look
const LATEST = 16000; // and at most between any two

/**
 * Do `work` until it has succeeded once: again when a key is given, at a press, and after a while unless it was refused.
 * Where a key was asked for in vain, it waits for one or for a press.
 *
 * @param {() => Promise<void>} work
 * @param {{place?: HTMLElement, name?: string}} shown `place`: tells that `name` is awaited or missing; it is hidden by whoever brings it
 */
export function untilDone(work, { place, name } = {}) {
  let busy = false;
  let wait = SOON;
  let timer;
  let told; // the problem that is reported
  const tell = (words, missing) => {
    if (!place) return;
    place.querySelector("span").textContent = `${name} ${words}`;
    place.querySelector("button").hidden = !missing;
  };
  const attempt = async (asked) => {
    if (busy || place?.hidden) return;
    if (!asked && isDeclined()) return tell("have not come.", true);
    busy = true;
    clearTimeout(timer);
    tell("are being loaded.", false);
    try {
      await work();
      keys.removeEventListener("given", again);
      withdraw(told);
    } catch (problem) {
      tell("have not come.", true);
      if (asked || !told) report((told = problem));
      if (isRefused(problem)) return;
      timer = setTimeout(again, wait);
      wait = Math.min(2 * wait, LATEST);
    } finally {
      busy = false;
    }
  };
  const again = () => attempt(false);
  keys.addEventListener("given", again);
  place?.querySelector("button").addEventListener("click", () => attempt(true));
  attempt(false);
}
