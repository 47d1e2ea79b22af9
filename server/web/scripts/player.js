// Plays a take through Web Audio, piece by piece while it is made, sample after sample without a gap.

import { hear } from "./heard.js";

const LEAD_SECONDS = 0.1; // between asking for a sound that is being made and hearing it
const SHORT_LEAD_SECONDS = 0.01; // for one in hand; as long goes on what was heard before it
const FADE_SECONDS = 0.001; // time constant of the gain at both ends: without it they click
const FADED = 5; // time constants until nothing is heard
const FIRST_SECONDS = 0.05; // audio in hand before the first sound
const MARGIN = 1.1; // how much slower than measured the rest may be made

/** Fires "change" when it starts, waits for audio, stops or ends. */
export class Player extends EventTarget {
  /** idle, waiting (for audio to be made) or playing */
  state = "idle";
  take = undefined;
  /** Seconds for which what was heard has had to stop, since it began. */
  waited = 0;
  #contexts = new Map();
  #sources = new Set();
  #gain;
  #next = 0; // the first sample that is not scheduled yet
  #origin = undefined; // the context's time of sample 0
  #from = 0; // the second of the take that it begins with
  #start = 0; // when the gain begins to rise
  #dry = undefined; // since when more should be heard

  /** Play `take` from `seconds`; what is not made yet is waited for. */
  play(take, seconds = 0) {
    hear(this.stop);
    this.#silence();
    this.take = take;
    this.waited = 0;
    this.#next = Math.round(seconds * take.rate);
    this.#context.resume();
    take.addEventListener("progress", this.#feed);
    take.addEventListener("change", this.#feed);
    this.#set("waiting");
    this.#feed();
  }

  stop = () => {
    this.#silence();
    this.#set("idle");
  };

  /** Whether what was heard has stopped until more is made. */
  get isDry() {
    return this.#dry !== undefined;
  }

  /** Seconds into the take. */
  get position() {
    if (this.#origin === undefined) return this.take ? this.#next / this.take.rate : 0;
    const elapsed = this.#context.currentTime - this.#origin;
    return Math.max(this.#from, Math.min(elapsed, this.#next / this.take.rate));
  }

  /** One context for each rate, so that nothing is resampled piece by piece. */
  get #context() {
    const { rate } = this.take;
    if (!this.#contexts.has(rate)) this.#contexts.set(rate, new AudioContext({ sampleRate: rate }));
    return this.#contexts.get(rate);
  }

  #feed = () => {
    const { take } = this;
    if (take.state === "failed") return this.stop();
    if (this.#next >= take.received) {
      if (take.state === "done" && this.#sources.size === 0) this.#end();
      return;
    }
    if (this.#origin !== undefined && this.#due < this.#context.currentTime + SHORT_LEAD_SECONDS) this.#runDry();
    if (this.#origin === undefined && !this.#isAhead()) return this.#set("waiting"); // until the rest can be heard in one piece
    const source = this.#sourceOf(take.samples.subarray(this.#next, take.received)); // takes its time, so before the clock is read
    if (this.#origin === undefined) this.#begin(take.state === "done" ? SHORT_LEAD_SECONDS : LEAD_SECONDS);
    this.#schedule(source);
    this.#set("playing");
  };

  #runDry() {
    this.#dry ??= this.#due;
    this.#origin = undefined;
    this.#set("waiting");
  }

  #begin(lead) {
    const start = this.#context.currentTime + lead;
    this.waited += start - (this.#dry ?? start);
    this.#dry = undefined;
    this.#from = this.#next / this.take.rate;
    this.#origin = Math.round(start * this.take.rate - this.#next) / this.take.rate;
    this.#fadeIn(start);
  }

  /** When the next sample has to sound. */
  get #due() {
    return this.#origin + this.#next / this.take.rate;
  }

  /** Whether the take will be made faster than it is heard, from here to its end. */
  #isAhead() {
    const { take } = this;
    if (take.state === "done") return true;
    const toMake = ((take.samples.length - take.received) / take.rate) * take.pace;
    const toHear = (take.samples.length - this.#next) / take.rate;
    return take.received - this.#next >= FIRST_SECONDS * take.rate && MARGIN * toMake <= toHear;
  }

  #sourceOf(samples) {
    const buffer = this.#context.createBuffer(1, samples.length, this.take.rate);
    buffer.copyToChannel(samples, 0);
    return new AudioBufferSourceNode(this.#context, { buffer });
  }

  #schedule(source) {
    source.connect(this.#gain);
    source.start(this.#due);
    this.#sources.add(source);
    this.#next += source.buffer.length;
    this.#foreseeEnd();
    source.onended = () => {
      this.#sources.delete(source);
      if (this.#sources.size > 0) return;
      if (this.take.state !== "making") this.#end();
      else if (this.#isCut) this.#runDry();
      else this.#set("waiting");
    };
  }

  /** Whether what is scheduled breaks off within the take. */
  get #isCut() {
    return this.#next < this.take.samples.length;
  }

  /** Fade out before the last scheduled sample, as if no more came in time; more that does come undoes it. */
  #foreseeEnd() {
    const { gain } = this.#gain;
    const now = Math.max(this.#start, this.#context.currentTime);
    gain.cancelScheduledValues(now);
    gain.setTargetAtTime(1, now, FADE_SECONDS); // from wherever it is
    if (this.#isCut) gain.setTargetAtTime(0, this.#due - FADED * FADE_SECONDS, FADE_SECONDS);
  }

  #silence() {
    if (!this.take) return;
    this.#next = Math.round(this.position * this.take.rate);
    this.#origin = this.#dry = undefined;
    this.take.removeEventListener("progress", this.#feed);
    this.take.removeEventListener("change", this.#feed);
    this.#fadeOut();
  }

  #fadeIn(start) {
    this.#start = start;
    this.#gain = new GainNode(this.#context, { gain: 0 });
    this.#gain.connect(this.#context.destination);
  }

  /** What sounds goes on for as long as the next sound needs to begin. */
  #fadeOut() {
    const start = this.#context.currentTime + SHORT_LEAD_SECONDS;
    this.#gain?.gain.setTargetAtTime(0, start, FADE_SECONDS);
    for (const source of this.#sources) {
      source.onended = null;
      source.stop(start + FADED * FADE_SECONDS);
    }
    this.#sources.clear();
    this.#gain = undefined;
  }

  #end() {
    this.#silence();
    this.#next = 0;
    this.#set("idle");
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
