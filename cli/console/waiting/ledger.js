// The ledger of a gateway: what it has sent when, because of what, with which answer.

import { html, useEffect, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { get, post, url } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { oneLine } from "/console/json.js";
import { usePages } from "/console/pages.js";
import { Panel } from "/console/panel.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { eventLink, link, replace } from "/console/router.js";
import { Time } from "/console/time.js";
import { OutsideRequest } from "/console/waiting/requests.js";

/** Commits of logs that are looked at for a page. */
const PAGE = 50;

/** Entries that are read without being asked for. */
const FEW = 20;

const TAGS = { done: "is-good", failed: "is-bad", waits: "is-late" };

/** What a replay would do about a call that differs. */
const WOULD = {
  correct: "A replay would correct it",
  undo: "A replay would take it back",
  new: "A replay would make it",
  open: "A replay can do nothing about it now",
};

export function Ledger({ gateways, gateway, query }) {
  const name = gateway ?? gateways[0];
  const { key = "", compare = "" } = query;
  const [typed, setTyped] = useState(key);
  const stay = (change, to = name) => replace(link("waiting", ["ledger", to], { key, compare, ...change }));
  const look = (event) => {
    event.preventDefault();
    stay({ key: typed });
  };
  return html`<${Panel} title="Ledger of a gateway" kind="ledger">
    ${!gateways.length
      ? html`<${Nothing}>The service has no gateways.<//>`
      : html`<form class="inline" onSubmit=${look}>
          <select aria-label="Gateway" value=${name} onChange=${(event) => stay({ key: "" }, event.target.value)}>${gateways.map((one) => html`<option value=${one}>${one}</option>`)}</select>
          <input name="key" aria-label="Key of the calls" placeholder="all keys" value=${typed} onInput=${(event) => setTyped(event.target.value)} />
          <button type="submit">Look</button>
          <label class="check"><input type="checkbox" name="compare" checked=${compare === "true"} onChange=${(event) => stay({ compare: event.target.checked ? "true" : "" })} /><span>Show what a replay would send</span></label>
        </form>
        <${Entries} key=${`${name} ${key} ${compare}`} name=${name} rowKey=${key} compare=${compare} />`}
  <//>`;
}

function Entries({ name, rowKey, compare }) {
  const [asked, setAsked] = useState(null);
  const load = async (cursor, signal) => {
    const page = await get(url(["gateways", name, "ledger"], { key: rowKey, compare, limit: PAGE, cursor }), signal);
    return { items: page.entries, next: page.next };
  };
  const { items, hasMore, isLoading, problem, more, again } = usePages(load, [name, rowKey, compare]);
  // Logs lie in many partitions: a page may have one entry only.
  useEffect(() => {
    if (hasMore && items.length < FEW) more();
  }, [items.length, isLoading]);
  return html`
    ${isLoading && !items.length && html`<${Loading} what="the ledger" />`}
    <${Note} problem=${problem} what="the ledger" />
    ${!isLoading && !problem && !items.length && html`<${Nothing}>${name} has sent nothing${rowKey ? ` for ${rowKey}` : ""}.<//>`}
    <ul class="ledger-list">${items.map((entry) => html`<${Entry} key=${entry.call} entry=${entry} onRetry=${() => setAsked(entry)} />`)}</ul>
    ${hasMore && html`<button type="button" onClick=${more} disabled=${isLoading}>More</button>`}
    ${asked && html`<${Retry} name=${name} entry=${asked} onClose=${() => setAsked(null)} onDone=${again} />`}`;
}

function Entry({ entry, onRetry }) {
  const { replay } = entry;
  return html`<li>
    <div class="playback-head">
      <a href=${eventLink(`${entry.stream}@${entry.version}`)}>${entry.stream}@${entry.version}</a>
      <span class=${`tag ${TAGS[entry.state] ?? ""}`}>${entry.state.replace("-", " ")}</span>
      ${entry.cause && html`<span>for <a href=${eventLink(entry.cause)}>${entry.cause}</a></span>`}
      ${entry.corrects && html`<span>a correction by ${entry.corrects.run}</span>`}
      ${(entry.state === "failed" || entry.state === "withheld") && html`<button type="button" onClick=${onRetry}>Try again…</button>`}
    </div>
    ${entry.reason && html`<p class="reason">${entry.reason}</p>`}
    ${!entry.sent.length && html`<p class="hint">Nothing was sent yet. Asked for: <code>${oneLine(entry.action, 200)}</code></p>`}
    ${entry.sent.map((one) => html`<p class="sent" key=${one.run}><span class="when"><${Time} time=${one.at} /></span> <${OutsideRequest} request=${one.request} />
      <span>${one.answer ? `answered ${one.answer.status ?? oneLine(one.answer, 80)}` : one.ended ? "given up" : "no answer yet"}${one.again ? ", again" : ""}</span></p>`)}
    ${replay && (replay.differs
      ? html`<div class="note is-warning"><strong>${WOULD[replay.differs] ?? replay.differs}</strong>
          ${replay.now && html`<span>now <${OutsideRequest} request=${replay.now} /></span>`}
          ${(replay.sends ?? []).map((request) => html`<span>sends <${OutsideRequest} request=${request} /></span>`)}
          ${replay.about && html`<span>${replay.about}</span>`}</div>`
      : html`<p class="hint">A replay would send the same: nothing is to be corrected.</p>`)}
  </li>`;
}

function Retry({ name, entry, onClose, onDone }) {
  const key = entry.stream.slice(`gateway:${name}-`.length);
  const run = () => post(url(["gateways", name, "retry"]), { key, call: entry.call });
  return html`<${Confirm} title="Try a call again" action="Try again" run=${run} onClose=${onClose}
    onDone=${() => { announce("The call is tried again."); onDone(); }}>
    <p>The gateway <b>${name}</b> calls the outside for the key <b>${key}</b> again, with the same idempotency key.</p>
    <p><${OutsideRequest} request=${entry.sent.at(-1)?.request} /></p>
    ${entry.reason && html`<p>It has failed: ${entry.reason}</p>`}
  <//>`;
}
