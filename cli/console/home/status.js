// Status: each function and each reader.

import { html, useState } from "/console/vendor/htm-preact.js";
import { count, counted } from "/console/numbers.js";
import { Panel } from "/console/panel.js";
import { Loading, Note, Nothing } from "/console/problem.js";
import { Spark } from "/console/home/spark.js";
import { Ago, span } from "/console/time.js";

/** Which function runs a reader, by how the reader's name begins. */
const GROUPS = [
  ["pump", "Pump, which records", (name) => name === "pump"],
  ["write", "Write: projections", (name) => name.includes("@")],
  ["microservice", "Microservice: adapters, rules, processes, gateways", () => true],
];

export function Status({ health, metrics }) {
  const { value, problem, at } = health;
  const aside = value && html`read <${Ago} time=${at} />`;
  return html`<${Panel} title="Status" kind="status" aside=${aside}>
    <${Functions} metrics=${metrics} failing=${value?.failing ?? []} />
    ${value ? html`<${Readers} readers=${value.readers} stalled=${value.stalled} />` : !problem && html`<${Loading} what="the readers" />`}
    <${Note} problem=${problem} what="/health" />
  <//>`;
}

function Functions({ metrics, failing }) {
  const { value, problem } = metrics;
  if (problem && !value) return html`<${Note} problem=${problem} what="metrics of functions" />`;
  if (!value) return html`<${Loading} what="the functions" />`;
  const names = Object.entries(value.functions);
  const minutes = Math.round(((value.series.accepted?.length ?? 0) * value.step) / 60);
  if (!names.length) return html`<${Nothing}>No function was invoked in the last ${minutes} minutes.<//>`;
  const minute = Math.max(1, Math.round(60 / value.step));
  const sum = (values) => values.reduce((all, one) => all + (one ?? 0), 0);
  return html`<table class="functions">
    <thead><tr><th>Function</th><th>Invocations</th><th class="number">a minute</th><th class="number">Errors, ${minutes} min</th></tr></thead>
    <tbody>
      ${names.map(([name, { invocations, errors }]) => {
        const failed = sum(errors);
        const isFailing = failing.some((shard) => shard.function === name);
        return html`<tr key=${name} class=${failed || isFailing ? "is-wrong" : ""}>
          <th scope="row"><i class=${`dot ${failed || isFailing ? "is-bad" : "is-good"}`} aria-hidden="true"></i>${name}</th>
          <td><${Spark} values=${invocations.slice(0, -1)} /></td>
          <td class="number">${count(sum(invocations.slice(-minute - 1, -1)))}</td>
          <td class="number">${isFailing ? "a batch fails" : count(failed)}</td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

function Readers({ readers, stalled }) {
  const [isOpen, setOpen] = useState(!matchMedia("(max-width: 760px)").matches);
  const late = readers.filter((lag) => lag.events > 0);
  const stalls = new Set(stalled.map((stall) => stall.reader));
  const groups = GROUPS.map(([key, name]) => ({ key, name, members: readers.filter((lag) => groupOf(lag.reader) === key) }));
  return html`<div class="readers">
    <p class="summary">
      <span>${counted(readers.length, "reader")}, ${late.length ? `${late.length} with events to read` : "none has events to read"}.</span>
      <button type="button" class="quiet" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${isOpen ? "Hide" : "Show"} all</button>
    </p>
    ${isOpen &&
    groups.map(
      ({ key, name, members }) => members.length > 0 && html`<div key=${key}>
        <h3>${name}</h3>
        <ul class="reader-list">
          ${members.map((lag) => html`<${Reader} key=${lag.reader} lag=${lag} isStalled=${stalls.has(lag.reader)} />`)}
        </ul>
      </div>`,
    )}
  </div>`;
}

const groupOf = (reader) => GROUPS.find(([, , holds]) => holds(reader))[0];

function Reader({ lag, isStalled }) {
  const state = isStalled || (lag.events && lag.seconds >= 60) ? "is-bad" : lag.events ? "is-late" : "is-good";
  const text = isStalled ? "stalled" : lag.events ? `${count(lag.events)}, ${span(lag.seconds)}` : "";
  const whole = lag.events ? `${count(lag.events)} events wait, the first for ${span(lag.seconds)}` : "has read all";
  return html`<li class=${state} title=${`${lag.reader}: ${isStalled ? "stalled, " : ""}${whole}`}>
    <i class=${`dot ${state}`} aria-hidden="true"></i><span>${lag.reader}</span>
    ${text ? html`<b>${text}</b>` : html`<b class="hidden">has read all</b>`}
  </li>`;
}
