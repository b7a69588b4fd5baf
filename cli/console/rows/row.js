// One row: what it is now, and its history.

import { html } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { Json } from "/console/json.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";
import { link } from "/console/router.js";
import { Shared } from "/console/rows/shared.js";
import { Versions } from "/console/rows/versions.js";

/** How often the row is read, in milliseconds. */
const EVERY = 4000;

export function Row({ projection, rowKey, query }) {
  const { name, categories, over, generations } = projection;
  const { value, problem, isLoading } = usePoll((signal) => get(url(["projections", name], { key: rowKey }), signal), EVERY, [name, rowKey]);
  const isOwn = over === "one stream";
  const stream = `${categories[0]}-${rowKey}`;
  const { prefix, as_of, as_at } = query;
  const History = isOwn ? Versions : Shared;
  return html`<section class="panel detail" aria-label=${`Row ${rowKey} of ${name}`}>
    <header>
      <div class="heading"><a class="back" href=${link("rows", [name], { prefix, as_of, as_at })}>All rows</a><h1>${rowKey}</h1><span class="where">${name}</span></div>
      <div class="aside">generation ${generations.serving}${value?.watermark ? ` · version ${value.watermark}` : ""}</div>
    </header>
    <div class="panel-body">
      <p class="lead">${isOwn
        ? html`Folded from the stream <a href=${link("streams", [stream])}>${stream}</a>.`
        : html`Many streams change it: those of ${categories.join(", ")}.`}</p>
      ${isLoading && html`<${Loading} what="the row" />`}
      <${Note} problem=${problem} what="this row" />
      ${value?.stalled && html`<div class="note is-problem"><strong>Stalled</strong><span>${value.stalled}</span></div>`}
      ${(value || problem) && html`<${History} name=${name} rowKey=${rowKey} stream=${stream} categories=${categories} watermark=${value?.watermark} query=${query} />`}
      ${value && html`<details><summary>The row now</summary><${Json} value=${value.state} label="The row now" /></details>`}
    </div>
  </section>`;
}
