// ---------------------------------------------------------------------------
// The client. It needs `fetch`, `URL`, `AbortController` and `crypto`: Node 18
// and later, and browsers, have them.
// ---------------------------------------------------------------------------

/** The types of the events of a category. */
export type EventType<C extends Category = Category> = keyof EventData[C] & string;

/** What any recorded event has. */
export interface Recorded<T extends string, D, S extends string> {
  readonly specversion: "1.0";
  /** With the source, its identity. */
  readonly id: string;
  readonly source: string;
  readonly type: T;
  /** The stream, `category-id`. */
  readonly subject: S;
  /** When it happened, RFC 3339. */
  readonly time: string;
  /** 1, 2, 3 and so on within its stream. */
  readonly version: number;
  /** Its place in its category: microseconds since 1970. */
  readonly position: number;
  /** The version of the data's shape; 1 where nothing is said. */
  readonly schemaversion?: number | string;
  readonly correlationid?: string;
  readonly causationid?: string;
  readonly commandid?: string;
  readonly data: D;
}

/**
 * A recorded event of a category: `type` tells what `data` is. History may hold
 * types that the domain declares no more, and data of an older shape (see
 * `schemaversion`): give a `switch` a `default`.
 */
export type RecordedEvent<C extends Category = Category> = {
  [K in C]: {
    [T in EventType<K>]: Recorded<T, EventData[K][T], `${K}-${string}`>;
  }[EventType<K>];
}[C];

interface Posted<T extends string, D, S extends string> {
  readonly type: T;
  /** The stream, `category-id`. */
  readonly subject: S;
  readonly data: D;
  /** With the source, its identity; a UUID where nothing is said. */
  readonly id?: string;
  /** Who says so, a URI reference; the client's `source` where nothing is said. */
  readonly source?: string;
  /** When it happened, RFC 3339; now where nothing is said. */
  readonly time?: string;
  readonly correlationid?: string;
  /** Other extension attributes of CloudEvents. */
  readonly extensions?: Readonly<Record<string, string | number | boolean>>;
}

/** An event to be sent, of a declared type. */
export type NewEvent<C extends SentCategory = SentCategory> = {
  [K in C]: {
    [T in EventType<K>]: Posted<T, EventData[K][T], `${K}-${string}`>;
  }[EventType<K>];
}[C];

/** An event to be sent, of a category that is open or not declared. */
export type UntypedEvent = Posted<string, unknown, string>;

/** An event that is accepted: its row follows within moments. */
export interface Accepted {
  readonly id: string;
  readonly source: string;
  readonly stream: string;
}

/** What became of one event of several. */
export type BatchItem =
  | ({ readonly accepted: true; readonly status: number } & Accepted)
  | { readonly accepted: false; readonly status: number; readonly problem: Problem };

type Needed<D> = null extends D ? { readonly data?: D } : { readonly data: D };

/** A command to the aggregate of a category. */
export type Command<C extends CommandCategory = CommandCategory> = {
  [K in C]: {
    [T in keyof CommandData[K] & string]: { readonly type: T } & Needed<CommandData[K][T]>;
  }[keyof CommandData[K] & string];
}[C];

type Decided<C extends string> = C extends Category ? RecordedEvent<C> : UntypedRecorded;
type UntypedRecorded = Recorded<string, unknown, string>;

/** A command that was accepted, with the events that followed. */
export interface Applied<C extends string = Category> {
  readonly outcome: "applied";
  readonly id: string;
  readonly stream?: string;
  /** The stream's version behind the events: what `atLeast` waits for. */
  readonly version?: number;
  readonly events: ReadonlyArray<Decided<C>>;
}

/** A command that the aggregate has refused: an answer, and not an error. */
export interface Rejected {
  readonly outcome: "rejected";
  readonly id: string;
  readonly rejection: { readonly name: string; readonly reason: string; readonly data: unknown };
}

/** A command that nobody has decided about yet. */
export interface Pending {
  readonly outcome: "pending";
  readonly id: string;
}

/** What became of a command. */
export type Outcome<C extends string = Category> = Applied<C> | Rejected | Pending;

/** A row of a projection. */
export interface Row<R> {
  readonly key: string;
  /** Up to which version of its stream it holds; only over one stream. */
  readonly watermark?: number;
  readonly state: R;
  /** Why the next event is not in it. */
  readonly stalled?: string;
}

