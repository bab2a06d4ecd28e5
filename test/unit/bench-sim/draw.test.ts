import { describe, expect, it } from 'vitest';
import { arrivalTimes, type Arrivals } from '../../../bench/sim/arrivals.ts';
import { gamma, geometric, lognormal, through, weighted, zipf, type Draw } from '../../../bench/sim/draw.ts';
import { mean, quantile, sortedNumbers } from '../../../bench/sim/statistics.ts';
import { seededRng } from '../../../src/core/rng.ts';

const sample = (draw: Draw, count = 20_000): readonly number[] => {
  const rng = seededRng(7);
  return sortedNumbers(Array.from({ length: count }, () => draw(rng)));
};

describe('drawing', () => {
  it('gives a lognormal its median and its ninth decile', () => {
    const values = sample(lognormal(2500, 0.908));
    expect(quantile(values, 0.5) / 2500).toBeCloseTo(1, 1);
    expect(quantile(values, 0.9) / 8000).toBeCloseTo(1, 1);
  });

  it('keeps the mean of a gamma at 1 and spreads it more the smaller its shape', () => {
    for (const shape of [0.25, 0.5, 1, 3]) {
      const values = sample(gamma(shape));
      const average = mean(values);
      expect(average).toBeGreaterThan(0.95);
      expect(average).toBeLessThan(1.05);
      const variance = mean(values.map((value) => (value - average) ** 2));
      expect(variance * shape).toBeGreaterThan(0.9);
      expect(variance * shape).toBeLessThan(1.1);
    }
  });

  it('gives a geometric count its mean and never less than one', () => {
    const values = sample(geometric(3.5));
    expect(mean(values)).toBeGreaterThan(3.4);
    expect(mean(values)).toBeLessThan(3.6);
    expect(values[0]).toBe(1);
    expect(new Set(sample(geometric(1), 100))).toEqual(new Set([1]));
  });

  it('passes through the percentiles it was given', () => {
    const values = sample(
      through([
        [0, 10],
        [0.5, 100],
        [0.9, 1000],
        [1, 2000],
      ]),
    );
    expect(quantile(values, 0.5)).toBeGreaterThan(95);
    expect(quantile(values, 0.5)).toBeLessThan(105);
    expect(quantile(values, 0.9)).toBeGreaterThan(950);
    expect(quantile(values, 0.9)).toBeLessThan(1050);
    expect(values[0]).toBeGreaterThanOrEqual(10);
    expect(values.at(-1)).toBeLessThanOrEqual(2000);
  });

  it('picks by weight, and by Zipf the first twice as often as the second', () => {
    const rng = seededRng(3);
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 11_000; draw += 1) {
      const index = weighted(zipf(3, 1), rng);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect((counts[0] ?? 0) / (counts[1] ?? 1)).toBeGreaterThan(1.85);
    expect((counts[0] ?? 0) / (counts[1] ?? 1)).toBeLessThan(2.15);
  });
});

describe('arrivals', () => {
  const timesOf = (arrivals: Arrivals, perSecond: number, count: number): readonly number[] => {
    const next = arrivalTimes(arrivals, perSecond, seededRng(11));
    return Array.from({ length: count }, () => next());
  };

  it.each<[string, Arrivals]>([
    ['Poisson', {}],
    ['bursty gaps', { shape: 0.25 }],
    ['on and off', { onOff: { onMs: 5000, offMs: 15_000 } }],
    ['a day', { diurnal: { periodMs: 60_000, depth: 0.8 } }],
    ['all at once', { shape: 0.5, onOff: { onMs: 4000, offMs: 4000 }, diurnal: { periodMs: 60_000, depth: 0.5 } }],
  ])('keep the mean rate and never go back: %s', (_name, arrivals) => {
    const times = timesOf(arrivals, 4, 20_000);
    expect(times.every((at, index) => at >= (times[index - 1] ?? 0))).toBe(true);
    const rate = times.length / ((times.at(-1) ?? 0) / 1000);
    expect(rate).toBeGreaterThan(3.6);
    expect(rate).toBeLessThan(4.4);
  });

  it('come at the same moments in proportion when only the rate changes', () => {
    const slow = timesOf({}, 1, 50);
    const fast = timesOf({}, 2, 50);
    slow.forEach((at, index) => expect(fast[index]).toBeCloseTo(at / 2, 6));
  });

  it('are denser at the height of the day than at its low', () => {
    const times = timesOf({ diurnal: { periodMs: 100_000, depth: 0.8 } }, 5, 5000);
    const high = times.filter((at) => at % 100_000 < 50_000).length;
    expect(high / times.length).toBeGreaterThan(0.65);
  });
});
