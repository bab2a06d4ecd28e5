import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { chanceAbove, normalCdf, Posterior } from '../../../src/routing/learned-posterior.ts';

describe('the belief about a linear relation', () => {
  it('is the prior before anything was observed, and goes back there when observations fade', () => {
    const posterior = new Posterior([2, 3]);
    posterior.expect(0, 5);
    expect(posterior.belief([1, 0])).toEqual({ mean: 5, sd: 2 });
    expect(posterior.belief([1, 1]).sd).toBeCloseTo(Math.hypot(2, 3), 12);
    posterior.observe([1, 1], 40, 0.1);
    expect(posterior.belief([1, 1]).mean).toBeGreaterThan(30);
    posterior.fade(0);
    expect(posterior.belief([1, 0])).toEqual({ mean: 5, sd: 2 });
  });

  it('weighs the prior and what was observed by their precisions', () => {
    const posterior = new Posterior([2]);
    posterior.observe([1], 10, 1);
    posterior.observe([1], 14, 1);
    // Precision 1/4 + 2, mean (10 + 14)/2.25.
    expect(posterior.belief([1]).mean).toBeCloseTo(24 / 2.25, 12);
    expect(posterior.belief([1]).sd).toBeCloseTo(Math.sqrt(1 / 2.25), 12);
    posterior.fade(0.5);
    expect(posterior.belief([1]).mean).toBeCloseTo(12 / 1.25, 12);
  });

  it('tells two weights apart from their differences alone', () => {
    const posterior = new Posterior([1, 1, 1]);
    for (let i = 0; i < 200; i++) {
      posterior.observe([1, -1, 0], 0.5, 0.01);
      posterior.observe([0, 1, -1], 0.25, 0.01);
    }
    expect(posterior.belief([1, 0, -1]).mean).toBeCloseTo(0.75, 3);
    expect(posterior.belief([1, 0, -1]).sd).toBeLessThan(0.02);
    // Nothing was learned about their common level.
    expect(posterior.belief([1, 1, 1]).sd).toBeCloseTo(Math.sqrt(3), 6);
  });

  it('is never surer of less: an observation narrows it, fading widens it', () => {
    const x = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 });
    const seen = fc.tuple(
      x,
      fc.double({ min: -5, max: 5, noNaN: true }),
      fc.double({ min: 1e-4, max: 10, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(seen, { maxLength: 40 }),
        x,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, at, share) => {
          const posterior = new Posterior([0.5, 1, 2, 0.01]);
          let before = posterior.belief(at).sd;
          for (const [one, y, variance] of all) {
            posterior.observe(one, y, variance);
            const { mean, sd } = posterior.belief(at);
            expect(Number.isFinite(mean)).toBe(true);
            expect(sd).toBeLessThanOrEqual(before * (1 + 1e-6) + 1e-9);
            before = sd;
          }
          posterior.fade(share);
          expect(posterior.belief(at).sd).toBeGreaterThanOrEqual(before * (1 - 1e-6) - 1e-9);
        },
      ),
    );
  });

  it('draws weights whose mean and spread are those of the belief', () => {
    const posterior = new Posterior([1, 2]);
    posterior.observe([1, 1], 3, 0.5);
    const rng = seededRng(7);
    const x = [0.5, -1];
    const draws = Array.from({ length: 4000 }, () => {
      const weights = posterior.draw(rng);
      return x.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0);
    });
    const mean = draws.reduce((sum, each) => sum + each, 0) / draws.length;
    const sd = Math.sqrt(draws.reduce((sum, each) => sum + (each - mean) ** 2, 0) / draws.length);
    const belief = posterior.belief(x);
    expect(Math.abs(mean - belief.mean)).toBeLessThan(0.1);
    expect(sd / belief.sd).toBeCloseTo(1, 1);
  });
});

describe('the chance of a normal quantity', () => {
  it.each([
    [0, 0.5],
    [1, 0.841_345],
    [-1.281_552, 0.1],
    [1.644_854, 0.95],
    [-8, 0],
    [8, 1],
  ])('is known at %d', (z, chance) => {
    expect(normalCdf(z)).toBeCloseTo(chance, 5);
  });

  it('is all or nothing where nothing is uncertain', () => {
    expect(chanceAbove({ mean: 0.02, sd: 0 }, 0.02)).toBe(1);
    expect(chanceAbove({ mean: 0.01, sd: 0 }, 0.02)).toBe(0);
    expect(chanceAbove({ mean: 0.02, sd: 0.1 }, 0.02)).toBeCloseTo(0.5, 6);
  });
});
