// Taking an event back: first what would change, then why and by whom.

import { html, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { post, url } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { Changes } from "/console/diff.js";
import { oneLine } from "/console/json.js";
import { By, keepOperator, operator } from "/console/operator.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";
import { eventLink, link } from "/console/router.js";

export function Reversal({ event, onDone, onClose }) {
  const at = `${event.subject}@${event.version}`;
  const path = url(["streams", event.subject, "events", String(event.version), "reversal"]);
  const preview = usePoll(() => post(path, { reason: "preview", dry_run: true }), 0, [path]);
  const [reason, setReason] = useState("");
  const [by, setBy] = useState(operator());
  const [undo, setUndo] = useState(false);

  const run = async () => {
    keepOperator(by);
    return post(path, { reason, ...(by && { by }), ...(undo && { undo: true }) });
  };
  const done = () => {
    announce(`${at} is reversed. The rows follow within moments.`);
    onDone();
  };
  const shown = preview.value;
  return html`<${Confirm} title=${`Reverse ${at}`} action="Record the reversal" isGrave
    isReady=${Boolean(shown && reason.trim())} run=${run} onDone=${done} onClose=${onClose}>
    <p>Nothing is deleted. A <code>reversed</code> event is recorded, which takes back <b>${event.type}</b> <code>${oneLine(event.data ?? "", 120)}</code>. It can be reversed as well.</p>
    ${preview.isLoading && html`<${Loading} what="what would change" />`}
    <${Note} problem=${preview.problem} what="reversals" />
    ${shown && html`<${Preview} shown=${shown} undo=${undo} setUndo=${setUndo} />`}
    <label class="field-row"><span>Reason</span>
      <input name="reason" required value=${reason} onInput=${(input) => setReason(input.target.value)} placeholder="why it is taken back; it is recorded" />
    </label>
    <${By} value=${by} onInput=${setBy} />
  <//>`;
}

function Preview({ shown, undo, setUndo }) {
  const { rows, depending, effects } = shown;
  return html`
    <section>
      <h3>${rows.length === 1 ? "1 row changes" : `${rows.length} rows change`}</h3>
      ${rows.map(
        (row) => html`<div class="row-change" key=${`${row.projection}/${row.key}`}>
          <a href=${link("rows", [row.projection, row.key])}>${row.projection}/${row.key}</a>
          <${Changes} before=${row.before} after=${row.after} names=${["now", "without it"]} most=${8} />
        </div>`,
      )}
    </section>
    ${depending.length > 0 &&
    html`<section class="note is-warning">
      <strong>Later events depend on it</strong>
      <ul>${depending.map((one) => html`<li>${one.by}, version ${one.version}: ${one.reason}</li>`)}</ul>
    </section>`}
    ${effects.length > 0 &&
    html`<section>
      <h3>It has led to ${effects.length === 1 ? "1 call" : `${effects.length} calls`} outside</h3>
      <ul class="effects">${effects.map((effect) => html`<li><code>${oneLine(effect, 300)}</code></li>`)}</ul>
      <label class="check"><input type="checkbox" name="undo" checked=${undo} onChange=${(event) => setUndo(event.target.checked)} />
        <span>Take these back as well. Requests are sent outside.</span></label>
    </section>`}
  `;
}
