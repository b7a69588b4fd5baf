// Deadlines: what processes wait for, the earliest first.

import { html } from "/console/vendor/htm-preact.js";
import { Panel } from "/console/panel.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { link } from "/console/router.js";
import { Ago, Time } from "/console/time.js";

export function Deadlines({ waiting }) {
  const { value, problem, isLoading } = waiting;
  const all = value?.deadlines ?? [];
  const aside = value && `${all.length}${value.more ? " and more" : ""}`;
  return html`<${Panel} title="Deadlines of processes" kind="deadlines" aside=${aside}>
    ${isLoading && html`<${Loading} what="the deadlines" />`}
    <${Note} problem=${problem} what="the list of deadlines" />
    ${value && !all.length && html`<${Nothing}>No process waits for a time.<//>`}
    ${all.length > 0 && html`<div class="scroll"><table>
      <thead><tr><th>Due</th><th>Process</th><th>Deadline</th><th class="number">At</th></tr></thead>
      <tbody>${all.map((one) => html`<tr key=${`${one.stream} ${one.name}`}>
        <td class="when"><${Ago} time=${one.time} /></td>
        <td>${one.process} <a href=${link("streams", [one.stream])}>${one.key}</a></td>
        <td>${one.name}</td>
        <td class="number"><${Time} time=${one.time} /></td>
      </tr>`)}</tbody>
    </table></div>`}
  <//>`;
}
