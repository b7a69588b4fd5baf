// The history of a row of one stream: a slider over the stream's versions.

import { html } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";
import { link, replace } from "/console/router.js";
import { past } from "/console/rows/past.js";
import { Slider } from "/console/rows/slider.js";
import { Step } from "/console/rows/step.js";

/** How long the slider has to rest before something is read, in milliseconds. */
const REST = 90;

export function Versions({ name, rowKey, stream, watermark, query }) {
  const asked = Number(query.version) || watermark || 1;
  const last = Math.max(watermark ?? 1, asked, 1);
  const version = Math.min(Math.max(asked, 1), last);
  const { value, problem, isLoading } = usePoll((signal) => step(name, rowKey, stream, version, signal), 0, [name, rowKey, version]);
  const move = (to) => replace(link("rows", [name, rowKey], { ...query, version: to }));
  return html`
    <${Slider} first=${1} last=${last} value=${version} label="Version of the stream" text=${`version ${version} of ${last}`} onMove=${move} />
    <${Note} problem=${problem} what="rows as they were" />
    ${isLoading && html`<${Loading} what=${`version ${version}`} />`}
    ${value && html`<${Step} ...${value} names=${[`version ${version - 1}`, `version ${version}`]} />`}`;
}

async function step(name, key, stream, version, signal) {
  await new Promise((rested) => setTimeout(rested, REST));
  signal.throwIfAborted();
  const [events, before, after] = await Promise.all([
    get(url(["streams", stream], { from: version, limit: 1 }), signal),
    version > 1 ? past(name, key, { at: version - 1 }, signal) : undefined,
    past(name, key, { at: version }, signal),
  ]);
  return { event: events.events[0], before, after };
}
