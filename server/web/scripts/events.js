// Server-sent events with the page's key, which EventSource cannot send; resumed where they broke off.

import { isRefused, request } from "./api.js";

const AGAIN = 2000; // milliseconds before a broken connection is made anew

/**
 * Every event of `path`, in order, until the server ends them or `signal` aborts.
 *
 * @param {string} path
 * @param {(event: Object) => void} onEvent its data, which has a `number`
 * @param {AbortSignal} signal
 */
export async function follow(path, onEvent, signal) {
  let last = 0;
  for (;;) {
    try {
      const headers = { "Last-Event-ID": String(last) };
      const { body } = await request(path, { accept: "text/event-stream", headers, signal });
      for await (const line of linesOf(body)) {
        if (!line.startsWith("data:")) continue;
        const event = JSON.parse(line.slice("data:".length));
        last = event.number;
        onEvent(event);
      }
      return;
    } catch (problem) {
      if (signal.aborted || isRefused(problem)) throw problem;
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop();
    yield* lines;
  }
}
