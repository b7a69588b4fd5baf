// The events of a stream, read where somebody looks: a stream may have a million.

import { useCallback, useEffect, useRef, useState } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { poll } from "/console/poll.js";

/** Events of a page. */
const PAGE = 100;

/** How often new events are looked for, in milliseconds. */
const EVERY = 4000;

/** The most events that are kept; those that were read first go first. */
const KEPT = 5000;

/**
 * `{head, event, want, problem}`: the last version, an event by its version where it
 * was read, and `want(first, last)`, which reads these versions.
 */
export function useEvents(stream) {
  const [, draw] = useState(0);
  const [head, setHead] = useState(0);
  const [problem, setProblem] = useState(null);
  const kept = useRef(new Map());
  const pages = useRef(new Set());
  const top = useRef(0);

  const keep = useCallback((events) => {
    for (const event of events) kept.current.set(event.version, event);
    for (const version of kept.current.keys()) {
      if (kept.current.size <= KEPT) break;
      kept.current.delete(version);
      pages.current.delete(Math.floor((version - 1) / PAGE));
    }
    const last = events.at(-1)?.version ?? 0;
    if (last > top.current) setHead((top.current = last));
    draw((was) => was + 1);
  }, []);

  useEffect(() => {
    const read = async (signal) => {
      const path = top.current ? { from: top.current + 1, limit: PAGE } : { last: PAGE };
      keep(await firstOr(stream, path, signal));
    };
    const running = poll(read, EVERY, (told) => setProblem(told.problem));
    return () => running.end();
  }, [stream]);

  const want = useCallback(async (first, last) => {
    for (let page = Math.floor((first - 1) / PAGE); page <= Math.floor((last - 1) / PAGE); page += 1) {
      const [begin, end] = [page * PAGE + 1, Math.min((page + 1) * PAGE, top.current)];
      if (page < 0 || begin > end || pages.current.has(page) || holds(kept.current, begin, end)) continue;
      pages.current.add(page);
      try {
        keep(await range(stream, begin, end));
      } catch (failure) {
        pages.current.delete(page);
        setProblem(failure);
      }
    }
  }, [stream]);

  return { head, event: (version) => kept.current.get(version), want, problem };
}

function holds(kept, begin, end) {
  for (let version = begin; version <= end; version += 1) if (!kept.has(version)) return false;
  return true;
}

/** The events from one version to another. An answer may end early. */
async function range(stream, begin, end) {
  const events = [];
  while (begin <= end) {
    const page = await get(url(["streams", stream], { from: begin, limit: end - begin + 1 }));
    if (!page.events.length) break;
    events.push(...page.events);
    begin = events.at(-1).version + 1;
  }
  return events;
}

/** A page of events. A deployment that does not know `last` is read from the
 * beginning. */
async function firstOr(stream, query, signal) {
  try {
    return (await get(url(["streams", stream], query), signal)).events;
  } catch (problem) {
    if (!problem.isMissing || !query.last) throw problem;
    return (await get(url(["streams", stream], { limit: PAGE }), signal)).events;
  }
}
