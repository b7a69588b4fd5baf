import { html } from "/console/vendor/htm-preact.js";
export function Streams() { return html`<h1>Streams</h1>`; }
