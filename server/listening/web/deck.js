// Sounds of one length, at the test's own rate: heard once, or in turn and in step, without a click between.

const FADE = 0.005; // seconds from one sound to the next
const LEAD = 0.05;

/** Fires "change" when another sound is heard, or none. */
export class Deck extends EventTarget {
  /** The sound that is heard, by its index; undefined for none. */
  current = undefined;
  /** Those that were heard: to their end, or for a while where they go round. */
  heard = new Set();
  #context;
  #buffers = [];
  #playing = [];
  #round;

  /** @param {number} rate Hz @param {{round: boolean}} how `round`: again from the start, until stopped */
  constructor(rate, { round }) {
    super();
    this.#context = new AudioContext({ sampleRate: rate });
    this.#round = round;
  }

  get loaded() {
    return this.#buffers.length > 0;
  }

  /** @param {ArrayBuffer[]} files */
  async load(files) {
    this.#buffers = await Promise.all(files.map((file) => this.#context.decodeAudioData(file)));
  }

  /** Hear sound `index`; where others go round, from where they are. */
  play(index) {
    this.#context.resume();
    if (!this.#round) this.stop();
    if (!this.#playing.length) this.#begin(this.#round ? this.#buffers : [this.#buffers[index]]);
    this.#playing.forEach(({ gain }, i) => {
      const level = !this.#round || i === index ? 1 : 0;
      gain.gain.setTargetAtTime(level, this.#context.currentTime, FADE);
    });
    if (this.#round) this.heard.add(index);
    this.#become(index);
  }

  stop() {
    for (const { source } of this.#playing) {
      source.onended = null;
      source.stop();
    }
    this.#playing = [];
    this.#become(undefined);
  }

  close() {
    this.stop();
    this.#context.close();
  }

  #begin(buffers) {
    const when = this.#context.currentTime + LEAD;
    this.#playing = buffers.map((buffer) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer, loop: this.#round });
      const gain = new GainNode(this.#context, { gain: 0 });
      source.connect(gain).connect(this.#context.destination);
      source.start(when);
      return { source, gain };
    });
    if (this.#round) return;
    this.#playing[0].source.onended = () => {
      this.heard.add(this.current);
      this.stop();
    };
  }

  #become(index) {
    if (index === this.current) return;
    this.current = index;
    this.dispatchEvent(new Event("change"));
  }
}
