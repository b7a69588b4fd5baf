// One step of a row's history: the event that made it, and what it changed.

import { html } from "/console/vendor/htm-preact.js";
import { changes, Changes, Marked } from "/console/diff.js";
import { oneLine } from "/console/json.js";
import { counted } from "/console/numbers.js";
import { eventLink } from "/console/router.js";
import { recorded, Time } from "/console/time.js";

export function Step({ event, before, after, names }) {
  const many = changes(before, after).length;
  return html`<div class="step">
    ${event && html`<p class="made-by"><span class="when">made by</span> <b>${event.type}</b>
      <a href=${eventLink(`${event.subject}@${event.version}`)}>${event.subject}@${event.version}</a>
      <span class="when">recorded <${Time} time=${recorded(event.position)} /></span>
      <code>${oneLine(event.data ?? event.data_base64 ?? "", 160)}</code></p>`}
    <h3>${many ? counted(many, "change") : "Nothing changed"}${before === undefined && after !== undefined ? ": the row began" : ""}${after === undefined && before !== undefined ? ": the row ended" : ""}</h3>
    ${before !== undefined && after !== undefined && many > 0 && html`<${Changes} before=${before} after=${after} names=${names} most=${12} />`}
    ${(before !== undefined || after !== undefined) && html`<${Marked} before=${before} after=${after} label="The row, with what this step changed" />`}
    ${before === undefined && after === undefined && html`<p class="nothing">There was no row.</p>`}
  </div>`;
}
