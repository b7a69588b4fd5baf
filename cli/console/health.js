// What `/health` says, read once for the whole page, and what of it is wrong now.

import { get } from "/console/api.js";
import { counted } from "/console/numbers.js";
import { poll } from "/console/poll.js";
import { store } from "/console/store.js";

/** How often it is read, in milliseconds. */
const EVERY = 5000;

/** The last answer: `{value, problem, at}`. */
export const health = store({ value: undefined, problem: null, at: 0 });

/** What is wrong now: `{key, kind, what, at, why, since}`. */
export const wrong = store([]);

/** Begins to read. */
export function watchHealth() {
  return poll((signal) => get("/health", signal), EVERY, (told) => {
    health.set({ ...health.get(), ...told });
    if (told.value) wrong.set(followed(wrong.get(), found(told.value), Date.now()));
  });
}

/** What waits for nobody: it is to be known, and `status` stays `ok`. */
export const MILD = new Set(["conflict", "unreadable record", "undeclared type"]);

/** What tells two things that are wrong apart. */
export const keyOf = ({ kind, what }) => `${kind}: ${what}`;

/** What is wrong now, under the names that `audit/incidents.rs` gives it. A name stays
 * the same while it lasts. */
export function found(value) {
  const now = Date.now();
  const late = value.readers.filter((lag) => lag.events > 0 && lag.seconds >= 60);
  const all = [
    ...value.stalled.map((stall) => ({
      kind: "stalled stream",
      what: `${stall.reader} on ${stall.stream}@${stall.version}`,
      at: `${stall.stream}@${stall.version}`,
      why: stall.reason,
    })),
    ...value.failing.map((shard) => ({
      kind: "failing batch",
      what: `${shard.function} on ${shard.shard}`,
      why: shard.reason,
      since: Date.parse(shard.since),
    })),
    ...(value.failing_playbacks ?? []).filter((playback) => now - Date.parse(playback.since) >= 60000).map((playback) => ({
      kind: "failing playback",
      what: `playback ${playback.id}`,
      why: playback.reason,
      since: Date.parse(playback.since),
    })),
    ...value.dead_letters.map((letter) => ({
      kind: "dead letter",
      what: letter.key,
      why: "A trigger has given up on this batch.",
      since: Date.parse(letter.time),
    })),
    ...late.map((lag) => ({
      kind: "reader behind",
      what: lag.reader,
      why: `${lag.events} events wait for it.`,
      since: now - lag.seconds * 1000,
    })),
    ...value.calls.map((waits) => ({
      kind: "waiting calls",
      what: `gateway ${waits.gateway}`,
      why: `${counted(waits.logs, "key")}: ${waits.reason}`,
      since: now - waits.seconds * 1000,
    })),
    ...parked(value.conflicts, "conflict", "rewind-conflicts", "A (source, id) was used again with other content."),
    ...parked(value.unreadable, "unreadable record", "rewind-unreadable", "It could not be recorded."),
    ...value.undeclared.map((type) => ({
      kind: "undeclared type",
      what: `${type.type} of ${type.category}`,
      at: `${type.stream}@${type.version}`,
      why: "No enum declares it. Readers pass over its events.",
    })),
  ];
  return all.map((one) => ({ ...one, key: keyOf(one) }));
}

/** What lies in a stream of Rewind's own: the latest of it. */
const parked = (number, kind, what, why) =>
  number ? [{ kind, what, at: `${what}@${number}`, why: `${counted(number, "event")}. ${why}` }] : [];

/** What is wrong now, since when it tells itself, or since this page saw it first. */
export function followed(known, now, time) {
  const before = new Map(known.map((one) => [one.key, one.since]));
  return now.map((one) => ({ ...one, since: before.get(one.key) ?? one.since ?? time }));
}
