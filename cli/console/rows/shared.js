// The history of a row that many streams change: a slider over the latest events
// of its categories, further back page by page, and any time by hand.

import { html, useMemo, useState } from "/console/vendor/htm-preact.js";
import { TimeInput } from "/console/fields.js";
import { counted } from "/console/numbers.js";
import { usePages } from "/console/pages.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";
import { link, replace } from "/console/router.js";
import { earlier, reached } from "/console/rows/earlier.js";
import { past } from "/console/rows/past.js";
import { Slider } from "/console/rows/slider.js";
import { Step } from "/console/rows/step.js";
import { brief, recorded, rfc3339 } from "/console/time.js";

/** How long the slider has to rest before something is read, in milliseconds. */
const REST = 90;

export function Shared({ name, rowKey, categories, query }) {
  const [namesOnly, setNamesOnly] = useState(true);
  const { items, next, problem, isLoading, hasMore, more } = usePages((from, signal) => earlier(from ?? categories, signal), [name]);
  const all = useMemo(() => reached(items, next), [items, next]);
  const events = useMemo(() => all.filter((event) => !namesOnly || isNamed(event, rowKey)), [all, namesOnly, rowKey]);
  const { time } = query;
  const last = events.length - 1;
  const nth = time ? lastUntil(events, time) : last;
  const stay = (to) => replace(link("rows", [name, rowKey], { ...query, time: to }));
  const at = time ?? (last >= 0 ? rfc3339(events[last].position) : undefined);
  return html`
    ${isLoading && html`<${Loading} what="events" />`}
    <${Note} problem=${problem} what="the list of events" instead="Choose a time by hand." />
    ${items.length > 0 && html`<label class="check"><input type="checkbox" checked=${namesOnly} onChange=${(event) => setNamesOnly(event.target.checked)} />
      <span>Only events that contain “${rowKey}” <span class="hint">${counted(events.length, "step")} of the latest ${counted(all.length, "event")}</span></span></label>`}
    ${hasMore && html`<button type="button" class="quiet" onClick=${more} disabled=${isLoading}>Earlier events</button>`}
    ${last >= 0 && html`<${Slider} first=${0} last=${last} value=${Math.max(0, nth)} label="Time" onMove=${(to) => stay(rfc3339(events[to].position))}
      text=${`${brief(recorded(events[Math.max(0, nth)].position))}, step ${Math.max(0, nth) + 1} of ${last + 1}`} />`}
    <div class="as-of"><span>As of</span><${TimeInput} label="The row as of this time" value=${at} onTime=${stay} /></div>
    ${at && html`<${Moment} name=${name} rowKey=${rowKey} at=${at} event=${events.find((event) => rfc3339(event.position) === at)} previous=${events[nth - 1]} />`}`;
}

/** The row at a time, beside what it was just before: before the event, or one step earlier. */
function Moment({ name, rowKey, at, event, previous }) {
  const before = event ? rfc3339(event.position - 1) : previous && rfc3339(previous.position);
  const load = async (signal) => {
    await new Promise((rested) => setTimeout(rested, REST));
    signal.throwIfAborted();
    const [was, is] = await Promise.all([before && past(name, rowKey, { as_of: before }, signal), past(name, rowKey, { as_of: at }, signal)]);
    return { before: was, after: is };
  };
  const { value, problem, isLoading } = usePoll(load, 0, [name, rowKey, at, before]);
  return html`<${Note} problem=${problem} what="rows as they were" />
    ${isLoading && html`<${Loading} what="the row as it was" />`}
    ${value && html`<${Step} event=${event} ...${value} names=${["before", "then"]} />`}`;
}

/** Whether an event contains each part of a key. A row's key may have several,
 * with a slash between them. */
function isNamed(event, key) {
  const text = `${event.subject} ${JSON.stringify(event.data ?? "")}`;
  return key.split("/").every((part) => text.includes(part));
}

function lastUntil(events, time) {
  // RFC 3339 in UTC with equal digits would compare as text; these have not.
  const micros = Date.parse(time) * 1000 + Number(/\.\d{3}(\d{3})/.exec(time)?.[1] ?? 0);
  return events.findLastIndex((event) => event.position <= micros);
}
