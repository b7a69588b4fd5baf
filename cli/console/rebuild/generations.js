// The generations of each projection, and which one serves.

import { html, useState } from "/console/vendor/htm-preact.js";
import { Change } from "/console/rebuild/change.js";
import { link } from "/console/router.js";

/** The generations that have rows: `[{generation, is}]`, where `is` says what for. */
export function present({ generations }) {
  const { serving, building, previous, parts = {}, dropped = {} } = generations;
  const all = [
    { generation: serving, is: "serves" },
    building && { generation: building, is: "is built" },
    previous && { generation: previous, is: "is kept for a rollback" },
    ...Object.keys(parts).map((number) => ({ generation: Number(number), is: "is a part of history" })),
  ];
  return all.filter((one) => one && one.generation && !dropped[one.generation]);
}

export function Generations({ projections, compared, onChanged }) {
  const [change, setChange] = useState(null);
  // Those about which there is something to decide come first.
  const rank = (projection) => (present(projection).length > 1 ? 0 : projection.rebuild_due ? 1 : 2);
  const sorted = [...projections].sort((a, b) => rank(a) - rank(b));
  return html`<div class="scroll-x"><table>
      <thead><tr><th>Projection</th><th>Serves</th><th>Beside it</th><th><span class="hidden">Actions</span></th></tr></thead>
      <tbody>${sorted.map((projection) => {
        const ones = present(projection);
        const others = ones.filter((one) => one.is !== "serves");
        return html`<tr key=${projection.name} class=${projection.name === compared ? "is-marked" : ""}>
          <th scope="row"><a href=${link("rows", [projection.name])}>${projection.name}</a>${projection.rebuild_due && html` <b class="tag is-late">rebuild due</b>`}</th>
          <td>${projection.generations.serving}</td>
          <td>${others.map((one) => html`<div>${one.generation} ${one.is}</div>`)}</td>
          <td><div class="actions">
            ${others.length > 0 && html`<a class="button" href=${link("rebuild", [projection.name])}>Compare</a>`}
            ${others.map((one) => html`
              ${one.is === "is built" && html`<button type="button" onClick=${() => setChange({ projection, generation: one.generation, kind: "activate" })}>Activate ${one.generation}…</button>`}
              ${one.is === "is kept for a rollback" && html`<button type="button" onClick=${() => setChange({ projection, generation: one.generation, kind: "back" })}>Roll back to ${one.generation}…</button>`}
              ${one.is !== "is built" && html`<button type="button" onClick=${() => setChange({ projection, generation: one.generation, kind: "drop" })}>Drop ${one.generation}…</button>`}`)}
          </div></td>
        </tr>`;
      })}</tbody>
    </table></div>
    ${change && html`<${Change} ...${change} onClose=${() => setChange(null)} onChanged=${onChanged} />`}`;
}
