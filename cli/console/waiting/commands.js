// Commands: the outcome of one, by its id, and those that are to be decided later.

import { html, useState } from "/console/vendor/htm-preact.js";
import { get, url } from "/console/api.js";
import { Json } from "/console/json.js";
import { counted } from "/console/numbers.js";
import { Panel } from "/console/panel.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";
import { go, link } from "/console/router.js";
import { span } from "/console/time.js";

export function Commands({ id, readers }) {
  const [typed, setTyped] = useState(id ?? "");
  const later = readers.find((lag) => lag.reader === "command/later");
  const look = (event) => {
    event.preventDefault();
    if (typed) go(link("waiting", ["commands", typed]));
  };
  return html`<${Panel} title="Commands" kind="commands">
    ${later && html`<p class="lead">${later.events ? `${counted(later.events, "command")} to be decided later, the first for ${span(later.seconds)}.` : "No command waits to be decided."}</p>`}
    <form class="inline" onSubmit=${look}>
      <input name="command" data-search aria-label="Id of a command" aria-keyshortcuts="/" placeholder="id of a command, to see its outcome" value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <button type="submit">Look</button>
    </form>
    ${id && html`<${Outcome} key=${id} id=${id} />`}
  <//>`;
}

function Outcome({ id }) {
  const { value, problem, isLoading } = usePoll((signal) => get(url(["commands", id]), signal), 0, [id]);
  if (isLoading) return html`<${Loading} what="the outcome" />`;
  if (!value) return html`<${Note} problem=${problem} what="outcomes of commands" />`;
  return html`<p><span class=${`tag ${value.outcome === "applied" ? "is-good" : "is-bad"}`}>${value.outcome ?? "pending"}</span>
      ${value.stream && html` <a href=${link("streams", [value.stream], { at: value.version })}>${value.stream}${value.version ? `@${value.version}` : ""}</a>`}
      ${value.detail && html` <span>${value.detail}</span>`}</p>
    <${Json} value=${value} label="Outcome" />`;
}
