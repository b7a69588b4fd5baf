// A list of any length: only what is seen is in the page.

import { html, useEffect, useLayoutEffect, useRef, useState } from "/console/vendor/htm-preact.js";

/** Browsers lay out at most some 17 million pixels. Beyond this, positions are scaled. */
const TALLEST = 8_000_000;

/** Rows above and below what is seen. */
const SPARE = 6;

/**
 * A list of `total` rows, all `height` pixels high. `row(nth)` is what stands
 * in one, `onOpen(nth)` what Enter and a click do, `onSeen(first, last)` is told
 * what is seen. `active` is the row that is open. Arrows, Page Up, Page Down,
 * Home and End move; with `follows`, moving opens. With `fits`, a short list is
 * no higher than its rows.
 */
export function VirtualList({ total, height = 34, row, onOpen, onSeen, active = -1, follows = false, fits = false, label, name }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const [seen, setSeen] = useState(400);
  const [cursor, setCursor] = useState(active);

  useEffect(() => {
    const observer = new ResizeObserver(() => setSeen(box.current.clientHeight));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const full = Math.min(total * height, TALLEST);
  const scale = total * height > TALLEST ? (total * height - seen) / Math.max(1, full - seen) : 1;
  const first = Math.max(0, Math.floor((top * scale) / height) - SPARE);
  const last = Math.min(total - 1, Math.ceil((top * scale + seen) / height) + SPARE);

  useEffect(() => {
    if (total) onSeen?.(first, last);
  }, [first, last, total]);

  const show = (nth) => {
    const [begin, end, now] = [nth * height, (nth + 1) * height, box.current.scrollTop * scale];
    const seenNow = box.current.clientHeight;
    if (begin < now) box.current.scrollTop = Math.floor(begin / scale);
    else if (end > now + seenNow) box.current.scrollTop = Math.ceil((end - seenNow) / scale);
  };

  useLayoutEffect(() => {
    setCursor(active);
    if (active >= 0 && active < total) show(active);
  }, [active, total > active]);

  const move = (nth) => {
    const to = Math.max(0, Math.min(total - 1, nth));
    setCursor(to);
    show(to);
    if (follows) onOpen?.(to);
  };

  const page = Math.max(1, Math.floor(seen / height) - 1);
  const steps = {
    ArrowDown: () => move(cursor + 1),
    ArrowUp: () => move(cursor - 1),
    PageDown: () => move(cursor + page),
    PageUp: () => move(cursor - page),
    Home: () => move(0),
    End: () => move(total - 1),
    Enter: () => cursor >= 0 && onOpen?.(cursor),
    " ": () => cursor >= 0 && onOpen?.(cursor),
  };
  const onKeyDown = (event) => {
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || !total) return;
    event.preventDefault();
    step();
  };

  const id = (nth) => `${name}-${nth}`;
  const rows = [];
  for (let nth = first; nth <= last; nth += 1) {
    const place = scale === 1 ? nth * height : top + nth * height - top * scale;
    rows.push(html`<div
      key=${nth}
      id=${id(nth)}
      class=${`list-row${nth === cursor ? " is-cursor" : ""}${nth === active ? " is-active" : ""}`}
      role="option"
      aria-selected=${nth === active}
      aria-posinset=${nth + 1}
      aria-setsize=${total}
      style=${{ top: `${place}px`, height: `${height}px` }}
      onClick=${() => {
        setCursor(nth);
        onOpen?.(nth);
      }}
    >${row(nth)}</div>`);
  }
  return html`<div
    class="list"
    ref=${box}
    style=${fits ? { maxHeight: `${Math.max(full, height) + 2}px`, minHeight: 0 } : {}}
    role="listbox"
    tabindex="0"
    aria-label=${label}
    aria-activedescendant=${cursor >= first && cursor <= last ? id(cursor) : undefined}
    onScroll=${() => setTop(box.current.scrollTop)}
    onKeyDown=${onKeyDown}
    onFocus=${() => cursor < 0 && total && setCursor(first)}
  >
    <div class="list-inner" role="presentation" style=${{ height: `${full}px` }}>${rows}</div>
  </div>`;
}
