// Performance: rates, lag, and the time from post to row.

import { html } from "/console/vendor/htm-preact.js";
import { Chart } from "/console/chart.js";
import { Panel } from "/console/panel.js";
import { Loading, Note } from "/console/problem.js";

export function Performance({ metrics }) {
  const { value, problem } = metrics;
  if (!value) {
    return html`<${Panel} title="Performance" kind="performance">
      ${problem ? html`<${Note} problem=${problem} what="the console's metrics" />` : html`<${Loading} what="the metrics" />`}
    <//>`;
  }
  const { from, step, series } = value;
  const length = Math.max(...Object.values(series).map((values) => values.length));
  const times = Array.from({ length }, (_, nth) => from + nth * step);
  const line = (label, values, colour) => ({ label, values: values ?? times.map(() => null), colour });
  const rate = (values) => values?.map((sum) => (sum === null ? null : sum / step));
  const isReplaying = series.replayed?.some((sum) => sum > 0);
  const rates = [
    line("accepted", rate(series.accepted), "blue"),
    line("recorded", rate(series.recorded), "teal"),
    line("applied to rows", rate(series.applied), "violet"),
    line("refused", rate(series.refused), "red"),
    ...(isReplaying ? [line("replayed", rate(series.replayed), "amber")] : []),
  ];
  const minutes = Math.round((length * step) / 60);
  return html`<${Panel} title="Performance" kind="performance" aside=${`last ${minutes} minutes`}>
    <div class="charts">
      <${Chart} title="Events" unit="/s" times=${times} lines=${rates} height=${168} />
      <div class="pair">
        <${Chart} title="Post to row" unit="ms" times=${times}
          lines=${[line("p50", series.post_to_row_p50, "teal"), line("p99", series.post_to_row_p99, "amber")]} />
        <${Chart} title="Lag" unit="events" times=${times} lines=${[line("most behind", series.lag_events, "blue")]} />
        <${Chart} title="Lag" unit="s" times=${times} lines=${[line("most behind", series.lag_seconds, "violet")]} />
      </div>
    </div>
    <${Note} problem=${problem} what="the console's metrics" />
  <//>`;
}
