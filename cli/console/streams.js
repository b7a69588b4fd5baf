// Streams: found by category and prefix; one stream with its events.

import { html, useEffect, useState } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { usePages } from "/console/pages.js";
import { usePoll } from "/console/poll.js";
import { Note, Nothing } from "/console/problem.js";
import { go, link, replace } from "/console/router.js";
import { Stream } from "/console/streams/stream.js";
import { VirtualList } from "/console/table.js";
import { recorded, Time } from "/console/time.js";

/** Streams of a page. */
const PAGE = 200;

/** How long typing has to rest before a search, in milliseconds. */
const REST = 250;

export function Streams({ parts, query }) {
  const stream = parts[0];
  return html`<div class=${`split ${stream ? "has-detail" : ""}`}>
    <${Search} query=${query} stream=${stream} />
    ${stream
      ? html`<${Stream} key=${stream} stream=${stream} query=${query} />`
      : html`<section class="panel detail is-empty"><div class="panel-body"><${Nothing}>Choose a stream, or type its whole name and press Enter.<//></div></section>`}
  </div>`;
}

function Search({ query, stream }) {
  const { category = "", prefix = "" } = query;
  const [typed, setTyped] = useState(prefix);
  const categories = usePoll((signal) => get("/categories", signal), 0, []);
  const load = async (cursor, signal) => {
    const page = await get(url(["streams"], { category, prefix, limit: PAGE, cursor }), signal);
    return { items: page.streams, next: page.next };
  };
  const found = usePages(load, [category, prefix]);
  const address = (change) => link("streams", stream ? [stream] : [], { ...query, ...change });

  useEffect(() => {
    if (typed === prefix) return undefined;
    const timer = setTimeout(() => replace(address({ prefix: typed })), REST);
    return () => clearTimeout(timer);
  }, [typed, prefix]);

  const names = found.items;
  const open = (nth) => go(link("streams", [names[nth].stream], { category, prefix }));
  const openTyped = (event) => {
    event.preventDefault();
    const exact = category ? `${category}-${typed}` : typed;
    if (exact.includes("-")) go(link("streams", [exact], { category, prefix: typed }));
  };
  const row = (nth) => html`
    <span class="cut grow">${names[nth].stream}</span>
    <span class="when"><${Time} time=${recorded(names[nth].position)} /></span>`;
  return html`<section class="panel finder" aria-label="Search of streams">
    <form class="search" role="search" onSubmit=${openTyped}>
      <select aria-label="Category" value=${category} onChange=${(event) => replace(address({ category: event.target.value }))}>
        <option value="">all categories</option>
        ${category && !categories.value && html`<option value=${category}>${category}</option>`}
        ${categories.value?.categories.map((one) => html`<option value=${one.category}>${one.category}${one.decided ? " (decided)" : ""}</option>`)}
      </select>
      <input data-search type="search" aria-label=${category ? "Beginning of the id" : "Beginning of the name"} aria-keyshortcuts="/"
        placeholder=${category ? "id begins with …" : "name begins with …, such as cart-4"} value=${typed}
        onInput=${(event) => setTyped(event.target.value)} />
    </form>
    <${Note} problem=${categories.problem} what="the list of categories" />
    <${Note} problem=${found.problem} what="the list of streams" instead="Type a whole name and press Enter." />
    ${!found.isLoading && !found.problem && !names.length && html`<div class="panel-body"><${Nothing}>No stream begins like this.<//></div>`}
    <${VirtualList} name="stream" label="Streams" total=${names.length} height=${32} row=${row} onOpen=${open}
      active=${names.findIndex((one) => one.stream === stream)}
      onSeen=${(_, last) => last > names.length - 40 && found.more()} />
    <p class="list-foot" role="status">${found.isLoading ? "Reading." : found.problem ? "" : `${names.length.toLocaleString("en")}${found.hasMore ? " read, there are more" : " streams"}`}</p>
  </section>`;
}
