// The key of a server that asks for one: kept while the tab is open, and nowhere else.

const STORE = "vocoder-key";
let asking; // several requests that need a key wait for one answer

export function storedKey() {
  return sessionStorage.getItem(STORE);
}

/** Ask for a key until there is one. @param {string} detail why it is needed */
export function askForKey(detail) {
  asking ??= ask(detail).finally(() => (asking = undefined));
  return asking;
}

function ask(detail) {
  const dialog = document.querySelector("#key-dialog");
  const input = document.querySelector("#key");
  document.querySelector("#key-detail").textContent = detail;
  input.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const accept = (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORE, input.value.trim());
      dialog.close();
      resolve();
    };
    dialog.querySelector("form").addEventListener("submit", accept, { once: true });
    dialog.addEventListener("cancel", (event) => event.preventDefault());
  });
}
