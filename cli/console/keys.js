// The keys of the whole page: `/`, `g` and a letter, `?`.

import { html } from "/console/vendor/htm-preact.js";
import { Dialog } from "/console/dialog.js";
import { go, link } from "/console/router.js";
import { store, useStore } from "/console/store.js";

/** How long `g` waits for its letter, in milliseconds. */
const PATIENCE = 1500;

const isOpen = store(false);

/** Begins to listen. Keys that are typed into a field are the field's. */
export function listenToKeys(views) {
  let began = 0;
  addEventListener("keydown", (event) => {
    const isField = event.target.closest?.("input, select, textarea, [contenteditable]");
    const isOther = event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");
    if (event.key === "Escape" && isField) event.target.blur();
    if (isField || isOther) return;
    if (event.key === "g") {
      began = Date.now();
    } else if (Date.now() - began < PATIENCE) {
      began = 0;
      const [view] = Object.entries(views).find(([, { key }]) => key === event.key) ?? [];
      if (view) go(link(view));
    } else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select?.();
    } else if (event.key === "?") {
      isOpen.set(true);
    }
  });
}

/** The button that lists the keys, and the list. */
export function Keys({ views }) {
  const open = useStore(isOpen);
  const keys = [
    ["/", "go to the search of the view"],
    ...Object.values(views).map(({ name, key }) => [`g ${key}`, `go to ${name}`]),
    ["↑ ↓ Page Up Page Down Home End", "move in a list"],
    ["Enter", "open what the list is at"],
    ["← →", "move the slider of a row's history, one step"],
    ["Escape", "close a dialog, leave a field"],
    ["?", "show these keys"],
  ];
  return html`
    <footer class="foot"><button type="button" class="quiet" onClick=${() => isOpen.set(true)}>Keys <kbd>?</kbd></button></footer>
    ${open &&
    html`<${Dialog} title="Keys" onClose=${() => isOpen.set(false)}>
      <dl class="keys">${keys.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
    <//>`}
  `;
}
