import { html } from "/console/vendor/htm-preact.js";
export function Waiting() { return html`<h1>Waiting</h1>`; }
