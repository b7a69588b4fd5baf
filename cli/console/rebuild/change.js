// Activate, roll back, drop: what will happen, and the question.

import { html, useState } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { get, post, url } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { counted } from "/console/numbers.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";

export function Change({ projection, generation, kind, onClose, onChanged }) {
  const { name } = projection;
  const { serving } = projection.generations;
  const [changes, setChanges] = useState(false);
  const isDrop = kind === "drop";
  const title = { activate: `Activate ${name}@${generation}`, back: `Roll back to ${name}@${generation}`, drop: `Drop ${name}@${generation}` }[kind];
  const compared = url(["comparisons", name], { a: serving, b: generation, sample: 0 });
  const comparison = usePoll(isDrop ? null : (signal) => get(compared, signal), 0, [compared]);
  const run = () => {
    const path = url(["projections", name, isDrop ? "drop" : "activate"]);
    return post(path, { generation, ...(changes && { changes: true }) });
  };
  const done = () => {
    announce(isDrop ? `${name}@${generation} is dropped.` : `${name}@${generation} serves.`);
    onChanged();
  };
  return html`<${Confirm} title=${title} action=${{ activate: "Activate", back: "Roll back", drop: "Drop" }[kind]} isGrave=${isDrop} run=${run} onDone=${done} onClose=${onClose}>
    ${isDrop
      ? html`<p>The rows of generation ${generation} are deleted. Readers see generation ${serving} as before. The events stay: a playback can build these rows again.</p>`
      : html`<p>Readers see generation ${generation} from now on, at once. Generation ${serving} stays and is kept up to date, so that you can go back.</p>
        ${comparison.isLoading && html`<${Loading} what="both generations" />`}
        <${Note} problem=${comparison.problem} what="comparisons" />
        ${comparison.value && html`<p><b>${differing(comparison.value)}</b></p>`}
        <label class="check"><input type="checkbox" name="changes" checked=${changes} onChange=${(event) => setChanges(event.target.checked)} />
          <span>Tell the rows that differ as changes, where the projection has a feed.</span></label>`}
  <//>`;
}

function differing({ a, b, different, only_a, only_b, next }) {
  const many = different + only_a + only_b;
  const some = next ? " so far" : "";
  if (!many) return `No row differs${some}: ${counted(b.rows, "row")} in both.`;
  return `${counted(many, "row")} differ${some}: ${different} in both, ${only_a} only in ${a.generation}, ${only_b} only in ${b.generation}.`;
}
