// A part of a view with a heading.

import { html } from "/console/vendor/htm-preact.js";

/** A panel. `aside` stands at the end of its heading. */
export function Panel({ title, aside, kind = "", children }) {
  const id = `panel-${title.toLowerCase().replace(/\W+/g, "-")}`;
  return html`<section class=${`panel ${kind}`} aria-labelledby=${id}>
    <header><h2 id=${id}>${title}</h2>${aside && html`<div class="aside">${aside}</div>`}</header>
    <div class="panel-body">${children}</div>
  </section>`;
}
