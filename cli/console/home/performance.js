// Performance: rates, lag, and the time from post to row.

import { html } from "/console/vendor/htm-preact.js";
import { Chart } from "/console/chart.js";
import { Panel } from "/console/panel.js";
import { Loading, Note } from "/console/problem.js";
import { link, replace } from "/console/router.js";

/** The fewest steps that a chart shows. */
const LEAST = 12;

/** How much the charts can show, in minutes. */
const SPANS = { 15: "last 15 minutes", 60: "last hour", 180: "last 3 hours" };

export function Performance({ metrics, minutes }) {
  const { value, problem } = metrics;
  if (!value) {
    return html`<${Panel} title="Performance" kind="performance">
      ${problem ? html`<${Note} problem=${problem} what="the console's metrics" />` : html`<${Loading} what="the metrics" />`}
    <//>`;
  }
  const { from, step, series } = value;
  const all = Object.values(series);
  // The last step is under way.
  const length = Math.max(0, Math.max(...all.map((values) => values.length)) - 1);
  // Where a system is younger than the chart, the chart begins with it.
  const begin = Array.from({ length }).findIndex((_, nth) => all.some((values) => values[nth] !== null));
  const first = Math.max(0, Math.min(begin, length - LEAST));
  const times = Array.from({ length: length - first }, (_, nth) => from + (first + nth) * step);
  const line = (label, values, colour, more) => ({ label, values: values?.slice(first, length) ?? times.map(() => null), colour, ...more });
  // Once anything was counted, a step in which nothing was is a zero.
  const rate = (values) => values?.map((sum, nth) => (sum === null && (begin < 0 || nth < begin) ? null : (sum ?? 0) / step));
  const isReplaying = series.replayed?.some((sum) => sum > 0);
  const rates = [
    line("accepted", rate(series.accepted), "blue"),
    line("recorded", rate(series.recorded), "teal"),
    line("applied to rows", rate(series.applied), "violet"),
    line("refused", rate(series.refused), "red"),
    ...(isReplaying ? [line("replayed", rate(series.replayed), "amber")] : []),
  ];
  return html`<${Panel} title="Performance" kind="performance" aside=${html`<${Span} minutes=${minutes} />`}>
    <div class="charts">
      <${Chart} title="Events" unit="/s" times=${times} lines=${rates} height=${168} />
      <div class="pair">
        <${Chart} title="Post to row" unit="ms" times=${times}
          lines=${[line("p50", series.post_to_row_p50, "teal", { isSparse: true }), line("p99", series.post_to_row_p99, "amber", { isSparse: true })]} />
        <${Chart} title="Lag" unit="events" times=${times} lines=${[line("most behind", series.lag_events, "blue", { isSparse: true })]} />
        <${Chart} title="Lag" unit="s" times=${times} lines=${[line("most behind", series.lag_seconds, "violet", { isSparse: true })]} />
      </div>
    </div>
    <${Note} problem=${problem} what="the console's metrics" />
  <//>`;
}

function Span({ minutes }) {
  const choose = (event) => replace(link("home", [], { minutes: event.target.value }));
  return html`<select aria-label="How much the charts show" value=${minutes} onChange=${choose}>
    ${Object.entries(SPANS).map(([value, label]) => html`<option value=${value}>${label}</option>`)}
  </select>`;
}
