// JSON as text. Nothing of it is ever HTML.

import { html, useState } from "/console/vendor/htm-preact.js";

/** How many lines are shown before the rest is asked for. */
const LINES = 400;

/** One line of JSON as parts, by kind: keys, texts, numbers and the rest. */
export function coloured(line) {
  const parts = [];
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;
  let end = 0;
  for (const found of line.matchAll(pattern)) {
    if (found.index > end) parts.push(line.slice(end, found.index));
    const [all, text, colon, number] = found;
    if (text && colon) parts.push(html`<span class="json-key">${text}</span>`, colon);
    else parts.push(html`<span class=${text ? "json-text" : number ? "json-number" : "json-word"}>${all}</span>`);
    end = found.index + all.length;
  }
  parts.push(line.slice(end));
  return parts;
}

/** A value, indented. */
export function Json({ value, label = "data" }) {
  const [isWhole, setWhole] = useState(false);
  const lines = (JSON.stringify(value, null, 2) ?? "nothing").split("\n");
  const shown = isWhole ? lines : lines.slice(0, LINES);
  const rest = lines.length - shown.length;
  return html`<div class="json">
    <pre tabindex="0" role="region" aria-label=${label}>${shown.map((line) => html`<code>${coloured(line)}${"\n"}</code>`)}</pre>
    ${rest > 0 && html`<button type="button" onClick=${() => setWhole(true)}>Show ${rest} more lines</button>`}
  </div>`;
}

/** A value on one line, cut after so many characters. */
export function oneLine(value, most = 200) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
