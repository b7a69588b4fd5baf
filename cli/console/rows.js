// Rows: each projection's rows, and the history of one.

import { html, useEffect, useState } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { TimeInput } from "/console/fields.js";
import { oneLine } from "/console/json.js";
import { usePages } from "/console/pages.js";
import { usePoll } from "/console/poll.js";
import { Note, Nothing } from "/console/problem.js";
import { go, link, replace } from "/console/router.js";
import { Row } from "/console/rows/row.js";
import { VirtualList } from "/console/table.js";

/** Rows of a page. */
const PAGE = 500;

/** How long typing has to rest before a search, in milliseconds. */
const REST = 250;

export function Rows({ parts, query }) {
  const { value, problem } = usePoll((signal) => get("/projections", signal), 0, []);
  const projections = value?.projections ?? [];
  const name = parts[0] ?? projections[0]?.name;
  const projection = projections.find((one) => one.name === name);
  const key = parts[1];
  return html`<div class=${`split ${key ? "has-detail" : ""}`}>
    <section class="panel finder" aria-label="Rows">
      <div class="search">
        <select aria-label="Projection" value=${name} onChange=${(event) => go(link("rows", [event.target.value]))}>
          ${projections.map((one) => html`<option value=${one.name}>${one.name}${one.rebuild_due ? " (rebuild due)" : ""}</option>`)}
        </select>
        <${Prefix} query=${query} name=${name} rowKey=${key} />
      </div>
      <${Note} problem=${problem} what="the list of projections" />
      ${projection && html`<${List} key=${name} projection=${projection} query=${query} rowKey=${key} />`}
      ${value && !projection && html`<div class="panel-body"><${Nothing}>There is no projection ${name}.<//></div>`}
    </section>
    ${key !== undefined && projection
      ? html`<${Row} key=${`${name}/${key}`} projection=${projection} rowKey=${key} query=${query} />`
      : html`<section class="panel detail is-empty"><div class="panel-body"><${Nothing}>Choose a row to see how it came about.<//></div></section>`}
  </div>`;
}

function Prefix({ query, name, rowKey }) {
  const { prefix = "" } = query;
  const [typed, setTyped] = useState(prefix);
  useEffect(() => {
    if (typed === prefix || !name) return undefined;
    const parts = [name, ...(rowKey === undefined ? [] : [rowKey])];
    const timer = setTimeout(() => replace(link("rows", parts, { ...query, prefix: typed })), REST);
    return () => clearTimeout(timer);
  }, [typed, prefix, name]);
  return html`<input data-search type="search" aria-label="Beginning of the key" aria-keyshortcuts="/" placeholder="key begins with …"
    value=${typed} onInput=${(event) => setTyped(event.target.value)} />`;
}

function Secondary({ of, query, parts }) {
  const { value = "" } = query;
  const [typed, setTyped] = useState(value);
  useEffect(() => {
    if (typed === value) return undefined;
    const by = typed ? { by: of, value: typed } : { by: undefined, value: undefined };
    const timer = setTimeout(() => replace(link("rows", parts, { ...query, ...by })), REST);
    return () => clearTimeout(timer);
  }, [typed, value]);
  return html`<input type="search" aria-label=${`Exact ${of}`} placeholder=${`${of} is …`}
    value=${typed} onInput=${(event) => setTyped(event.target.value)} />`;
}

function List({ projection, query, rowKey }) {
  const { name, secondary_key } = projection;
  const { prefix, as_of, as_at, by, value } = query;
  const parts = rowKey === undefined ? [name] : [name, rowKey];
  const [kind, setKind] = useState(as_at ? "as_at" : "as_of");
  const time = as_of ?? as_at;
  const load = async (cursor, signal) => {
    const page = await get(url(["projections", name], { prefix, by, value, as_of, as_at, limit: PAGE, cursor }), signal);
    return { items: page.rows, next: page.next };
  };
  const { items, hasMore, isLoading, problem, more, again } = usePages(load, [name, prefix, by, value, as_of, as_at]);
  const stay = (change) => replace(link("rows", parts, { ...query, ...change }));
  const choose = (to, at) => {
    setKind(to);
    stay({ as_of: undefined, as_at: undefined, [to]: at });
  };
  const row = (nth) => html`<span class="cut key">${items[nth].key}</span><code class="cut grow">${oneLine(items[nth].state, 160)}</code>
    ${items[nth].stalled && html`<span class="tag is-bad">stalled</span>`}`;
  return html`
    ${secondary_key && html`<div class="as-of"><${Secondary} of=${secondary_key} query=${query} parts=${parts} /></div>`}
    <div class="as-of">
      <select aria-label="Which time counts" value=${kind} onChange=${(event) => choose(event.target.value, time)}>
        <option value="as_of">recorded by</option><option value="as_at">happened by</option>
      </select>
      <${TimeInput} label="Rows as they were at this time" value=${time} onTime=${(to) => choose(kind, to)} />
      ${time && html`<button type="button" onClick=${() => choose(kind, "")}>Now</button>`}
    </div>
    <${Note} problem=${problem} what="lists of rows as they were" />
    ${!isLoading && !problem && !items.length && html`<div class="panel-body"><${Nothing}>No rows${value ? ` whose ${by} is this` : prefix ? " whose key begins like this" : " yet"}.<//></div>`}
    <${VirtualList} name="row" label=${`Rows of ${name}`} total=${items.length} height=${32} row=${row}
      active=${items.findIndex((one) => one.key === rowKey)}
      onOpen=${(nth) => go(link("rows", [name, items[nth].key], { prefix, by, value, as_of, as_at }))}
      onSeen=${(_, last) => last > items.length - 40 && more()} />
    <p class="list-foot"><span role="status">${isLoading ? "Reading." : problem ? "" : `${items.length.toLocaleString("en")}${hasMore ? " read, there are more" : items.length === 1 ? " row" : " rows"}`}</span>
      <button type="button" class="quiet" onClick=${again}>Read again</button></p>`;
}
