// Requests to the outside, as a line each.

import { html } from "/console/vendor/htm-preact.js";
import { oneLine } from "/console/json.js";

/** The most characters of a body. */
const MOST = 400;

/** A request: method, path, body. Other kinds are shown as they are. */
export function OutsideRequest({ request }) {
  if (!request) return html`<span class="absent">nothing</span>`;
  const { method, path, url, body, ...rest } = request;
  const place = path ?? url;
  if (!place) return html`<code class="request">${oneLine(request, MOST)}</code>`;
  return html`<code class="request">${method ?? ""} ${place} ${oneLine(body ?? rest, MOST)}</code>`;
}
