// What a playback is asked for: the body of `POST /playbacks`.

/** The fields of the form, empty. */
export const EMPTY = {
  categories: "", streams: "", types: "", correlation: "", count: "",
  versionsFrom: "", versionsTo: "", recordedFrom: "", recordedTo: "", occurredFrom: "", occurredTo: "",
  rate: "", activate: "when-caught-up", changes: false, microservice: false, subscriber: "",
};

const words = (text) => text.split(/[\s,]+/).filter(Boolean);
const number = (text) => (text === "" ? undefined : Number(text));

/** A range without its empty ends; nothing where both are. */
function range(from, to) {
  const ends = Object.fromEntries(Object.entries({ from, to }).filter(([, end]) => end !== undefined && end !== ""));
  return Object.keys(ends).length ? ends : undefined;
}

/** Which part of history: only members that are given. */
export function selection(fields) {
  const members = {
    categories: words(fields.categories),
    streams: words(fields.streams),
    types: words(fields.types),
    versions: range(number(fields.versionsFrom), number(fields.versionsTo)),
    recorded: range(fields.recordedFrom, fields.recordedTo),
    occurred: range(fields.occurredFrom, fields.occurredTo),
    correlation: fields.correlation || undefined,
    count: number(fields.count),
  };
  const given = Object.entries(members).filter(([, value]) => value !== undefined && value.length !== 0);
  return Object.fromEntries(given);
}

/** Whether it is a part of some stream: its rows are never those of live events. */
export function isPart(what) {
  return Object.keys(what).some((name) => name !== "categories" && name !== "streams");
}

/** The body. */
export function request(chosen, fields) {
  const what = selection(fields);
  const to = chosen.map((projection) => ({ projection }));
  if (fields.microservice) to.push({ microservice: {} });
  if (fields.subscriber) to.push({ subscriber: fields.subscriber });
  return {
    to,
    ...(Object.keys(what).length && { what }),
    ...(fields.activate !== EMPTY.activate && { activate: fields.activate }),
    ...(fields.changes && { changes: true }),
    ...(fields.rate && { rate: Number(fields.rate) }),
  };
}

/** In words, which part of history a selection names. */
export function described(what = {}) {
  const parts = [
    what.categories && `categories ${what.categories.join(", ")}`,
    what.streams && `streams ${what.streams.join(", ")}`,
    what.types && `types ${what.types.join(", ")}`,
    what.versions && `versions ${what.versions.from ?? 1} to ${what.versions.to ?? "the last"}`,
    what.recorded && `recorded from ${what.recorded.from ?? "the beginning"} to ${what.recorded.to ?? "now"}`,
    what.occurred && `occurred from ${what.occurred.from ?? "the beginning"} to ${what.occurred.to ?? "now"}`,
    what.correlation && `correlation ${what.correlation}`,
    what.count && `the first ${what.count} events`,
  ].filter(Boolean);
  return parts.length ? parts.join("; ") : "all of history";
}

/** In words, whom a playback is for. */
export function receivers(to) {
  const name = (one) => {
    if (one.projection) return one.generation ? `${one.projection}@${one.generation}` : one.projection;
    if (one.subscriber) return `subscriber ${one.subscriber}`;
    return "adapters, rules and processes";
  };
  return to.map((one) => (typeof one === "string" ? one : name(one))).join(", ");
}
