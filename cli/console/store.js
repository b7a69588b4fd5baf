// A value that several parts of the page look at.

import { useEffect, useState } from "/console/vendor/htm-preact.js";

/** Makes a store: `get`, `set`, and `subscribe`, which returns its end. */
export function store(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of a store, in a component. */
export function useStore(from) {
  const [value, set] = useState(from.get());
  useEffect(() => {
    // It may have changed between the first render and now.
    set(from.get());
    return from.subscribe((next) => set(next));
  }, [from]);
  return value;
}
