// Lists that the server pages with cursors, read as far as somebody scrolls.

import { useCallback, useEffect, useRef, useState } from "/console/vendor/htm-preact.js";

/** How many empty pages are passed over at most before somebody asks again. */
const EMPTY = 20;

/**
 * Reads `load(cursor, signal)` -> `{items, next}`, page by page:
 * `{items, hasMore, isLoading, problem, more, again}`. Begins again when `inputs` change.
 */
export function usePages(load, inputs) {
  const nothing = { items: [], next: undefined, isLoading: true, problem: null };
  const [state, set] = useState(nothing);
  const [turn, setTurn] = useState(0);
  const now = useRef(state);
  const ended = useRef(null);
  const key = JSON.stringify([inputs, turn]);

  const tell = useCallback((change) => {
    now.current = { ...now.current, ...change };
    set(now.current);
  }, []);

  const read = useCallback(async (cursor, signal, loader) => {
    tell({ isLoading: true, problem: null });
    try {
      let page = await loader(cursor, signal);
      // A page may be empty although there are more.
      for (let nth = 0; nth < EMPTY && page.next && !page.items.length; nth += 1) page = await loader(page.next, signal);
      if (signal.aborted) return;
      const before = cursor ? now.current.items : [];
      tell({ items: before.concat(page.items), next: page.next, isLoading: false });
    } catch (problem) {
      if (!signal.aborted) tell({ problem, isLoading: false });
    }
  }, []);

  useEffect(() => {
    ended.current = new AbortController();
    now.current = nothing;
    tell({});
    read(undefined, ended.current.signal, load);
    return () => ended.current.abort();
  }, [key]);

  const more = useCallback(() => {
    const { next, isLoading, problem } = now.current;
    if (next && !isLoading && !problem) read(next, ended.current.signal, load);
  }, [key]);

  const again = useCallback(() => setTurn((was) => was + 1), []);
  return { ...state, hasMore: Boolean(state.next), more, again };
}
