// A line in a table's cell.

import { html } from "/console/vendor/htm-preact.js";

const [WIDTH, HEIGHT] = [120, 20];

/** How a number went. `null` is a gap. */
export function Spark({ values }) {
  // Steps without an invocation are gaps; between two, that is a zero.
  const first = values.findIndex((value) => value !== null);
  values = values.map((value, nth) => (first >= 0 && nth > first ? (value ?? 0) : value));
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  const point = (value, nth) => `${(nth * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
  let isGap = true;
  const path = values.map((value, nth) => {
    const move = isGap ? "M" : "L";
    isGap = value === null;
    return value === null ? "" : move + point(value, nth);
  });
  return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} width=${WIDTH} height=${HEIGHT} preserveAspectRatio="none" aria-hidden="true">
    <path d=${path.join("")} />
  </svg>`;
}
