// One stream: its events, newest first, and the one that the address names.

import { html, useEffect } from "/console/vendor/htm-preact.js";
import { oneLine } from "/console/json.js";
import { count } from "/console/numbers.js";
import { Note } from "/console/problem.js";
import { link, replace } from "/console/router.js";
import { EventDetail } from "/console/streams/event.js";
import { useEvents } from "/console/streams/events.js";
import { VirtualList } from "/console/table.js";
import { recorded, Time } from "/console/time.js";

export function Stream({ stream, query }) {
  const { head, event, want, problem } = useEvents(stream);
  const at = Number(query.at) || 0;
  const { category, prefix } = query;
  const address = (version) => link("streams", [stream], { category, prefix, at: version });

  useEffect(() => {
    if (at) want(at, at);
  }, [at, head]);

  const versionOf = (nth) => head - nth;
  const row = (nth) => {
    const version = versionOf(nth);
    const one = event(version);
    if (!one) return html`<span class="version">${version}</span><span class="absent">reading</span>`;
    return html`<span class="version">${version}</span>
      <span class="when"><${Time} time=${recorded(one.position)} /></span>
      <b class="cut type">${one.type}</b>
      <code class="cut grow">${oneLine(one.data ?? one.data_base64 ?? "")}</code>`;
  };
  const chosen = at ? event(at) : undefined;
  return html`<section class="panel detail" aria-label=${`Stream ${stream}`}>
    <header>
      <div class="heading"><a class="back" href=${link("streams", [], { category, prefix })}>All streams</a><h1>${stream}</h1></div>
      <div class="aside">${head ? `${count(head)} event${head === 1 ? "" : "s"}` : ""}</div>
    </header>
    <${Note} problem=${problem} what="this stream" />
    <div class="stream-parts">
      <${VirtualList} name="event" label=${`Events of ${stream}, newest first`} total=${head} height=${32} row=${row}
        active=${at ? head - at : -1} follows=${true} fits=${true} onOpen=${(nth) => replace(address(versionOf(nth)))}
        onSeen=${(first, last) => want(versionOf(last), versionOf(first))} />
      ${at > 0 && head > 0 && at > head && html`<${Note} problem=${{ title: "No such event", detail: `${stream} has ${head} events, not ${at}.` }} />`}
      ${chosen && html`<${EventDetail} key=${`${stream}@${at}`} event=${chosen} />`}
      ${!at && head > 0 && html`<p class="nothing pad">Choose an event to see its data, its causes and what followed.</p>`}
    </div>
  </section>`;
}
