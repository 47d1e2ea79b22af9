// One job: how far it is, what can be done with it, and, looked into, its curves, sounds and log.

import { getJson, postJson, request } from "./api.js";
import { JobCurves } from "./job-curves.js";
import { JobSounds } from "./job-sounds.js";
import { showSpeeds } from "./job-speeds.js";
import { follow } from "./events.js";
import { announce, report } from "./messages.js";
import { definition } from "./take-row.js";

const LOG_LINES = 200;

export class JobRow {
  #job;
  #onChange;
  #onPublished;
  #life; // of what is open
  #lines = [];

  /** @param {Object} job @param {{onChange: () => Promise<void>, onPublished: () => Promise<void>}} events */
  constructor(job, { onChange, onPublished }) {
    this.#onChange = onChange;
    this.#onPublished = onPublished;
    this.element = document.querySelector("#job-template").content.cloneNode(true).firstElementChild;
    this.element.dataset.job = job.id;
    this.#find(".job-look").addEventListener("click", () => (this.#life ? this.end() : this.open()));
    this.#act(".job-cancel", () => this.#post("cancel"));
    this.#act(".job-resume", () => this.#post("resume"));
    this.#act(".job-publish", () => this.#publish(false));
    this.#act(".job-replace", () => this.#publish(true));
    this.#find(".job-delete").addEventListener("click", () => this.#ask(true));
    this.#find(".job-keep").addEventListener("click", () => this.#ask(false));
    this.#act(".job-destroy", () => this.#delete());
    this.show(job);
  }

  /** The job as it is now. */
  show(job) {
    this.#job = job;
    const { recipe, name, state, reason, progress, created, cancelling } = job;
    const shown = cancelling && state === "running" ? "saving" : state;
    this.#find("h3").textContent = name;
    this.#find(".job-about").textContent = `${recipe} · ${moment(created)}`;
    this.#find(".job-state").textContent = shown;
    this.#find(".job-state").dataset.state = shown;
    this.#find(".job-reason").textContent = reason ?? "";
    this.#find(".job-reason").hidden = !reason;
    this.#find("progress").value = state === "succeeded" ? 1 : (progress?.fraction ?? 0);
    this.#find("progress").setAttribute("aria-label", `Progress of ${name}`);
    this.#find(".job-progress span").textContent = progress ? placeOf(progress, state) : wait(state);
    const ended = !["queued", "running"].includes(state);
    this.#offer(".job-cancel", !ended && !cancelling, `Cancel ${name}`);
    this.#offer(".job-resume", ["failed", "cancelled"].includes(state), `Resume ${name}`);
    this.#offer(".job-publish", state === "succeeded" && !["flow", "classifier", "bench"].includes(recipe), `Publish ${name}`);
    this.#offer(".job-delete", ended, `Delete ${name}`);
    if (!ended) this.#find(".job-sure").hidden = true;
    this.#find(".job-look").setAttribute("aria-label", `${this.#life ? "Close" : "Look into"} ${name}`);
    if (this.#life) this.#showFacts();
  }

  /** Look into it. */
  open() {
    if (this.#life) return;
    this.#life = new AbortController();
    this.#opened(true);
    this.#lines = [];
    const curves = new JobCurves(this.#find(".job-curves"), this.#life.signal);
    const sounds = new JobSounds(this.#find(".job-sounds"), this.#job.id, this.#life.signal);
    sounds.look().catch(report);
    this.#showFacts();
    if (this.#job.recipe === "bench") showSpeeds(this.#find(".job-speeds"), this.#job.id).catch(report);
    const hear = ({ kind, data }) => {
      if (kind === "metrics") curves.add(data);
      if (kind === "metrics" && Object.keys(data).some((key) => key.startsWith("valid_"))) sounds.lookSoon();
      if (kind === "log") this.#log(data.line);
      if (kind === "state") this.#refresh();
    };
    this.#live(hear, sounds, this.#life.signal);
  }

  /** Close it. */
  end() {
    this.#life?.abort();
    this.#life = undefined;
    this.#opened(false);
  }

  /** Follow it to its end; when it is resumed, `show` follows it on. */
  #live(hear, sounds, signal) {
    follow(`v1/jobs/${this.#job.id}/events`, hear, signal)
      .then(() => sounds.look())
      .catch((problem) => problem.status !== 404 && report(problem));
  }

  #refresh() {
    getJson(`v1/jobs/${this.#job.id}`)
      .then((job) => {
        this.show(job);
        if (job.recipe === "bench" && this.#life) showSpeeds(this.#find(".job-speeds"), job.id).catch(report);
      })
      .catch((problem) => problem.status !== 404 && report(problem));
  }

  #opened(open) {
    this.#find(".job-detail").hidden = !open;
    this.#find(".job-look").setAttribute("aria-expanded", open);
    this.#find(".job-look").textContent = open ? "Close" : "Look into it";
    this.#find(".job-look").setAttribute("aria-label", `${open ? "Close" : "Look into"} ${this.#find("h3").textContent}`);
  }

  #showFacts() {
    const { id, device, attempts, deadline, metadata, lineage, progress } = this.#job;
    const facts = [
      ["Job", id],
      ["Device", device.toUpperCase()],
      ["Started", attempts === 1 ? "once" : `${attempts} times`],
      ...(deadline ? [["Deadline", moment(deadline)]] : []),
      ...(lineage.data ? [["Recordings", `${lineage.data.root?.split("/").pop() ?? ""} (${lineage.data.hash})`]] : []),
      ...(lineage.teacher ? [["Teacher", lineage.teacher.checkpoint.split("/").pop()]] : []),
      ...(progress?.metrics.cpu_seconds ? [["CPU time", duration(progress.metrics.cpu_seconds)]] : []),
      ...Object.entries(metadata),
    ];
    this.#find(".facts").replaceChildren(...facts.map(([name, value]) => definition(name, value)));
  }

  #log(line) {
    this.#lines.push(line);
    this.#lines.splice(0, this.#lines.length - LOG_LINES);
    const element = this.#find(".job-log pre");
    const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
    element.textContent = this.#lines.join("\n");
    if (atEnd) element.scrollTop = element.scrollHeight;
  }

  async #post(action) {
    await postJson(`v1/jobs/${this.#job.id}/${action}`, {});
    announce(`${this.#job.name}: ${action === "cancel" ? "it will save and stop" : "queued again"}.`);
    const open = this.#life;
    if (action === "resume" && open) this.end();
    await this.#onChange();
    if (action === "resume" && open) this.open();
  }

