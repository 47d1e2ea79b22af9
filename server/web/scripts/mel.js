// Mel-spectrograms as the server computes them, in decibels.

import { request } from "./api.js";
import { decodeNpy } from "./npy.js";
import { encodeWav } from "./wav.js";

const DB_PER_NEPER = 20 / Math.LN10;
const LOG_OF_BASE = { e: 1, 10: Math.LN10, 2: Math.LN2 };
const QUIETEST = 1e-10;

/**
 * @typedef {Object} Mel
 * @property {ArrayBuffer} npy as it came, to be sent on
 * @property {Float32Array} decibels band after band
 * @property {number} bands
 * @property {number} frames
 * @property {Object} spec the analysis
 */

/** The analysis that `voice` reads, of these samples. @returns {Promise<Mel>} */
export async function analyse(samples, rate, voice) {
  const response = await request("v1/mel", {
    query: { voice: voice.name, format: "npy" },
    body: encodeWav(samples, rate),
    type: "audio/wav",
  });
  const npy = await response.arrayBuffer();
  const { values, rows, columns } = decodeNpy(npy);
  const decibels = toDecibels(values, columns, voice.mel_spec);
  return { npy, decibels, bands: rows, frames: columns, spec: voice.mel_spec };
}

/** The last stages of the analysis undone, as far as the logarithm; up to one constant. */
function toDecibels(values, frames, spec) {
  const [low, high] = spec.value_range ?? [0, 1];
  return values.map((value, i) => {
    const band = Math.floor(i / frames);
    const scaled = spec.mean ? value * spec.std[band] + spec.mean[band] : value;
    const level = ((high - low) * scaled + low) / spec.multiplier;
    const nepers = spec.log_base === "none" ? Math.log(Math.max(level, QUIETEST)) : level * LOG_OF_BASE[spec.log_base];
    return (DB_PER_NEPER * nepers) / spec.power;
  });
}

/** `mel` minus `reference`, over the frames that both have. @returns {Mel} */
export function difference(mel, reference) {
  const frames = Math.min(mel.frames, reference.frames);
  const decibels = new Float32Array(mel.bands * frames);
  for (let i = 0; i < decibels.length; i++) {
    const band = Math.floor(i / frames);
    const frame = i % frames;
    decibels[i] = mel.decibels[band * mel.frames + frame] - reference.decibels[band * reference.frames + frame];
  }
  return { ...mel, decibels, frames };
}

/** The mean distance of two mels, in decibels. */
export function distance(mel, reference) {
  const { decibels } = difference(mel, reference);
  return decibels.reduce((sum, value) => sum + Math.abs(value), 0) / decibels.length;
}

/** The (fractional) band whose triangle peaks at `hertz`. */
export function bandOf(hertz, spec) {
  const place = spec.mel_scale === "htk" ? htk : slaney;
  const low = place(spec.fmin);
  return ((place(hertz) - low) / (place(spec.fmax) - low)) * (spec.num_mels + 1) - 1;
}

function htk(hertz) {
  return 2595 * Math.log10(1 + hertz / 700);
}

function slaney(hertz) {
  return hertz < 1000 ? (3 * hertz) / 200 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4);
}
