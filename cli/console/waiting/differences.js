// What a comparison has found, and its approval.

import { html, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { get, post, url } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { counted } from "/console/numbers.js";
import { By, keepOperator, operator } from "/console/operator.js";
import { usePages } from "/console/pages.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { eventLink } from "/console/router.js";
import { OutsideRequest } from "/console/waiting/requests.js";

/** Findings of a page. */
const PAGE = 50;

/** How often a comparison that is under way is looked at, in milliseconds. */
const EVERY = 3000;

const KINDS = {
  correct: "another request", undo: "no request any more", new: "never sent", open: "cannot be corrected now",
  emits: "emitted otherwise", gone: "not emitted any more", refused: "the code refuses an event",
};

export function Differences({ id, onApproved }) {
  const { value: playback, problem, isLoading, refresh } = usePoll((signal) => get(url(["playbacks", id]), signal), EVERY, [id]);
  const [isAsking, setAsking] = useState(false);
  if (isLoading) return html`<${Loading} what="the comparison" />`;
  if (!playback) return html`<${Note} problem=${problem} what="playbacks" />`;
  const isOver = playback.state === "completed";
  const { found, approved } = playback;
  return html`<section class="differences" aria-label=${`Differences of ${id}`}>
    ${!isOver && html`<p class="loading" role="status">The comparison is ${playback.state.replace("-", " ")}: ${counted(playback.events, "event")} read.</p>`}
    ${playback.reason && html`<${Note} problem=${{ title: "Failed", detail: playback.reason }} />`}
    <${Found} key=${`${id} ${playback.state}`} id=${id} isOver=${isOver} />
    <div class="actions">
      ${isOver && found && !approved && html`<button type="button" class="primary" disabled=${!found.requests && !found.emits} onClick=${() => setAsking(true)}>Approve…</button>`}
      ${approved && html`<p>Approved${approved.by ? ` by ${approved.by}` : ""}. The ledger tells what becomes of each.</p>`}
    </div>
    ${isAsking && html`<${Approve} playback=${playback} onClose=${() => setAsking(false)} onDone=${() => { refresh(); onApproved(); }} />`}
  </section>`;
}

function Found({ id, isOver }) {
  const load = async (cursor, signal) => {
    const page = await get(url(["playbacks", id, "differences"], { limit: PAGE, cursor }), signal);
    return { items: page.found, next: page.next };
  };
  const { items, hasMore, isLoading, problem, more } = usePages(load, [id]);
  return html`
    ${isLoading && !items.length && html`<${Loading} what="the differences" />`}
    <${Note} problem=${problem} what="differences" />
    ${isOver && !isLoading && !problem && !items.length && html`<${Nothing}>Nothing differs.<//>`}
    <ul class="ledger-list">${items.map((one, nth) => html`<li key=${nth}>
      <div class="playback-head"><span class="tag">${one.kind}</span><b>${KINDS[one.kind]}</b><span>${one.gateway ?? ""} ${one.origin} for <a href=${eventLink(one.cause)}>${one.cause}</a></span></div>
      ${one.was && html`<p class="sent"><span class="when">was</span> <${OutsideRequest} request=${one.was} /></p>`}
      ${one.now && html`<p class="sent"><span class="when">now</span> <${OutsideRequest} request=${one.now} /></p>`}
      ${(one.sends ?? []).map((request) => html`<p class="sent is-sent"><span class="when">sends</span> <${OutsideRequest} request=${request} /></p>`)}
      ${one.about && html`<p class="hint">${one.about}</p>`}
    </li>`)}</ul>
    ${hasMore && html`<button type="button" onClick=${more} disabled=${isLoading}>More</button>`}`;
}

function Approve({ playback, onClose, onDone }) {
  const { id, found } = playback;
  const [by, setBy] = useState(operator());
  const [record, setRecord] = useState(false);
  const run = () => {
    keepOperator(by);
    return post(url(["playbacks", id, "approve"]), { ...(by && { by }), ...(record && { record: true }) });
  };
  return html`<${Confirm} title="Approve the differences" action=${`Send ${counted(found.requests, "request")}`} isGrave run=${run} onClose=${onClose}
    onDone=${() => { announce("Approved. The ledger tells what becomes of each call."); onDone(); }}>
    <p><b>${counted(found.requests, "request")}</b> go outside: ${counted(found.correct, "call")} corrected, ${found.undo} taken back, ${found.new} new. Nothing but this list is sent.</p>
    ${found.emits > 0 && html`<label class="check"><input type="checkbox" name="record" checked=${record} onChange=${(event) => setRecord(event.target.checked)} />
      <span>Record ${counted(found.emits, "event or command")} that the code emits otherwise, as new events. Nothing recorded is replaced.</span></label>`}
    <${By} value=${by} onInput=${setBy} />
  <//>`;
}
