// How well the voices that have a density foresee the recording: bits a sample, over time.

import { request } from "./api.js";
import { token } from "./colours.js";
import { announce, report } from "./messages.js";
import { makePlot } from "./plot.js";
import { encodeWav } from "./wav.js";

const KINDS = {
  exact: "bits a sample, exact",
  "mu-law": "bits a sample, of 8-bit µ-law",
  density: "bits a sample, from a density",
};
const PLAIN_BITS = 16; // what a sample takes without any model

export class ScoreRow {
  #life = new AbortController();
  #button;

  /**
   * @param {import("./take.js").Take} recording
   * @param {Object} voice one whose `scores` is true
   */
  constructor(recording, voice, onSeek) {
    this.element = document.querySelector("#score-template").content.cloneNode(true).firstElementChild;
    this.element.dataset.voice = voice.name;
    this.#find("h4").textContent = voice.name;
    this.#button = this.#find("button");
    this.#button.setAttribute("aria-label", `Score the recording under ${voice.name}`);
    this.#button.addEventListener("click", () => this.#score(recording, voice, onSeek).catch(report));
  }

  end() {
    this.#life.abort();
  }

  async #score({ samples, rate, duration }, voice, onSeek) {
    if (this.#button.getAttribute("aria-disabled") === "true") return;
    this.#button.setAttribute("aria-disabled", "true");
    announce(`${voice.name} is listening.`);
    try {
      const options = { query: { voice: voice.name }, body: encodeWav(samples, rate), type: "audio/wav" };
      const score = await (await request("v1/score", { ...options, signal: this.#life.signal })).json();
      this.#draw(score, duration, onSeek);
      if (this.#button === document.activeElement) this.#find(".curve").focus({ preventScroll: true });
      this.#button.hidden = true;
      this.#tell(score);
    } finally {
      this.#button.setAttribute("aria-disabled", "false");
    }
  }

  #tell({ voice, bits_per_sample: bits, kind }) {
    const figure = bits.toLocaleString("en", { maximumFractionDigits: bits > PLAIN_BITS ? 0 : 2 });
    const surprised = bits > PLAIN_BITS ? `; plain PCM takes ${PLAIN_BITS}: it was trained to speak, not to foresee` : "";
    this.#find(".bits").textContent = figure;
    this.#find(".kind").textContent = `${KINDS[kind] ?? kind}${surprised}`;
    announce(`${voice}: ${figure} ${KINDS[kind] ?? kind}.`);
  }

  #draw({ curve, bits_per_sample: bits, sample_rate: rate, hop_length: hop, voice }, duration, onSeek) {
    const element = this.#find(".curve");
    element.setAttribute("aria-label", `Bits a sample of the recording under ${voice}, over time`);
    element.hidden = false;
    const times = curve.map((_, i) => ((i + 0.5) * hop) / rate);
    const most = Math.ceil(Math.max(...curve));
    const top = bits > PLAIN_BITS ? most : Math.min(PLAIN_BITS, most);
    const y = { values: (_, ticks) => ticks.map((tick) => tick.toLocaleString("en", { notation: "compact" })) };
    const series = [{ stroke: () => token("--wave"), fill: () => token("--accent-soft"), width: 1.5, points: { show: false } }];
    const scales = { x: { range: [0, duration] }, y: { range: [0, top] } };
    makePlot(element, { data: [times, curve], series, scales, x: { show: true }, y }, onSeek, this.#life.signal);
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}
