// Dead letters: batches that a trigger has given up on.

import { html } from "/console/vendor/htm-preact.js";
import { get } from "/console/api.js";
import { Panel } from "/console/panel.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { Ago } from "/console/time.js";

/** How often they are read, in milliseconds. */
const EVERY = 5000;

export function DeadLetters({ health }) {
  const { value, problem, isLoading } = usePoll((signal) => get("/dead-letters", signal), EVERY, []);
  // A deployment without the list names them in /health.
  const known = (health.value?.dead_letters ?? []).map((letter) => ({ object: letter.key, time: letter.time }));
  const letters = value?.dead_letters ?? (problem ? known : []);
  return html`<${Panel} title="Dead letters" kind="dead-letters" aside=${letters.length > 0 && `${letters.length}${value?.more ? " and more" : ""}`}>
    ${isLoading && html`<${Loading} what="the dead letters" />`}
    <${Note} problem=${problem} what="the list of dead letters" instead="Those of /health are shown." />
    ${!isLoading && !letters.length && html`<${Nothing}>No trigger has given up on a batch.<//>`}
    ${letters.length > 0 && html`<ul class="ledger-list">${letters.map((letter) => html`<li key=${letter.object}>
        <div class="playback-head">
          <b>${letter.function ?? ""}</b><span>${letter.shard ?? ""}</span>
          ${letter.records !== undefined && html`<span class="tag is-bad">${letter.records} records</span>`}
          <span class="when"><${Ago} time=${letter.time} /></span>
        </div>
        ${letter.reason && html`<p>${letter.reason}</p>`}
        <code class="request">${letter.object}</code>
      </li>`)}</ul>
      <p class="hint">Of write and microservice nothing is lost: mend the cause, then rebuild the projection or run <code>rewind resume</code>. Pump's records are in no table: put them on the incoming stream again. Then invoke playback with <code>${'{"handled": {"deadLetter": "KEY"}}'}</code>.</p>`}
  <//>`;
}
