// Who works at this page. The name is kept in this browser and stands in what is recorded.

import { html } from "/console/vendor/htm-preact.js";

const KEY = "rewind-operator";

/** The name that was given last. */
export const operator = () => localStorage.getItem(KEY) ?? "";

/** Keeps the name for the next time. */
export function keepOperator(name) {
  if (name) localStorage.setItem(KEY, name);
}

/** The field for it. */
export function By({ value, onInput }) {
  return html`<label class="field-row">
    <span>By</span>
    <input name="by" autocomplete="name" value=${value} onInput=${(event) => onInput(event.target.value)}
      placeholder="who signs the request, where nothing is said" />
  </label>`;
}
