// Fields of forms.

import { html } from "/console/vendor/htm-preact.js";

/** A field with its name; `hint` says what is expected. */
export function Field({ name, label, value, onInput, hint, type = "text", ...more }) {
  return html`<label class="field-row">
    <span>${label}</span>
    <input name=${name} type=${type} value=${value} placeholder=${hint} onInput=${(event) => onInput(event.target.value)} ...${more} />
  </label>`;
}

const two = (number) => String(number).padStart(2, "0");

/** RFC 3339 as a field of this browser's time zone wants it. */
function local(time) {
  const at = new Date(time);
  if (!time || Number.isNaN(at.getTime())) return "";
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A time in this browser's time zone; `onTime` is told RFC 3339, or nothing. */
export function TimeInput({ label, value, onTime, ...more }) {
  const tell = (event) => {
    const text = event.target.value;
    onTime(text ? new Date(text).toISOString() : "");
  };
  return html`<input type="datetime-local" step="1" aria-label=${label} value=${local(value)} onChange=${tell} ...${more} />`;
}
