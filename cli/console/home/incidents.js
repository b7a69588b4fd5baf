// Incidents of this session: since when, until when.

import { html } from "/console/vendor/htm-preact.js";
import { MILD } from "/console/health.js";
import { Panel } from "/console/panel.js";
import { Nothing, sentence } from "/console/problem.js";
import { eventLink } from "/console/router.js";
import { counted } from "/console/numbers.js";
import { Ago, Time, span } from "/console/time.js";

/** The most that are shown. */
const MOST = 50;

export function Incidents({ all }) {
  const list = Object.values(all).sort((a, b) => (a.until ? 1 : 0) - (b.until ? 1 : 0) || b.since - a.since);
  const open = list.filter((incident) => !incident.until).length;
  const aside = list.length > 0 && `${open} ongoing, ${list.length - open} resolved`;
  return html`<${Panel} title="Incidents" kind="incidents" aside=${aside}>
    ${!list.length && html`<${Nothing}>None in this session. Stalls, dead letters, conflicts, failing batches, readers that are behind and calls that wait stand here.<//>`}
    <ul class="incident-list">
      ${list.slice(0, MOST).map(
        (incident) => html`<li key=${incident.key} class=${incident.until ? "is-over" : MILD.has(incident.kind) ? "is-mild" : "is-open"}>
          <div class="incident-head">
            <b class="tag">${incident.until ? "resolved" : "ongoing"}</b>
            <b>${incident.kind}</b>
            ${incident.at ? html`<a href=${eventLink(incident.at)}>${incident.what}</a>` : html`<span>${incident.what}</span>`}
          </div>
          <p>${sentence(incident.why)}</p>
          <p class="times">since <${Time} time=${incident.since} />${incident.until
            ? html` until <${Time} time=${incident.until} />, ${span((incident.until - incident.since) / 1000)}`
            : html`, <${Ago} time=${incident.since} />`}</p>
        </li>`,
      )}
    </ul>
    ${list.length > MOST && html`<p class="nothing">${counted(list.length - MOST, "older one")} not shown.</p>`}
  <//>`;
}
