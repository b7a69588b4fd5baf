// Playbacks that have compared what was sent outside, with differences to approve.

import { html, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { post } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { Panel } from "/console/panel.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { go, link } from "/console/router.js";
import { Ago } from "/console/time.js";
import { Differences } from "/console/waiting/differences.js";

export function Approvals({ playbacks, open, gateways }) {
  const { value, problem, isLoading, refresh } = playbacks;
  const [asked, setAsked] = useState(null);
  const compared = (value?.playbacks ?? []).filter((playback) => playback.found || isComparison(playback));
  return html`<${Panel} title="Differences to approve" kind="approvals">
    ${isLoading && html`<${Loading} what="the comparisons" />`}
    <${Note} problem=${problem} what="the list of playbacks" />
    ${value && !compared.length && html`<${Nothing}>No comparison yet. A comparison reads history, asks the code of today what it would send, and compares that with what was sent. It sends nothing.<//>`}
    <ul class="comparison-list">${compared.map((playback) => html`<li key=${playback.id} class=${playback.id === open ? "is-marked" : ""}>
      <a href=${link("waiting", ["differences", playback.id])}>${summary(playback)}</a>
      <span class=${`tag ${tagOf(playback)[0]}`}>${tagOf(playback)[1]}</span>
      <span class="when"><${Ago} time=${playback.started} /></span>
    </li>`)}</ul>
    <div class="actions">${gateways.map((name) => html`<button type="button" onClick=${() => setAsked(name)}>Compare ${name}…</button>`)}</div>
    ${open && html`<${Differences} key=${open} id=${open} onApproved=${refresh} />`}
    ${asked && html`<${Compare} name=${asked} onClose=${() => setAsked(null)} onDone=${(playback) => { refresh(); go(link("waiting", ["differences", playback.id])); }} />`}
  <//>`;
}

const isComparison = ({ request }) =>
  request.to.some(({ microservice }) => Object.values(microservice?.gateways ?? {}).some((policy) => policy !== "silence"));

function tagOf({ state, found, approved }) {
  if (approved) return ["is-good", `approved${approved.by ? ` by ${approved.by}` : ""}`];
  if (state === "failed") return ["is-bad", "failed"];
  if (state !== "completed") return ["is-late", state.replace("-", " ")];
  return found?.requests || found?.emits ? ["is-late", "to approve"] : ["", "nothing to send"];
}

function summary({ id, request, found }) {
  const names = request.to.flatMap(({ microservice }) => Object.keys(microservice?.gateways ?? {}));
  const about = names.join(", ") || id;
  return found ? `${about}: ${found.requests} to send, ${found.correct} corrected, ${found.undo} taken back, ${found.new} new` : about;
}

function Compare({ name, onClose, onDone }) {
  const [isNew, setNew] = useState(false);
  const policy = isNew ? "difference-and-new" : "difference";
  const run = () => post("/playbacks", { to: [{ microservice: { gateways: { [name]: policy } } }], dry_run: true });
  return html`<${Confirm} title=${`Compare the gateway ${name}`} action="Compare" run=${run} onClose=${onClose}
    onDone=${(playback) => { announce("The comparison has started."); onDone(playback); }}>
    <p>All of history is read. The code of today says what it would send. That is compared with the ledger of <b>${name}</b>. Nothing is sent until you approve what is found.</p>
    <label class="check"><input type="checkbox" name="new" checked=${isNew} onChange=${(event) => setNew(event.target.checked)} /><span>List calls that were never made as well, to be sent when you approve.</span></label>
  <//>`;
}
