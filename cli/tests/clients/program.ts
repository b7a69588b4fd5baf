// A program that uses the client of this repository's domain against a running
// system, whose URL is its argument.

import { NotSigned, Problem, Rewind, type LedgerLine, type NewEvent, type RecordedEvent } from "./rewind.js";

declare const process: { argv: string[]; exitCode: number };

interface Sum {
  total: number;
  finished: boolean;
  votes: Record<string, number>;
}

const baseUrl = process.argv[2] ?? "";
const rewind = new Rewind<{ "basic-sum": Sum }>({ baseUrl, source: "/program" });

function check(is: boolean, what: string): void {
  if (!is) throw new Error(what);
}

async function eventually(is: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it does not come: ${is}`);
}

function vote(nth: number, poll = "1"): NewEvent<"poll"> {
  const data = { user: `u${nth}`, choice: "chips" };
  return { id: `${poll}/${nth}`, type: "vote-cast", subject: `poll-${poll}`, data };
}

async function sends(): Promise<void> {
  const one = await rewind.send(vote(1));
  check(one.stream === "poll-1" && one.source === "/program", "an event is accepted");
  // Sent again, it is recorded once.
  await rewind.send(vote(1));
  const wrong = { type: "vote-cast", subject: "poll-1", data: { user: 5 } } as unknown as NewEvent;
  const items = await rewind.send([vote(2), wrong, vote(3)]);
  check(items.map((item) => item.accepted).join() === "true,false,true", "a batch is answered item by item");
  const refused = items[1];
  check(refused?.accepted === false && refused.problem.field === "data.user", "a refusal names the field");
  const odd = await rewind.sendUntyped({ type: "odd", subject: "odd-1", data: 1, extensions: { colour: "red" } });
  check(odd.stream === "odd-1", "an event of no declared category is accepted");
  const input = { type: "product-added-to-cart", timestamp: "2023-04-19T09:00:00Z", product_id: "1", user_id: "2" };
  check((await rewind.input("shop", input)).stream === "input:shop-2", "an input is accepted");
  try {
    await rewind.send(wrong);
    check(false, "a wrong event is refused");
  } catch (error) {
    check(error instanceof Problem && error.status === 422 && error.is("invalid-field"), `a problem: ${error}`);
  }
}

async function waitsAndReads(): Promise<void> {
  const row = await rewind.waitFor("basic-sum", "1", 3);
  const total: number | undefined = row?.state.total;
  check(total === 3, `the row holds three votes, not ${total}`);
  const early = await rewind.row("basic-sum", "1", { at: 1 });
  check(early?.state.total === 1, "the row as it was");
  check((await rewind.row("basic-sum", "nobody")) === undefined, "no row is no error");
  await rewind.row("basic-sum", "1", { atLeast: 99, wait: 1 }).then(
    () => check(false, "a version that is not there"),
    (error: unknown) => check(error instanceof Problem && error.is("not-yet"), `not yet: ${error}`),
  );
  const many = [0, 1, 2, 3, 4, 5, 6];
  await rewind.send(many.map((nth) => vote(nth, `many${nth}`)));
  for (const nth of many) await rewind.waitFor("basic-sum", `many${nth}`, 1);
  const keys: string[] = [];
  for await (const row of rewind.rows("basic-sum", { limit: 2 })) keys.push(row.key);
  check(keys.length === 8 && new Set(keys).size === 8, `all rows, page by page: ${keys}`);
  const users: string[] = [];
  for await (const event of rewind.stream("poll-1", { limit: 2 })) {
    // The stream's name tells the category, and the type the data.
    if (event.type === "vote-cast") users.push(event.data.user);
  }
  check(users.join() === "u1,u2,u3", `the stream in order: ${users}`);
}

async function decides(): Promise<void> {
  const created = await rewind.command(
    "application",
    "7",
    { type: "create-application", data: { owner: "ann", name: "weather", plan: "free" } },
    { key: "first" },
  );
  if (created.outcome !== "applied") throw new Error("it is applied");
  const [event] = created.events;
  check(event?.type === "application-created" && event.data.owner === "ann", "the events are typed");
  check(created.version === 1, "the version is told");
  const same = await rewind.command("application", "7", { type: "change-plan", data: { plan: "free" } });
  check(same.outcome === "rejected" && same.rejection.name === "same-plan", "a rejection is an answer");
  const later = await rewind.command("application", "7", { type: "change-plan", data: { plan: "free" } }, { wait: 20 });
  check(later.outcome === "rejected", "a command for later");
  check((await rewind.outcome("first")).outcome === "applied", "an outcome is for ever");
  const stale = rewind.command("application", "7", { type: "change-plan", data: { plan: "free" } }, { ifMatch: 9 });
  await stale.then(
    () => check(false, "another version is expected"),
    (error: unknown) => check(error instanceof Problem && error.status === 412, `${error}`),
  );
}

/** Tails while connections break, and answers are lost. */
async function tails(): Promise<void> {
  let requests = 0;
  const breaking: typeof fetch = async (url, init) => {
    requests++;
    if (requests % 3 === 1) throw new TypeError("the connection is lost");
    const response = await fetch(url, init);
    if (requests % 3 === 2) return new Response("{}", { status: 503 });
    return response;
  };
  const shaky = new Rewind({ baseUrl, fetch: breaking });
  const seen: string[] = [];
  const stop = new AbortController();
  let cursor: string | undefined;
  const late = (async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await rewind.send({ type: "vote-cast", subject: "poll-late", data: { user: "dan", choice: "salad" } });
  })();
  for await (const tailed of shaky.tail({ category: "poll", limit: 4, signal: stop.signal })) {
    const event: RecordedEvent<"poll"> = tailed.event;
    seen.push(`${event.subject}@${event.version}`);
    cursor = tailed.cursor ?? cursor;
    if (event.subject === "poll-late") break;
  }
  await late;
  check(seen.length === 11 && new Set(seen).size === 11, `each event once: ${seen}`);
  check(requests > 6, "connections did break");
  // Another program goes on where this one stopped.
  await rewind.send({ type: "voting-stopped", subject: "poll-late", data: {} });
  check(cursor !== undefined, "a cursor");
  for await (const { event } of rewind.tail({ category: "poll", cursor: cursor ?? "", signal: stop.signal })) {
    if (event.type === "voting-stopped") break;
    check(event.subject === "poll-late" || event.subject.startsWith("poll-many"), `from the page on: ${event.subject}`);
  }
  // A tail that is cancelled ends.
  setTimeout(() => stop.abort(), 300);
  for await (const { event } of rewind.tail({ after: "now", signal: stop.signal })) check(false, event.id);
}

async function operates(): Promise<void> {
  const begun = await rewind.playbacks.start({ to: [{ projection: "basic-sum" }], dry_run: true });
  let playback = begun;
  while (playback.state === "replaying") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    playback = await rewind.playbacks.get(begun.id);
  }
  check(playback.state === "completed" && playback.events > 0, `a dry run counts: ${playback.state}`);
  const ids: string[] = [];
  for await (const known of rewind.playbacks.list()) ids.push(known.id);
  check(ids.includes(begun.id), "playbacks are listed");
  await rewind.input("orders", {
    applies: "now",
    source: "web",
    profile: "private",
    order_id: "1",
    lines: [{ product_id: "tea", quantity: 1, cents: 100 }],
  });
  // No gateway goes anywhere here: the call waits.
  await eventually(async () => {
    for await (const line of rewind.ledger("payments", { key: "1" })) return line.state === "waits";
    return false;
  });
  const lines: LedgerLine[] = [];
  for await (const line of rewind.ledger("payments", { compare: true, limit: 1 })) lines.push(line);
  check(lines.length === 1 && lines[0]?.replay?.differs === "open", `the ledger, beside a replay: ${JSON.stringify(lines)}`);
  const compared = await rewind.playbacks.start({
    to: [{ microservice: { gateways: { payments: "difference" } } }],
    dry_run: true,
  });
  await eventually(async () => (await rewind.playbacks.get(compared.id)).state === "completed");
  const kinds: string[] = [];
  for await (const found of rewind.playbacks.differences(compared.id)) kinds.push(found.kind);
  check(kinds.every((kind) => kind === "open"), `a call that waits is open: ${kinds}`);
  const approved = await rewind.playbacks.approve(compared.id, { by: "ann" });
  check(approved.id === compared.id && approved.state !== "failed", "the list is approved");
  await rewind.playbacks.approve(begun.id).then(
    () => check(false, "a playback that compares nothing"),
    (error: unknown) => check(error instanceof Problem && error.status === 409, `${error}`),
  );
  const reversal = { reason: "not a guest", by: "ann" };
  const reversed = await rewind.reverse("poll-1", 2, reversal);
  check(reversed.stream === "poll-1" && reversed.reverses === 2, "a reversal is accepted");
  const row = await rewind.waitFor("basic-sum", "1", 4);
  check(row?.state.total === 2, `the row without the vote: ${row?.state.total}`);
  await rewind.reverse("poll-1", 2, reversal).then(
    () => check(false, "twice"),
    (error: unknown) => check(error instanceof Problem && error.status === 409, `${error}`),
  );
  const health = await rewind.health();
  check(health.readers.some((lag) => lag.reader === "pump"), "health names the readers");
  const sign = (): never => {
    throw new Error("no key");
  };
  const unsigned = new Rewind({ baseUrl, sign }).health();
  await unsigned.then(
    () => check(false, "not signed"),
    (error: unknown) => check(error instanceof NotSigned, `${error}`),
  );
}

for (const part of [sends, waitsAndReads, decides, tails, operates]) {
  await part();
  console.log(part.name);
}
console.log("done");
