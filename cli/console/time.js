// Times for people, and the recorded time of events.

import { html } from "/console/vendor/htm-preact.js";
import { store, useStore } from "/console/store.js";

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A date of anything that says a time: RFC 3339, milliseconds, a date. */
export function date(time) {
  return time instanceof Date ? time : new Date(time);
}

/** The recorded time of an event, from its position in microseconds since 1970. */
export const recorded = (position) => new Date(position / 1000);

/** A position as RFC 3339, exact to the microsecond. */
export function rfc3339(position) {
  const seconds = Math.floor(position / 1e6);
  const micros = String(position - seconds * 1e6).padStart(6, "0");
  return new Date(seconds * 1000).toISOString().replace(".000Z", `.${micros}Z`);
}

/** A time of this day as `08:27:55`, and of another one with the day. */
export function brief(time) {
  const at = date(time);
  if (Number.isNaN(at.getTime())) return String(time);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** The time of day of seconds since 1970. */
export const clockOf = (seconds) => clock.format(new Date(seconds * 1000));

/** A length of time in seconds: `250 ms`, `12 s`, `4 min`, `3 h`, `30 days`. */
export function span(seconds) {
  const size = Math.abs(seconds);
  if (size < 1 && size > 0) return `${Math.round(size * 1000)} ms`;
  if (size < 120) return `${Math.round(size)} s`;
  if (size < 7200) return `${Math.round(size / 60)} min`;
  if (size < 172_800) return `${Math.round(size / 3600)} h`;
  return `${Math.round(size / 86_400)} days`;
}

/** The present, every second, while the page is visible. */
const present = store(Date.now());
setInterval(() => !document.hidden && present.set(Date.now()), 1000);

/** For how long something has been. */
export function For({ since }) {
  const now = useStore(present);
  return html`<span>for ${span(Math.max(0, Math.round((now - since) / 1000)))}</span>`;
}

/** How long ago something was, or how long it is until then. */
export function Ago({ time }) {
  const now = useStore(present);
  const seconds = Math.round((now - date(time).getTime()) / 1000);
  const text = seconds < 0 ? `in ${span(seconds)}` : seconds < 2 ? "now" : `${span(seconds)} ago`;
  return html`<time datetime=${date(time).toISOString()} title=${date(time).toISOString()}>${text}</time>`;
}

/** A time. Its title is exact. */
export function Time({ time }) {
  const at = date(time);
  if (Number.isNaN(at.getTime())) return html`<span>${String(time)}</span>`;
  return html`<time datetime=${at.toISOString()} title=${at.toISOString()}>${brief(at)}</time>`;
}
