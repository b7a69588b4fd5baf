// Rows as they were, each asked for once.

import { get, url } from "/console/api.js";

/** The most that are kept. */
const KEPT = 200;

const known = new Map();

/** The state of a row at a moment, `{at}` or `{as_of}`; `undefined` where there
 * was none. */
export async function past(name, key, moment, signal) {
  const path = url(["projections", name], { key, ...moment });
  if (known.has(path)) return known.get(path);
  let state;
  try {
    state = (await get(path, signal)).state;
  } catch (problem) {
    // No row then: no events yet, or they had deleted it.
    if (problem.status !== 404 || problem.isMissing || problem.field !== "key") throw problem;
  }
  if (known.size >= KEPT) known.delete(known.keys().next().value);
  known.set(path, state);
  return state;
}
