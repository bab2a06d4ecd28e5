import type { Candidate, OutcomeStats, Strategy } from '../core/types.ts';
import { categoryPoolOf, categoryRate, categoryTime } from './affinity.ts';
import { jitter, latency, ms, percent, successRate, timeToSuccess, toExplore } from './estimate.ts';
import { rankByCost } from './rank.ts';

/** Share of requests that may go to a candidate known too little. */
const EXPLORATION = 0.02;

/** Costs within this fraction count as equal. */
const CLOSE = 0.05;

/** How much the category may count beside the overall view, and after how many results it counts half of that. */
const CATEGORY_SHARE = 0.7;
const CATEGORY_HALF = 10;

/** A measured 0 ms is no time to divide by; nothing that is worth telling apart is faster than this. */
const LEAST_MS = 1e-6;

const overall = (candidate: Candidate): OutcomeStats => candidate.stats;

/**
 * The default: how fast and reliable a candidate is, how good it is at this category, and how busy it is:
 * overall time^(1 − s) × category time^s × (1 + inflight/weight), where the share s grows from 0 to 0.7 with the results
 * that the pool has in the category. Without history it is least-loaded; each result moves it a little towards
 * performance and affinity, with no threshold to jump over. Reads stats, inflight and weight.
 */
export const hybrid = (): Strategy => ({
  name: 'hybrid',
  rank({ category }, candidates, { at, rng }) {
    const pool = categoryPoolOf(candidates, category, at);
    const share = (CATEGORY_SHARE * pool.category.results) / (pool.category.results + CATEGORY_HALF);
    const trial = toExplore(candidates, EXPLORATION, at, rng, overall);

    const costs: number[] = [];
    for (const candidate of candidates) {
      const { stats, inflight, weight } = candidate;
      const time = Math.max(LEAST_MS, timeToSuccess(stats, pool.overall.latencyMs, pool.overall.hopefulRate, at));
      const blended = share === 0 ? time : time * (categoryTime(candidate, category, pool, at) / time) ** share;
      costs.push(blended * (1 + inflight / weight) * jitter(rng, CLOSE));
    }
    if (trial >= 0) costs[trial] = 0;

    return rankByCost(candidates, costs, (i) => {
      const candidate = candidates[i];
      if (candidate === undefined) return '';
      const load = `${candidate.inflight} in flight`;
      if (i === trial) return `tried to learn, ${load}`;
      if (pool.overall.results === 0) return `${load} for weight ${candidate.weight}, nothing measured yet`;
      const rate = percent(successRate(candidate.stats, pool.overall.hopefulRate, at));
      const speed = ms(latency(candidate.stats, pool.overall.latencyMs, at));
      const inCategory = percent(categoryRate(candidate, category, pool, at));
      return `${speed}, ${rate} ok, in ${category} ${inCategory} ok (counts ${percent(share)}), ${load}`;
    });
  },
});
