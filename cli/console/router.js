// Addresses: each view has one that can be sent to a colleague, such as
// `#/streams/cart-456?at=3`.

import { store } from "/console/store.js";

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What an address says: the view, the parts behind it, and the query. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, ...parts] = path.split("/").map(decoded);
  const asked = Object.fromEntries(new URLSearchParams(query));
  return { view: view || "home", parts: parts.filter(Boolean), query: asked };
}

/** The address of a view. Members of `query` that are empty are left out. */
export function link(view, parts = [], query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const asked = new URLSearchParams(given).toString();
  const path = [view, ...parts].map(encodeURIComponent).join("/");
  return `#/${path}${asked ? `?${asked}` : ""}`;
}

/** The address of an event, given as `stream@version`. */
export function eventLink(at) {
  const place = at.lastIndexOf("@");
  if (place < 0) return link("streams", [at]);
  return link("streams", [at.slice(0, place)], { at: at.slice(place + 1) });
}

/** Where the page is. */
export const route = store(parse(location.hash));

addEventListener("hashchange", () => route.set(parse(location.hash)));

/** Goes to an address. */
export function go(address) {
  location.hash = address;
}

/** Goes to an address that takes the place of the present one: a slider's
 * positions are no pages to go back to. */
export function replace(address) {
  history.replaceState(null, "", address);
  route.set(parse(address));
}
