// The server's API. Every failure becomes a Problem, whose words are for the reader.

import { askForKey, storedKey } from "./key.js";
import { clearReportBefore } from "./messages.js";

const MAX_RETRIES = 5;
const LONGEST_WAIT = 5; // seconds

export class Problem extends Error {
  /**
   * @param {string} title what went wrong
   * @param {string} detail what to do
   * @param {number} [status] of the answer, where there was one
   */
  constructor(title, detail, status) {
    super(`${title}: ${detail}`);
    Object.assign(this, { title, detail, status });
  }
}

/** Whether the server has understood the request and will refuse it again. @param {Error} problem */
export function isRefused({ status }) {
  return status >= 400 && status < 500 && ![408, 429].includes(status);
}

/**
 * The answer to a request, its body not read yet. A busy server is asked again when it says so.
 *
 * @param {string} path relative to the page, so that the page may lie below a prefix
 * @param {{query?: Object, body?: BodyInit, type?: string, accept?: string, headers?: Object, method?: string,
 *   signal?: AbortSignal}} options `method` is POST with a body and GET without, unless it is given
 */
export async function request(path, { query = {}, body, type, accept = "*/*", headers: more, method: asked, signal } = {}) {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined));
  const url = parameters.size ? `${path}?${parameters}` : path;
  const method = asked ?? (body === undefined ? "GET" : "POST");
  const begun = performance.now();
  for (let attempt = 0; ; attempt++) {
    const key = storedKey();
    const headers = { Accept: accept, ...(type && { "Content-Type": type }), ...more, ...authorization(key) };
    const response = await send(url, { method, body, headers, signal });
    if (response.ok) {
      if (method !== "GET") clearReportBefore(begun); // what is looked up by itself, over and over, clears nothing
      return response;
    }
    const problem = await problemOf(response);
    const wait = Number(response.headers.get("Retry-After"));
    if (response.status === 401 && key !== storedKey()) continue; // one was given meanwhile
    if (response.status === 401) await askForKey(problem.detail);
    else if (!wait || wait > LONGEST_WAIT || attempt === MAX_RETRIES) throw problem;
    else await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
  }
}

export async function getJson(path) {
  return (await request(path, { accept: "application/json" })).json();
}

/** The answer to a POST of a value. */
export async function postJson(path, value, headers) {
  const options = { method: "POST", body: JSON.stringify(value), type: "application/json", accept: "application/json" };
  return (await request(path, { ...options, headers })).json();
}

function authorization(key) {
  return key && { Authorization: `Bearer ${key}` };
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server does not answer", "Check that it is running and reachable, then try again.");
  }
}

async function problemOf(response) {
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    const { title, detail } = await response.json();
    return new Problem(title, sentence(detail), response.status);
  }
  return new Problem("The server failed", `It answered ${response.status}. Try again, or look into its log.`, response.status);
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
