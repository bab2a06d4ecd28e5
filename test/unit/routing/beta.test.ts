import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { drawBeta } from '../../../src/routing/beta.ts';

const DRAWS = 40_000;

describe('a draw from a Beta distribution', () => {
  it.each([
    [1, 1],
    [4, 2],
    [0.4, 0.1],
    [3.6, 0.4],
    [60, 40],
  ])('has the mean and the variance of Beta(%d, %d)', (a, b) => {
    const rng = seededRng(9);
    const draws = Array.from({ length: DRAWS }, () => drawBeta(a, b, rng));
    const mean = draws.reduce((sum, x) => sum + x, 0) / DRAWS;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / DRAWS;
    const [trueMean, trueVariance] = [a / (a + b), (a * b) / ((a + b) ** 2 * (a + b + 1))];
    expect(Math.abs(mean - trueMean)).toBeLessThan(4 * Math.sqrt(trueVariance / DRAWS));
    expect(variance / trueVariance).toBeGreaterThan(0.95);
    expect(variance / trueVariance).toBeLessThan(1.05);
  });

  it('is certain where nothing ever failed, or nothing ever succeeded', () => {
    const rng = seededRng(1);
    expect([drawBeta(5, 0, rng), drawBeta(0, 5, rng), drawBeta(0, 0, rng)]).toEqual([1, 0, 0.5]);
  });

  it.each([0, 0.5, 0.999_999_999])('ends, with a number between 0 and 1, where chance gives nothing but %d', (u) => {
    for (const [a, b] of [
      [0.01, 0.01],
      [3, 1],
      [100, 1e-9],
    ] as const) {
      const draw = drawBeta(a, b, { next: () => u });
      expect(draw).toBeGreaterThanOrEqual(0);
      expect(draw).toBeLessThanOrEqual(1);
    }
  });
});
