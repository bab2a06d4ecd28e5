import type { BreakerSettings } from '../core/types.ts';
import { closedBreaker, stateOf, type Breaker } from './breaker.ts';

/** A breaker without a clock. There is no half-open: it comes back as open, so saving never lets more through. */
export type SavedBreaker =
  | { readonly state: 'closed'; readonly failures: number }
  | {
      readonly state: 'open';
      readonly elapsedMs: number;
      /** ms that it stays open in all; absent = `timeout`. */
      readonly lastsMs?: number;
    };

export const saveBreaker = (breaker: Breaker, settings: BreakerSettings, at: number): SavedBreaker => {
  if (breaker.state === 'closed') return { state: 'closed', failures: breaker.failures };
  if (breaker.state !== 'open' || stateOf(breaker, settings, at) !== 'open') return { state: 'open', elapsedMs: 0 };
  const { since, lasts } = breaker;
  return { state: 'open', elapsedMs: Math.max(0, at - since), ...(lasts === undefined ? {} : { lastsMs: lasts }) };
};

/** The saved breaker as if it had been saved at `at`. */
export const loadBreaker = (saved: SavedBreaker, at: number): Breaker => {
  if (saved.state === 'closed') return saved.failures === 0 ? closedBreaker : saved;
  const { elapsedMs, lastsMs } = saved;
  return { state: 'open', since: at - elapsedMs, ...(lastsMs === undefined ? {} : { lasts: lastsMs }) };
};
