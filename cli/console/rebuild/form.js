// The form of a playback: which projections, which part of history, how.

import { html, useState } from "/console/vendor/htm-preact.js";
import { Field, TimeInput } from "/console/fields.js";
import { DryRun } from "/console/rebuild/dry_run.js";
import { EMPTY, isPart, request, selection } from "/console/rebuild/request.js";
import { Start } from "/console/rebuild/start.js";

export function Form({ projections, chosen, setChosen, onStarted }) {
  const [fields, setFields] = useState(EMPTY);
  const [dry, setDry] = useState(null);
  const [isStarting, setStarting] = useState(false);
  const set = (name) => (value) => setFields((was) => ({ ...was, [name]: value }));
  const toggle = (name) => setChosen((was) => (was.includes(name) ? was.filter((one) => one !== name) : [...was, name]));
  const due = projections.filter((projection) => projection.rebuild_due).map((projection) => projection.name);
  const body = request(chosen, fields);
  const text = JSON.stringify(body);
  const isReady = body.to.length > 0;
  return html`<form class="playback-form" onSubmit=${(event) => { event.preventDefault(); if (isReady) setStarting(true); }}>
    <fieldset>
      <legend>Projections</legend>
      <div class="choices">
        ${projections.map((projection) => html`<label class="check" key=${projection.name}>
          <input type="checkbox" name="projection" value=${projection.name} checked=${chosen.includes(projection.name)} onChange=${() => toggle(projection.name)} />
          <span>${projection.name}${projection.rebuild_due && html` <b class="tag is-late">rebuild due</b>`}</span>
        </label>`)}
      </div>
      <p class="choose">
        ${due.length > 0 && html`<button type="button" class="quiet" onClick=${() => setChosen(due)}>Choose what is due</button>`}
        <button type="button" class="quiet" onClick=${() => setChosen(projections.map((projection) => projection.name))}>Choose all</button>
        <button type="button" class="quiet" onClick=${() => setChosen([])}>Choose none</button>
      </p>
    </fieldset>
    <${Part} fields=${fields} set=${set} />
    <${How} fields=${fields} set=${set} />
    <div class="actions">
      <button type="button" disabled=${!isReady} onClick=${() => setDry({ body, text, turn: Date.now() })}>Dry run</button>
      <button type="submit" class="primary" disabled=${!isReady}>Start…</button>
      ${!isReady && html`<span class="hint">Choose a projection first.</span>`}
    </div>
    ${dry && html`<${DryRun} key=${dry.turn} body=${dry.body} isStale=${dry.text !== text} />`}
  </form>
  ${isStarting && html`<${Start} body=${body} projections=${projections} onClose=${() => setStarting(false)} onStarted=${onStarted} />`}`;
}

function Part({ fields, set }) {
  const what = selection(fields);
  const many = Object.keys(what).length;
  const [isOpen, setOpen] = useState(false);
  return html`<details open=${isOpen} onToggle=${(event) => setOpen(event.target.open)}>
    <summary>Part of history: ${many ? `${many} limit${many === 1 ? "" : "s"}` : "all of it"}</summary>
    <div class="part">
      <${Field} name="categories" label="Categories" hint="cart, order" value=${fields.categories} onInput=${set("categories")} />
      <${Field} name="streams" label="Streams" hint="cart-456, cart-457" value=${fields.streams} onInput=${set("streams")} />
      <${Field} name="types" label="Event types" hint="vote-cast" value=${fields.types} onInput=${set("types")} />
      <${Field} name="correlation" label="Correlation id" value=${fields.correlation} onInput=${set("correlation")} />
      <${Ends} label="Versions of each stream">
        <input type="number" min="1" name="versions.from" aria-label="First version" placeholder="first" value=${fields.versionsFrom} onInput=${(event) => set("versionsFrom")(event.target.value)} />
        <input type="number" min="1" name="versions.to" aria-label="Last version" placeholder="last" value=${fields.versionsTo} onInput=${(event) => set("versionsTo")(event.target.value)} />
      <//>
      <${Ends} label="Recorded">
        <${TimeInput} label="Recorded from" value=${fields.recordedFrom} onTime=${set("recordedFrom")} />
        <${TimeInput} label="Recorded to" value=${fields.recordedTo} onTime=${set("recordedTo")} />
      <//>
      <${Ends} label="Occurred">
        <${TimeInput} label="Occurred from" value=${fields.occurredFrom} onTime=${set("occurredFrom")} />
        <${TimeInput} label="Occurred to" value=${fields.occurredTo} onTime=${set("occurredTo")} />
      <//>
      <${Field} name="count" label="Only the first" hint="number of events" type="number" min="1" value=${fields.count} onInput=${set("count")} />
      ${isPart(what) && html`<p class="hint">A part of history goes into a generation of its own. It can be read by its number. It never serves.</p>`}
    </div>
  </details>`;
}

const Ends = ({ label, children }) => html`<div class="field-row" role="group" aria-label=${label}><span>${label}</span><div class="ends">${children}</div></div>`;

function How({ fields, set }) {
  return html`<details>
    <summary>How: ${fields.activate === "by-hand" ? "activate by hand" : "activate when caught up"}${fields.rate ? `, ${fields.rate} events/s` : ""}</summary>
    <div class="part">
      ${[["when-caught-up", "Readers see the new generation as soon as it has caught up."], ["by-hand", "An operator looks first, and activates it by hand."]].map(
        ([value, label]) => html`<label class="check"><input type="radio" name="activate" value=${value} checked=${fields.activate === value} onChange=${() => set("activate")(value)} /><span>${label}</span></label>`,
      )}
      <label class="check"><input type="checkbox" name="changes" checked=${fields.changes} onChange=${(event) => set("changes")(event.target.checked)} /><span>Tell the rows that differ as changes, where the projection has a feed.</span></label>
      <label class="check"><input type="checkbox" name="microservice" checked=${fields.microservice} onChange=${(event) => set("microservice")(event.target.checked)} /><span>Also to adapters, rules and processes. Nobody outside is called.</span></label>
      <${Field} name="subscriber" label="Subscriber" hint="also to this one" value=${fields.subscriber} onInput=${set("subscriber")} />
      <${Field} name="rate" label="Rate, at most" hint="events a second" type="number" min="1" value=${fields.rate} onInput=${set("rate")} />
    </div>
  </details>`;
}
