// What can speak a mel here: the installed voices, and Griffin-Lim beside them.

import { request } from "./api.js";

/**
 * @typedef {Object} System
 * @property {string} name
 * @property {string} about one line for the reader
 * @property {Object} voice whose analysis makes the mel
 * @property {number} [longest] seconds that it can speak
 * @property {(npy: ArrayBuffer, signal: AbortSignal) => Promise<Response>} speak 16-bit PCM, as it is made
 */

/**
 * @param {Object[]} voices as the server lists them
 * @param {{griffin_lim_seconds: number}} limits as the server states them
 * @returns {System[]} the default voice first
 */
export function systemsOf(voices, { griffin_lim_seconds: longest }) {
  const sorted = [...voices].sort((a, b) => b.default - a.default);
  return [...sorted.map(voiceSystem), griffinLim(sorted[0], longest)];
}

function voiceSystem(voice) {
  return {
    name: voice.name,
    about: voice.description.split(/[;(]/)[0].trim(),
    voice,
    speak: (npy, signal) => post("v1/synthesize", npy, { voice: voice.name, seed: 1 }, signal),
  };
}

function griffinLim(voice, longest) {
  return {
    name: "Griffin-Lim",
    about: "Without a network, heard once it is whole",
    voice,
    longest,
    speak: (npy, signal) => post("v1/baselines/griffin-lim", npy, { voice: voice.name }, signal),
  };
}

function post(path, npy, query, signal) {
  return request(path, { query: { ...query, format: "pcm" }, body: npy, type: "application/x-npy", signal });
}
