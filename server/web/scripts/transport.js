// The player's controls: which take is heard, from where, and whether. Switching takes keeps the place.

export class Transport {
  #player;
  #takes = [];
  #active;
  #following;
  #onWant = () => {};
  #onChange = () => {};
  #element = document.querySelector("#transport");
  #play = document.querySelector("#play");
  #listening = document.querySelector("#listening");
  #slider = document.querySelector("#position");
  #clock = document.querySelector("#clock");

  /** @param {import("./player.js").Player} player */
  constructor(player) {
    this.#player = player;
    this.#play.addEventListener("click", () => this.toggle(this.#active));
    this.#slider.addEventListener("input", () => this.#seek(Number(this.#slider.value)));
    player.addEventListener("change", () => this.#show());
  }

  /**
   * Offer these takes, the first one chosen.
   *
   * @param {{onWant: (take: Object) => void, onChange: (take: Object, state: string) => void}} events
   *   `onWant`: a take is to be heard, and may have to be made first
   */
  offer(takes, { onWant, onChange }) {
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

  #seek(seconds) {
    if (this.#player.state === "idle") this.#moveTo(seconds);
    else this.playFrom(this.#active, seconds);
  }

  get #place() {
    const place = this.#player.state === "idle" ? Number(this.#slider.value) : this.#player.position;
    return place < this.#active.duration - 0.05 || !this.#active.duration ? place : 0;
  }

  /** Play `take` from `seconds`, whatever was heard before. */
  playFrom(take, seconds) {
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
    this.#moveTo(this.#player.position);
    this.#following = requestAnimationFrame(() => this.#follow());
  }

  #moveTo(seconds) {
    const { max } = this.#slider;
    this.#slider.value = seconds;
    this.#slider.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${Number(max).toFixed(1)} seconds`);
    this.#clock.value = `${clock(seconds)} / ${clock(max)}`;
    document.querySelector("#takes").style.setProperty("--position", seconds / max);
  }

  #show() {
    const { state } = this.#player;
    const sounds = state !== "idle";
    if (!sounds && this.#player.take) this.#moveTo(this.#player.position);
    this.#play.setAttribute("aria-label", sounds ? "Pause" : "Play");
    this.#play.classList.toggle("waiting", state === "waiting");
    this.#play.querySelector("use").setAttribute("href", sounds ? "#icon-pause" : "#icon-play");
    this.#onChange(this.#active, state);
  }
}

function clock(seconds) {
  const whole = Math.floor(seconds / 60);
  return `${whole}:${(seconds - 60 * whole).toFixed(1).padStart(4, "0")}`;
}
