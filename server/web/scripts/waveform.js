// A waveform that grows while its take is made: the smallest and largest sample of each column.

import { token } from "./colours.js";
import { makePlot } from "./plot.js";

const COLUMNS = 1200;

export class Waveform {
  #plot;
  #duration;
  #seen = 0;
  #data;

  /**
   * @param {HTMLElement} element
   * @param {{duration: number, peak: number}} scale seconds, and the largest sample that fits
   */
  constructor(element, { duration, peak }, onSeek, signal) {
    this.#duration = duration;
    this.clear();
    const line = { width: 1, points: { show: false }, stroke: () => token("--wave") };
    this.#plot = makePlot(
      element,
      {
        data: this.#data,
        series: [line, line],
        bands: [{ series: [1, 2], fill: () => token("--wave") }],
        scales: { x: { range: [0, duration] }, y: { range: [-peak, peak] } },
        y: { values: () => [], splits: () => [0] },
      },
      onSeek,
      signal,
    );
  }

  clear() {
    this.#seen = 0;
    const times = Float64Array.from({ length: COLUMNS }, (_, i) => ((i + 0.5) / COLUMNS) * this.#duration);
    this.#data = [times, new Array(COLUMNS).fill(null), new Array(COLUMNS).fill(null)];
  }

  /** Draw what has come since the last time. @param {import("./take.js").Take} take */
  update({ samples, received, rate }) {
    if (received < this.#seen) this.clear(); // it is made anew
    const [, high, low] = this.#data;
    const perColumn = (this.#duration * rate) / COLUMNS;
    for (let i = this.#seen; i < received; i++) {
      const column = Math.min(COLUMNS - 1, Math.floor(i / perColumn));
      high[column] = Math.max(high[column] ?? -Infinity, samples[i]);
      low[column] = Math.min(low[column] ?? Infinity, samples[i]);
    }
    this.#seen = received;
    this.#plot.setData(this.#data, true);
  }
}
