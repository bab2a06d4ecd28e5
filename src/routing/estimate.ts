import type { Rng } from '../core/rng.ts';
import type { Candidate, OutcomeStats } from '../core/types.ts';

/** ms after which a recorded result counts half. Servers change with their load and their neighbours within minutes. */
export const HALF_LIFE_MS = 600_000;

/** What is left at `at` of a weight written at `from`: 2^(−age / half-life), never above 1. */
export const fadeOver = (from: number, at: number): number =>
  at > from ? Math.exp((-Math.LN2 * (at - from)) / HALF_LIFE_MS) : 1;

/** Pseudo-counts: how many results a prior is worth. Small, so that a handful of real ones outweighs it. */
export const PRIOR_RESULTS = 4;
const PRIOR_LATENCIES = 2;

/** What is believed of a pool nobody has used is held as firmly as ten results, of which one may be taken for failed. */
const BLANK_RESULTS = 10;
const CAUTION = 1;

/** The pool as a whole: what is believed of a candidate with no results of its own. */
export interface Pool {
  /**
   * Chance of success from a hopeful start (ten of ten): while nobody fails a newcomer is as good as the rest, so that
   * one answer more is no lead.
   */
  readonly hopefulRate: number;
  /** From a cautious start (nine of ten): proven success is worth something until the pool has proven itself. */
  readonly cautiousRate: number;
  /** ms; 1 where nothing was measured, which makes every candidate equal. */
  readonly latencyMs: number;
  /** Decayed number of results behind it. */
  readonly results: number;
}

/**
 * The pool's prior from one kind of statistics (overall, or one category). A candidate weighs n/(n + 2) in the mean
 * latency, so that neither a single sample nor the busiest candidate decides it. O(n), no allocation per candidate.
 */
export const poolOf = (
  candidates: readonly Candidate[],
  at: number,
  statsOf: (candidate: Candidate) => OutcomeStats | undefined,
): Pool => {
  let successes = 0;
  let results = 0;
  let latencySum = 0;
  let latencyWeight = 0;
  for (const candidate of candidates) {
    const stats = statsOf(candidate);
    if (stats === undefined) continue;
    const left = fadeOver(stats.updatedAt, at);
    successes += stats.successes * left;
    results += (stats.successes + stats.failures) * left;
    if (stats.latencyMs === undefined) continue;
    const samples = stats.latencySamples * left;
    const weight = samples / (samples + PRIOR_LATENCIES);
    latencySum += weight * stats.latencyMs;
    latencyWeight += weight;
  }
  return {
    hopefulRate: (successes + BLANK_RESULTS) / (results + BLANK_RESULTS),
    cautiousRate: (successes + BLANK_RESULTS - CAUTION) / (results + BLANK_RESULTS),
    latencyMs: latencyWeight > 0 ? latencySum / latencyWeight : 1,
    results,
  };
};

/**
 * The pool's hopeful rate alone, and in `left` what is left at `at` of each candidate's results, by index: for callers
 * that need no latencies, so that the fading is worked out once for each candidate.
 */
export const hopefulRateOf = (candidates: readonly Candidate[], at: number, left: number[]): number => {
  let successes = 0;
  let results = 0;
  for (const { stats } of candidates) {
    const fade = fadeOver(stats.updatedAt, at);
    left.push(fade);
    successes += stats.successes * fade;
    results += (stats.successes + stats.failures) * fade;
  }
  return (successes + BLANK_RESULTS) / (results + BLANK_RESULTS);
};

/** How many results stand behind these statistics at `at`. */
export const evidence = (stats: OutcomeStats | undefined, at: number): number =>
  stats === undefined ? 0 : (stats.successes + stats.failures) * fadeOver(stats.updatedAt, at);

/**
 * Chance of success, 0…1: the mean of Beta(4·prior + s, 4·(1 − prior) + f). Without results it is the prior; as results
 * age it drifts back there.
 */
export const successRate = (stats: OutcomeStats | undefined, prior: number, at: number): number =>
  stats === undefined ? prior : rateLeft(stats, prior, fadeOver(stats.updatedAt, at));

/** Expected latency in ms, shrunk to the prior: (n·x + 2·prior)/(n + 2), with n the samples left at `at`. */
export const latency = (stats: OutcomeStats | undefined, priorMs: number, at: number): number =>
  stats === undefined ? priorMs : latencyLeft(stats, priorMs, fadeOver(stats.updatedAt, at));

/**
 * ms to a good answer, latency / success rate²: a failure costs its own time and another try. The same as combining the
 * two estimates above, with the fading worked out once, because this runs for every candidate of every decision.
 */
export const timeToSuccess = (
  stats: OutcomeStats | undefined,
  priorMs: number,
  priorRate: number,
  at: number,
): number => {
  if (stats === undefined) return priorMs / (priorRate * priorRate);
  const left = fadeOver(stats.updatedAt, at);
  const rate = rateLeft(stats, priorRate, left);
  return latencyLeft(stats, priorMs, left) / (rate * rate);
};

/** `successRate` where the share `left` of the results is known already. */
export const rateLeft = ({ successes, failures }: OutcomeStats, prior: number, left: number): number =>
  (successes * left + PRIOR_RESULTS * prior) / ((successes + failures) * left + PRIOR_RESULTS);

const latencyLeft = ({ latencyMs, latencySamples }: OutcomeStats, priorMs: number, left: number): number => {
  if (latencyMs === undefined) return priorMs;
  const samples = latencySamples * left;
  return (samples * latencyMs + PRIOR_LATENCIES * priorMs) / (samples + PRIOR_LATENCIES);
};

/**
 * A factor in [1, 1 + width): costs closer than `width` count as equal and are spread by chance, or everybody would rush
 * to the same candidate.
 */
export const jitter = (rng: Rng, width: number): number => 1 + width * rng.next();

/** Below this many results a candidate may be tried for the sake of learning. */
const KNOWN_WELL_ENOUGH = 5;

/**
 * Exploration: with chance `rate`, the index of the candidate known least, if that is known too little; −1 otherwise.
 * A request under way counts as a result to come, so that a silent candidate does not collect trials. Draws one number.
 */
export const toExplore = (
  candidates: readonly Candidate[],
  rate: number,
  at: number,
  rng: Rng,
  statsOf: (candidate: Candidate) => OutcomeStats | undefined,
): number => {
  if (rng.next() >= rate) return -1;
  let least = KNOWN_WELL_ENOUGH;
  let found = -1;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate === undefined) continue;
    const known = evidence(statsOf(candidate), at) + candidate.inflight;
    if (known < least) {
      least = known;
      found = i;
    }
  }
  return found;
};

/** `97% ok`, for reasons. */
export const percent = (rate: number): string => `${Math.round(rate * 100)}%`;

/** `240 ms` or `2.4 ms`, for reasons. */
export const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