/** A moment in the past. */
export interface Past {
  /** As it was at this time: of what was recorded by then. */
  readonly asOf?: Date | string;
  /** As it was at this time, by the events' own time. */
  readonly asAt?: Date | string;
}

export interface RowOptions extends Past, Cancel {
  /** A row that holds this version of its stream; `stream@version` where streams share rows. */
  readonly atLeast?: number | string;
  /** How many seconds to wait for `atLeast`: 20 at most, and where nothing is said. */
  readonly wait?: number;
  /** As it was when its stream had this version. */
  readonly at?: number;
  readonly generation?: number;
}

export interface RowsOptions extends Past, Cancel {
  /** What the keys begin with. */
  readonly prefix?: string;
  /** Only rows whose projection's secondary key, `name`, has this value. */
  readonly by?: { readonly name: string; readonly value: string };
  readonly generation?: number;
  /** How many in one request; all are read, whatever it is. */
  readonly limit?: number;
}

export interface CommandOptions extends Cancel {
  /** The command with this key has one outcome, for ever; a UUID where nothing is said. */
  readonly key?: string;
  /** The version that the stream has to have; 0 without events. */
  readonly ifMatch?: number;
}

export interface LedgerOptions extends Cancel {
  /** Only calls of this key, as the gateway gives it. */
  readonly key?: string;
  /** Whether it is told what a replay would send, with the code of today. */
  readonly compare?: boolean;
  /** How many in one request; all are read, whatever it is. */
  readonly limit?: number;
}

/** Why an event is taken back, by whom, and whether its effects outside are, too. */
export type Reversal = Omit<ReversalRequestBody, "dry_run">;

export interface Cancel {
  readonly signal?: AbortSignal;
}

export interface TailOptions<C extends Category> extends Cancel {
  /** Only this category; without it, all. */
  readonly category?: C;
  /** Behind this position; `now`: only what comes. Without it, from the beginning. */
  readonly after?: number | "now";
  /** `cursor` of an event that was taken: goes on behind it. */
  readonly cursor?: string;
  /** How many in one request, at most. */
  readonly limit?: number;
}

/** An event of a tail. */
export interface Tailed<C extends Category> {
  readonly event: RecordedEvent<C>;
  /**
   * Where to go on once the event is taken. Within a page it is the page's
   * begin: so nothing is missed, and some events may come again. Without one,
   * begin as before.
   */
  readonly cursor: string | undefined;
}

/** A request as a signer gets it. */
export interface SignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface Options {
  /** The API's URL, such as `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** Headers of every request, such as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Another `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Signs a request: returns the headers that it is sent with. */
  readonly sign?: (
    request: SignedRequest,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** The source of events that do not say theirs. */
  readonly source?: string;
  /** How often a request is sent again after a 5xx or a lost connection; 5 where nothing is said. */
  readonly retries?: number;
}

/** A refusal, as RFC 9457 has it. */
export class Problem extends Error {
  /** A URI reference that names the kind of problem. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The field, header or parameter that is wrong. */
  readonly field: string | undefined;
  /** All members, those of this kind of problem as well. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, body: unknown) {
    const members = isObject(body) ? body : {};
    const text = (name: string): string | undefined => {
      const value = members[name];
      return typeof value === "string" ? value : undefined;
    };
    const title = text("title") ?? `HTTP status ${status}`;
    const detail = text("detail") ?? text("message") ?? "";
    super(detail === "" ? title : `${title}: ${detail}`);
    this.name = "Problem";
    this.type = text("type") ?? "about:blank";
    this.title = title;
    this.status = status;
    this.detail = detail;
    this.field = text("field");
    this.members = members;
  }

  /** Whether it is of this kind, such as `not-found`. */
  is(kind: string): boolean {
    return this.type === `urn:rewind:problem:${kind}`;
  }
}

/** The signer has failed: another try would not help. */
export class NotSigned extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super(`the request is not signed: ${String(cause)}`);
    this.name = "NotSigned";
    this.cause = cause;
  }
}

type Method = "GET" | "POST";
type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface Asked {
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly media?: string;
  readonly signal?: AbortSignal | undefined;
  /** Seconds that the server may take on purpose. */
  readonly wait?: number;
}

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

/** The most seconds that the API waits in one request. */
const MAX_WAIT = 20;
/** Seconds behind which a request without an answer counts as lost. */
const PATIENCE = 40;
const FIRST_PAUSE = 200;
const MAX_PAUSE = 20_000;

