import { html } from "/console/vendor/htm-preact.js";
export function Rebuild() { return html`<h1>Rebuild</h1>`; }
