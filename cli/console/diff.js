// What differs between two JSON values.

import { html } from "/console/vendor/htm-preact.js";
import { coloured, oneLine } from "/console/json.js";

/** The longest lists that are compared item by item. */
const LONGEST = 400;

const text = (value) => JSON.stringify(value) ?? "";
const isObject = (value) => value !== null && typeof value === "object" && !JSON.isRawJSON?.(value);
const keysOf = (a, b) => [...new Set([...Object.keys(a), ...Object.keys(b)])];

/** The changes from `before` to `after`: `[{path, before, after}]`. What is not
 * there is `undefined`. */
export function changes(before, after, path = "") {
  if (text(before) === text(after)) return [];
  const areLists = Array.isArray(before) && Array.isArray(after);
  if (areLists && before.length <= LONGEST && after.length <= LONGEST) {
    return aligned(before, after).flatMap(({ was, is, nth }) => changes(was, is, `${path}[${nth}]`));
  }
  const areObjects = isObject(before) && isObject(after) && !Array.isArray(before) && !Array.isArray(after);
  if (areObjects) {
    return keysOf(before, after).flatMap((key) => changes(before[key], after[key], path ? `${path}.${key}` : key));
  }
  return [{ path: path || "row", before, after }];
}

/** The items of two lists beside each other, by their longest common part. */
function aligned(before, after) {
  const [was, is] = [before.map(text), after.map(text)];
  const width = is.length + 1;
  const common = new Uint16Array((was.length + 1) * width);
  for (let i = was.length - 1; i >= 0; i -= 1) {
    for (let j = is.length - 1; j >= 0; j -= 1) {
      const [down, right] = [common[(i + 1) * width + j], common[i * width + j + 1]];
      common[i * width + j] = was[i] === is[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(down, right);
    }
  }
  const pairs = [];
  let [i, j] = [0, 0];
  while (i < was.length || j < is.length) {
    if (i < was.length && j < is.length && was[i] === is[j]) {
      pairs.push({ was: before[i], is: after[j], nth: j });
      [i, j] = [i + 1, j + 1];
    } else if (j >= is.length || (i < was.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      pairs.push({ was: before[i], is: undefined, nth: i });
      i += 1;
    } else {
      pairs.push({ was: undefined, is: after[j], nth: j });
      j += 1;
    }
  }
  return pairs;
}

/** The lines of `after`, indented, and those of `before` that are gone: each
 * with the sign of what became of it. */
export function lines(before, after, key = "", depth = 0, isLast = true) {
  const end = isLast ? "" : ",";
  if (text(before) === text(after)) return printed(after, " ", key, depth, end);
  const bothLists = Array.isArray(before) && Array.isArray(after) && Math.max(before.length, after.length) <= LONGEST;
  const bothObjects = isObject(before) && isObject(after) && !Array.isArray(before) && !Array.isArray(after);
  if (!bothLists && !bothObjects) {
    return [...printed(before, "-", key, depth, end), ...printed(after, "+", key, depth, end)];
  }
  const [open, close] = bothLists ? ["[", "]"] : ["{", "}"];
  const members = bothLists
    ? aligned(before, after).map(({ was, is }) => ["", was, is])
    : keysOf(before, after).map((name) => [`${text(name)}: `, before[name], after[name]]);
  const inner = members.flatMap(([name, was, is], nth) => lines(was, is, name, depth + 1, nth === members.length - 1));
  return [line(" ", depth, `${key}${open}`), ...inner, line(" ", depth, `${close}${end}`)];
}

const line = (sign, depth, content) => ({ sign, content: "  ".repeat(depth) + content });

function printed(value, sign, key, depth, end) {
  if (value === undefined) return [];
  const rows = JSON.stringify(value, null, 2).split("\n");
  const last = rows.length - 1;
  return rows.map((row, nth) => line(sign, depth, `${nth ? "" : key}${row}${nth === last ? end : ""}`));
}

const NAMES = { "+": "added", "-": "removed", " ": "" };

/** A value with what has changed in it marked: by sign, colour and, for
 * assistive technology, by word. */
export function Marked({ before, after, label }) {
  const shown = lines(before, after);
  return html`<div class="json">
    <pre tabindex="0" role="region" aria-label=${label}>${shown.map(
      ({ sign, content }) => html`<code class=${NAMES[sign] && `is-${NAMES[sign]}`}
        ><span class="sign" aria-label=${NAMES[sign] || undefined}>${sign}</span>${coloured(content)}${"\n"}</code
      >`,
    )}</pre>
  </div>`;
}

/** The changes as a table: where, what it was, what it is. */
export function Changes({ before, after, names = ["before", "after"], most = 50 }) {
  const found = changes(before ?? undefined, after ?? undefined);
  if (!found.length) return html`<p class="nothing">No difference.</p>`;
  const cell = (value) => (value === undefined ? html`<span class="absent">not there</span>` : oneLine(value, 160));
  return html`<div class="scroll-x"><table class="changes">
    <thead><tr><th>Member</th><th>${names[0]}</th><th>${names[1]}</th></tr></thead>
    <tbody>
      ${found.slice(0, most).map(
        ({ path, before: was, after: is }) => html`<tr>
          <th scope="row">${path}</th>
          <td class="was">${cell(was)}</td>
          <td class="is">${cell(is)}</td>
        </tr>`,
      )}
    </tbody>
    ${found.length > most && html`<caption>${found.length - most} more are not shown.</caption>`}
  </table></div>`;
}
