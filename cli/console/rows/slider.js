// A slider over steps, with buttons beside it.

import { html } from "/console/vendor/htm-preact.js";

/** `value` of `first..=last`. Arrows, Page Up and Down, Home and End move it;
 * `text` says where it is. */
export function Slider({ first, last, value, text, label, onMove }) {
  const move = (to) => onMove(Math.max(first, Math.min(last, to)));
  return html`<div class="slider">
    <button type="button" onClick=${() => move(value - 1)} disabled=${value <= first} aria-label="One step back">←</button>
    <input type="range" min=${first} max=${last} step="1" value=${value} aria-label=${label} aria-valuetext=${text}
      onInput=${(event) => move(Number(event.target.value))} />
    <button type="button" onClick=${() => move(value + 1)} disabled=${value >= last} aria-label="One step on">→</button>
    <output>${text}</output>
  </div>`;
}
