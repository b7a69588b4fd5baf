// Playbacks, with progress, rate and time left.

import { html, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { post, url } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { bytes, count, counted, dollars, measure } from "/console/numbers.js";
import { Nothing } from "/console/problem.js";
import { described, receivers } from "/console/rebuild/request.js";
import { link } from "/console/router.js";
import { Ago, span } from "/console/time.js";

const RUNNING = ["replaying", "catching-up", "carrying-out"];
const TAGS = { completed: "is-good", failed: "is-bad", cancelled: "", paused: "is-late", "caught-up": "is-late" };

/** What each action does, in a sentence. */
const ACTIONS = {
  pause: ["Pause", "It stops within a page, and goes on when it is resumed."],
  resume: ["Resume", "It goes on behind its last acknowledged page."],
  cancel: ["Cancel", "It stops within a page. The generations that it builds are dropped. Readers keep what they see."],
};

export function Playbacks({ playbacks, marked, onChanged }) {
  const [asked, setAsked] = useState(null);
  if (!playbacks.length) return html`<${Nothing}>None yet.<//>`;
  const [name, sentence] = asked ? ACTIONS[asked.action] : [];
  return html`<ul class="playback-list">
      ${playbacks.map((playback) => html`<${Playback} key=${playback.id} playback=${playback} isMarked=${playback.id === marked} onAsk=${(action) => setAsked({ action, playback })} />`)}
    </ul>
    ${asked && html`<${Confirm} title=${`${name} the playback`} action=${name} isGrave=${asked.action === "cancel"} onClose=${() => setAsked(null)}
      run=${() => post(url(["playbacks", asked.playback.id, asked.action]), {})}
      onDone=${(is) => { announce(`The playback is ${is.state.replace("-", " ")}.`); onChanged(); }}>
      <p>The playback <code>${asked.playback.id}</code> to <b>${receivers(asked.playback.to)}</b>.</p><p>${sentence}</p>
    <//>`}`;
}

function Playback({ playback, isMarked, onAsk }) {
  const { id, state, request, progress } = playback;
  const isRunning = RUNNING.includes(state);
  const isOpen = isRunning || state === "paused" || state === "caught-up";
  const target = playback.to.find((one) => one.projection);
  return html`<li class=${isMarked ? "is-marked" : ""} aria-label=${`Playback ${id}`}>
    <div class="playback-head">
      <b>${receivers(request.dry_run ? request.to : playback.to)}</b>
      <span class=${`tag ${TAGS[state] ?? ""}`}>${state.replace("-", " ")}</span>
      ${request.dry_run && html`<span class="tag">${playback.found ? "comparison" : "dry run"}</span>`}
      <span class="when"><${Ago} time=${playback.started} /></span>
    </div>
    ${isRunning && html`<progress max="1" value=${progress} aria-label="Progress">${Math.round(progress * 100)} %</progress>`}
    <p class="numbers">${isRunning ? `${Math.round(progress * 100)} % · ` : ""}${counted(playback.events, "event")} · ${bytes(playback.bytes)}${playback.events_per_second ? ` · ${measure(playback.events_per_second)} events/s` : ""}${playback.seconds_left !== undefined ? ` · ${span(playback.seconds_left)} left` : ""}${playback.estimate ? ` · would take about ${span(playback.estimate.seconds)}, ${dollars(playback.estimate.dollars)}` : ""}</p>
    <p class="hint">${described(request.what)}${request.rate ? `; at most ${count(request.rate)} events/s` : ""} · <code>${id}</code></p>
    ${playback.reason && html`<div class="note is-problem"><span>${playback.reason}</span></div>`}
    <div class="actions">
      ${state === "caught-up" && target && html`<a class="button" href=${link("rebuild", [target.projection])}>Compare, then activate</a>`}
      ${isRunning && html`<button type="button" onClick=${() => onAsk("pause")}>Pause…</button>`}
      ${state === "paused" && html`<button type="button" onClick=${() => onAsk("resume")}>Resume…</button>`}
      ${isOpen && html`<button type="button" onClick=${() => onAsk("cancel")}>Cancel…</button>`}
      ${playback.found && html`<a class="button" href=${link("waiting", ["differences", id])}>Differences</a>`}
    </div>
  </li>`;
}
