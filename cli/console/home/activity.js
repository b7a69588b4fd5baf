// Activity: the latest events, what operators did, and what was deployed.

import { html } from "/console/vendor/htm-preact.js";
import { get } from "/console/api.js";
import { oneLine } from "/console/json.js";
import { Panel } from "/console/panel.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { eventLink, link } from "/console/router.js";
import { Time, Ago, recorded } from "/console/time.js";

/** How often each is read, in milliseconds. */
const [EVENTS, OPERATIONS] = [4000, 5000];

export function Activity() {
  const events = usePoll((signal) => get("/events?latest=15", signal), EVENTS, []);
  const operations = usePoll((signal) => get("/operations?limit=15", signal), OPERATIONS, []);
  return html`<${Panel} title="Activity" kind="activity">
    <div class="activity-parts">
      <div>
        <h3>Latest events</h3>
        <${Note} problem=${events.problem} what="the list of latest events" />
        ${events.isLoading && html`<${Loading} what="the events" />`}
        ${events.value && html`<${Events} events=${events.value.events} />`}
      </div>
      <div>
        <h3>Operations</h3>
        <${Note} problem=${operations.problem} what="the list of operations" />
        ${operations.isLoading && html`<${Loading} what="the operations" />`}
        ${operations.value && html`<${Operations} operations=${operations.value.operations} />`}
      </div>
    </div>
  <//>`;
}

function Events({ events }) {
  if (!events.length) return html`<${Nothing}>Nothing is recorded yet.<//>`;
  return html`<ol class="events">
    ${events.map((event) => {
      const at = `${event.subject}@${event.version}`;
      return html`<li key=${at}>
        <a href=${eventLink(at)}>
          <span class="when"><${Time} time=${recorded(event.position)} /></span>
          <b>${event.type}</b>
          <span class="where">${event.subject}<i>@${event.version}</i></span>
          <code>${oneLine(event.data ?? event.data_base64, 120)}</code>
        </a>
      </li>`;
    })}
  </ol>`;
}

/** Where to look at what an operation was about. */
function placeOf({ what, about }) {
  if (what === "reversed") return eventLink(about);
  if (what === "activated" || what === "dropped") return link("rebuild", [about.split("@")[0]]);
  if (what.startsWith("playback-") || what === "approved") return link("rebuild", [], { playback: about });
  if (what === "handled") return link("waiting", ["dead-letters"]);
  if (what === "retried") return link("waiting");
  return null;
}

function Operations({ operations }) {
  if (!operations.length) return html`<${Nothing}>Nothing was done yet.<//>`;
  return html`<ol class="operations">
    ${operations.map((operation) => {
      const place = placeOf(operation);
      return html`<li key=${operation.id}>
        <span class="when"><${Ago} time=${operation.time} /></span>
        <b>${operation.what.replace("playback-", "playback ")}</b>
        <span class="where">${place ? html`<a href=${place}>${operation.about}</a>` : operation.about}</span>
        <span class="who">${operation.by ? `by ${who(operation.by)}` : ""}</span>
      </li>`;
    })}
  </ol>`;
}

/** The end of an ARN: who it is. */
const who = (by) => by.split("/").pop();
