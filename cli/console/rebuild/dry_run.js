// A dry run: the events are read and counted, and nothing is sent.

import { html, useEffect, useState } from "/console/vendor/htm-preact.js";
import { get, post, url } from "/console/api.js";
import { bytes, count, counted, dollars } from "/console/numbers.js";
import { Loading, Note } from "/console/problem.js";
import { span } from "/console/time.js";

/** How often its end is looked for, in milliseconds. */
const EVERY = 1000;

const OVER = ["completed", "failed", "cancelled"];

/** Makes a dry run of a request: `{playback, problem}`; `playback` ends. */
export function useDryRun(body) {
  const [state, set] = useState({ playback: null, problem: null });
  useEffect(() => {
    const ended = new AbortController();
    const run = async () => {
      let { activate, changes, ...counts } = body;
      let playback = await post("/playbacks", { ...counts, dry_run: true });
      while (!ended.signal.aborted && !OVER.includes(playback.state)) {
        set({ playback, problem: null });
        await new Promise((passed) => setTimeout(passed, EVERY));
        playback = await get(url(["playbacks", playback.id]), ended.signal);
      }
      if (!ended.signal.aborted) set({ playback, problem: null });
    };
    run().catch((problem) => !ended.signal.aborted && set({ playback: null, problem }));
    return () => ended.abort();
  }, []);
  return state;
}

/** What a dry run has found, beside the form. */
export function DryRun({ body, isStale }) {
  const { playback, problem } = useDryRun(body);
  return html`<div class="dry-run" role="status">
    ${isStale && html`<p class="hint">The form has changed since this dry run.</p>`}
    <${Estimate} playback=${playback} problem=${problem} />
  </div>`;
}

/** Events, time and dollars. */
export function Estimate({ playback, problem }) {
  if (problem) return html`<${Note} problem=${problem} what="dry runs" />`;
  if (!playback) return html`<${Loading} what="history" />`;
  if (playback.state === "failed") return html`<${Note} problem=${{ title: "The dry run has failed", detail: playback.reason }} />`;
  const { estimate } = playback;
  if (!estimate) return html`<p class="loading">Counting: ${counted(playback.events, "event")} so far.</p>`;
  return html`<dl class="figures">
    <div><dt>events</dt><dd>${count(playback.events)}</dd></div>
    <div><dt>records</dt><dd>${count(playback.records)}</dd></div>
    <div><dt>size</dt><dd>${bytes(playback.bytes)}</dd></div>
    <div><dt>time</dt><dd>about ${span(estimate.seconds)}</dd></div>
    <div><dt>cost</dt><dd>${dollars(estimate.dollars)}</dd></div>
  </dl>`;
}
