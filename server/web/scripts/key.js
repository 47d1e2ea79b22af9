// The key of a server that asks for one: kept while the tab is open, and nowhere else.

import { Problem } from "./api.js";

const STORE = "vocoder-key";

/** Fires "given" when one is. */
export const keys = new EventTarget();

let declined = false;
let asking; // several requests that need a key wait for one answer

export function storedKey() {
  return sessionStorage.getItem(STORE);
}

/** Whether a key was asked for and none has been given: then nothing else asks for one without a press. */
export function isDeclined() {
  return declined;
}

/** Ask for a key. @param {string} detail what the server says of the one that it was given */
export function askForKey(detail) {
  asking ??= ask(detail).finally(() => (asking = undefined));
  return asking;
}

function ask(detail) {
  const dialog = document.querySelector("#key-dialog");
  const input = document.querySelector("#key");
  if (storedKey()) document.querySelector("#key-detail").textContent = detail;
  input.value = "";
  declined = true; // until one is given
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORE, input.value.trim());
      resolve();
      declined = false;
      dialog.close();
      keys.dispatchEvent(new Event("given"));
    };
    dialog.querySelector("[type=button]").onclick = () => dialog.close();
    dialog.onclose = () => {
      if (!declined) return; // a key was given
      reject(new Problem("This server asks for a key", "Choose a recording, or load the voices again, to be asked for it.", 401));
    };
  });
}
