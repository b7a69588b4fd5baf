// Calls that wait for the outside.

import { html } from "/console/vendor/htm-preact.js";
import { Panel } from "/console/panel.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { link } from "/console/router.js";
import { Ago, span } from "/console/time.js";

export function Calls({ waiting, health }) {
  const { value, problem, isLoading } = waiting;
  const calls = value?.calls ?? [];
  const known = health.value?.calls ?? [];
  return html`<${Panel} title="Calls that wait" kind="calls" aside=${value && calls.length > 0 && String(calls.length)}>
    ${isLoading && html`<${Loading} what="the calls" />`}
    <${Note} problem=${problem} what="the list of calls" instead="Gateways whose calls wait for a minute are shown." />
    ${value && !calls.length && html`<${Nothing}>No call waits for the outside.<//>`}
    ${calls.length > 0 && html`<div class="scroll"><table>
      <thead><tr><th>Gateway</th><th>Key</th><th>Why</th><th class="number">Since</th></tr></thead>
      <tbody>${calls.map((call) => html`<tr key=${call.stream}>
        <th scope="row">${call.gateway}</th>
        <td><a href=${link("waiting", ["ledger", call.gateway], { key: call.key })}>${call.key}</a></td>
        <td>${call.reason}${call.may_have_acted && html` <b class="tag is-late">may have acted</b>`}
          ${call.due && html`<div class="hint">tried again <${Ago} time=${call.due} /></div>`}</td>
        <td class="number"><${Ago} time=${call.since} /></td>
      </tr>`)}</tbody>
    </table></div>`}
    ${!value && known.map((one) => html`<p key=${one.gateway}><b>${one.gateway}</b>: calls of ${one.logs} keys wait, the first for ${span(one.seconds)}. ${one.reason}</p>`)}
  <//>`;
}
