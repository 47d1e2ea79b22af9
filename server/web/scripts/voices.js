// The installed voices: what each is, and what was measured on its held-out recordings.

import { definition } from "./take-row.js";

const MEASURES = [
  { key: "pesq", name: "PESQ-WB", digits: 2 },
  { key: "estoi", name: "ESTOI", digits: 3 },
  { key: "dnsmos", name: "DNSMOS", digits: 2 },
  { key: "dnsmos_p808", name: "P.808", digits: 2 },
  { key: "mcd", name: "MCD, dB", digits: 2 },
];
const REFERENCES = ["recording", "griffin-lim"];

/** @param {{voices: Object[], unavailable: string[]}} list */
export function showVoices({ voices, unavailable }) {
  const cards = voices.map(voiceCard);
  if (unavailable.length) cards.push(paragraph(`Installed, but broken: ${unavailable.join(", ")}. The server's log says why.`));
  if (!cards.length) cards.push(paragraph("No voice is installed: put checkpoints into a folder of $VOCODER_VOICES."));
  document.querySelector("#voice-cards").replaceChildren(...cards);
  document.querySelector("#voices-awaited").hidden = true;
}

function voiceCard(voice) {
  const card = document.querySelector("#voice-template").content.cloneNode(true).firstElementChild;
  card.querySelector("h3").textContent = voice.name;
  card.querySelector("p").textContent = voice.description;
  const { sample_rate: rate, hop_length: hop } = voice.mel_spec;
  const facts = [
    ["Model", voice.kind],
    ["Weights", `${(voice.parameters / 1e6).toFixed(1)} million`],
    ["Mel", voice.dialect ?? `${voice.mel_spec.num_mels} bands`],
    ["Rate", `${(rate / 1000).toLocaleString("en")} kHz`],
    ["Look-ahead", `${((1000 * voice.lookahead_frames * hop) / rate).toFixed(0)} ms`],
  ];
  card.querySelector("dl").append(...facts.map(([name, value]) => definition(name, value)));
  const tables = Object.entries(voice.figures).map(([list, figures]) => figuresTable(voice.name, list, figures));
  const measured = card.querySelector(".measured");
  measured.setAttribute("aria-label", `Figures of ${voice.name}`);
  measured.append(...tables.filter(Boolean).slice(0, 1));
  measured.hidden = !measured.childElementCount;
  return card;
}

function figuresTable(name, list, { clips, systems }) {
  const measures = MEASURES.filter(({ key }) => systems?.[name]?.[key]);
  if (!measures.length) return undefined;
  const table = document.createElement("table");
  table.createCaption().textContent = `${list}: means over ${clips} held-out clip${clips === 1 ? "" : "s"}`;
  const head = table.createTHead().insertRow();
  head.append(heading("", "col"), ...measures.map((measure) => heading(measure.name, "col")));
  const body = table.createTBody();
  for (const system of [...REFERENCES, name].filter((each) => systems[each])) {
    const row = body.insertRow();
    row.classList.toggle("own", system === name);
    row.append(heading(system, "row"));
    for (const { key, digits } of measures) {
      row.insertCell().textContent = systems[system][key]?.mean.toFixed(digits) ?? "";
    }
  }
  return table;
}

function heading(text, scope) {
  const cell = document.createElement(text ? "th" : "td");
  if (text) cell.scope = scope;
  cell.textContent = text;
  return cell;
}

function paragraph(text) {
  return Object.assign(document.createElement("p"), { textContent: text, className: "muted" });
}
