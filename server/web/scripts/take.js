// One system's version of the utterance, filling up while it is made.

const SCALE = 1 / 32768;

/**
 * Fires "progress" with each piece of audio, and "change" when `state` does:
 * empty, making, done, failed.
 */
export class Take extends EventTarget {
  state = "empty";
  samples = new Float32Array(0);
  received = 0;
  /** Seconds from the request to the first audio, and to the last. */
  firstSeconds = undefined;
  totalSeconds = undefined;
  problem = undefined;
  #began = 0;
  #abort = new AbortController();

  /** @param {string} name @param {number} rate Hz */
  constructor(name, rate) {
    super();
    this.name = name;
    this.rate = rate;
  }

  /** A take that is there from the start. */
  static of(name, rate, samples) {
    const take = new Take(name, rate);
    Object.assign(take, { state: "done", samples, received: samples.length });
    return take;
  }

  get duration() {
    return this.samples.length / this.rate;
  }

  /** Seconds of work that a second of audio has cost so far. */
  get pace() {
    const elapsed = this.totalSeconds ?? (performance.now() - this.#began) / 1000;
    return this.state === "done" && !this.totalSeconds ? 0 : elapsed / (this.received / this.rate);
  }

  /**
   * Fill the take from a stream of 16-bit PCM; failures end up in `problem`. It is being made from the call on.
   *
   * @param {() => Promise<Object>} prepare what has to be there first; its time does not count
   * @param {(given: Object, signal: AbortSignal) => Promise<Response>} ask
   */
  async make(prepare, ask) {
    if (this.state === "making" || this.state === "done") return;
    Object.assign(this, { received: 0, firstSeconds: undefined });
    this.#set("making");
    try {
      const given = await prepare();
      this.#began = performance.now();
      const response = await ask(given, this.#abort.signal);
      this.samples = new Float32Array(Number(response.headers.get("Vocoder-Samples")));
      await this.#fill(response.body.getReader());
      this.totalSeconds = (performance.now() - this.#began) / 1000;
      this.#set("done");
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.problem = problem;
      this.#set("failed");
    }
  }

  /** Stop the work: nobody wants it any more. */
  abandon() {
    this.#abort.abort();
  }

  async #fill(reader) {
    let odd = new Uint8Array(0); // half a sample, where a piece ends within one
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      this.firstSeconds ??= (performance.now() - this.#began) / 1000;
      const bytes = new Uint8Array(odd.length + piece.value.length);
      bytes.set(odd);
      bytes.set(piece.value, odd.length);
      const whole = bytes.length & ~1;
      const view = new DataView(bytes.buffer, 0, whole);
      for (let i = 0; i < whole; i += 2) this.samples[this.received++] = view.getInt16(i, true) * SCALE;
      odd = bytes.subarray(whole);
      this.dispatchEvent(new Event("progress"));
    }
  }

  #set(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
