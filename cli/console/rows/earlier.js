// Events of some categories, back from the latest, page by page.

import { get, url } from "/console/api.js";

/** How many events of a category a page has, at least, where there are as many. */
const PAGE = 100;

/**
 * A page of events: `{items, next}`. `from` names the categories, or is `next` of
 * the page before. Only what is read least far back is read on, so that little is
 * read which cannot be shown yet.
 */
export async function earlier(from, signal) {
  const { places, known } = Array.isArray(from)
    ? { places: from.map((category) => ({ category, before: undefined })), known: new Set() }
    : from;
  const least = frontier(places);
  const read = await Promise.all(
    places.map((place) => (place.before === least ? back(place, known, signal) : { place, events: [] })),
  );
  const items = read.flatMap((one) => one.events);
  const on = { places: read.map((one) => one.place), known: new Set([...known, ...items.map(placeOf)]) };
  return { items, next: on.places.some((place) => place.before !== null) ? on : undefined };
}

/** The events that all categories have reached, the oldest first. Behind them, some
 * would be missing. */
export function reached(items, next) {
  const least = (next && frontier(next.places)) ?? 0;
  return items.filter((event) => event.position >= least - 1).sort((a, b) => a.position - b.position);
}

/** What is read least far back: the position before which it is read on. */
function frontier(places) {
  const open = places.map((place) => place.before).filter((before) => before !== null);
  return open.includes(undefined) ? undefined : Math.max(...open);
}

/** Reads a category on. `before` of its place is `null` at its beginning. */
async function back({ category, before }, known, signal) {
  const events = [];
  const seen = new Set(known);
  while (events.length < PAGE) {
    const page = await get(url(["events"], { category, latest: PAGE, before }), signal);
    // Events of several streams may have one position: the last one is asked for again.
    const fresh = page.events.filter((event) => !seen.has(placeOf(event)));
    if (!fresh.length) return { place: { category, before: null }, events };
    fresh.forEach((event) => seen.add(placeOf(event)));
    events.push(...fresh);
    before = fresh.at(-1).position + 1;
  }
  return { place: { category, before }, events };
}

const placeOf = (event) => `${event.subject}@${event.version}`;
