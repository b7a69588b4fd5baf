// A live chart: uPlot draws it, the legend beside it is text.

import { html, useEffect, useRef, useState } from "/console/vendor/htm-preact.js";
import { measure } from "/console/numbers.js";
import { clockOf } from "/console/time.js";
import UPlot from "/console/vendor/uplot.js";

/** How far apart the times below a chart may be, in seconds. */
const MINUTES = [60, 120, 300, 600, 900, 1800, 3600];

const dark = matchMedia("(prefers-color-scheme: dark)");
const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Lines over the same times, in seconds since 1970. `lines` are
 * `[{label, values, colour}]`, where `colour` is a property of the style sheet
 * and `values` have `null` where nothing is known; with `isSparse`, the line goes
 * on over that. All charts share a cursor.
 */
export function Chart({ title, times, lines, unit, height = 132 }) {
  const box = useRef(null);
  const plot = useRef(null);
  const [at, setAt] = useState(null);
  const [scheme, setScheme] = useState(dark.matches);

  useEffect(() => {
    const change = () => setScheme(dark.matches);
    dark.addEventListener("change", change);
    return () => dark.removeEventListener("change", change);
  }, []);

  const shape = `${lines.map((line) => line.label).join()}${scheme}`;
  useEffect(() => {
    const width = () => Math.max(160, box.current.clientWidth);
    const told = (chart) => setAt(chart.cursor.idx ?? null);
    plot.current = new UPlot(options(lines, width(), height, told), dataOf(times, lines), box.current);
    const observer = new ResizeObserver(() => plot.current.setSize({ width: width(), height }));
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
    };
  }, [shape]);

  useEffect(() => plot.current.setData(dataOf(times, lines)), [times, lines]);

  // Without a cursor, the last that is known.
  const placeOf = (line) => at ?? line.values.findLastIndex((value) => value !== null);
  const valueOf = (line) => `${measure(line.values[placeOf(line)])} ${unit}`;
  const said = lines.map((line) => `${line.label} ${valueOf(line)}`).join(", ");
  return html`<figure class="chart">
    <figcaption>
      <span class="chart-title">${title}</span>
      <span class="legend">
        ${lines.map(
          (line) => html`<span key=${line.label}>
            <i class=${`swatch ${line.colour}`} aria-hidden="true"></i>${line.label} <b>${valueOf(line)}</b>
          </span>`,
        )}
        ${at !== null && times[at] && html`<span class="legend-time">${clockOf(times[at])}</span>`}
      </span>
    </figcaption>
    <div class="plot" ref=${box} role="img" aria-label=${`${title}: ${said}`}></div>
  </figure>`;
}

const dataOf = (times, lines) => [times, ...lines.map((line) => line.values)];

function options(lines, width, height, told) {
  const font = `11px ${styleOf("--sans")}`;
  const axis = { stroke: styleOf("--faint"), font, ticks: { show: false } };
  const grid = { stroke: styleOf("--line"), width: 1 };
  const series = lines.map((line, nth) => ({
    label: line.label,
    stroke: styleOf(`--${line.colour}`),
    width: 1.5,
    fill: nth === 0 && lines.length < 4 ? styleOf(`--${line.colour}-fill`) || undefined : undefined,
    points: { show: false },
    spanGaps: Boolean(line.isSparse),
  }));
  return {
    width,
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "home" }, y: false, points: { size: 5 }, drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [0, Math.max(1, high ?? 1) * 1.08] } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, incrs: MINUTES, values: (_, ticks) => ticks.map((tick) => clockOf(tick).slice(0, 5)) },
      { ...axis, grid, size: 44, space: 28, values: (_, ticks) => ticks.map((tick) => measure(tick)) },
    ],
    series: [{}, ...series],
    hooks: { setCursor: [told] },
  };
}
