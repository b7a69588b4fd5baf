// Home: how the system is, in five panels.

import { html } from "/console/vendor/htm-preact.js";
import { get } from "/console/api.js";
import { health, wrong } from "/console/health.js";
import { Activity } from "/console/home/activity.js";
import { Alerts } from "/console/home/alerts.js";
import { Incidents } from "/console/home/incidents.js";
import { Performance } from "/console/home/performance.js";
import { Status } from "/console/home/status.js";
import { usePoll } from "/console/poll.js";
import { useStore } from "/console/store.js";

/** How often the charts move, in milliseconds. */
const EVERY = 5000;

/** How much the charts show where nothing is said, in minutes. */
const MINUTES = 15;

export function Home({ query }) {
  const minutes = Number(query.minutes) || MINUTES;
  const state = useStore(health);
  const now = useStore(wrong);
  const metrics = usePoll((signal) => get(`/console/metrics?minutes=${minutes}`, signal), EVERY, [minutes]);
  return html`<h1 class="hidden">Home</h1>
    <div class="home">
      <${Alerts} health=${state} />
      <${Performance} metrics=${metrics} minutes=${minutes} />
      <${Status} health=${state} metrics=${metrics} />
      <${Activity} />
      <${Incidents} wrong=${now} />
    </div>`;
}
