// Dead letters: batches that a trigger has given up on.

import { html, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { get, post } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { bytes } from "/console/numbers.js";
import { Panel } from "/console/panel.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { Ago } from "/console/time.js";

/** How often they are read, in milliseconds. */
const EVERY = 5000;

/** The most that are read. */
const MOST = 100;

export function DeadLetters({ health }) {
  const { value, problem, isLoading, refresh } = usePoll((signal) => get(`/dead-letters?limit=${MOST}`, signal), EVERY, []);
  const [asked, setAsked] = useState(null);
  // A deployment without the list names them in /health.
  const known = health.value?.dead_letters ?? [];
  const letters = value?.dead_letters ?? (problem ? known : []);
  return html`<${Panel} title="Dead letters" kind="dead-letters" aside=${letters.length > 0 && `${letters.length}${value?.next ? " and more" : ""}`}>
    ${isLoading && html`<${Loading} what="the dead letters" />`}
    <${Note} problem=${problem} what="the list of dead letters" instead="Those of /health are shown." />
    ${!isLoading && !letters.length && html`<${Nothing}>No trigger has given up on a batch.<//>`}
    ${letters.length > 0 && html`<ul class="ledger-list">${letters.map((letter) => html`<li key=${letter.key}>
        <div class="playback-head">
          <code class="request">${letter.key}</code>
          ${letter.bytes !== null && html`<span>${bytes(letter.bytes)}</span>`}
          <span class="when"><${Ago} time=${letter.time} /></span>
        </div>
        <div class="actions"><button type="button" onClick=${() => setAsked(letter)}>Mark as handled…</button></div>
      </li>`)}</ul>
      <p class="hint">Of write and microservice nothing is lost: mend the cause, then rebuild the projection or run <code>rewind resume</code>. Pump's records are in no table: <code>rewind dead-letters retry</code> puts them on the incoming stream again.</p>`}
    ${asked && html`<${Handled} letter=${asked} onClose=${() => setAsked(null)} onDone=${refresh} />`}
  <//>`;
}

function Handled({ letter, onClose, onDone }) {
  const run = () => post("/dead-letters/handled", { deadLetter: letter.key });
  const done = () => {
    announce(`${letter.key} is marked as handled.`);
    onDone();
  };
  return html`<${Confirm} title="Mark a dead letter as handled" action="Mark as handled" run=${run} onClose=${onClose} onDone=${done}>
    <p><code>${letter.key}</code> leaves this list, and <code>/health</code> names it no more. Its object stays in the bucket. Nothing is put on a stream again.</p>
    <p>Do this when its records are where they belong: after a rebuild or <code>rewind resume</code>, or when pump's records are on the incoming stream again.</p>
  <//>`;
}
