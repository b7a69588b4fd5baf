// Requests to the system: answers, problems, and whether it can be reached.

import { store } from "/console/store.js";

/** How long an answer may take, in milliseconds: API Gateway waits 30 s. */
const PATIENCE = 31_000;

/** Whether the system answers: `{ok, since}`. */
export const reach = store({ ok: true, since: null });

/** A refusal or a failure, as RFC 9457 says it. */
export class Problem extends Error {
  constructor({ status = 0, title, detail, field, isMissing = false, isAway = false }) {
    super(detail || title || "The request failed.");
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.field = field;
    /** Whether this deployment does not have the route or the parameter. */
    this.isMissing = isMissing;
    /** Whether nothing of the system has answered. */
    this.isAway = isAway;
  }
}

/** A path of the API. Parts are encoded; empty members of `query` are left out. */
export function url(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const asked = new URLSearchParams(given).toString();
  return `/${parts.map(encodeURIComponent).join("/")}${asked ? `?${asked}` : ""}`;
}

/** GETs a path. Throws a `Problem`. */
export function get(path, signal) {
  return send(path, { signal });
}

/** POSTs JSON. Throws a `Problem`. */
export function post(path, body) {
  const headers = { "content-type": "application/json" };
  return send(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function send(path, { signal, ...options }) {
  const limit = AbortSignal.timeout(PATIENCE);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  let response;
  let text;
  try {
    response = await fetch(path, { ...options, signal: either, cache: "no-store" });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    unreachable();
    const late = error.name === "TimeoutError";
    const detail = late ? "The system did not answer within 31 s." : "The system is out of reach.";
    throw new Problem({ title: "Out of reach", detail, isAway: true });
  }
  const body = json(text);
  if (body === undefined && response.status >= 500) {
    unreachable();
    const detail = `The system is out of reach: status ${response.status}.`;
    throw new Problem({ status: response.status, title: "Out of reach", detail, isAway: true });
  }
  reach.set({ ok: true, since: null });
  if (response.ok) return body;
  throw problem(response.status, body);
}

/** Numbers that are too long for JavaScript keep their digits, where the browser
 * can do that. */
function exactly(_, value, context) {
  const isLong = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isLong && context?.source && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

function json(text) {
  try {
    return /\d{17}/.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable() {
  const { since } = reach.get();
  reach.set({ ok: false, since: since ?? Date.now() });
}

/** A route that is not there is a 404 without a type of Rewind's own: from the
 * local gateway or from API Gateway. An unknown parameter is one that an older
 * deployment does not have. */
function problem(status, body) {
  const { type = "", title, detail, message, field } = body ?? {};
  const isRoute = (status === 404 && !type.startsWith("urn:rewind:")) || status === 405;
  const isParameter = status === 400 && /^there is no such parameter/.test(detail ?? "");
  return new Problem({
    status,
    title: title ?? `Status ${status}`,
    detail: detail ?? message ?? `The system answered with status ${status}.`,
    field,
    isMissing: isRoute || isParameter,
  });
}
