// The page: its head, the view that the address names, the keys.

import { html, render, useEffect } from "/console/vendor/htm-preact.js";
import { Announcements } from "/console/announce.js";
import { get, reach } from "/console/api.js";
import { health, watchHealth } from "/console/health.js";
import { Home } from "/console/home.js";
import { listenToKeys, Keys } from "/console/keys.js";
import { usePoll } from "/console/poll.js";
import { Rebuild } from "/console/rebuild.js";
import { link, route } from "/console/router.js";
import { Rows } from "/console/rows.js";
import { useStore } from "/console/store.js";
import { Streams } from "/console/streams.js";
import { For } from "/console/time.js";
import { Waiting } from "/console/waiting.js";

/** The views, by the first part of the address: the name and the key behind `g`. */
const VIEWS = {
  home: { name: "Home", key: "h", View: Home },
  streams: { name: "Streams", key: "s", View: Streams },
  rows: { name: "Rows", key: "r", View: Rows },
  rebuild: { name: "Rebuild", key: "b", View: Rebuild },
  waiting: { name: "Waiting", key: "w", View: Waiting },
};

/** What `status` of `/health` means, in a word. */
const STATUS = {
  ok: "All readers move",
  stalled: "Streams are stalled",
  "dead-letters": "Dead letters",
  behind: "Behind",
  failing: "A batch or a playback fails",
};

function App() {
  const { view, parts, query } = useStore(route);
  const system = usePoll((signal) => get("/console/system", signal), 0, []).value;
  const shown = VIEWS[view] ?? VIEWS.home;
  useEffect(() => {
    document.title = [parts[0], shown.name, "Rewind"].filter(Boolean).join(" · ");
  }, [view, parts.join("/")]);
  return html`
    <a class="skip" href="#main" onClick=${toMain}>Skip to the content</a>
    <header class="top">
      <a class="mark" href=${link("home")}>
        <img src="/console/icon.svg" alt="" width="22" height="22" />Rewind
      </a>
      <nav aria-label="Views">
        ${Object.entries(VIEWS).map(
          ([name, { name: label, key }]) => html`<a
            href=${link(name)}
            aria-current=${VIEWS[name] === shown ? "page" : undefined}
            title=${`g ${key}`}
          >${label}</a>`,
        )}
      </nav>
      <${State} />
      <span class="system" title=${system?.version ? `Rewind ${system.version}` : undefined}>${system?.name ?? ""}</span>
    </header>
    <${OutOfReach} />
    <main id="main" tabindex="-1" class=${`view-${view}`}>
      <${shown.View} key=${view} parts=${parts} query=${query} />
    </main>
    <${Announcements} />
    <${Keys} views=${VIEWS} />
  `;
}

function toMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

/** How the system is, on each view. */
function State() {
  const { value, at } = useStore(health);
  const { ok } = useStore(reach);
  const status = !ok ? "gone" : (value?.status ?? "unknown");
  const text = !ok ? "Out of reach" : (STATUS[status] ?? "Reading the state");
  return html`<a class=${`state is-${status}`} href=${link("home")} title=${at ? `read at ${new Date(at).toLocaleTimeString()}` : ""}>
    <i aria-hidden="true"></i><span role="status">${text}</span>
  </a>`;
}

function OutOfReach() {
  const { ok, since } = useStore(reach);
  if (ok) return null;
  return html`<div class="banner" role="alert">
    <strong>The system is out of reach</strong>
    <span><${For} since=${since} />. What you see is what it said last. This page tries again by itself.</span>
  </div>`;
}

watchHealth();
listenToKeys(VIEWS);
render(html`<${App} />`, document.getElementById("app"));
