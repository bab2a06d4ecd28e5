import type { ServerResponse } from 'node:http';
import { Client } from './client.ts';
import { sliced } from './sliced.ts';

/** Two looks a second: as fast as a person reads, and as often as one kind of event is sent at most. */
const LOOK_MS = 500;
/** Below the 30 s after which the impatient among proxies close a silent connection. */
const BEAT_MS = 15_000;
/** Servers whose JSON is put together in one step. */
const PIECE = 100;
/** Readers at a time: some operators with some tabs each. */
export const MOST_CLIENTS = 32;

/** Where the feed looks. Each part is asked for on its own, so that the work can be spread. */
export interface FeedSources {
  serverIds(): readonly string[];
  /** undefined = it is gone meanwhile */
  server(id: string): object | undefined;
  /** Parts of the state that are small; each is an event of this name when it has changed. */
  readonly parts: Readonly<Record<string, () => object>>;
  /** Rows of the list of last requests that came since the last call, oldest first; bounded. */
  fresh(): readonly (() => object)[];
  /** The whole list for a snapshot, newest first, already as JSON. */
  rows(): string;
  keep(rows: readonly string[]): void;
  /** What else a snapshot has: members with their JSON. */
  more(): Readonly<Record<string, string>>;
}

/**
 * Tells readers what changes. While somebody reads it looks at everything twice a second, in slices of a millisecond, and
 * sends what is not as it was; without a reader it does nothing. Memory: the JSON of each server, and what readers have
 * not taken yet (see `Client`).
 */
export class Feed {
  readonly #sources: FeedSources;
  readonly #now: () => number;
  readonly #clients = new Set<Client>();
  readonly #servers = new Map<string, string>();
  readonly #parts = new Map<string, string>();
  #news: string[] = [];
  /** Readers whose snapshot was made in this look. */
  readonly #fresh = new Set<Client>();
  #looking = false;
  #again = false;
  #look: NodeJS.Timeout | undefined;
  #beat: NodeJS.Timeout | undefined;

  /** @param now ms on the Clock */
  constructor(sources: FeedSources, now: () => number) {
    this.#sources = sources;
    this.#now = now;
  }

  get watched(): boolean {
    return this.#clients.size > 0;
  }

  get hasRoom(): boolean {
    return this.#clients.size < MOST_CLIENTS;
  }

  /** Sends events to this answer until its connection ends. */
  attach(res: ServerResponse): void {
    const client: Client = new Client(
      res,
      () => this.#start(),
      () => this.#left(client),
    );
    this.#clients.add(client);
    if (this.#look === undefined) {
      this.#look = setInterval(() => this.#start(), LOOK_MS);
      this.#look.unref();
      this.#beat = setInterval(() => this.#eachClient((each) => each.beat()), BEAT_MS);
      this.#beat.unref();
    }
    this.#start();
  }

  /** An event of its own, at once: for what happens rather than changes, and rarely. */
  tell(event: string, data: object): void {
    const bytes = Buffer.from(eventText(event, JSON.stringify(data)));
    this.#eachClient((client) => client.change(bytes));
  }

  /** Ends all connections; readers may come again. */
  disconnect(): void {
    this.#eachClient((client) => client.end());
  }

  #eachClient(run: (client: Client) => void): void {
    for (const client of this.#clients) run(client);
  }

  #left(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#look);
    clearInterval(this.#beat);
    this.#look = this.#beat = undefined;
    this.#servers.clear();
    this.#parts.clear();
  }

  #start(): void {
    if (this.#clients.size === 0) return;
    if (this.#looking) {
      // A reader that came in the middle of a look gets its snapshot from the next one.
      this.#again = true;
      return;
    }
    this.#looking = true;
    sliced(this.#steps(), this.#now, () => {
      this.#looking = false;
      if (!this.#again) return;
      this.#again = false;
      if ([...this.#clients].some(({ wantsSnapshot }) => wantsSnapshot)) this.#start();
    });
  }

  *#steps(): Generator<void> {
    this.#news = [];
    this.#fresh.clear();
    yield* this.#lookAtServers();
    for (const [name, read] of Object.entries(this.#sources.parts)) {
      const json = JSON.stringify(read());
      if (this.#parts.get(name) !== json) {
        this.#parts.set(name, json);
        this.#news.push(eventText(name, json));
      }
      yield;
    }
    yield* this.#lookAtRequests();
    yield* this.#send();
  }

  *#lookAtServers(): Generator<void> {
    const ids = this.#sources.serverIds();
    const gone = new Set(this.#servers.keys());
    const changed: string[] = [];
    for (const id of ids) {
      gone.delete(id);
      const view = this.#sources.server(id);
      if (view !== undefined) {
        const json = JSON.stringify(view);
        if (this.#servers.get(id) !== json) {
          this.#servers.set(id, json);
          changed.push(json);
        }
        if (changed.length === PIECE) this.#news.push(serversText(changed.splice(0), []));
      }
      yield;
    }
    for (const id of gone) this.#servers.delete(id);
    if (changed.length > 0 || gone.size > 0) this.#news.push(serversText(changed, [...gone]));
  }

  *#lookAtRequests(): Generator<void> {
    const rows: string[] = [];
    for (const row of this.#sources.fresh()) {
      rows.unshift(JSON.stringify(row()));
      yield;
    }
    if (rows.length === 0) return;
    this.#sources.keep(rows);
    this.#news.push(eventText('decisions', `{"rows":[${rows.join(',')}]}`));
  }

  *#send(): Generator<void> {
    if ([...this.#clients].some(({ wantsSnapshot }) => wantsSnapshot)) yield* this.#sendSnapshots();
    if (this.#news.length === 0) return;
    const changes = Buffer.from(this.#news.join(''));
    for (const client of this.#clients) {
      if (!this.#fresh.has(client)) client.change(changes);
      yield;
    }
  }

  /** Those who get a snapshot now have what is new in it. */
  *#sendSnapshots(): Generator<void> {
    const pieces: Buffer[] = [];
    const servers = [...this.#servers.values()];
    for (let from = 0; from < servers.length; from += PIECE) {
      pieces.push(Buffer.from(`${from === 0 ? '' : ','}${servers.slice(from, from + PIECE).join(',')}`));
      yield;
    }
    this.#fresh.clear();
    // From here on in one tick: what is told meanwhile would be missing in it.
    const rows = this.#sources.rows();
    const more = Object.entries(this.#sources.more());
    const members = [...this.#parts, ...more].map(([name, json]) => `,${JSON.stringify(name)}:${json}`);
    pieces.unshift(Buffer.from('event: snapshot\ndata: {"servers":['));
    pieces.push(Buffer.from(`],"decisions":${rows}${members.join('')}}\n\n`));
    const whole = Buffer.concat(pieces);
    for (const client of this.#clients) {
      if (!client.wantsSnapshot) continue;
      client.snapshot(whole);
      this.#fresh.add(client);
    }
  }
}

const serversText = (changed: readonly string[], gone: readonly string[]): string =>
  eventText('servers', `{"changed":[${changed.join(',')}],"gone":${JSON.stringify(gone)}}`);

/** JSON has no line break of its own, so that one line of data is the whole event. */
const eventText = (event: string, json: string): string => `event: ${event}\ndata: ${json}\n\n`;
