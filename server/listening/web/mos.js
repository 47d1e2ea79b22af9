// A trial of MOS: one sound, five grades (ITU-T P.800, absolute category rating).

import { report } from "../web/scripts/messages.js";
import { Deck } from "./deck.js";

/**
 * @param {HTMLElement} view
 * @param {{trial: Object, rate: number, listener: import("./answers.js").Listener}} what
 * @param {AbortSignal} signal ends it
 * @param {(values: Map<string, number>) => Promise<void>} onDone
 */
export async function askMos(view, { trial, rate, listener }, signal, onDone) {
  const card = document.querySelector("#mos-template").content.cloneNode(true).firstElementChild;
  const [{ id, value }] = trial.sounds;
  const play = card.querySelector(".play-one");
  const grades = card.querySelector(".grades");
  const next = card.querySelector(".next");
  const deck = new Deck(rate, { round: false });
  signal.addEventListener("abort", () => deck.close());
  const values = new Map();
  view.replaceChildren(card);
  await deck.load([await listener.sound(id)]);
  play.disabled = false;
  play.focus();
  const toggle = () => (deck.current === undefined ? deck.play(0) : deck.stop());
  play.addEventListener("click", toggle);
  deck.addEventListener("change", () => {
    const sounds = deck.current !== undefined;
    play.setAttribute("aria-pressed", sounds);
    play.textContent = sounds ? "Stop" : "Play";
    if (deck.heard.size) grades.disabled = false;
  });
  const choose = (grade) => {
    values.set(id, grade);
    next.disabled = false;
    listener.rate(id, grade).catch(report);
  };
  grades.addEventListener("change", ({ target }) => choose(Number(target.value)));
  if (value !== null) {
    grades.disabled = next.disabled = false;
    grades.querySelector(`[value="${value}"]`).checked = true;
    values.set(id, value);
  }
  card.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!next.disabled) onDone(values);
  });
  const key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ([" ", "Enter"].includes(event.key) && event.target.matches("button")) return; // its own keys
    if (event.key === " ") toggle();
    else if (event.key === "Enter") card.requestSubmit();
    else if (/^[1-5]$/.test(event.key) && !grades.disabled) {
      const input = grades.querySelector(`[value="${event.key}"]`);
      input.checked = true;
      input.focus();
      choose(Number(event.key));
    } else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", key, { signal });
}
