// Short sentences about what was done. Assistive technology reads them.

import { html } from "/console/vendor/htm-preact.js";
import { store, useStore } from "/console/store.js";

/** How long a sentence stays, in milliseconds. */
const STAYS = 8000;

const sentence = store("");
let timer = 0;

/** Says a sentence. */
export function announce(text) {
  clearTimeout(timer);
  sentence.set(text);
  timer = setTimeout(() => sentence.set(""), STAYS);
}

/** Where the sentences stand. */
export function Announcements() {
  const text = useStore(sentence);
  return html`<div class=${text ? "announcement is-shown" : "announcement"} role="status">${text}</div>`;
}
