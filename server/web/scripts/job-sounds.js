// What a job makes of a held-out recording, step by step, to be heard while it trains.

import { getJson, Problem, request } from "./api.js";
import { hear } from "./heard.js";
import { report } from "./messages.js";

const SOON = 1000; // milliseconds: the file is written after the figures

export class JobSounds {
  #element;
  #job;
  #signal;
  #context;
  #source;
  #pressed; // the press whose sound is loaded or heard

  /** @param {HTMLElement} element @param {string} job @param {AbortSignal} signal */
  constructor(element, job, signal) {
    this.#element = element;
    this.#job = job;
    this.#signal = signal;
    element.hidden = true;
    signal.addEventListener("abort", () => {
      this.#stop();
      this.#context?.close();
    });
  }

  lookSoon() {
    setTimeout(() => this.#signal.aborted || this.look().catch(report), SOON);
  }

  /** List what there is by now. */
  async look() {
    const { samples } = await getJson(`v1/jobs/${this.#job}/samples`);
    if (this.#signal.aborted) return;
    const list = this.#element.querySelector("ul");
    const known = new Set([...list.children].map((item) => item.dataset.url));
    for (const sample of samples) {
      if (!known.has(sample.url)) list.append(this.#item(sample, samples));
    }
    for (const item of [...list.children]) {
      if (!samples.some(({ url }) => url === item.dataset.url)) item.remove();
    }
    this.#element.hidden = samples.length === 0;
  }

  #item({ stage, step, url }, all) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const several = new Set(all.map((sample) => sample.stage)).size > 1;
    const what = step === null ? "Recording" : `Step ${step.toLocaleString("en")}`;
    item.dataset.url = url;
    button.type = "button";
    button.className = "button sound";
    button.textContent = several ? `${what}, ${stage}` : what;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => this.#toggle(button, url).catch(report));
    item.append(button);
    return item;
  }

  async #toggle(button, url) {
    const again = this.#pressed?.button === button;
    this.#stop();
    if (again) return;
    hear(this.#stop);
    const pressed = (this.#pressed = { button });
    button.setAttribute("aria-pressed", "true");
    try {
      this.#context ??= new AudioContext();
      const bytes = await (await request(url.replace(/^\//, ""), { signal: this.#signal })).arrayBuffer();
      const buffer = await this.#context.decodeAudioData(bytes).catch(() => {
        throw new Problem("This sound cannot be played", "Choose another one, or this one again once the job has gone on.");
      });
      if (this.#pressed === pressed) this.#play(buffer); // and nothing else was chosen meanwhile
    } catch (problem) {
      if (this.#pressed === pressed) this.#stop();
      throw problem;
    }
  }

  #play(buffer) {
    this.#source = new AudioBufferSourceNode(this.#context, { buffer });
    this.#source.connect(this.#context.destination);
    this.#source.onended = this.#stop;
    this.#source.start();
  }

  #stop = () => {
    this.#pressed?.button.setAttribute("aria-pressed", "false");
    this.#pressed = undefined;
    if (this.#source) this.#source.onended = null;
    this.#source?.stop();
    this.#source = undefined;
  };
}
