// What went wrong, in the words of the system.

import { html } from "/console/vendor/htm-preact.js";

/** A sentence in which `what stands between backticks` is code. */
export function sentence(text = "") {
  return text.split("`").map((part, nth) => (nth % 2 ? html`<code>${part}</code>` : part));
}

/** A problem's detail and field; or that this deployment does not have `what`,
 * and what there is `instead`. */
export function Note({ problem, what = "this", instead = "" }) {
  if (!problem) return null;
  if (problem.isMissing) {
    return html`<p class="note is-missing">This deployment does not have ${what}. A newer version of Rewind does. ${instead}</p>`;
  }
  // The page's head says it loudly, once.
  if (problem.isAway) return html`<p class="nothing">${problem.detail}</p>`;
  return html`<div class="note is-problem" role="alert">
    <strong>${problem.title}</strong>
    <span>${sentence(problem.detail ?? problem.message)}</span>
    ${problem.field && html`<span class="field">field <code>${problem.field}</code></span>`}
  </div>`;
}

/** What a panel shows before its content is there. */
export function Loading({ what }) {
  return html`<p class="loading" role="status">Reading ${what}.</p>`;
}

/** What a panel shows where there is nothing. */
export function Nothing({ children }) {
  return html`<p class="nothing">${children}</p>`;
}
