// Reading what changes: gently, and only while somebody looks.

import { useCallback, useEffect, useRef, useState } from "/console/vendor/htm-preact.js";

/** The longest pause after failures, in milliseconds. */
const LONGEST = 30_000;

/**
 * Calls `load(signal)` now, and again `every` milliseconds after each answer
 * while the page is visible. Without `every`, once. After failures the pauses
 * double. A `load` that is `null` waits.
 */
export function poll(load, every, tell) {
  const ended = new AbortController();
  let timer = 0;
  let failures = 0;
  let isBusy = false;

  async function read() {
    clearTimeout(timer);
    if (isBusy || ended.signal.aborted || document.hidden) return;
    isBusy = true;
    let pause = every;
    try {
      const value = await load(ended.signal);
      failures = 0;
      if (!ended.signal.aborted) tell({ value, problem: null, at: Date.now() });
    } catch (problem) {
      failures += 1;
      if (!ended.signal.aborted) tell({ problem, at: Date.now() });
      // What a deployment does not have, it does not have in four seconds.
      pause = problem.isMissing ? 0 : every && Math.min(every * 2 ** failures, LONGEST);
    }
    isBusy = false;
    if (pause && !ended.signal.aborted) timer = setTimeout(read, pause);
  }

  const look = () => !document.hidden && read();
  document.addEventListener("visibilitychange", look);
  read();
  return {
    refresh: read,
    end() {
      ended.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    },
  };
}

/**
 * The same in a component: `{value, problem, at, isLoading, refresh}`. The last
 * value stays while another one is read, but not when `inputs` change.
 */
export function usePoll(load, every, inputs) {
  const [state, set] = useState({ value: undefined, problem: null, key: null });
  const running = useRef(null);
  const key = JSON.stringify(inputs);
  useEffect(() => {
    if (!load) return undefined;
    running.current = poll(load, every, (told) =>
      set((was) => ({ ...(was.key === key ? was : { value: undefined }), ...told, key })),
    );
    return () => running.current.end();
  }, [key, every, load === null]);
  const refresh = useCallback(() => running.current?.refresh(), []);
  const shown = state.key === key ? state : { value: undefined, problem: null };
  return { ...shown, isLoading: Boolean(load) && state.key !== key, refresh };
}
