// Incidents: since when, until when. Those that are recorded, and what is wrong now.

import { html } from "/console/vendor/htm-preact.js";
import { get } from "/console/api.js";
import { keyOf, MILD } from "/console/health.js";
import { counted } from "/console/numbers.js";
import { Panel } from "/console/panel.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note, Nothing, sentence } from "/console/problem.js";
import { eventLink } from "/console/router.js";
import { Ago, Time, date, span } from "/console/time.js";

/** How often they are read, in milliseconds. */
const EVERY = 5000;

/** The most that are read, and the most that are shown. */
const [READ, MOST] = [100, 50];

/** The incidents that are recorded, and what is wrong now and not recorded yet. Those that are open come first. */
export function merged(recorded, wrong) {
  const noted = recorded.map((one) => ({ ...one, kind: one.kind.replaceAll("-", " ") }));
  const open = new Set(noted.filter((one) => !one.until).map(keyOf));
  const seen = wrong.filter((one) => !open.has(one.key)).map((one) => ({ ...one, id: one.key }));
  const rank = (one) => (one.until ? 1 : 0);
  return [...seen, ...noted].sort((a, b) => rank(a) - rank(b) || date(b.since) - date(a.since));
}

export function Incidents({ wrong }) {
  const { value, problem, isLoading } = usePoll((signal) => get(`/incidents?limit=${READ}`, signal), EVERY, []);
  const list = merged(value?.incidents ?? [], wrong);
  const open = list.filter((incident) => !incident.until).length;
  const resolved = `${list.length - open}${value?.next ? " and more" : ""} resolved`;
  const aside = list.length > 0 && `${open} ongoing, ${resolved}`;
  return html`<${Panel} title="Incidents" kind="incidents" aside=${aside}>
    ${isLoading && html`<${Loading} what="the incidents" />`}
    <${Note} problem=${problem} what="the list of incidents" instead="What is wrong now is shown." />
    ${!isLoading && !list.length && html`<${Nothing}>None. Stalls, dead letters, conflicts, failing batches and playbacks, readers that are behind and calls that wait stand here.<//>`}
    <ul class="incident-list">
      ${list.slice(0, MOST).map((incident) => html`<${Incident} key=${incident.id} incident=${incident} />`)}
    </ul>
    ${list.length > MOST && html`<p class="nothing">${counted(list.length - MOST, "older one")} not shown.</p>`}
  <//>`;
}

function Incident({ incident }) {
  const { kind, what, at, why, since, until } = incident;
  return html`<li class=${until ? "is-over" : MILD.has(kind) ? "is-mild" : "is-open"}>
    <div class="incident-head">
      <b class="tag">${until ? "resolved" : "ongoing"}</b>
      <b>${kind}</b>
      ${at ? html`<a href=${eventLink(at)}>${what}</a>` : html`<span>${what}</span>`}
    </div>
    <p>${sentence(why)}</p>
    <p class="times">since <${Time} time=${since} />${until
      ? html` until <${Time} time=${until} />, ${span((date(until) - date(since)) / 1000)}`
      : html`, <${Ago} time=${since} />`}</p>
  </li>`;
}
