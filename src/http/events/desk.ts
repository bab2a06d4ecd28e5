import type { ServerResponse } from 'node:http';
import type { Registry } from '../../backends/registry.ts';
import type { Clock } from '../../core/clock.ts';
import { PRIORITY_CLASSES } from '../../core/types.ts';
import type { Gate } from '../../admission/gate.ts';
import type { Decisions } from '../../results/decisions.ts';
import type { History, RequestRecord } from '../../results/history.ts';
import type { Control, ReloadResult } from '../control.ts';
import { Feed, MOST_CLIENTS } from './feed.ts';
import { Series, type SeriesView } from './series.ts';
import { decisionRow, serverView, type DecisionRow } from './views.ts';

/** How often time is told to go on. */
const TICK_MS = 1_000;
/** Rows in the list of last requests: two screens. */
const ROWS = 40;
/** New rows that one event carries at most; of more than that in half a second, the newest. */
const FRESH_ROWS = 20;
/** Reloads that are remembered for those who look later. */
const RELOADS = 5;

export interface DeskParts {
  readonly registry: Registry;
  readonly gate: Gate;
  readonly history: History;
  readonly decisions: Decisions;
  readonly control: () => Pick<Control, 'ready' | 'strategy'>;
  readonly version: string;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wall: () => number;
}

/** One reload of the configuration, without any value of it. */
export interface ReloadView {
  /** Wall time, ms since 1970. */
  readonly at: number;
  readonly who: string;
  readonly ok: boolean;
  /** Keys that changed. */
  readonly changed: readonly string[];
  readonly issues: readonly string[];
}

/** What people watch live: the events of the admin API, and the last hour in numbers. */
export class Desk {
  readonly #parts: DeskParts;
  readonly #series: Series;
  readonly #feed: Feed;
  /** JSON of the last rows, newest first; filled while somebody reads. */
  #rows: string[] = [];
  readonly #fresh: RequestRecord[] = [];
  readonly #reloads: ReloadView[] = [];
  #tick: NodeJS.Timeout | undefined;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const { registry, clock, wall } = parts;
    this.#series = new Series(clock.now(), wall());
    this.#feed = new Feed(
      {
        serverIds: () => registry.ids(),
        server: (id) => this.#server(id),
        parts: {
          status: () => ({ ...parts.control().ready(), ...parts.control().strategy(), version: parts.version }),
          queue: () => this.#queue(),
          rates: () => this.#series.rates(),
        },
        fresh: () => this.#fresh.splice(0).map((record) => () => this.#row(record)),
        rows: () => `[${this.#rows.join(',')}]`,
        keep: (rows) => {
          this.#rows = [...rows, ...this.#rows].slice(0, ROWS);
        },
        more: () => ({
          at: String(Math.round(wall())),
          series: JSON.stringify(this.#series.view()),
          reloads: JSON.stringify(this.#reloads),
        }),
      },
      () => clock.now(),
    );
  }

  start(): void {
    this.#tick = setInterval(() => {
      const { gate, registry, clock, wall } = this.#parts;
      let inflight = 0;
      for (const id of registry.ids()) inflight += registry.get(id)?.inflight ?? 0;
      for (const point of this.#series.tick(clock.now(), wall(), gate.size, inflight)) this.#feed.tell('point', point);
    }, TICK_MS);
    this.#tick.unref();
  }

  stop(): void {
    clearInterval(this.#tick);
    this.#feed.disconnect();
  }

  /** One request ended. O(1). */
  request(record: RequestRecord): void {
    this.#series.request(record);
    if (!this.#feed.watched || record.endpoint === 'other') return;
    this.#fresh.push(record);
    if (this.#fresh.length > FRESH_ROWS) this.#fresh.splice(0, this.#fresh.length - FRESH_ROWS);
  }

  /** The configuration was read again. */
  reloaded(result: ReloadResult, who: string): void {
    const view: ReloadView = {
      at: Math.round(this.#parts.wall()),
      who,
      ok: result.ok,
      changed: result.ok ? result.changes.map(({ path }) => path) : [],
      issues: result.ok
        ? []
        : result.issues.map(({ line, message }) => (line > 0 ? `line ${line}: ${message}` : message)),
    };
    this.#reloads.unshift(view);
    this.#reloads.length = Math.min(this.#reloads.length, RELOADS);
    this.#feed.tell('reload', view);
    // Whoever reads has shown a token that may hold no longer.
    if (view.changed.some((path) => path.startsWith('admin.'))) this.#feed.disconnect();
  }

  /** The last hour. */
  series(): SeriesView {
    return this.#series.view();
  }

  /** Why no further reader is taken; undefined = there is room. */
  full(): string | undefined {
    return this.#feed.hasRoom ? undefined : `${MOST_CLIENTS} readers have events open already; close one of them`;
  }

  /** Sends events to this answer until its connection ends. */
  attach(res: ServerResponse): void {
    if (!this.#feed.watched) {
      this.#rows = [];
      const ended = this.#parts.history.last(ROWS * 2).filter(({ endpoint }) => endpoint !== 'other');
      this.#fresh.splice(0, this.#fresh.length, ...ended.slice(0, ROWS).toReversed());
    }
    this.#feed.attach(res);
  }

  #row(record: RequestRecord): DecisionRow {
    return decisionRow(record, this.#parts.decisions.get(record.id));
  }

  #server(id: string): object | undefined {
    const { registry, clock, wall } = this.#parts;
    const backend = registry.get(id);
    const snapshot = registry.snapshot(id);
    if (backend === undefined || snapshot === undefined) return undefined;
    return serverView(backend, snapshot, clock.now(), wall());
  }

  #queue(): object {
    const { gate } = this.#parts;
    return {
      waiting: Object.fromEntries(PRIORITY_CLASSES.map((each) => [each, gate.depth(each)])),
      bytes: gate.bytes,
      counts: gate.counts,
    };
  }
}
