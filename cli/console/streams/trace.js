// The graph of causes: what led to an event, and all that followed.

import { html } from "/console/vendor/htm-preact.js";
import { oneLine } from "/console/json.js";
import { Loading, Note } from "/console/problem.js";
import { eventLink } from "/console/router.js";
import { span } from "/console/time.js";

/** `trace` is the answer of `GET /streams/{stream}/events/{version}/trace`, as `usePoll` gives it. */
export function Trace({ trace }) {
  const { value, problem, isLoading } = trace;
  if (isLoading) return html`<${Loading} what="the causes" />`;
  if (!value) return html`<${Note} problem=${problem} what="the graph of causes" />`;
  const nodes = placed(value.events);
  const begin = Math.min(...nodes.map(({ event }) => event.position));
  return html`<div class="trace scroll-x">
    <ol aria-label="Causes and consequences, in causal order">
      ${nodes.map(({ at, cause, event, branches }) => {
        const isHere = at === value.event;
        const after = (event.position - begin) / 1e6;
        return html`<li key=${at} class=${isHere ? "is-here" : ""}>
          <${Branches} branches=${branches} />
          <a href=${eventLink(at)} aria-current=${isHere ? "true" : undefined}>
            <b>${event.type}</b> <span class="where">${at}</span>${cause && html`<span class="hidden">, caused by ${cause}</span>`}
            <span class="when">${after ? `+${span(after)}` : "first"}</span>
            <code>${oneLine(event.data ?? "", 80)}</code>
          </a>
        </li>`;
      })}
    </ol>
    ${value.more && html`<p class="hint">There are more consequences than are shown.</p>`}
  </div>`;
}

/** The events as a tree, depth first, each with the lines that lead to it:
 * `branches` says for each level whether a line goes on below. */
export function placed(events) {
  const known = new Set(events.map(({ at }) => at));
  const under = new Map();
  for (const one of events) {
    const cause = known.has(one.cause) ? one.cause : null;
    under.set(cause, [...(under.get(cause) ?? []), one]);
  }
  const nodes = [];
  const seen = new Set();
  const add = (one, branches) => {
    if (seen.has(one.at)) return;
    seen.add(one.at);
    nodes.push({ ...one, branches });
    const children = under.get(one.at) ?? [];
    children.forEach((child, nth) => add(child, [...branches, nth < children.length - 1]));
  };
  for (const root of under.get(null) ?? []) add(root, []);
  return nodes;
}

const [STEP, HEIGHT] = [22, 30];

function Branches({ branches }) {
  const width = branches.length * STEP + 14;
  const middle = HEIGHT / 2;
  const lines = branches.map((goesOn, nth) => {
    const x = nth * STEP + 7;
    const isOwn = nth === branches.length - 1;
    if (!isOwn) return goesOn ? `M${x} 0V${HEIGHT}` : "";
    return `M${x} 0V${goesOn ? HEIGHT : middle}M${x} ${middle}H${x + STEP - 5}`;
  });
  return html`<svg class="branches" width=${width} height=${HEIGHT} aria-hidden="true">
    <path d=${lines.join("")} /><circle cx=${branches.length * STEP + 7} cy=${middle} r="4" />
  </svg>`;
}
