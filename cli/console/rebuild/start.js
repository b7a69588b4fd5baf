// Before a playback starts: what it will do, by a dry run of the same request.

import { html } from "/console/vendor/htm-preact.js";
import { announce } from "/console/announce.js";
import { post } from "/console/api.js";
import { Confirm } from "/console/dialog.js";
import { Estimate, useDryRun } from "/console/rebuild/dry_run.js";
import { described, isPart, receivers } from "/console/rebuild/request.js";

export function Start({ body, projections, onClose, onStarted }) {
  const dry = useDryRun(body);
  const names = body.to.filter((one) => one.projection).map((one) => one.projection);
  const chosen = projections.filter((projection) => names.includes(projection.name));
  const part = isPart(body.what ?? {});
  const run = () => post("/playbacks", body);
  const done = (playback) => {
    announce(`Playback ${playback.id} has started.`);
    onStarted();
  };
  return html`<${Confirm} title="Start a playback" action="Start it" isReady=${Boolean(dry.playback?.estimate || dry.problem?.isMissing)} run=${run} onDone=${done} onClose=${onClose}>
    <p>It sends <b>${described(body.what)}</b> to <b>${receivers(body.to)}</b>.</p>
    <${Estimate} ...${dry} />
    <ul class="will">
      ${chosen.map((projection) => html`<li>
        <b>${projection.name}</b>: generation ${projection.generations.latest + 1} is filled. ${part
          ? "It never serves, and live events do not reach it."
          : `Readers see generation ${projection.generations.serving} until ${body.activate === "by-hand" ? "you activate the new one" : "the new one has caught up"}.`}
      </li>`)}
      ${body.changes && html`<li>Rows that differ are told as changes.</li>`}
      <li>Outside systems are not called.</li>
    </ul>
  <//>`;
}
