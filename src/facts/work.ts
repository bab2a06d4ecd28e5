import type { Demand, RunnerShape } from '../core/demand.ts';
import { FORECAST } from './constants.ts';
import type { Claim } from './prefix-index.ts';

/** What was expected of a request when it was sent: ms alone on the server. */
export interface Expectation {
  readonly waitMs: number;
  readonly loadMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly slowdown: number;
  /** Share of the decode time that is left on average when it has passed: how little an expected length binds. */
  readonly excess: number;
  /** Tokens of the prompt, and those of them that were taken for remembered. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly claim: Claim | undefined;
}

/** What is expected of a request that nobody foresaw: nothing. */
export const NOTHING_EXPECTED: Expectation = {
  waitMs: 0,
  loadMs: 0,
  prefillMs: 0,
  decodeMs: 0,
  slowdown: 1,
  excess: 0,
  promptTokens: 0,
  cachedTokens: 0,
  claim: undefined,
};

/** One request on one runner, from its sending to its end. Written by the ledger alone. */
export class Work {
  readonly demand: Demand;
  /** What it was sent with. */
  readonly shape: RunnerShape;
  readonly streams: boolean;
  readonly expected: Expectation;
  readonly sentAt: number;
  /** Requests of the same runner that were under way when it was sent. */
  readonly ahead: number;
  /** The model was not in memory when it was sent. */
  readonly cold: boolean;
  /** First byte of the answer; undefined before it came. */
  firstAt: number | undefined;
  /** When one of those ahead ended while this one, overdue, had not begun: how many were at work until then. */
  blockedBy = 0;
  blockedAt = 0;
  /** ms that its model is to stay in memory after it, as the server was told; undefined = it was told nothing. */
  keepAliveMs: number | undefined;
  /** Nothing else of ours was under way on the server when it was sent. */
  alone = false;
  /** Of a load: until then it had to wait for others, who were there before it. */
  excusedUntil = Number.NEGATIVE_INFINITY;
  /** Integral of the host's busy count at sending and at the first byte: what the company was in between. */
  readonly busyAtSent: number;
  busyAtFirst = 0;

  constructor(
    demand: Demand,
    shape: RunnerShape,
    streams: boolean,
    expected: Expectation,
    sentAt: number,
    ahead: number,
    busyIntegral: number,
  ) {
    this.demand = demand;
    this.shape = shape;
    this.streams = streams;
    this.expected = expected;
    this.sentAt = sentAt;
    this.ahead = ahead;
    this.cold = expected.loadMs > 0;
    this.busyAtSent = busyIntegral;
    this.keepAliveMs = demand.keepAliveMs;
  }

  /** ms from sending to the first byte, as expected when it was sent. */
  get expectedFirstMs(): number {
    const { waitMs, loadMs, prefillMs, slowdown } = this.expected;
    return waitMs + loadMs + prefillMs * slowdown;
  }

  /**
   * ms that are left of it at `at`. Reading takes as long as it takes; writing goes from the whole expected time to its
   * mean excess once that has passed, since an answer that is already long is mostly one of the long ones.
   */
  remainingMs(at: number): number {
    const { decodeMs, slowdown, excess } = this.expected;
    const decode = decodeMs * slowdown;
    const first = this.expectedFirstMs;
    const reading =
      this.firstAt === undefined ? Math.max(FORECAST.overrunFloor * first, first - (at - this.sentAt)) : 0;
    if (decode === 0) return reading;
    const written = this.firstAt === undefined ? Math.max(0, at - this.sentAt - first) : at - this.firstAt;
    const done = this.firstAt === undefined && this.streams ? 0 : Math.min(1, written / decode);
    return (this.streams || done === 0 ? reading : 0) + decode * (1 - done * (1 - excess));
  }
}
