// The player's controls: which take is heard, from where, and whether. Switching takes keeps the place.

const STEP_SECONDS = 0.5; // of an arrow key
const REST = 100; // milliseconds that the slider rests before its place is heard
const LONG = 1000; // milliseconds to wait before a sound begins until that is told
const TOLD_SECONDS = 1; // between two places that are told while it plays

export class Transport {
  #player;
  #takes = [];
  #active;
  #following;
  #seeking; // the timer, while the slider is moved
  #waiting; // the timer, while playback waits
  #told = 0; // the place that is told
  #onWant = () => {};
  #onChange = () => {};
  #element = document.querySelector("#transport");
  #play = document.querySelector("#play");
  #listening = document.querySelector("#listening");
  #slider = document.querySelector("#position");
  #clock = document.querySelector("#clock");
  #waits = document.querySelector("#waits");

  /** @param {import("./player.js").Player} player */
  constructor(player) {
    this.#player = player;
    this.#play.addEventListener("click", () => this.toggle(this.#active));
    this.#slider.addEventListener("input", () => this.#seek(Number(this.#slider.value)));
    this.#slider.addEventListener("keydown", (event) => this.#step(event));
    player.addEventListener("change", () => this.#show());
  }

  /**
   * Offer these takes, the first one chosen.
   *
   * @param {{onWant: (take: Object) => void, onChange: (take: Object, state: string) => void}} events
   *   `onWant`: a take is to be heard, and may have to be made first
   */
  offer(takes, { onWant, onChange }) {
    this.#endSeeking();
    this.#player.stop();
    this.#takes = takes;
    this.#active = takes[0];
    this.#onWant = onWant;
    this.#onChange = onChange;
    this.#slider.max = takes[0].duration;
    this.#element.hidden = false;
    this.#listening.querySelectorAll("label").forEach((label) => label.remove());
    this.#listening.append(...takes.map((take) => this.#choice(take)));
    this.#moveTo(0);
    this.#show();
  }

  /** Play `take` from where the last one stands, or pause it. */
  toggle(take) {
    const sounds = this.#player.state !== "idle";
    if (sounds && take === this.#active) this.#player.stop();
    else this.playFrom(take, this.#place);
  }

  #step(event) {
    const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { value, max } = this.#slider;
    this.#seek(Math.max(0, Math.min(Number(value) + direction * STEP_SECONDS, Number(max))));
  }

  /** Show a place at once, and play from there when the slider rests. */
  #seek(seconds) {
    this.#endSeeking();
    this.#seeking = setTimeout(() => {
      this.#endSeeking();
      if (this.#player.state !== "idle") this.playFrom(this.#active, seconds);
    }, REST);
    this.#moveTo(seconds);
  }

  #endSeeking() {
    clearTimeout(this.#seeking);
    this.#seeking = undefined;
  }

  /** Whether the slider says where to play, and not the player. */
  get #isSet() {
    return this.#seeking !== undefined || this.#player.state === "idle";
  }

  get #place() {
    const place = this.#isSet ? Number(this.#slider.value) : this.#player.position;
    return place < this.#active.duration - 0.05 || !this.#active.duration ? place : 0;
  }

  /** Play `take` from `seconds`, whatever was heard before. */
  playFrom(take, seconds) {
    this.#endSeeking();
    this.#player.stop();
    this.#choose(take);
    this.#onWant(take);
    this.#player.play(take, seconds);
    cancelAnimationFrame(this.#following);
    this.#follow();
  }

  #choose(take) {
    this.#active = take;
    const choice = this.#listening.querySelector(`[value="${CSS.escape(take.name)}"]`);
    choice.checked = true;
    choice.parentElement.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #choice(take) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "listening", value: take.name });
    const text = document.createElement("span");
    input.checked = take === this.#active;
    text.textContent = take.name;
    input.addEventListener("change", () => {
      if (this.#player.state === "idle") this.#choose(take);
      else this.playFrom(take, this.#place);
    });
    label.append(input, text);
    return label;
  }

  #follow() {
    if (this.#player.state === "idle") return;
    if (!this.#seeking) this.#moveTo(this.#player.position);
    this.#following = requestAnimationFrame(() => this.#follow());
  }

  #moveTo(seconds) {
    const { max } = this.#slider;
    this.#slider.value = seconds;
    this.#clock.textContent = `${clock(seconds)} / ${clock(max)}`;
    if (this.#isSet || Math.abs(seconds - this.#told) >= TOLD_SECONDS) this.#tell(seconds, Number(max));
    document.querySelector("#takes").style.setProperty("--position", seconds / max);
  }

  #tell(seconds, longest) {
    this.#told = seconds;
    this.#slider.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${longest.toFixed(1)} seconds`);
  }

  #show() {
    const { state } = this.#player;
    const sounds = state !== "idle";
    if (!sounds && !this.#seeking && this.#player.take) this.#moveTo(this.#player.position);
    this.#play.setAttribute("aria-label", sounds ? "Pause" : "Play");
    this.#play.classList.toggle("waiting", state === "waiting");
    this.#play.querySelector("use").setAttribute("href", sounds ? "#icon-pause" : "#icon-play");
    this.#tellWaits();
    this.#onChange(this.#active, state);
  }

  /** Playback that had to stop for more is no fault of the voice's sound: so it is told, until something else is played. */
  #tellWaits() {
    const { state, isDry, waited, take } = this.#player;
    const say = (words) => this.#waits.textContent !== words && (this.#waits.textContent = words);
    const waits = () => say(`Playback waits for more of ${take.name}.`);
    clearTimeout(this.#waiting);
    if (isDry) waits();
    else say(waited ? `Playback waited ${waited.toFixed(1)} s for more of ${take.name}.` : "");
    if (state === "waiting") this.#waiting = setTimeout(waits, LONG);
  }
}

function clock(seconds) {
  const whole = Math.floor(seconds / 60);
  return `${whole}:${(seconds - 60 * whole).toFixed(1).padStart(4, "0")}`;
}
