// What this listener says, to the server at once; kept here too until it has arrived.

import { getJson, postJson, request } from "../web/scripts/api.js";

const STORE = "vocoder-listener";

export class Listener {
  #token = stored();

  /** Where they are: `{done, of, trial}`; undefined for one who has not begun here. */
  async place() {
    if (!this.#token) return undefined;
    try {
      return await getJson(this.#path());
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      this.#token = undefined; // of another test
      return undefined;
    }
  }

  async begin(name) {
    this.#token = (await postJson("v1/listeners", { name })).token;
    localStorage.setItem(STORE, this.#token);
    return this.place();
  }

  /** The bytes of a sound. */
  async sound(id) {
    return (await request(`${this.#path()}/sounds/${id}`)).arrayBuffer();
  }

  async rate(id, value) {
    const options = { method: "PUT", body: JSON.stringify({ id, value }), type: "application/json" };
    await request(`${this.#path()}/ratings`, options);
  }

  /** The trial is done. @param {Map<string, number>} values all of them once more, should one have been lost */
  async complete({ kind, number: trial }, values) {
    for (const [id, value] of values) await this.rate(id, value);
    return postJson(`${this.#path()}/trials`, { kind, trial });
  }

  #path() {
    return `v1/listeners/${this.#token}`;
  }
}

function stored() {
  return localStorage.getItem(STORE) ?? undefined;
}