  async #publish(replace) {
    this.#find(".job-taken").hidden = this.#find(".job-done").hidden = true;
    try {
      const { voice } = await postJson(`v1/jobs/${this.#job.id}/publish`, { replace });
      this.#find(".job-done").textContent = `${voice} is installed: it speaks with the others now.`;
      this.#find(".job-done").hidden = false;
      announce(`${voice} is installed.`);
      await this.#onPublished();
    } catch (problem) {
      if (problem.status !== 409) throw problem;
      this.#find(".job-taken span").textContent = problem.detail;
      this.#find(".job-taken").hidden = false;
      this.#find(".job-replace").focus();
    }
  }

  /** Ask whether it is meant, below the buttons: a double click hits nothing that deletes. */
  #ask(open) {
    const question = `Delete ${this.#job.name} with its checkpoints?`;
    this.#find(".job-sure").hidden = !open;
    this.#find(".job-sure").setAttribute("aria-label", question);
    this.#find(".job-sure p").textContent = question;
    this.#find(".job-destroy").setAttribute("aria-label", `Delete ${this.#job.name} with its checkpoints`);
    this.#find(".job-delete").setAttribute("aria-expanded", open);
    this.#find(open ? ".job-keep" : ".job-delete").focus();
    if (open) announce(question);
  }

  async #delete() {
    await request(`v1/jobs/${this.#job.id}`, { method: "DELETE" });
    announce(`${this.#job.name} is deleted.`);
    await this.#onChange();
  }

  #act(selector, work) {
    this.#find(selector).addEventListener("click", async (event) => {
      const button = event.currentTarget;
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      await work().catch(report);
      button.setAttribute("aria-disabled", "false");
    });
  }

  #offer(selector, offered, label) {
    const button = this.#find(selector);
    if (!offered && button === document.activeElement) this.#find(".job-look").focus();
    button.hidden = !offered;
    button.setAttribute("aria-label", label);
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

function placeOf({ stage, step, steps, eta_seconds: rest }, state) {
  const named = stage === "." ? "" : `${stage}, `;
  const left = rest && state === "running" ? `, ${duration(rest)} left` : "";
  return `${named}step ${step.toLocaleString("en")} of ${steps.toLocaleString("en")}${left}`;
}

function wait(state) {
  return { queued: "Waits for its turn", running: "Begins" }[state] ?? "";
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function moment(time) {
  return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
