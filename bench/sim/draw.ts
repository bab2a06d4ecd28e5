import type { Rng } from '../../src/core/rng.ts';

/** A way to draw a positive quantity: tokens, ms. */
export type Draw = (rng: Rng) => number;

/** A uniform draw that is never 0, so that its logarithm exists. */
const positive = (rng: Rng): number => 1 - rng.next();

/** Exponential with mean 1. */
export const exponential: Draw = (rng) => -Math.log(positive(rng));

/** Standard normal (Box and Muller, one of the pair). */
export const normal: Draw = (rng) => Math.sqrt(2 * exponential(rng)) * Math.cos(2 * Math.PI * rng.next());

export const constant =
  (value: number): Draw =>
  () =>
    value;

/** Lognormal by its median and the standard deviation of its logarithm. */
export const lognormal =
  (median: number, sigma: number): Draw =>
  (rng) =>
    median * Math.exp(sigma * normal(rng));

/** Gamma with mean 1; `shape` < 1 gives bursts (Marsaglia and Tsang 2000, with their boost for small shapes). */
export const gamma = (shape: number): Draw => {
  const boosted = shape < 1 ? shape + 1 : shape;
  const d = boosted - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  return (rng) => {
    for (;;) {
      const x = normal(rng);
      const v = (1 + c * x) ** 3;
      if (v <= 0 || Math.log(positive(rng)) >= 0.5 * x * x + d - d * v + d * Math.log(v)) continue;
      const boost = shape < 1 ? positive(rng) ** (1 / shape) : 1;
      return (d * v * boost) / shape;
    }
  };
};

/** Whole number ≥ 1 with the given mean ≥ 1: each further one comes with the same chance. */
export const geometric =
  (mean: number): Draw =>
  (rng) =>
    mean <= 1 ? 1 : 1 + Math.floor(exponential(rng) / -Math.log(1 - 1 / mean));

/** The share and the value of some points of a distribution, both growing: `[[0.05, 181], [0.25, 396], …]`. */
export type Percentiles = readonly (readonly [share: number, value: number])[];

/** A distribution through known percentiles, straight in the logarithm between them and level outside. */
export const through =
  (points: Percentiles): Draw =>
  (rng) => {
    const share = rng.next();
    let [lowShare, low] = points[0] ?? [0, 1];
    for (const [highShare, high] of points) {
      if (share < highShare) {
        if (highShare === lowShare) return high;
        return low * (high / low) ** Math.max(0, (share - lowShare) / (highShare - lowShare));
      }
      [lowShare, low] = [highShare, high];
    }
    return low;
  };

/** Weights of Zipf's law: the n-th of `count` gets 1/n^`exponent`, n from 1. */
export const zipf = (count: number, exponent: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => 1 / (index + 1) ** exponent);

/** An index, as often as its weight says. */
export const weighted = (weights: readonly number[], rng: Rng): number => {
  let left = rng.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let index = 0; index < weights.length; index += 1) {
    left -= weights[index] ?? 0;
    if (left < 0) return index;
  }
  return weights.length - 1;
};
