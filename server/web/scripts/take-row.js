// One row of the comparison: a take's play button, figures and pictures.

import { report } from "./messages.js";
import { analyse, difference, distance } from "./mel.js";
import { Spectrogram } from "./spectrogram.js";
import { Waveform } from "./waveform.js";
import { encodeWav } from "./wav.js";

const RANGE = 70; // decibels below the recording's loudest
const DIFFERENCE = 20;

export class TakeRow {
  #take;
  #voice;
  #comparison;
  #analysis; // the promise of the take's mel
  #waveform;
  #spectrogram;
  #view = "mel";
  #due = false;
  #onSeek;
  #life = new AbortController();

  /**
   * @param {import("./comparison.js").Comparison} comparison
   * @param {{take: import("./take.js").Take, voice: Object, about: string}} what
   * @param {{onToggle: Function, onSeek: (seconds: number) => void}} events
   */
  constructor(comparison, { take, voice, about }, { onToggle, onSeek }) {
    this.#take = take;
    this.#voice = voice;
    this.#comparison = comparison;
    this.element = document.querySelector("#take-template").content.cloneNode(true).firstElementChild;
    this.element.dataset.take = take.name;
    this.#find("h3").textContent = take.name;
    this.#find(".about").textContent = about;
    this.#find(".waveform").setAttribute("aria-label", `Waveform of ${take.name}`);
    this.#find(".mel").setAttribute("aria-label", `Mel-spectrogram of ${take.name}`);
    this.button = this.#find(".play");
    this.button.addEventListener("click", onToggle);
    this.showPlaying("idle");
    this.#onSeek = onSeek;
    take.addEventListener("progress", () => this.#drawSoon());
    take.addEventListener("change", () => this.#changed());
  }

  /** Draw, once the row is in the document and has a width. */
  async begin() {
    const { duration, peak } = this.#comparison;
    const spec = this.#voice.mel_spec;
    this.#waveform = new Waveform(this.#find(".waveform"), { duration, peak }, this.#onSeek, this.#life.signal);
    this.#spectrogram = new Spectrogram(this.#find(".picture.mel"), { duration, spec }, this.#onSeek, this.#life.signal);
    await this.#changed();
  }

  /** Give back what the row holds. */
  end() {
    this.#life.abort();
    URL.revokeObjectURL(this.#find(".download").href);
  }

  /** @param {"mel" | "difference"} view */
  set view(view) {
    this.#view = view;
    this.#drawMel().catch(report);
  }

  /** @param {"idle" | "waiting" | "playing"} state */
  showPlaying(state) {
    const sounds = state !== "idle";
    this.element.classList.toggle("active", sounds);
    this.button.classList.toggle("waiting", state === "waiting");
    this.button.setAttribute("aria-label", `${sounds ? "Pause" : "Play"} ${this.#take.name}`);
    this.#find(".play use").setAttribute("href", sounds ? "#icon-pause" : "#icon-play");
    if (state === "playing" && !this.element.dataset.drawn) this.#drawMel().catch(report);
  }

  async #changed() {
    const { state, problem } = this.#take;
    this.element.dataset.state = state;
    if (state === "making") this.#find(".take-hint").textContent = "Being made …";
    const error = this.#find(".take-error");
    error.hidden = state !== "failed";
    if (state === "failed") error.textContent = `${problem.title ?? "It failed"}. ${problem.detail ?? problem.message}`;
    this.#drawSoon();
    if (state === "done") await this.#finish().catch(report);
  }

  async #finish() {
    const { samples, rate, name } = this.#take;
    const link = this.#find(".download");
    link.href = URL.createObjectURL(encodeWav(samples, rate));
    link.download = `${name}.wav`;
    link.setAttribute("aria-label", `Download ${name} as WAV`);
    link.hidden = false;
    await this.#drawMel();
  }

  get #isRecording() {
    return this.#take === this.#comparison.recording;
  }

  /** The mel of a take that is made; asked for again where that failed. */
  #analyse() {
    const { samples, rate } = this.#take;
    if (!this.#analysis) {
      this.#analysis = this.#isRecording ? this.#comparison.melFor(this.#voice) : analyse(samples, rate, this.#voice);
      this.#analysis.catch(() => (this.#analysis = undefined));
    }
    return this.#analysis;
  }

  /** The hint goes with the first audio. */
  #showBegun() {
    const { received, state } = this.#take;
    this.element.classList.toggle("begun", received > 0 || state === "failed");
    if (received > 0) this.#find(".waveform").removeAttribute("aria-hidden");
  }

  /** At most one drawing a frame of the screen. */
  #drawSoon() {
    this.#showBegun();
    if (this.#due || !this.#waveform) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      if (this.#life.signal.aborted) return;
      this.#waveform.update(this.#take);
      this.#showFigures();
    });
  }

  async #drawMel() {
    if (this.#take.state !== "done" || !this.#spectrogram) return;
    const mel = await this.#analyse();
    const reference = await this.#comparison.melFor(this.#voice);
    if (this.#life.signal.aborted) return;
    const element = this.#find(".picture.mel");
    if (this.#view === "difference" && !this.#isRecording) {
      const scale = { low: -DIFFERENCE, high: DIFFERENCE, colours: "--difference" };
      this.#spectrogram.show(difference(mel, reference), scale);
      element.setAttribute("aria-label", `Difference of the mels of ${this.#take.name} and the recording`);
    } else {
      const high = reference.decibels.reduce((peak, value) => Math.max(peak, value), -Infinity);
      this.#spectrogram.show(mel, { low: high - RANGE, high, colours: "--mel" });
      element.setAttribute("aria-label", `Mel-spectrogram of ${this.#take.name}`);
    }
    element.removeAttribute("aria-hidden");
    this.element.dataset.drawn = this.#view;
    if (!this.#isRecording) this.distance = distance(mel, reference);
    this.#showFigures();
  }

  #showFigures() {
    const { firstSeconds, totalSeconds, samples, rate } = this.#take;
    const rows = [];
    if (firstSeconds) rows.push(["First audio", duration(firstSeconds)]);
    if (totalSeconds) rows.push(["× real time", speed(samples.length / rate / totalSeconds)]);
    if (this.distance) rows.push(["Mel distance", `${this.distance.toFixed(1)} dB`]);
    this.#find(".figures").replaceChildren(...rows.map(([name, value]) => definition(name, value)));
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

function duration(seconds) {
  return seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`;
}

function speed(factor) {
  return factor < 10 ? factor.toPrecision(2) : factor.toFixed(0);
}

/** A term and what it is, for a `dl`. */
export function definition(name, value) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  term.textContent = name;
  description.textContent = value;
  row.append(term, description);
  return row;
}
