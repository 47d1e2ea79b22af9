// A trial of MUSHRA (ITU-R BS.1534): signals in random order beside the open reference, 0 to 100 each.

import { report } from "../web/scripts/messages.js";
import { Deck } from "./deck.js";

const TO_ZERO = ["Home", "ArrowLeft", "ArrowDown", "PageDown"];

/**
 * @param {HTMLElement} view
 * @param {{trial: Object, rate: number, listener: import("./answers.js").Listener}} what
 * @param {AbortSignal} signal ends it
 * @param {(values: Map<string, number>) => Promise<void>} onDone
 */
export async function askMushra(view, { trial, rate, listener }, signal, onDone) {
  const card = document.querySelector("#mushra-template").content.cloneNode(true).firstElementChild;
  const deck = new Deck(rate, { round: true });
  signal.addEventListener("abort", () => deck.close());
  const values = new Map();
  const reference = card.querySelector(".reference");
  const last = trial.sounds.length; // the reference comes after the signals
  view.replaceChildren(card);
  const files = [...trial.sounds.map(({ id }) => id), trial.reference].map((id) => listener.sound(id));
  await deck.load(await Promise.all(files));

  reference.disabled = card.querySelector(".stop").disabled = false;
  const say = () => {
    const unheard = trial.sounds.filter((_, i) => !deck.heard.has(i)).length;
    const unrated = last - values.size;
    card.querySelector(".next").disabled = unheard + unrated > 0;
    card.querySelector(".missing").textContent = unheard ? `${unheard} not heard yet` : unrated ? `${unrated} without a mark` : "";
  };
  const rows = trial.sounds.map((sound, i) => row(sound, i, { deck, values, say, listener, signal }));
  card.querySelector(".signals").append(...rows);
  const buttons = [...rows.map((element) => element.querySelector("button")), reference];
  buttons.forEach((button, i) => button.addEventListener("click", () => deck.play(i)));
  card.querySelector(".stop").addEventListener("click", () => deck.stop());
  deck.addEventListener("change", () => {
    rows.forEach((element, i) => (element.querySelector("input").disabled = !deck.heard.has(i)));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", deck.current === i));
    say();
  });
  say();
  reference.focus();
  card.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!card.querySelector(".next").disabled) onDone(values);
  });
  const key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const stops = event.key === " " && (deck.current !== undefined || event.repeat);
    if (!stops && [" ", "Enter"].includes(event.key) && event.target.matches("button")) return; // its own keys
    const letter = event.key.length === 1 ? event.key.toLowerCase().charCodeAt(0) - "a".charCodeAt(0) : -1;
    if (event.key === " ") deck.stop();
    else if (event.key === "Enter") card.requestSubmit();
    else if (event.key.toLowerCase() === "r") deck.play(last);
    else if (letter >= 0 && letter < last) {
      deck.play(letter);
      rows[letter].querySelector("input").focus();
    } else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", key, { signal });
}

function row({ id, value }, index, { deck, values, say, listener, signal }) {
  const element = document.querySelector("#signal-template").content.cloneNode(true).firstElementChild;
  const letter = String.fromCharCode("A".charCodeAt(0) + index);
  const [button, slider, output] = element.children;
  button.textContent = letter;
  button.setAttribute("aria-label", `Hear ${letter}`);
  slider.setAttribute("aria-label", `Mark of ${letter}, 0 to 100`);
  const show = (mark) => {
    slider.value = mark ?? 0;
    output.textContent = mark ?? "–";
    element.classList.toggle("rated", mark !== undefined);
    if (mark === undefined) values.delete(id);
    else values.set(id, mark);
  };
  if (value !== null) {
    show(value);
    deck.heard.add(index); // without that it could not be given
  }
  slider.disabled = value === null;
  const move = () => {
    show(Number(slider.value));
    say();
  };
  undoScroll(slider, () => values.get(id), (mark) => (show(mark), say()));
  slider.addEventListener("input", move);
  slider.addEventListener("change", () => listener.rate(id, Number(slider.value)).catch(report));
  const same = () => {
    if (values.has(id)) return; // left where it stood, at 0: that is a mark, too
    move();
    listener.rate(id, Number(slider.value)).catch(report);
  };
  onPressed(slider, signal, same);
  return element;
}

/** Call `done` after a press that began on the slider and ended there, by pointer or by a key that leads to 0. */
function onPressed(slider, signal, done) {
  let begun; // what went down on it last
  const begin = ({ type, target, key, button }) => (begun = target === slider && !slider.disabled && !button ? (key ?? type) : undefined);
  document.addEventListener("pointerdown", begin, { capture: true, signal });
  document.addEventListener("keydown", begin, { capture: true, signal });
  slider.addEventListener("pointerup", () => begun === "pointerdown" && done());
  slider.addEventListener("keyup", ({ key }) => begun === key && TO_ZERO.includes(key) && done());
}

/** A finger that begins on the slider and scrolls the page gives no mark: the one before comes back. */
function undoScroll(slider, mark, putBack) {
  let before;
  let scrolled = false;
  slider.addEventListener("pointerdown", () => {
    before = mark();
    scrolled = false;
  });
  slider.addEventListener("pointercancel", () => {
    scrolled = mark() !== before; // then a "change" follows
    putBack(before);
  });
  slider.addEventListener("input", () => (scrolled = false));
  slider.addEventListener("change", (event) => {
    if (!scrolled) return;
    event.stopImmediatePropagation();
    scrolled = false;
    putBack(before);
  });
}
