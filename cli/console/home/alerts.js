// Alerts: what is wrong now, and what to do about it.

import { html } from "/console/vendor/htm-preact.js";
import { found, MILD } from "/console/health.js";
import { Panel } from "/console/panel.js";
import { Loading, Note, sentence } from "/console/problem.js";
import { eventLink, link } from "/console/router.js";
import { counted } from "/console/numbers.js";

/** What to do, as docs/run-it.md says it. */
const REMEDIES = {
  "stalled stream": "Mend the code, deploy it, and run `rewind resume`. Or reverse the event.",
  "failing batch": "Look for a missing permission, a throttled table, or a fault of the function. The batch is delivered again, whole.",
  "failing playback": "Mend the cause: its next invocation goes on behind the last acknowledged page, within a minute. Or cancel it.",
  "dead letter": "Mend the cause first. Then rebuild the projection, or put pump's records on the incoming stream again. Mark it as handled.",
  "reader behind": "Look whether its batch fails. If it does not, there is more load than its shards take: double Shards, or raise Memory.",
  "waiting calls": "Set the gateway's URL and the hosts that may be called. The calls are made once the configuration is right.",
  conflict: "Tell the client's owner. The first event stands, the second is kept.",
  "unreadable record": "Look at the record in its stream. It was parked and not recorded.",
  "undeclared type": "Add the type to the category's enum, deploy it, and rebuild the projections of the category.",
};

export function Alerts({ health }) {
  const { value, problem } = health;
  if (!value) {
    return html`<${Panel} title="Alerts" kind="alerts">
      ${problem ? html`<${Note} problem=${problem} what="/health" />` : html`<${Loading} what="the state" />`}
    <//>`;
  }
  const wrong = found(value);
  const kinds = [...new Set(wrong.map((incident) => incident.kind))];
  if (!wrong.length) {
    return html`<${Panel} title="Alerts" kind="alerts is-quiet">
      <p class="calm"><i aria-hidden="true"></i>Nothing needs you. ${counted(value.readers.length, "reader")} move.</p>
      <${Note} problem=${problem} />
    <//>`;
  }
  const isMild = wrong.every((incident) => MILD.has(incident.kind));
  return html`<${Panel} title="Alerts" kind=${`alerts ${isMild ? "is-mild" : "is-loud"}`} aside=${counted(wrong.length, "alert")}>
    <${Note} problem=${problem} />
    <ul class="alert-list">
      ${kinds.map((kind) => {
        const ones = wrong.filter((incident) => incident.kind === kind);
        return html`<li key=${kind} class=${MILD.has(kind) ? "is-mild" : ""}>
          <h3>${ones.length === 1 ? kind : `${ones.length} × ${kind}`}</h3>
          <div>
            ${ones.slice(0, 3).map(
              (one) => html`<p class="alert-what">
                ${one.at ? html`<a href=${eventLink(one.at)}>${one.what}</a>` : html`<b>${one.what}</b>`}
                <span> ${sentence(one.why)}</span>
              </p>`,
            )}
            ${ones.length > 3 && html`<p>${ones.length - 3} more: see the incidents.</p>`}
            <p class="remedy"><span>Do this:</span> ${sentence(REMEDIES[kind])}</p>
            ${kind === "dead letter" && html`<a href=${link("waiting", ["dead-letters"])}>Dead letters</a>`}
            ${kind === "waiting calls" && html`<a href=${link("waiting")}>Waiting calls</a>`}
          </div>
        </li>`;
      })}
    </ul>
  <//>`;
}
