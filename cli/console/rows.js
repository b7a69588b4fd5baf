import { html } from "/console/vendor/htm-preact.js";
export function Rows() { return html`<h1>Rows</h1>`; }
