// The microphone, without the processing that calls need: samples as they come in, then a WAV.

import { Problem } from "./api.js";
import { encodeWav } from "./wav.js";

export class Microphone {
  #limit;
  #onFull;
  #context;
  #stream;
  #blocks = [];
  #length = 0; // samples in all blocks

  /**
   * @param {number} limit seconds that are kept
   * @param {() => void} onFull they are there; what comes after is not kept
   */
  constructor(limit, onFull) {
    this.#limit = limit;
    this.#onFull = onFull;
  }

  /** Begin to record; the browser asks for permission. */
  async start() {
    if (!navigator.mediaDevices) {
      throw new Problem("Recording is not possible here", "Browsers allow it on https and localhost only. Choose a file.");
    }
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    } catch {
      throw new Problem("There is no microphone to record from", "Allow it in the browser's settings, or choose a file.");
    }
    try {
      await this.#listen();
    } catch {
      await this.#end();
      throw new Problem("The microphone cannot be listened to", "Try again, or choose a file.");
    }
  }

  /** Seconds recorded so far. */
  get seconds() {
    return this.#length / this.#context.sampleRate;
  }

  /** @returns {Promise<Blob>} what was recorded, as WAV */
  async stop() {
    await this.#end();
    const samples = new Float32Array(this.#length);
    let position = 0;
    for (const block of this.#blocks) {
      samples.set(block, position);
      position += block.length;
    }
    return encodeWav(samples, this.#context.sampleRate);
  }

  async #listen() {
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const capture = new AudioWorkletNode(this.#context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => this.#keep(data);
    this.#context.createMediaStreamSource(this.#stream).connect(capture);
  }

  #keep(block) {
    if (this.#length + block.length < this.#limit * this.#context.sampleRate) {
      this.#blocks.push(block);
      this.#length += block.length;
    } else {
      this.#onFull();
    }
  }

  async #end() {
    for (const track of this.#stream.getTracks()) track.stop();
    await this.#context?.close();
  }
}