/**
 * A deployment of Rewind. `Rows` names the types of rows, by projection:
 * `new Rewind<{ carts: Cart }>({ baseUrl })`. Rows of others are `unknown`.
 */
export class Rewind<Rows extends { readonly [P in ProjectionName]?: unknown } = {}> {
  readonly #options: Options;
  readonly #base: string;

  /** Playbacks: history sent again. */
  readonly playbacks = {
    /** Begins one. The same key is the same playback. */
    start: (request: PlaybackRequestBody, options: { key?: string } & Cancel = {}): Promise<Playback> =>
      this.#json<Playback>("POST", "/playbacks", {
        body: request,
        headers: { "idempotency-key": options.key ?? uuid() },
        signal: options.signal,
      }),
    /** How far it is. */
    get: (id: string, options: Cancel = {}): Promise<Playback> =>
      this.#json<Playback>("GET", `/playbacks/${segment(id)}`, options),
    /** The newest first. */
    list: (options: Cancel = {}): AsyncGenerator<Playback, void, undefined> =>
      this.#pages<Playback>("/playbacks", "playbacks", {}, options.signal),
    pause: (id: string, options: Cancel = {}): Promise<Playback> => this.#operate(id, "pause", options),
    resume: (id: string, options: Cancel = {}): Promise<Playback> => this.#operate(id, "resume", options),
    cancel: (id: string, options: Cancel = {}): Promise<Playback> => this.#operate(id, "cancel", options),
    /** What a comparison of gateways has found. */
    differences: (id: string, options: Cancel = {}): AsyncGenerator<Difference, void, undefined> =>
      this.#pages<Difference>(`/playbacks/${segment(id)}/differences`, "found", {}, options.signal),
    /** Lets what a comparison has found be sent. */
    approve: (id: string, approval: ApproveRequestBody = {}, options: Cancel = {}): Promise<Playback> =>
      this.#operate(id, "approve", options, approval),
  };

  constructor(options: Options) {
    this.#options = options;
    // Throws where it is no URL.
    this.#base = new URL(options.baseUrl).href.replace(/\/+$/, "");
  }

  /** Sends up to 5,000 events, and says what became of each. */
  send(events: readonly NewEvent[], options?: Cancel): Promise<BatchItem[]>;
  /** Sends an event. It is sent again where that can help, and recorded once. */
  send(event: NewEvent, options?: Cancel): Promise<Accepted>;
  send(events: NewEvent | readonly NewEvent[], options: Cancel = {}): Promise<Accepted | BatchItem[]> {
    return isList(events) ? this.#batch(events, options) : this.#one(events, options);
  }

  /** Sends an event of a category that is open or not declared. */
  sendUntyped(event: UntypedEvent, options: Cancel = {}): Promise<Accepted> {
    return this.#one(event, options);
  }

  /** Sends JSON of a source's own shape, for the source's adapter. */
  input(source: InputSource, data: unknown, options: { key?: string } & Cancel = {}): Promise<Accepted> {
    return this.#json<Accepted>("POST", `/inputs/${segment(source)}`, {
      body: data,
      headers: { "idempotency-key": options.key ?? uuid() },
      signal: options.signal,
    });
  }

  /** Lets an aggregate decide about a command, at once. */
  command<C extends CommandCategory>(
    category: C,
    id: string,
    command: Command<C>,
    options?: CommandOptions,
  ): Promise<Applied<C> | Rejected>;
  /** Lets it decide later, and waits so many seconds for the outcome. */
  command<C extends CommandCategory>(
    category: C,
    id: string,
    command: Command<C>,
    options: CommandOptions & { readonly wait: number },
  ): Promise<Outcome<C>>;
  async command<C extends CommandCategory>(
    category: C,
    id: string,
    command: Command<C>,
    options: CommandOptions & { readonly wait?: number } = {},
  ): Promise<Outcome<C>> {
    const { ifMatch, wait, signal } = options;
    const key = options.key ?? uuid();
    const headers: Record<string, string> = { "idempotency-key": key };
    if (ifMatch !== undefined) headers["if-match"] = `"${ifMatch}"`;
    if (wait !== undefined) headers["prefer"] = "respond-async";
    const path = `/commands/${segment(category)}/${segment(id)}`;
    try {
      const outcome = await this.#json<Outcome<C>>("POST", path, { body: command, headers, signal });
      if (outcome.outcome !== "pending" || wait === undefined) return outcome;
    } catch (error) {
      const rejected = rejection(error);
      if (rejected !== undefined) return rejected;
      throw error;
    }
    return this.outcome<C>(key, { wait, signal });
  }

  /** What became of the command of a key. Waits so many seconds for it. */
  async outcome<C extends CommandCategory = CommandCategory>(
    key: string,
    options: { readonly wait?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Outcome<C>> {
    const { wait = 0, signal } = options;
    const until = Date.now() + wait * 1000;
    for (let pause = FIRST_PAUSE; ; pause = longer(pause)) {
      const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      try {
        const outcome = await this.#json<Outcome<C>>("GET", `/commands/${segment(key)}`, {
          signal,
          wait: Math.min(left, MAX_WAIT),
        });
        if (outcome.outcome !== "pending" || Date.now() >= until) return outcome;
      } catch (error) {
        // A command for later is not there before it is recorded.
        const isOnTheWay = error instanceof Problem && error.status === 404;
        if (!isOnTheWay || Date.now() >= until) throw error;
        await sleep(pause, signal);
      }
    }
  }

  /** The row of a key; `undefined` where there is none. */
  async row<P extends ProjectionName>(
    projection: P,
    key: string,
    options: RowOptions = {},
  ): Promise<Row<RowOf<Rows, P>> | undefined> {
    const { atLeast, at, generation, wait, signal } = options;
    try {
      return await this.#json<Row<RowOf<Rows, P>>>("GET", `/projections/${segment(projection)}`, {
        query: { key, at_least: atLeast, at, generation, ...past(options) },
        signal,
        ...(atLeast === undefined ? {} : { wait: wait ?? MAX_WAIT }),
      });
    } catch (error) {
      const isMissing = error instanceof Problem && error.status === 404 && error.field === "key";
      if (isMissing) return undefined;
      throw error;
    }
  }

  /**
   * The row of a key, once it holds a version: what `send` or `command` has led
   * to. Waits for so many seconds, 60 where nothing is said, and then throws the
   * problem `not-yet`.
   */
  async waitFor<P extends ProjectionName>(
    projection: P,
    key: string,
    version: number | string,
    options: { readonly seconds?: number } & Cancel = {},
  ): Promise<Row<RowOf<Rows, P>> | undefined> {
    const until = Date.now() + (options.seconds ?? 60) * 1000;
    for (;;) {
      const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      const wait = Math.min(left, MAX_WAIT);
      try {
        return await this.row(projection, key, { atLeast: version, wait, ...cancel(options.signal) });
      } catch (error) {
        const isEarly = error instanceof Problem && error.is("not-yet");
        if (!isEarly || Date.now() >= until) throw error;
      }
    }
  }

  /** All rows, page by page. */
  rows<P extends ProjectionName>(
    projection: P,
    options: RowsOptions = {},
  ): AsyncGenerator<Row<RowOf<Rows, P>>, void, undefined> {
    const { prefix, by, generation, limit } = options;
    const query = { prefix, by: by?.name, value: by?.value, generation, limit, ...past(options) };
    const path = `/projections/${segment(projection)}`;
    return this.#pages<Row<RowOf<Rows, P>>>(path, "rows", query, options.signal);
  }

  /** The events of a stream, in order, page by page; none where it has none. */
  async *stream<C extends Category>(
    stream: `${C}-${string}`,
    options: { readonly from?: number; readonly limit?: number } & Cancel = {},
  ): AsyncGenerator<RecordedEvent<C>, void, undefined> {
    let from: number | undefined = options.from ?? 1;
    while (from !== undefined) {
      const page: { events: RecordedEvent<C>[]; next?: number } | undefined = await this.#page<C>(stream, from, options);
      if (page === undefined) return;
      yield* page.events;
      from = page.next;
    }
  }

  /**
   * Events as they are recorded, for ever: by long poll, none missed. It goes on
   * by itself after a 5xx and a lost connection, and ends when `signal` says so.
   */
  async *tail<C extends Category = Category>(
    options: TailOptions<C> = {},
  ): AsyncGenerator<Tailed<C>, void, undefined> {
    const { category, signal, limit } = options;
    let cursor = options.cursor;
    const after = cursor === undefined ? options.after : undefined;
    // Without a wait at first: if that connection were lost, `now` would be later.
    let wait = after === "now" && cursor === undefined ? 0 : MAX_WAIT;
    let pause = FIRST_PAUSE;
    while (!isAborted(signal)) {
      const begin = cursor === undefined ? { after } : { cursor };
      let page: { events: RecordedEvent<C>[]; next: string; behind: boolean };
      try {
        const query = { category, limit, ...begin };
        const answer = await this.#ask("GET", "/events", { query, signal, wait });
        page = fine(answer) as typeof page;
      } catch (error) {
        if (isAborted(signal)) return;
        if (isFinal(error)) throw error;
        if (!(await slept(pause, signal))) return;
        pause = longer(pause);
        continue;
      }
      pause = FIRST_PAUSE;
      wait = MAX_WAIT;
      const last = page.events.length - 1;
      for (const [nth, event] of page.events.entries()) {
        yield { event, cursor: nth === last ? page.next : cursor };
        if (isAborted(signal)) return;
      }
      cursor = page.next;
    }
  }

  /**
   * Takes an event back. The reversal is accepted like any other event, and rows
   * follow. Of an event that is taken back already, it is refused (409).
   */
  reverse(stream: string, version: number, reversal: Reversal, options: Cancel = {}): Promise<ReversalAccepted> {
    const path = `/streams/${segment(stream)}/events/${version}/reversal`;
    return this.#json<ReversalAccepted>("POST", path, { body: reversal, ...options });
  }

  /** What a gateway has sent, when, because of what, and with which answer, page by page. */
  ledger(gateway: GatewayName, options: LedgerOptions = {}): AsyncGenerator<LedgerLine, void, undefined> {
    const { key, compare, limit } = options;
    const path = `/gateways/${segment(gateway)}/ledger`;
    return this.#pages<LedgerLine>(path, "entries", { key, compare, limit }, options.signal);
  }

  /** Whether every reader moves, and if not, which one and why. */
  health(options: Cancel = {}): Promise<Health> {
    return this.#json<Health>("GET", "/health", options);
  }

  async #one(event: UntypedEvent, options: Cancel): Promise<Accepted> {
    return this.#json<Accepted>("POST", "/events", {
      body: this.#whole(event),
      media: "application/cloudevents+json",
      signal: options.signal,
    });
  }

  async #batch(events: readonly UntypedEvent[], options: Cancel): Promise<BatchItem[]> {
    interface Item {
      readonly status: number;
      readonly id?: string;
      readonly source?: string;
      readonly stream?: string;
      readonly problem?: unknown;
    }
    const answer = await this.#json<{ results: Item[] }>("POST", "/events", {
      body: events.map((event) => this.#whole(event)),
      media: "application/cloudevents-batch+json",
      signal: options.signal,
    });
    return answer.results.map((item) => {
      const { status, id, source, stream, problem } = item;
      return id !== undefined && source !== undefined && stream !== undefined
        ? { accepted: true, status, id, source, stream }
        : { accepted: false, status, problem: new Problem(status, problem) };
    });
  }

  /** With an id: sent again, it is the same event. */
  #whole(event: UntypedEvent): Record<string, unknown> {
    const { extensions, ...attributes } = event;
    const source = this.#options.source ?? "/typescript";
    return { specversion: "1.0", id: uuid(), source, ...extensions, ...attributes };
  }

  #operate(id: string, verb: string, options: Cancel, body: unknown = {}): Promise<Playback> {
    return this.#json<Playback>("POST", `/playbacks/${segment(id)}/${verb}`, { body, ...options });
  }

  async #page<C extends Category>(
    stream: string,
    from: number,
    options: { readonly limit?: number } & Cancel,
  ): Promise<{ events: RecordedEvent<C>[]; next?: number } | undefined> {
    try {
      const query = { from, limit: options.limit };
      return await this.#json("GET", `/streams/${segment(stream)}`, { query, signal: options.signal });
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return undefined;
      throw error;
    }
  }

  async *#pages<T>(
    path: string,
    of: string,
    query: Query,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: Record<string, unknown> = await this.#json("GET", path, { query: { ...query, cursor }, signal });
      yield* page[of] as T[];
      cursor = page["next"] as string | undefined;
    } while (cursor !== undefined);
  }

  /** Asks, again where that can help, and reads the answer. */
  async #json<T>(method: Method, path: string, asked: Asked): Promise<T> {
    const retries = this.#options.retries ?? 5;
    let pause = FIRST_PAUSE;
    for (let attempt = 0; ; attempt++) {
      try {
        // What the API answers is checked against its document, in Rewind's tests.
        return fine(await this.#ask(method, path, asked)) as T;
      } catch (error) {
        const isEarly = error instanceof Problem && error.is("not-yet");
        if (isFinal(error) || isEarly || attempt >= retries || isAborted(asked.signal)) throw error;
        await sleep(pause, asked.signal);
        pause = longer(pause);
      }
    }
  }

  /** Asks once. */
  async #ask(method: Method, path: string, asked: Asked): Promise<Answered> {
    const url = new URL(this.#base + path);
    for (const [name, value] of Object.entries(asked.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
    let headers: Readonly<Record<string, string>> = {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": asked.media ?? "application/json" }),
      ...(asked.wait === undefined ? {} : { prefer: `wait=${asked.wait}` }),
      ...asked.headers,
      ...this.#options.headers,
    };
    const { sign } = this.#options;
    if (sign !== undefined) {
      try {
        headers = await sign({ method, url: url.href, headers, body });
      } catch (cause) {
        throw new NotSigned(cause);
      }
    }
    const stop = new AbortController();
    const lost = setTimeout(() => stop.abort(new Error(`no answer from ${url.host}`)), PATIENCE * 1000);
    const cancelled = (): void => stop.abort(asked.signal?.reason);
    asked.signal?.addEventListener("abort", cancelled);
    if (isAborted(asked.signal)) cancelled();
    try {
      const request = this.#options.fetch ?? globalThis.fetch;
      const response = await request(url.href, {
        method,
        headers,
        signal: stop.signal,
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      return { status: response.status, body: parsed(text) };
    } finally {
      clearTimeout(lost);
      asked.signal?.removeEventListener("abort", cancelled);
    }
  }
}

/** The type of the rows of a projection, where the client was told. */
export type RowOf<Rows, P extends ProjectionName> = P extends keyof Rows ? Rows[P] : unknown;

function fine(answer: Answered): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw new Problem(answer.status, answer.body);
}

/** Whether another try cannot help. */
function isFinal(error: unknown): boolean {
  if (error instanceof Problem) return error.status < 500 && error.status !== 429;
  return error instanceof NotSigned;
}

/** The rejection that a problem tells. */
function rejection(error: unknown): Rejected | undefined {
  if (!(error instanceof Problem) || error.members["outcome"] !== "rejected") return undefined;
  const { id, rejection } = error.members;
  if (typeof id !== "string" || !isObject(rejection) || typeof rejection["name"] !== "string") return undefined;
  const { name, data } = rejection;
  return { outcome: "rejected", id, rejection: { name, reason: error.detail, data } };
}

function past(options: Past): Query {
  const time = (value: Date | string | undefined): string | undefined =>
    value instanceof Date ? value.toISOString() : value;
  return { as_of: time(options.asOf), as_at: time(options.asAt) };
}

function cancel(signal: AbortSignal | undefined): Cancel {
  return signal === undefined ? {} : { signal };
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 1000) };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** It may be cancelled meanwhile, which the compiler does not think of. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal !== undefined && signal.aborted;
}

function longer(pause: number): number {
  return Math.min(pause * 2, MAX_PAUSE);
}

/** Waits for a part of `pause` that chance chooses, so that clients do not come together. */
async function sleep(pause: number, signal: AbortSignal | undefined): Promise<void> {
  if (!(await slept(pause, signal))) throw signal?.reason;
}

/** Whether the pause is over, and nobody has cancelled. */
function slept(pause: number, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    if (isAborted(signal)) return resolve(false);
    const cancelled = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", cancelled);
      resolve(true);
    }, pause * (0.5 + Math.random() / 2));
    signal?.addEventListener("abort", cancelled, { once: true });
  });
}

/** Node 18, and pages without TLS, have no `randomUUID`. */
function uuid(): string {
  const random = globalThis.crypto?.randomUUID;
  if (typeof random === "function") return random.call(globalThis.crypto);
  const part = (): string => Math.floor(Math.random() * 2 ** 32).toString(16).padStart(8, "0");
  return `${Date.now().toString(16)}-${part()}${part()}${part()}${part()}`;
}
