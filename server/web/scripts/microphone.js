// The microphone, without the processing that calls need: samples as they come in, then a WAV.

import { Problem } from "./api.js";
import { encodeWav } from "./wav.js";

export class Microphone {
  #context;
  #stream;
  #blocks = [];

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
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const capture = new AudioWorkletNode(this.#context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => this.#blocks.push(data);
    this.#context.createMediaStreamSource(this.#stream).connect(capture);
  }

  /** @returns {Promise<Blob>} what was recorded, as WAV */
  async stop() {
    for (const track of this.#stream.getTracks()) track.stop();
    await this.#context.close();
    const samples = new Float32Array(this.#blocks.reduce((sum, block) => sum + block.length, 0));
    let position = 0;
    for (const block of this.#blocks) {
      samples.set(block, position);
      position += block.length;
    }
    return encodeWav(samples, this.#context.sampleRate);
  }
}
