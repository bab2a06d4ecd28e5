import type { Rng } from '../core/rng.ts';

/** What is believed of one quantity: a normal distribution. */
export interface Belief {
  readonly mean: number;
  readonly sd: number;
}

/** P(value ≥ least) under a belief; one without spread is certain. */
export const chanceAbove = ({ mean, sd }: Belief, least: number): number => {
  if (!(sd > 0)) return mean >= least ? 1 : 0;
  return normalCdf((mean - least) / sd);
};

/** Φ(z) by Abramowitz and Stegun 26.2.17, exact to 7.5·10⁻⁸. */
export const normalCdf = (z: number): number => {
  const t = 1 / (1 + 0.231_641_9 * Math.abs(z));
  const poly =
    t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  const tail = (Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z > 0 ? 1 - tail : tail;
};

/** A standard normal number by Box and Muller. Draws two numbers. */
const drawNormal = (rng: Rng): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

/**
 * Bayesian linear regression with known noise, in which observations lose weight with age: y = w·x + ε, with the weights
 * w drawn from N(prior mean, prior sd²) each. What fades are the observations alone, so that without new ones the belief
 * goes back to the prior (discounted linear Thompson sampling: Agrawal and Goyal, 2013; Russac et al., 2019).
 *
 * Memory is d² numbers. Observing is O(d²); the first look after a change is O(d³), which for the few dozen weights used
 * here is less than a millisecond.
 */
export class Posterior {
  readonly #size: number;
  readonly #priorMeans: Float64Array;
  readonly #priorPrecisions: Float64Array;
  /** What the observations add to the precision, row by row, and to the precision times the mean. */
  readonly #evidence: Float64Array;
  readonly #pull: Float64Array;
  /** Lower Cholesky factor of the whole precision, and the mean; worked out when asked for. */
  readonly #factor: Float64Array;
  readonly #mean: Float64Array;
  #stale = true;

  /** @param priorSds one for each weight, > 0 */
  constructor(priorSds: readonly number[]) {
    const size = priorSds.length;
    this.#size = size;
    this.#priorMeans = new Float64Array(size);
    this.#priorPrecisions = Float64Array.from(priorSds, (sd) => 1 / (sd * sd));
    this.#evidence = new Float64Array(size * size);
    this.#pull = new Float64Array(size);
    this.#factor = new Float64Array(size * size);
    this.#mean = new Float64Array(size);
  }

  /** What is to be believed of a weight without observations. */
  expect(index: number, mean: number): void {
    this.#priorMeans[index] = mean;
    this.#stale = true;
  }

  /** @param share 0…1: what stays of the weight of all observations so far */
  fade(share: number): void {
    for (let i = 0; i < this.#evidence.length; i++) this.#evidence[i] = share * (this.#evidence[i] ?? 0);
    for (let i = 0; i < this.#size; i++) this.#pull[i] = share * (this.#pull[i] ?? 0);
    this.#stale = true;
  }

  /** @param variance of the noise in y, > 0 */
  observe(x: readonly number[], y: number, variance: number): void {
    const size = this.#size;
    for (let i = 0; i < size; i++) {
      const scaled = (x[i] ?? 0) / variance;
      if (scaled === 0) continue;
      this.#pull[i] = (this.#pull[i] ?? 0) + scaled * y;
      for (let j = 0; j < size; j++) {
        this.#evidence[i * size + j] = (this.#evidence[i * size + j] ?? 0) + scaled * (x[j] ?? 0);
      }
    }
    this.#stale = true;
  }

  /** What is believed of w·x. */
  belief(x: readonly number[]): Belief {
    this.#refresh();
    // w·x has the variance |L⁻¹x|².
    const size = this.#size;
    const solved = new Float64Array(size);
    let mean = 0;
    let variance = 0;
    for (let i = 0; i < size; i++) {
      let rest = x[i] ?? 0;
      mean += rest * (this.#mean[i] ?? 0);
      for (let j = 0; j < i; j++) rest -= (this.#factor[i * size + j] ?? 0) * (solved[j] ?? 0);
      const value = rest / (this.#factor[i * size + i] ?? 1);
      solved[i] = value;
      variance += value * value;
    }
    return { mean, sd: Math.sqrt(variance) };
  }

  /** Weights drawn from the belief. Draws two numbers for each. */
  draw(rng: Rng): readonly number[] {
    this.#refresh();
    const size = this.#size;
    // L⁻ᵀz has the covariance (LLᵀ)⁻¹.
    const offsets = backSubstitute(
      this.#factor,
      Float64Array.from({ length: size }, () => drawNormal(rng)),
    );
    return Array.from(offsets, (offset, i) => (this.#mean[i] ?? 0) + offset);
  }

  #refresh(): void {
    if (!this.#stale) return;
    const size = this.#size;
    const factor = this.#factor;
    const right = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      const prior = this.#priorPrecisions[i] ?? 0;
      right[i] = (this.#pull[i] ?? 0) + prior * (this.#priorMeans[i] ?? 0);
      for (let j = 0; j <= i; j++) {
        let sum = (this.#evidence[i * size + j] ?? 0) + (i === j ? prior : 0);
        for (let k = 0; k < j; k++) sum -= (factor[i * size + k] ?? 0) * (factor[j * size + k] ?? 0);
        // Evidence is a sum of squares, so what is left of the diagonal is never below the prior but for rounding.
        factor[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (factor[j * size + j] ?? 1);
      }
    }
    for (let i = 0; i < size; i++) {
      let rest = right[i] ?? 0;
      for (let j = 0; j < i; j++) rest -= (factor[i * size + j] ?? 0) * (right[j] ?? 0);
      right[i] = rest / (factor[i * size + i] ?? 1);
    }
    this.#mean.set(backSubstitute(factor, right));
    this.#stale = false;
  }
}

/** Solves Lᵀx = b in place, with L lower and row by row. */
const backSubstitute = (factor: Float64Array, b: Float64Array): Float64Array => {
  const size = b.length;
  for (let i = size - 1; i >= 0; i--) {
    let rest = b[i] ?? 0;
    for (let j = i + 1; j < size; j++) rest -= (factor[j * size + i] ?? 0) * (b[j] ?? 0);
    b[i] = rest / (factor[i * size + i] ?? 1);
  }
  return b;
};
