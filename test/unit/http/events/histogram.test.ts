import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../../src/http/events/histogram.ts';

const of = (values: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
};

/** The smallest value with a share `q` of all values at or below it. */
const exact = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] ?? 0;

describe('a histogram of durations', () => {
  it('knows no quantile of nothing', () => {
    expect(new Histogram().quantile(0.5)).toBeNull();
  });

  it('gives quantiles within 5 % of the exact ones', () => {
    const durations = fc.array(fc.double({ min: 1, max: 1_800_000, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const found = of(values).quantile(q) ?? 0;
        const wanted = exact(values, q);
        // Rounded to a tenth of a ms besides.
        expect(Math.abs(found - wanted)).toBeLessThanOrEqual(wanted * 0.05 + 0.05);
      }),
    );
  });

  it('takes what lies beyond its ends for the ends', () => {
    expect(of([0]).quantile(1)).toBe(1);
    expect(of([1e12]).quantile(1)).toBe(of([2 ** 21]).quantile(1));
  });

  it('adds up with another, and is empty after a clearing', () => {
    const one = of([10, 20]);
    one.addAll(of([1_000]));
    expect([one.total, one.quantile(1)]).toEqual([3, expect.closeTo(1_000, -2)]);
    one.clear();
    expect([one.total, one.quantile(1)]).toEqual([0, null]);
  });
});
