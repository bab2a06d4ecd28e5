import { describe, expect, it } from 'vitest';
import { PeakRatio } from '../../../src/facts/peak.ts';

const TAU = 90_000;

describe('a peak ratio', () => {
  it('is 1 before anything was observed', () => {
    expect(new PeakRatio().value(123)).toBe(1);
  });

  it('takes a worse sample at once and a better one only with time', () => {
    const ratio = new PeakRatio();
    ratio.add(5, 0);
    expect(ratio.value(0)).toBe(5);
    ratio.add(1, 0);
    expect(ratio.value(0)).toBe(5);
    ratio.add(2, TAU);
    expect(ratio.value(TAU)).toBeCloseTo(2 + 3 * Math.exp(-1));
  });

  it('drifts towards 1 from both sides while nobody asks', () => {
    const [slow, fast] = [new PeakRatio(), new PeakRatio()];
    slow.add(3, 0);
    fast.add(0.5, TAU);
    expect(slow.value(TAU)).toBeCloseTo(1 + 2 * Math.exp(-1));
    expect(slow.value(20 * TAU)).toBeCloseTo(1);
    expect(fast.value(TAU)).toBeLessThan(1);
    expect(fast.value(20 * TAU)).toBeCloseTo(1);
  });

  it('compares a sample with what is left of the peak, not with the peak', () => {
    const ratio = new PeakRatio();
    ratio.add(9, 0);
    ratio.add(6, 2 * TAU); // 1 + 8·e⁻² = 2.08 is left
    expect(ratio.value(2 * TAU)).toBe(6);
  });

  it('clamps and leaves out what is no number', () => {
    const ratio = new PeakRatio();
    ratio.add(1000, 0);
    expect(ratio.value(0)).toBe(20);
    ratio.add(Number.NaN, 1);
    ratio.add(Number.POSITIVE_INFINITY, 1);
    expect(ratio.value(1)).toBeLessThanOrEqual(20);
    const fast = new PeakRatio();
    for (let i = 0; i < 50; i++) fast.add(0, i * TAU);
    expect(fast.value(49 * TAU)).toBeCloseTo(0.1);
  });
});
