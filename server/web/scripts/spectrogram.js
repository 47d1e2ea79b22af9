// A mel, or a difference of two, painted into a plot whose axes tell seconds and hertz.

import { gradient } from "./colours.js";
import { bandOf } from "./mel.js";
import { makePlot } from "./plot.js";

const HERTZ = [500, 1000, 2000, 4000, 8000];

export class Spectrogram {
  #plot;
  #duration;
  #drawn;

  constructor(element, { duration, spec }, onSeek, signal) {
    this.#duration = duration;
    const labels = HERTZ.filter((hertz) => hertz > spec.fmin && hertz < spec.fmax);
    this.#plot = makePlot(
      element,
      {
        data: [
          [0, duration],
          [null, null],
        ],
        series: [{}],
        scales: { x: { range: [0, duration] }, y: { range: [-0.5, spec.num_mels - 0.5] } },
        x: { show: true },
        y: {
          splits: () => labels.map((hertz) => bandOf(hertz, spec)),
          values: () => labels.map((hertz) => (hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`)),
        },
        hooks: { drawClear: [(plot) => this.#paint(plot)] },
      },
      onSeek,
      signal,
    );
  }

  /**
   * @param {import("./mel.js").Mel} mel
   * @param {{low: number, high: number, colours: string}} scale decibels of the first and last colour
   */
  show(mel, scale) {
    this.#drawn = { mel, scale };
    this.#plot.redraw(false);
  }

  #paint(plot) {
    if (!this.#drawn) return;
    const { mel, scale } = this.#drawn;
    const image = picture(mel, scale);
    const { left, top, height } = plot.bbox;
    const { sample_rate: rate, hop_length: hop, n_fft: size, padding } = mel.spec;
    const first = (size / 2 - padding - hop / 2) / rate; // frame i stands over its centre, one hop wide
    const start = plot.valToPos(first, "x", true);
    const end = plot.valToPos(first + (mel.frames * hop) / rate, "x", true);
    plot.ctx.save();
    plot.ctx.beginPath();
    plot.ctx.rect(left, top, plot.bbox.width, height);
    plot.ctx.clip();
    plot.ctx.imageSmoothingQuality = "high";
    plot.ctx.drawImage(image, start, top, end - start, height);
    plot.ctx.restore();
  }
}

/** One pixel a frame and band, the lowest band at the bottom. */
function picture({ decibels, bands, frames }, { low, high, colours }) {
  const palette = gradient(colours);
  const canvas = new OffscreenCanvas(frames, bands);
  const pixels = new Uint32Array(frames * bands);
  for (let band = 0; band < bands; band++) {
    for (let frame = 0; frame < frames; frame++) {
      const level = (decibels[band * frames + frame] - low) / (high - low);
      const row = bands - 1 - band;
      pixels[row * frames + frame] = palette[Math.max(0, Math.min(255, Math.round(255 * level)))];
    }
  }
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), frames, bands);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
