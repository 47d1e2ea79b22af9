// A recording, however it came, as mono samples, if the server takes as much.

import { Problem } from "./api.js";
import { wavSeconds } from "./wav.js";

const METADATA_WAIT = 2000; // milliseconds
const SURELY = 1.5; // a length told without decoding may be a guess

/** How many seconds of a recording a server with these `limits` takes, sent at `rate` Hz to these voices. */
export function longestFor(limits, voices, rate) {
  const frames = voices.map(({ mel_spec: spec }) => (limits.max_frames * spec.hop_length) / spec.sample_rate);
  return Math.min(limits.max_seconds, wavSeconds(limits.max_body_bytes, rate), ...frames);
}

/**
 * Decode what the browser can decode, at `rate` Hz, its channels averaged.
 *
 * @param {Blob} file
 * @param {number} longest seconds; a file that is surely longer is refused without decoding it
 * @returns {Promise<Float32Array>}
 */
export async function decodeRecording(file, rate, longest) {
  const told = await toldSeconds(file);
  if (told > SURELY * longest) throw tooLong(told, longest);
  const context = new OfflineAudioContext(1, 1, rate);
  let decoded;
  try {
    decoded = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Problem("This file cannot be read as audio", "Choose a WAV, FLAC, MP3 or Ogg recording.");
  }
  if (decoded.duration > longest) throw tooLong(decoded.duration, longest);
  const samples = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const data = decoded.getChannelData(channel);
    for (let i = 0; i < samples.length; i++) samples[i] += data[i] / decoded.numberOfChannels;
  }
  return samples;
}

/** The length that the file itself tells, 0 where it tells none. */
async function toldSeconds(file) {
  const audio = Object.assign(document.createElement("audio"), { preload: "metadata" });
  const url = URL.createObjectURL(file);
  try {
    await new Promise((resolve) => {
      audio.onloadedmetadata = audio.onerror = resolve;
      setTimeout(resolve, METADATA_WAIT);
      audio.src = url;
    });
    return Number.isFinite(audio.duration) ? audio.duration : 0;
  } finally {
    audio.removeAttribute("src");
    URL.revokeObjectURL(url);
  }
}

function tooLong(seconds, longest) {
  const words = `It takes ${inWords(seconds)}, longer than the ${inWords(longest)} that this server takes.`;
  return new Problem("This recording is too long", `${words} Choose a shorter one, or cut a part out of it.`);
}

/** "12.3 s", "3 min", "2 h 5 min": to the tenth below a minute, to the second below an hour. */
export function inWords(seconds) {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.floor(seconds);
  const parts = [[Math.floor(whole / 3600), "h"], [Math.floor(whole / 60) % 60, "min"], [whole < 3600 ? whole % 60 : 0, "s"]];
  return parts.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}`).join(" ");
}
