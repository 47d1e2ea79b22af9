// A recording, however it came, as mono samples.

import { Problem } from "./api.js";

/**
 * Decode what the browser can decode, at `rate` Hz, its channels averaged.
 *
 * @param {Blob} file
 * @returns {Promise<Float32Array>}
 */
export async function decodeRecording(file, rate) {
  const context = new OfflineAudioContext(1, 1, rate);
  let decoded;
  try {
    decoded = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Problem("This file cannot be read as audio", "Choose a WAV, FLAC, MP3 or Ogg recording.");
  }
  const samples = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const data = decoded.getChannelData(channel);
    for (let i = 0; i < samples.length; i++) samples[i] += data[i] / decoded.numberOfChannels;
  }
  return samples;
}
