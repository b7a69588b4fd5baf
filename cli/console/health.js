// What `/health` says, read once for the whole page, and the incidents of this session.

import { get } from "/console/api.js";
import { poll } from "/console/poll.js";
import { store } from "/console/store.js";

/** How often it is read, in milliseconds. */
const EVERY = 5000;

/** The last answer: `{value, problem, at}`. */
export const health = store({ value: undefined, problem: null, at: 0 });

/** Incidents of this session by their names: `{key, kind, what, why, since, until}`. */
export const incidents = store(remembered());

/** Begins to read. */
export function watchHealth() {
  return poll((signal) => get("/health", signal), EVERY, (told) => {
    health.set({ ...health.get(), ...told });
    if (told.value) incidents.set(keep(followed(incidents.get(), found(told.value), Date.now())));
  });
}

/** What waits for nobody: it is to be known, and `status` stays `ok`. */
export const MILD = new Set(["conflict", "unreadable record", "undeclared type"]);

/** What is wrong now, each under a name that stays the same while it lasts. */
export function found(value) {
  const now = Date.now();
  const late = value.readers.filter((lag) => lag.events > 0 && lag.seconds >= 60);
  return [
    ...value.stalled.map((stall) => ({
      key: `stall ${stall.reader} ${stall.stream}`,
      kind: "stalled stream",
      what: `${stall.reader} on ${stall.stream}@${stall.version}`,
      at: `${stall.stream}@${stall.version}`,
      why: stall.reason,
    })),
    ...value.failing.map((shard) => ({
      key: `failing ${shard.function} ${shard.shard}`,
      kind: "failing batch",
      what: `${shard.function} on ${shard.shard}`,
      why: shard.reason,
      since: Date.parse(shard.since),
    })),
    ...value.dead_letters.map((letter) => ({
      key: `letter ${letter.key}`,
      kind: "dead letter",
      what: letter.key,
      why: "A trigger has given up on this batch.",
      since: Date.parse(letter.time),
    })),
    ...late.map((lag) => ({
      key: `late ${lag.reader}`,
      kind: "reader behind",
      what: lag.reader,
      why: `${lag.events} events wait for it.`,
      since: now - lag.seconds * 1000,
    })),
    ...value.calls.map((waits) => ({
      key: `calls ${waits.gateway}`,
      kind: "waiting calls",
      what: `gateway ${waits.gateway}, ${waits.logs} keys`,
      why: waits.reason,
      since: now - waits.seconds * 1000,
    })),
    ...counted(value.conflicts, "conflicts", "conflict", "rewind-conflicts", "A (source, id) was used again with other content."),
    ...counted(value.unreadable, "unreadable", "unreadable record", "rewind-unreadable", "It could not be recorded."),
    ...value.undeclared.map((type) => ({
      key: `undeclared ${type.category} ${type.type}`,
      kind: "undeclared type",
      what: `${type.type} of ${type.category}`,
      at: `${type.stream}@${type.version}`,
      why: "No enum declares it. Readers pass over its events.",
    })),
  ];
}

const counted = (number, key, kind, stream, why) =>
  number ? [{ key, kind, what: `${number} ${number === 1 ? "event" : "events"} in ${stream}`, at: `${stream}@${number}`, why }] : [];

/** The incidents with what is wrong now. What is gone is resolved. */
export function followed(known, wrong, now) {
  const next = { ...known };
  const current = new Set(wrong.map((incident) => incident.key));
  for (const incident of wrong) {
    const was = known[incident.key];
    const isSame = was && !was.until;
    next[incident.key] = { ...incident, since: isSame ? was.since : (incident.since ?? now), until: null };
  }
  for (const [key, incident] of Object.entries(known)) {
    if (!current.has(key) && !incident.until) next[key] = { ...incident, until: now };
  }
  return next;
}

function keep(all) {
  sessionStorage.setItem("rewind-incidents", JSON.stringify(all));
  return all;
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem("rewind-incidents")) ?? {};
  } catch {
    return {};
  }
}
