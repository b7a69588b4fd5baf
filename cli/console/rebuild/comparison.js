// Two generations side by side, and what differs.

import { html, useEffect, useState } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { Changes } from "/console/diff.js";
import { count } from "/console/numbers.js";
import { Panel } from "/console/panel.js";
import { usePages } from "/console/pages.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { Change } from "/console/rebuild/change.js";
import { present } from "/console/rebuild/generations.js";
import { link, replace } from "/console/router.js";

/** The most rows of an answer that are shown. */
const SAMPLE = 50;

export function Comparison({ projection, query, onChanged }) {
  const { name, generations } = projection;
  const ones = present(projection);
  const other = ones.find((one) => one.is !== "serves");
  const a = Number(query.a) || generations.serving;
  const b = Number(query.b) || other?.generation;
  const [change, setChange] = useState(null);
  const choose = (side) => (event) => replace(link("rebuild", [name], { ...query, a, b, [side]: event.target.value }));
  const options = ones.map((one) => html`<option value=${one.generation}>${name}@${one.generation}: ${one.is}</option>`);
  const chosen = ones.find((one) => one.generation === b);
  const kind = { "is built": "activate", "is kept for a rollback": "back" }[chosen?.is];
  return html`<${Panel} title=${`Compare ${name}`} kind="comparison">
    ${!b
      ? html`<${Nothing}>Only generation ${generations.serving} has rows. A playback builds another one.<//>`
      : html`<div class="sides">
          <select aria-label="Left side" value=${a} onChange=${choose("a")}>${options}</select>
          <select aria-label="Right side" value=${b} onChange=${choose("b")}>${options}</select>
          ${kind && a === generations.serving && html`<button type="button" class="primary" onClick=${() => setChange({ projection, generation: b, kind })}>${kind === "back" ? `Roll back to ${b}…` : `Activate ${b}…`}</button>`}
        </div>
        <${Found} key=${`${a} ${b}`} name=${name} a=${a} b=${b} />`}
    ${change && html`<${Change} ...${change} onClose=${() => setChange(null)} onChanged=${onChanged} />`}
  <//>`;
}

function Found({ name, a, b }) {
  const load = async (cursor, signal) => {
    const page = await get(url(["comparisons", name], { a, b, sample: SAMPLE, cursor }), signal);
    return { items: [page], next: page.next };
  };
  const { items: pages, hasMore, isLoading, problem, more, again } = usePages(load, [name, a, b]);
  if (!pages.length) return html`${isLoading && html`<${Loading} what="both generations" />`}<${Note} problem=${problem} what="comparisons" />`;
  const sum = (of) => pages.reduce((all, page) => all + of(page), 0);
  const sample = pages.flatMap((page) => page.sample);
  const checksums = (side) => pages.reduce((all, page) => all ^ BigInt(`0x${page[side].checksum}`), 0n).toString(16).padStart(16, "0");
  return html`
    <table class="held">
      <thead><tr><th></th><th class="number">${name}@${a}</th><th class="number">${name}@${b}</th></tr></thead>
      <tbody>
        <tr><th scope="row">rows</th><td class="number">${count(sum((page) => page.a.rows))}</td><td class="number">${count(sum((page) => page.b.rows))}</td></tr>
        <tr><th scope="row">only here</th><td class="number">${count(sum((page) => page.only_a))}</td><td class="number">${count(sum((page) => page.only_b))}</td></tr>
        <tr><th scope="row">checksum</th><td class="number"><code>${checksums("a")}</code></td><td class="number"><code>${checksums("b")}</code></td></tr>
        <tr><th scope="row">different in both</th><td class="number" colspan="2"><b>${count(sum((page) => page.different))}</b></td></tr>
      </tbody>
    </table>
    <${Note} problem=${problem} what="comparisons" />
    <div class="actions">
      ${hasMore && html`<button type="button" onClick=${more} disabled=${isLoading}>${isLoading ? "Comparing" : "Compare more rows"}</button>`}
      <button type="button" onClick=${again}>Compare again</button>
    </div>
    ${sample.map((row) => html`<div class="row-change" key=${row.key}>
      <a href=${link("rows", [name, row.key])}>${row.key}</a>
      <span class="hint">${[["a", a], ["b", b]].map(([side, number]) => `${number}: ${row[side] ? (row[side].watermark ? `at ${row[side].watermark}` : "there") : "not there"}`).join(", ")}</span>
      <${Changes} before=${row.a?.state} after=${row.b?.state} names=${[`generation ${a}`, `generation ${b}`]} most=${10} />
    </div>`)}`;
}
