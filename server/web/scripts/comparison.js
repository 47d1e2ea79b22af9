// One recording and what every system makes of it: the mels, the takes, and one scale for all pictures.

import { analyse } from "./mel.js";
import { Take } from "./take.js";

const PEAK_ROOM = 1.05;

export class Comparison {
  /** Analyses by fingerprint: voices that read the same mel share it. */
  #mels = new Map();

  /**
   * @param {Float32Array} samples
   * @param {number} rate Hz
   * @param {import("./systems.js").System[]} systems
   */
  constructor(samples, rate, systems) {
    this.recording = Take.of("Recording", rate, samples);
    this.spoken = systems.map((system) => ({ system, take: new Take(system.name, system.voice.sample_rate) }));
    this.duration = this.recording.duration;
    const largest = samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0.01);
    this.peak = Math.min(1, PEAK_ROOM * largest);
  }

  get takes() {
    return [this.recording, ...this.spoken.map(({ take }) => take)];
  }

  /** The recording's mel as `voice` reads it. */
  melFor(voice) {
    const key = voice.mel_fingerprint;
    if (!this.#mels.has(key)) {
      const mel = analyse(this.recording.samples, this.recording.rate, voice);
      this.#mels.set(key, mel);
      mel.catch(() => this.#mels.delete(key)); // to be asked for again
    }
    return this.#mels.get(key);
  }

  /** Have a take made, unless it is already. */
  async make(take) {
    const found = this.spoken.find((entry) => entry.take === take);
    if (!found) return;
    const { voice, speak } = found.system;
    await take.make(
      () => this.melFor(voice),
      ({ npy }, signal) => speak(npy, signal),
    );
  }

  abandon() {
    for (const { take } of this.spoken) take.abandon();
  }
}
