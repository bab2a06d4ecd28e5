import { describe, expect, it } from 'vitest';
import {
  abandoned,
  advance,
  allows,
  closedBreaker,
  failed,
  opened,
  started,
  stateOf,
  succeeded,
} from '../../../src/backends/breaker.ts';
import type { Breaker } from '../../../src/backends/breaker.ts';
import type { BreakerSettings } from '../../../src/core/types.ts';

const settings: BreakerSettings = { failureThreshold: 3, successThreshold: 2, timeout: 1000, halfOpenRequests: 2 };
const failTimes = (times: number, at: number): Breaker => {
  let breaker = closedBreaker;
  for (let i = 0; i < times; i++) breaker = failed(breaker, settings, at);
  return breaker;
};

describe('closed', () => {
  it('opens at the threshold of failures in a row, not before', () => {
    expect(stateOf(failTimes(2, 0), settings, 0)).toBe('closed');
    expect(stateOf(failTimes(3, 0), settings, 0)).toBe('open');
  });

  it('starts counting anew after a success', () => {
    const breaker = failed(succeeded(failTimes(2, 0), settings, 0), settings, 0);
    expect(breaker).toEqual({ state: 'closed', failures: 1 });
  });

  it('is unmoved by requests that start or end without proof', () => {
    const breaker = failTimes(2, 0);
    expect(started(breaker, settings, 5)).toBe(breaker);
    expect(abandoned(breaker, settings, 5)).toBe(breaker);
  });
});

describe('open', () => {
  const breaker = failTimes(3, 100);

  it('lets nothing through until its timeout has passed, to the millisecond', () => {
    expect(allows(breaker, settings, 1099)).toBe(false);
    expect(allows(breaker, settings, 1100)).toBe(true);
    expect(stateOf(breaker, settings, 1099)).toBe('open');
    expect(stateOf(breaker, settings, 1100)).toBe('half-open');
  });

  it('is not prolonged by late failures nor closed by late successes', () => {
    expect(failed(breaker, settings, 900)).toBe(breaker);
    expect(succeeded(breaker, settings, 900)).toBe(breaker);
  });

  it('becomes half-open without trials when looked at after the timeout', () => {
    expect(advance(breaker, settings, 1100)).toEqual({ state: 'half-open', successes: 0, trials: [] });
    expect(advance(breaker, settings, 1099)).toBe(breaker);
  });

  it('can be forced', () => {
    expect(allows(opened(settings, 0), settings, 999)).toBe(false);
  });
});

describe('half-open', () => {
  const halfOpen = advance(opened(settings, 0), settings, 1000);

  it('lets through as many trials as there are places', () => {
    const one = started(halfOpen, settings, 1000);
    const two = started(one, settings, 1000);
    expect([halfOpen, one, two].map((breaker) => allows(breaker, settings, 1000))).toEqual([true, true, false]);
  });

  it('takes the place of a trial straight from an open breaker whose time has come', () => {
    expect(started(opened(settings, 0), settings, 1200)).toEqual({ state: 'half-open', successes: 0, trials: [1200] });
  });

  it('closes after enough successes', () => {
    const once = succeeded(started(halfOpen, settings, 1000), settings, 1010);
    expect(once).toEqual({ state: 'half-open', successes: 1, trials: [] });
    expect(succeeded(once, settings, 1020)).toBe(closedBreaker);
  });

  it('opens again for a whole timeout at the first failure', () => {
    const again = failed(started(halfOpen, settings, 1000), settings, 1500);
    expect(stateOf(again, settings, 2499)).toBe('open');
    expect(stateOf(again, settings, 2500)).toBe('half-open');
  });

  it('gives back the place of a trial that proved nothing, and counts it neither way', () => {
    const full = started(started(halfOpen, settings, 1000), settings, 1000);
    const back = abandoned(full, settings, 1001);
    expect(back).toEqual({ state: 'half-open', successes: 0, trials: [1000] });
    expect(allows(back, settings, 1001)).toBe(true);
  });

  it('gives up trials that stay silent for the timeout, so that recovery is never blocked for ever', () => {
    const full = started(started(halfOpen, settings, 1000), settings, 1400);
    expect(allows(full, settings, 1999)).toBe(false);
    expect(allows(full, settings, 2000)).toBe(true);
    expect(advance(full, settings, 2000)).toEqual({ state: 'half-open', successes: 0, trials: [1400] });
    expect(advance(full, settings, 1999)).toBe(full);
  });
});
