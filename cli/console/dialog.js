// Questions before something changes: what will happen, and the answer.

import { html, useEffect, useRef, useState } from "/console/vendor/htm-preact.js";
import { Note } from "/console/problem.js";

/** A window above the page. Escape closes it; the focus goes back to where it was. */
export function Dialog({ title, onClose, children }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.focus?.();
  }, []);
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${box} onCancel=${onCancel} aria-labelledby="dialog-title">
    <header>
      <h2 id="dialog-title">${title}</h2>
      <button type="button" class="quiet" onClick=${onClose} aria-label="Close">Close</button>
    </header>
    ${children}
  </dialog>`;
}

/**
 * Asks before `run()` is called. The children say what will happen. `action`
 * stands on the button; the dialog stays open with the problem where it fails.
 */
export function Confirm({ title, action, run, onClose, onDone, isReady = true, isGrave = false, children }) {
  const [state, set] = useState({ isBusy: false, problem: null });
  const confirm = async (event) => {
    event.preventDefault();
    if (!isReady || state.isBusy) return;
    set({ isBusy: true, problem: null });
    try {
      const answer = await run();
      onDone?.(answer);
      onClose();
    } catch (problem) {
      set({ isBusy: false, problem });
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${confirm}>
      <div class="dialog-body">${children}</div>
      <${Note} problem=${state.problem} what="this action" />
      <footer>
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${isGrave ? "grave" : "primary"} disabled=${!isReady || state.isBusy}>
          ${state.isBusy ? "Working" : action}
        </button>
      </footer>
    </form>
  <//>`;
}
