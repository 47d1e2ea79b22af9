// What a job logs, a picture a term: in training, and the same on held-out recordings in another line.

/* global uPlot */
import { token } from "./colours.js";
import { makePlot } from "./plot.js";

const HELD_OUT = "valid_";
const APART = ["stage", "step", "cpu_seconds", "lr"];
const ONE_PHONE = /_[A-Z]{1,3}$/; // a classifier's figure for each of them
const PADDING = [8, 18, 2, 0];

export class JobCurves {
  #terms = new Map();
  #element;
  #signal;
  #due = false;

  /** @param {HTMLElement} element @param {AbortSignal} signal ends the pictures */
  constructor(element, signal) {
    this.#element = element;
    this.#signal = signal;
    element.replaceChildren();
  }

  /** A line of the log. @param {Object} data `stage`, `step`, and figures by name */
  add(data) {
    for (const [name, value] of Object.entries(data)) {
      if (APART.includes(name) || ONE_PHONE.test(name) || typeof value !== "number") continue;
      this.#term(data.stage, name.replace(HELD_OUT, "")).add(data.step, value, name.startsWith(HELD_OUT));
    }
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      if (!this.#signal.aborted) this.#terms.forEach((term) => term.draw());
    });
  }

  #term(stage, name) {
    const key = `${stage}/${name}`;
    if (!this.#terms.has(key)) this.#terms.set(key, new Term(this.#element, stage, name, this.#signal));
    return this.#terms.get(key);
  }
}

class Term {
  #training = new Line();
  #heldOut = new Line();
  #picture;
  #element;
  #name;
  #plot;
  #signal;

  constructor(parent, stage, name, signal) {
    this.#element = document.querySelector("#curve-template").content.cloneNode(true).firstElementChild;
    this.#name = `${stage === "." ? "" : `${stage}: `}${name.replaceAll("_", " ")}`;
    this.#signal = signal;
    this.#element.dataset.term = `${stage}/${name}`;
    this.#element.querySelector("h4").textContent = this.#name;
    this.#picture = this.#element.querySelector(".picture");
    parent.append(this.#element);
  }

  add(step, value, heldOut) {
    (heldOut ? this.#heldOut : this.#training).add(step, value);
  }

  draw() {
    const said = [this.#say(".training", this.#training, ""), this.#say(".held-out", this.#heldOut, "held out ")];
    this.#picture.setAttribute("aria-label", `${this.#name}: ${said.filter(Boolean).join(", ")}`);
    const data = uPlot.join([this.#training.data, this.#heldOut.data]);
    if (this.#plot) this.#plot.setData(data);
    else this.#plot = this.#make(data);
  }

  #say(selector, line, words) {
    const element = this.#element.querySelector(selector);
    element.hidden = line.empty;
    if (line.empty) return undefined;
    element.querySelector("strong").textContent = figure(line.last, 4);
    return `${words}${figure(line.last, 4)}`;
  }

  #make(data) {
    const series = [
      { stroke: () => token("--wave"), width: 1.5, points: { show: false }, spanGaps: true },
      { stroke: () => token("--held-out"), width: 1.5, points: { show: true, size: 5, fill: () => token("--held-out") }, spanGaps: true },
    ];
    const y = { space: 28, size: 52, values: (_, ticks) => ticks.map((tick) => figure(tick, 3)) };
    const x = { show: true, values: (_, ticks) => ticks.map(short) };
    const options = { data, series, scales: { x: {}, y: {} }, x, y, cursors: "steps", padding: PADDING };
    return makePlot(this.#picture, options, () => {}, this.#signal);
  }
}

class Line {
  data = [[], []];

  /** A step that comes again, after a resumption, replaces what followed it. */
  add(step, value) {
    const [steps, values] = this.data;
    while (steps.at(-1) >= step) {
      steps.pop();
      values.pop();
    }
    steps.push(step);
    values.push(value);
  }

  get empty() {
    return this.data[0].length === 0;
  }

  get last() {
    return this.data[1].at(-1);
  }
}

function figure(value, digits) {
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(Math.max(0, digits - 3));
  return value.toLocaleString("en", { maximumSignificantDigits: digits });
}

function short(step) {
  return Number.isInteger(step) ? step.toLocaleString("en", { notation: step < 10000 ? "standard" : "compact" }) : "";
}
