// The form that asks for a job. What is wrong with it is said by the server, field by field.

import { getJson, postJson } from "./api.js";
import { announce } from "./messages.js";
import { inWords } from "./recording.js";

/**
 * Fill the form with what can be asked for here.
 *
 * @param {HTMLFormElement} form
 * @param {(job: Object) => Promise<void>} onSubmitted
 */
export async function offerForm(form, onSubmitted) {
  const { recipes, datasets, devices } = await getJson("v1/jobs/options");
  const button = document.querySelector("#job-new");
  fill(form.elements.recipe, recipes.map(({ name }) => [name, name]));
  fill(form.elements.dataset, datasets.map(({ name, minutes }) => [name, minutes ? `${name}, ${inWords(minutes < 1 ? Math.ceil(60 * minutes) : 60 * Math.round(minutes))}` : name]));
  fill(form.elements.device, devices.map((name) => [name, name.toUpperCase()]));
  form.elements.device.closest("label").hidden = devices.length < 2;
  const chosen = () => recipes.find(({ name }) => name === form.elements.recipe.value);
  const change = () => showRecipe(form, chosen(), datasets);
  form.elements.recipe.addEventListener("change", change);
  change();
  button.hidden = false;
  button.addEventListener("click", () => toggle(form, button, form.hidden));
  form.querySelector("[type=button]").addEventListener("click", () => toggle(form, button, false));
  let key = newKey(); // sent again after a broken connection, it gives the same job
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    complain(form, "");
    try {
      const job = await postJson("v1/jobs", requestOf(form, chosen()), { "Idempotency-Key": key });
      key = newKey();
      announce(`Job ${job.name} is queued.`);
      toggle(form, button, false);
      await onSubmitted(job);
    } catch (problem) {
      if (problem.status) key = newKey();
      complain(form, problem.detail ?? problem.message);
    }
  });
}

function showRecipe(form, { summary, takes_dataset: data, makes_voice: voice, config }, datasets) {
  form.querySelector("#job-summary").textContent = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  form.querySelector("#job-none-prepared").hidden = !data || datasets.length > 0;
  form.elements.dataset.closest("label").hidden = !data;
  form.elements.dataset.disabled = !data;
  form.elements.dataset.required = data;
  form.elements.name.closest("label").hidden = !voice;
  form.elements.name.disabled = !voice;
  form.elements.changes.placeholder = examples(config).join("\n");
  form.elements.changes.value = data ? "" : examples(config).join("\n");
}

/** Fields of a preset that people change first, as they are written. */
function examples(config) {
  const flat = Object.entries(config).filter(([, value]) => typeof value !== "object");
  const steps = Object.entries(config).filter(([, value]) => value?.steps);
  return steps.length ? steps.map(([stage, { steps: count }]) => `${stage}.steps=${count}`) : flat.map((pair) => pair.join("="));
}

function requestOf(form, { name: recipe, takes_dataset: data, makes_voice: voice }) {
  const config = {};
  for (const line of form.elements.changes.value.split("\n").filter((text) => text.trim())) override(config, line.trim());
  if (voice && form.elements.name.value.trim()) config.name = form.elements.name.value.trim();
  return { recipe, config, device: form.elements.device.value, ...(data && { dataset: form.elements.dataset.value }) };
}

/** `key.path=value` into nested objects, as `vocoder jobs submit` takes them. */
function override(config, line) {
  const place = line.indexOf("=");
  if (place < 1) throw new Error(`“${line}” is no change: write key.path=value, for example filters.steps=3000.`);
  const keys = line.slice(0, place).trim().split(".");
  const last = keys.pop();
  let group = config;
  for (const key of keys) {
    group[key] ??= {};
    if (typeof group[key] !== "object") throw new Error(`“${line}”: ${key} is a value already, not a group.`);
    group = group[key];
  }
  group[last] = valueOf(line.slice(place + 1).trim());
}

function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function complain(form, words) {
  const element = form.querySelector(".job-error");
  element.textContent = words;
  element.hidden = !words;
}

function toggle(form, button, open) {
  form.hidden = !open;
  button.setAttribute("aria-expanded", open);
  (open ? form.elements.recipe : button).focus();
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
