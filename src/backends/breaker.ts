import type { BreakerSettings, BreakerState } from '../core/types.ts';

/**
 * Circuit breaker (M. Nygard, "Release It!") as a value and pure steps, so that one implementation serves a library
 * model, a backend and a model on a backend. Nothing runs in the background: open turns into half-open when somebody
 * looks after `timeout`.
 *
 *   closed ── failureThreshold failures in a row ──▶ open ── timeout ──▶ half-open ── successThreshold ──▶ closed
 *                                                     ▲────── any failure ──────┘
 *
 * All times are ms on one Clock. Every step accepts every state: a late answer of a request that was sent before the
 * breaker opened is normal, not an error.
 */
export type Breaker =
  | { readonly state: 'closed'; readonly failures: number }
  | {
      readonly state: 'open';
      readonly since: number;
      /** ms that it stays so; absent = `timeout`. */
      readonly lasts?: number;
    }
  | {
      readonly state: 'half-open';
      readonly successes: number;
      /** When each trial that has not reported was sent, oldest first. */
      readonly trials: readonly number[];
    };

/** Closed, with no failure on record. */
export const closedBreaker: Breaker = { state: 'closed', failures: 0 };

/** Forced or earned: open from `at` on. @param lasts ms, > 0; `settings.timeout` if left out */
export const opened = (settings: BreakerSettings, at: number, lasts?: number): Breaker =>
  lasts === undefined || lasts === settings.timeout
    ? { state: 'open', since: at }
    : { state: 'open', since: at, lasts };

type Open = Extract<Breaker, { readonly state: 'open' }>;

/** When the time of an open breaker is over, in ms on the Clock. */
export const openUntil = ({ since, lasts }: Open, settings: BreakerSettings): number =>
  since + (lasts ?? settings.timeout);

const over = (breaker: Open, settings: BreakerSettings, at: number): boolean => at >= openUntil(breaker, settings);

/** A trial has been silent for so long that it holds its place no more. */
const silent = (sent: number, settings: BreakerSettings, at: number): boolean => at - sent >= settings.timeout;

/**
 * The breaker as it stands at `at`: an open one whose timeout has passed is half-open, and trials that have been silent
 * for `timeout` ms no longer hold their place. Returns the same object if nothing changed.
 */
export const advance = (breaker: Breaker, settings: BreakerSettings, at: number): Breaker => {
  switch (breaker.state) {
    case 'closed':
      return breaker;
    case 'open':
      return over(breaker, settings, at) ? { state: 'half-open', successes: 0, trials: [] } : breaker;
    case 'half-open': {
      const oldest = breaker.trials[0];
      if (oldest === undefined || !silent(oldest, settings, at)) return breaker;
      return { ...breaker, trials: breaker.trials.filter((sent) => !silent(sent, settings, at)) };
    }
  }
};

/** The state as seen at `at`. */
export const stateOf = (breaker: Breaker, settings: BreakerSettings, at: number): BreakerState =>
  breaker.state === 'open' && over(breaker, settings, at) ? 'half-open' : breaker.state;

/** May a request start at `at`? In half-open only while a trial place is free. */
export const allows = (breaker: Breaker, settings: BreakerSettings, at: number): boolean => {
  switch (breaker.state) {
    case 'closed':
      return true;
    case 'open':
      return over(breaker, settings, at);
    case 'half-open': {
      let waiting = 0;
      for (const sent of breaker.trials) if (!silent(sent, settings, at)) waiting++;
      return waiting < settings.halfOpenRequests;
    }
  }
};

/** A request was sent: in half-open it takes a trial place. Ask `allows` first; this step does not refuse. */
export const started = (breaker: Breaker, settings: BreakerSettings, at: number): Breaker => {
  const now = advance(breaker, settings, at);
  return now.state === 'half-open' ? { ...now, trials: [...now.trials, at] } : now;
};

/** A request succeeded. Ends a row of failures, counts towards closing in half-open, says nothing to an open breaker. */
export const succeeded = (breaker: Breaker, settings: BreakerSettings, at: number): Breaker => {
  const now = advance(breaker, settings, at);
  switch (now.state) {
    case 'closed':
      return now.failures === 0 ? now : closedBreaker;
    case 'open':
      return now;
    case 'half-open': {
      const successes = now.successes + 1;
      if (successes >= settings.successThreshold) return closedBreaker;
      return { state: 'half-open', successes, trials: now.trials.slice(1) };
    }
  }
};

/**
 * A request that was sent in spite of an open breaker succeeded: better proof than the time that has passed, so it counts
 * as a trial. In the other states the same as `succeeded`.
 */
export const proven = (breaker: Breaker, settings: BreakerSettings, at: number): Breaker =>
  succeeded(breaker.state === 'open' ? { state: 'half-open', successes: 0, trials: [] } : breaker, settings, at);

/** A request failed. Opens a closed breaker at the threshold and a half-open one at once; an open one is not prolonged. */
export const failed = (breaker: Breaker, settings: BreakerSettings, at: number): Breaker => {
  const now = advance(breaker, settings, at);
  switch (now.state) {
    case 'closed': {
      const failures = now.failures + 1;
      return failures >= settings.failureThreshold ? opened(settings, at) : { state: 'closed', failures };
    }
    case 'open':
      return now;
    case 'half-open':
      return opened(settings, at);
  }
};

/** A request ended and proves nothing (the client left, the client erred): gives its trial place back. */
export const abandoned = (breaker: Breaker, settings: BreakerSettings, at: number): Breaker => {
  const now = advance(breaker, settings, at);
  if (now.state !== 'half-open' || now.trials.length === 0) return now;
  return { ...now, trials: now.trials.slice(1) };
};
