import type { RequestRecord } from '../../results/history.ts';
import { Histogram } from './histogram.ts';

/** One point each; an hour of them is what an operator looks back over while something is going wrong. */
export const STEP_MS = 10_000;
export const STEPS = 360;
/** What "now" means for rates: long enough that a request every few seconds shows as a rate, not as flicker. */
const RATE_SECONDS = 10;
/** Steps that the percentiles of "now" are taken over: about a minute. */
const RECENT_STEPS = 6;

const COLUMNS = [
  'firstTokenP50Ms',
  'firstTokenP95Ms',
  'tokensInPerSecond',
  'tokensOutPerSecond',
  'requestsPerSecond',
  'failedPerSecond',
  'waiting',
  'inflight',
] as const;
type Column = (typeof COLUMNS)[number];

/** One step; null where nothing was measured in it. */
export type SeriesPoint = { readonly [Name in Column]: number | null } & {
  /** Wall time of its end, ms since 1970. */
  readonly at: number;
};

/** The last hour, column by column, oldest first; all columns are of one length. */
export type SeriesView = { readonly [Name in Column]: readonly (number | null)[] } & {
  readonly stepMs: number;
  /** Wall time at which the last point ended, ms since 1970. */
  readonly endedAt: number;
};

/** How it goes just now. */
export interface Rates {
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  readonly tokensInPerSecond: number;
  readonly tokensOutPerSecond: number;
  /** Over the last minute. */
  readonly firstTokenP50Ms: number | null;
  readonly firstTokenP95Ms: number | null;
}

class Counts {
  requests = 0;
  failed = 0;
  tokensIn = 0;
  tokensOut = 0;

  clear(): void {
    this.requests = this.failed = this.tokensIn = this.tokensOut = 0;
  }
}

const perSecond = (count: number, seconds: number): number => Math.round((count / seconds) * 100) / 100;

/**
 * What was served over the last hour, at steps of ten seconds, kept in memory. Told of each request that ended (O(1), no
 * allocation) and once a second of those that wait and run. Tokens count when their answer has ended.
 */
export class Series {
  readonly #points: SeriesPoint[] = [];
  readonly #step = new Counts();
  /** The current step first, then the ones before it. */
  readonly #first = Array.from({ length: RECENT_STEPS }, () => new Histogram());
  /** The current second at `#second`, the ones before it around it. */
  readonly #seconds = Array.from({ length: RATE_SECONDS + 1 }, () => new Counts());
  readonly #recent = new Histogram();
  #second = 0;
  #waiting = 0;
  #inflight = 0;
  #stepEndsAt: number;
  #secondEndsAt: number;
  #endedAt: number;

  /** @param at ms on the Clock @param wall ms since 1970 */
  constructor(at: number, wall: number) {
    this.#stepEndsAt = at + STEP_MS;
    this.#secondEndsAt = at + 1_000;
    this.#endedAt = wall;
  }

  /** One request ended. Requests that run no model are not counted. */
  request(record: RequestRecord): void {
    if (record.endpoint === 'other') return;
    const failed = record.status >= 500 || record.outcome === 'failed';
    const { usage } = record;
    const second = this.#seconds[this.#second] ?? this.#step;
    for (const counts of [this.#step, second]) {
      counts.requests++;
      if (failed) counts.failed++;
      counts.tokensIn += usage?.promptTokens ?? 0;
      counts.tokensOut += usage?.outputTokens ?? 0;
    }
    // Vectors have no first token.
    if (record.outcome === 'served' && record.firstByteMs !== undefined && record.endpoint !== 'embed') {
      this.#first[0]?.add(record.firstByteMs);
    }
  }

  /**
   * Time went on. Call it about once a second.
   * @param at ms on the Clock @param wall ms since 1970 @returns the steps that have ended since the last call
   */
  tick(at: number, wall: number, waiting: number, inflight: number): readonly SeriesPoint[] {
    this.#waiting = Math.max(this.#waiting, waiting);
    this.#inflight = Math.max(this.#inflight, inflight);
    this.#turnSeconds(at);
    const ended: SeriesPoint[] = [];
    // After a long sleep of the machine an hour of empty steps says all.
    const late = Math.floor((at - this.#stepEndsAt) / STEP_MS) - STEPS;
    if (late > 0) this.#stepEndsAt += late * STEP_MS;
    while (at >= this.#stepEndsAt) {
      ended.push(this.#endStep(wall - (at - this.#stepEndsAt)));
      this.#stepEndsAt += STEP_MS;
      this.#waiting = waiting;
      this.#inflight = inflight;
    }
    return ended;
  }

  #turnSeconds(at: number): void {
    const turns = Math.floor((at - this.#secondEndsAt) / 1_000) + 1;
    for (let i = 0; i < Math.min(turns, RATE_SECONDS + 1); i++) {
      this.#second = (this.#second + 1) % this.#seconds.length;
      this.#seconds[this.#second]?.clear();
    }
    if (turns > 0) this.#secondEndsAt += turns * 1_000;
  }

  #endStep(endedAt: number): SeriesPoint {
    const { requests, failed, tokensIn, tokensOut } = this.#step;
    const seconds = STEP_MS / 1_000;
    const first = this.#first.at(0);
    const point: SeriesPoint = {
      at: Math.round(endedAt),
      firstTokenP50Ms: first?.quantile(0.5) ?? null,
      firstTokenP95Ms: first?.quantile(0.95) ?? null,
      tokensInPerSecond: perSecond(tokensIn, seconds),
      tokensOutPerSecond: perSecond(tokensOut, seconds),
      requestsPerSecond: perSecond(requests, seconds),
      failedPerSecond: perSecond(failed, seconds),
      waiting: this.#waiting,
      inflight: this.#inflight,
    };
    this.#points.push(point);
    if (this.#points.length > STEPS) this.#points.shift();
    this.#endedAt = point.at;
    this.#step.clear();
    const oldest = this.#first.pop() ?? new Histogram();
    oldest.clear();
    this.#first.unshift(oldest);
    return point;
  }

  /** Over the last ten whole seconds, percentiles over about a minute. */
  rates(): Rates {
    const sum = new Counts();
    this.#seconds.forEach((counts, i) => {
      if (i === this.#second) return;
      sum.requests += counts.requests;
      sum.failed += counts.failed;
      sum.tokensIn += counts.tokensIn;
      sum.tokensOut += counts.tokensOut;
    });
    this.#recent.clear();
    for (const each of this.#first) this.#recent.addAll(each);
    return {
      requestsPerSecond: perSecond(sum.requests, RATE_SECONDS),
      failedPerSecond: perSecond(sum.failed, RATE_SECONDS),
      tokensInPerSecond: perSecond(sum.tokensIn, RATE_SECONDS),
      tokensOutPerSecond: perSecond(sum.tokensOut, RATE_SECONDS),
      firstTokenP50Ms: this.#recent.quantile(0.5),
      firstTokenP95Ms: this.#recent.quantile(0.95),
    };
  }

  view(): SeriesView {
    const columns = COLUMNS.map((column) => [column, this.#points.map((point) => point[column])]);
    return {
      stepMs: STEP_MS,
      endedAt: Math.round(this.#endedAt),
      ...(Object.fromEntries(columns) as Record<Column, (number | null)[]>),
    };
  }
}
