import type { Rng } from '../core/rng.ts';

/** A draw that is refused this often in a row (1 in 10²⁰ with true chance) gives the middle: a rigged generator ends. */
const TRIES = 16;

/**
 * Gamma(shape, 1) by Marsaglia and Tsang (A simple method for generating gamma variables, ACM TOMS 26, 2000), with
 * their step from shape + 1 below 1. Shape 0 gives 0. Usually draws three numbers.
 */
const gamma = (shape: number, rng: Rng): number => {
  if (shape <= 0) return 0;
  if (shape < 1) return gamma(shape + 1, rng) * (1 - rng.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / (3 * Math.sqrt(d));
  for (let i = 0; i < TRIES; i++) {
    const x = Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root * root * root;
    const u = 1 - rng.next();
    if (u < 1 - 0.0331 * x * x * x * x || Math.log(u) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v;
  }
  return d;
};

/**
 * One draw from Beta(a, b), 0…1: how good it might be, given a successes and b failures, which need not be whole numbers.
 * b = 0 gives 1 and a = 0 gives 0; both 0, which says nothing, gives one half.
 */
export const drawBeta = (a: number, b: number, rng: Rng): number => {
  if (a <= 0 && b <= 0) return 0.5;
  const [good, bad] = [gamma(a, rng), gamma(b, rng)];
  // Both vanish only for tiny shapes, where all the mass lies at the two ends.
  return good + bad > 0 ? good / (good + bad) : a / (a + b);
};
