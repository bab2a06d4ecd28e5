import { describe, expect, it } from 'vitest';
import { trendOf, verdictOf, type Point } from '../../../bench/soak/trend.ts';
import { seededRng } from '../../../src/core/rng.ts';

/** A sample a minute for so many hours: a line, and noise of this width on it. */
const line = (hours: number, slope: number, noise: number, seed = 1): readonly Point[] => {
  const rng = seededRng(seed);
  return Array.from({ length: 60 * hours }, (_, minute) => ({
    hours: minute / 60,
    value: 100 + (slope * minute) / 60 + noise * (rng.next() - 0.5),
  }));
};

const trend = (points: readonly Point[]) => trendOf('heap', 'MiB', points);

describe('the trend of a soak', () => {
  it('finds the slope of a line, with no margin where there is no noise', () => {
    const { slope, margin, mean, samples } = trend(line(1, 3, 0));
    expect(slope).toBeCloseTo(3, 9);
    expect(margin).toBeLessThan(1e-6);
    expect([mean, samples]).toEqual([expect.closeTo(100 + (3 * 29.5) / 60, 9), 60]);
  });

  it('has the true slope in its 95 % interval about as often as it says', () => {
    let within = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const { slope, margin } = trend(line(1, 3, 10, seed));
      if (Math.abs(slope - 3) <= margin) within++;
    }
    expect(within).toBeGreaterThan(180);
    expect(within).toBeLessThan(200);
  });

  it('trusts samples that wander less than samples that do not', () => {
    const rng = seededRng(4);
    let wander = 0;
    const walk = line(1, 0, 0).map(({ hours }) => {
      wander = 0.9 * wander + rng.next() - 0.5;
      return { hours, value: 100 + wander };
    });
    const shuffled = walk.map(({ hours }, i) => ({ hours, value: walk[(i * 37) % walk.length]?.value ?? 0 }));
    expect(trend(walk).margin).toBeGreaterThan(1.5 * trend(shuffled).margin);
  });

  it('says growing and flat only where the whole interval is on one side of what may be', () => {
    const { slope, margin } = trend(line(2, 3, 10));
    expect(verdictOf(trend(line(2, 3, 0)), 2)).toBe('growing');
    expect(verdictOf(trend(line(2, 1, 0)), 2)).toBe('flat');
    expect(verdictOf(trend(line(2, -50, 0)), 2)).toBe('flat');
    expect(verdictOf({ ...trend(line(2, 3, 10)), slope, margin }, slope)).toBe('too short to tell');
    expect(verdictOf(trend(line(2, 3, 0).slice(0, 3)), 2)).toBe('too short to tell');
  });
});
