import { seededRng } from '../../src/core/rng.ts';

/** The value that a share (0…1) of the sorted values does not exceed, between two of them in proportion; NaN if none. */
export const quantile = (sorted: readonly number[], share: number): number => {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below];
  if (low === undefined) return Number.NaN;
  const high = sorted[below + 1] ?? low;
  return low + (high - low) * (place - below);
};

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sorted, without what is not a number. */
export const sortedNumbers = (values: readonly number[]): readonly number[] =>
  values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);

/** Jain's index of fairness: 1 = all equal, 1/n = one has everything; NaN if there is nobody. */
export const jain = (values: readonly number[]): number => {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return values.length === 0 || squares === 0 ? Number.NaN : (sum * sum) / (values.length * squares);
};

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 1000;
const RESAMPLE_SEED = 20_260_101;

/** Mean over the seeds with its 95 % bootstrap interval (percentiles of 1,000 resamples). One value is its own interval. */
export const bootstrap = (values: readonly number[]): Interval => {
  const rng = seededRng(RESAMPLE_SEED);
  const means = Array.from({ length: RESAMPLES }, () =>
    mean(values.map(() => values[Math.floor(rng.next() * values.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b);
  return { mean: mean(values), low: quantile(means, 0.025), high: quantile(means, 0.975) };
};
