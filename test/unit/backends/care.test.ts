import { describe, expect, it } from 'vitest';
import { closedBreaker, failed, opened, started, type Breaker } from '../../../src/backends/breaker.ts';
import {
  CAREFREE,
  CLEAN_MS,
  disturbed,
  levelAt,
  MOST_OPEN_MS,
  openMs,
  rampLimit,
  recovered,
  regaining,
  standingOf,
  suspected,
  tripped,
  vouched,
  type BreakerRules,
  type Care,
} from '../../../src/backends/care.ts';

const rules: BreakerRules = {
  failureThreshold: 1,
  successThreshold: 1,
  timeout: 30_000,
  halfOpenRequests: 1,
  adaptive: true,
};
const LOW = { next: () => 0 };
const HIGH = { next: () => 0.999999 };

/** As it is after so many openings in a row, each of one timeout. */
const after = (openings: number): Care => {
  let care = CAREFREE;
  for (let i = 0; i < openings; i++) care = tripped(care, i * 30_000, 30_000, false);
  return care;
};

describe('the open time', () => {
  it('is the timeout of the settings the first time', () => {
    expect([openMs(CAREFREE, 30_000, 0, LOW), openMs(CAREFREE, 30_000, 0, HIGH)]).toEqual([30_000, 30_000]);
  });

  it('doubles with each further opening, half of it by chance', () => {
    const at = 60_000;
    expect([openMs(after(1), 30_000, 30_000, LOW), openMs(after(2), 30_000, at, LOW)]).toEqual([30_000, 60_000]);
    expect(Math.round(openMs(after(2), 30_000, at, HIGH))).toBe(120_000);
  });

  it('grows no further than five minutes, and is never shorter than the timeout', () => {
    expect(Math.round(openMs(after(12), 30_000, 360_000, HIGH))).toBe(MOST_OPEN_MS);
    expect(openMs(after(12), 30_000, 360_000, LOW)).toBe(MOST_OPEN_MS / 2);
    expect(openMs(after(12), 3_600_000, 360_000, LOW)).toBe(3_600_000);
  });

  it('loses one doubling for every five clean minutes, counted from when it could be tried again', () => {
    const care = tripped(after(2), 100_000, 30_000, false);
    const from = 130_000;
    expect([0, CLEAN_MS - 1, CLEAN_MS, 3 * CLEAN_MS].map((ms) => levelAt(care, from + ms))).toEqual([3, 3, 2, 0]);
  });

  it('begins to count clean time anew when anything goes wrong', () => {
    const care = disturbed(tripped(CAREFREE, 0, 30_000, false), 200_000);
    expect([levelAt(care, 200_000 + CLEAN_MS - 1), levelAt(care, 200_000 + CLEAN_MS)]).toEqual([1, 0]);
    expect(disturbed(CAREFREE, 5)).toBe(CAREFREE);
  });
});

describe('standing', () => {
  const standing = (breaker: Breaker, care: Care, at: number, running = 0): string =>
    standingOf({ breaker, care }, rules, at, true, running);
  const open = opened(rules, 0, 60_000);

  it('is out for the whole open time, then untried until something went well, then free for trials', () => {
    const care = tripped(CAREFREE, 0, 60_000, false);
    expect([standing(open, care, 59_999), standing(open, care, 60_000)]).toEqual(['out', 'untried']);
    expect(standing(open, vouched(care), 60_000)).toBe('free');
    expect(standing(started(open, rules, 60_000), vouched(care), 60_000)).toBe('full');
  });

  it('is untried while it is suspected of hanging although it is closed', () => {
    expect(standing(closedBreaker, suspected(CAREFREE), 0)).toBe('untried');
    expect(standing(closedBreaker, vouched(suspected(CAREFREE)), 0)).toBe('free');
  });

  it('lets one request through after closing, two once it went well, and any number after both of these did', () => {
    const limits: number[] = [];
    let care = recovered(tripped(CAREFREE, 0, 1, true));
    for (let i = 0; i < 5; i++) {
      limits.push(rampLimit(care));
      care = regaining(care);
    }
    expect(limits).toEqual([1, 2, 2, Infinity, Infinity]);
    const back = recovered(CAREFREE);
    expect([standing(closedBreaker, back, 0, 0), standing(closedBreaker, back, 0, 1)]).toEqual(['free', 'full']);
  });

  it('knows nothing of all this under the plain rules', () => {
    const plain = (breaker: Breaker, care: Care): string => standingOf({ breaker, care }, rules, 60_000, false, 9);
    expect(plain(closedBreaker, suspected(CAREFREE))).toBe('free');
    expect(plain(closedBreaker, recovered(CAREFREE))).toBe('free');
    expect(plain(failed(closedBreaker, rules, 0), CAREFREE)).toBe('free');
  });
});
