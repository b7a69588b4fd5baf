// One event: data, attributes, causes, and how to take it back.

import { html, useState } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { Json } from "/console/json.js";
import { usePoll } from "/console/poll.js";
import { eventLink, link } from "/console/router.js";
import { Reversal } from "/console/streams/reversal.js";
import { Trace } from "/console/streams/trace.js";
import { recorded, rfc3339, Time } from "/console/time.js";

/** Attributes that are shown by words of their own. */
const KNOWN = new Set(["specversion", "subject", "type", "data", "data_base64", "time", "version", "position", "causationid", "correlationid", "commandid", "causationdepth", "id", "source"]);

/** How often consequences are looked for, in milliseconds. */
const EVERY = 5000;

export function EventDetail({ event }) {
  const [isReversing, setReversing] = useState(false);
  const at = `${event.subject}@${event.version}`;
  const others = Object.entries(event).filter(([name]) => !KNOWN.has(name));
  const isReversal = event.type === "reversed";
  const path = url(["streams", event.subject, "events", String(event.version), "trace"]);
  const trace = usePoll((signal) => get(path, signal), EVERY, [path]);
  const reversal = trace.value?.events.find((one) => one.event.type === "reversed" && one.cause === at);
  return html`<article class="event" aria-label=${`Event ${at}`}>
    <header>
      <h2>${event.type} <span class="where">${at}</span></h2>
      ${!reversal && html`<button type="button" onClick=${() => setReversing(true)}>${isReversal ? "Reverse the reversal" : "Reverse"}…</button>`}
    </header>
    ${reversal && html`<div class="note is-warning"><strong>Reversed</strong>
      <span>by <a href=${eventLink(reversal.at)}>${reversal.at}</a>${reversal.event.data?.by ? ` of ${reversal.event.data.by}` : ""}: ${reversal.event.data?.reason}. Rows are as if it had not happened.</span></div>`}
    <div class="event-parts">
      <div>
        ${event.data_base64 !== undefined
          ? html`<p class="hint">Bytes${event.datacontenttype ? `, ${event.datacontenttype}` : ""}, as base64</p><${Json} value=${event.data_base64} />`
          : html`<${Json} value=${event.data} label=${`Data of ${at}`} />`}
      </div>
      <dl class="facts">
        <dt>happened</dt><dd><${Time} time=${event.time} /></dd>
        <dt>recorded</dt><dd><${Time} time=${recorded(event.position)} /> <span class="hint">${rfc3339(event.position)}</span></dd>
        <dt>cause</dt><dd>${event.causationid ? html`<${Cause} id=${event.causationid} />` : "none: it came from outside"}</dd>
        ${event.causationdepth && html`<dt>depth</dt><dd>${event.causationdepth}</dd>`}
        <dt>correlation</dt><dd>${event.correlationid ?? event.id}</dd>
        ${event.commandid && html`<dt>command</dt><dd><a href=${link("waiting", ["commands", event.commandid])}>${event.commandid}</a></dd>`}
        <dt>id</dt><dd>${event.id}</dd>
        <dt>source</dt><dd>${event.source}</dd>
        ${others.map(([name, value]) => html`<dt>${name}</dt><dd>${typeof value === "string" ? value : JSON.stringify(value)}</dd>`)}
      </dl>
    </div>
    <h3>Causes and consequences</h3>
    <${Trace} trace=${trace} />
    ${isReversing && html`<${Reversal} event=${event} onDone=${trace.refresh} onClose=${() => setReversing(false)} />`}
  </article>`;
}

/** A cause is an event, `stream@version`, or something from outside. */
function Cause({ id }) {
  return /^.+-.+@\d+$/.test(id) ? html`<a href=${eventLink(id)}>${id}</a>` : id;
}
