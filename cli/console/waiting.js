// Waiting: what is due, what waits for the outside, and what waits for an operator.

import { html } from "/console/vendor/htm-preact.js";
import { get } from "/console/api.js";
import { health } from "/console/health.js";
import { usePoll } from "/console/poll.js";
import { useStore } from "/console/store.js";
import { Approvals } from "/console/waiting/approvals.js";
import { Calls } from "/console/waiting/calls.js";
import { Commands } from "/console/waiting/commands.js";
import { Deadlines } from "/console/waiting/deadlines.js";
import { DeadLetters } from "/console/waiting/dead_letters.js";
import { Ledger } from "/console/waiting/ledger.js";

/** How often it is read, in milliseconds. */
const EVERY = 5000;

/** `#/waiting/ledger/NAME`, `#/waiting/differences/ID` and `#/waiting/commands/ID` name what is open. */
export function Waiting({ parts, query }) {
  const [what, name] = parts;
  const state = useStore(health);
  const waiting = usePoll((signal) => get("/waiting", signal), EVERY, []);
  const playbacks = usePoll((signal) => get("/playbacks?limit=50", signal), EVERY, []);
  const readers = state.value?.readers ?? [];
  const gateways = readers.filter((lag) => lag.reader.startsWith("gateway/")).map((lag) => lag.reader.slice("gateway/".length));
  const one = (kind) => (what === kind ? name : undefined);
  return html`<h1 class="hidden">Waiting</h1>
    <div class="waiting">
      <div>
        <${Deadlines} waiting=${waiting} />
        <${Approvals} playbacks=${playbacks} open=${one("differences")} gateways=${gateways} />
        <${Ledger} gateways=${gateways} gateway=${one("ledger")} query=${query} />
      </div>
      <div>
        <${Calls} waiting=${waiting} health=${state} />
        <${Commands} id=${one("commands")} readers=${readers} />
        <${DeadLetters} health=${state} />
      </div>
    </div>`;
}
