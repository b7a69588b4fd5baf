// Rebuild: playbacks of history, and the generations of each projection.

import { html, useState } from "/console/vendor/htm-preact.js";
import { get } from "/console/api.js";
import { health } from "/console/health.js";
import { Panel } from "/console/panel.js";
import { usePoll } from "/console/poll.js";
import { Loading, Note } from "/console/problem.js";
import { Comparison } from "/console/rebuild/comparison.js";
import { Form } from "/console/rebuild/form.js";
import { Generations } from "/console/rebuild/generations.js";
import { Playbacks } from "/console/rebuild/playbacks.js";
import { useStore } from "/console/store.js";

/** How often playbacks and generations are read, in milliseconds. */
const EVERY = 3000;

export function Rebuild({ parts, query }) {
  const projections = usePoll((signal) => get("/projections", signal), EVERY, []);
  const list = usePoll((signal) => get("/playbacks?limit=20", signal), EVERY, []);
  const running = useStore(health).value?.playbacks ?? [];
  // A deployment without the list still names those that are under way.
  const playbacks = list.value?.playbacks ?? (list.problem ? running : []);
  const [chosen, setChosen] = useState(parts[0] ? [parts[0]] : []);
  const refresh = () => {
    projections.refresh();
    list.refresh();
  };
  const all = projections.value?.projections ?? [];
  const compared = all.find((projection) => projection.name === parts[0]);
  return html`<h1 class="hidden">Rebuild</h1>
    <div class="rebuild">
      <${Panel} title="New playback" kind="new-playback">
        ${projections.isLoading && html`<${Loading} what="the projections" />`}
        <${Note} problem=${projections.problem} what="the list of projections" />
        ${projections.value && html`<${Form} projections=${all} chosen=${chosen} setChosen=${setChosen} onStarted=${refresh} />`}
      <//>
      <${Panel} title="Playbacks" kind="playbacks">
        <${Note} problem=${list.problem} what="the list of playbacks" instead="Those under way are shown." />
        ${list.isLoading ? html`<${Loading} what="the playbacks" />` : html`<${Playbacks} playbacks=${playbacks} marked=${query.playback} onChanged=${refresh} />`}
      <//>
      ${compared && html`<${Comparison} key=${compared.name} projection=${compared} query=${query} onChanged=${refresh} />`}
      <${Panel} title="Generations" kind="generations">
        ${projections.value && html`<${Generations} projections=${all} compared=${parts[0]} onChanged=${refresh} />`}
      <//>
    </div>`;
}
