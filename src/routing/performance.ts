import type { Candidate, OutcomeStats, Strategy } from '../core/types.ts';
import { evidence, jitter, latency, ms, percent, poolOf, successRate, timeToSuccess, toExplore } from './estimate.ts';
import { rankByCost } from './rank.ts';

/** Share of requests that may go to a candidate known too little. */
const EXPLORATION = 0.05;

/** Costs within this fraction count as equal. */
const CLOSE = 0.02;

const overall = (candidate: Candidate): OutcomeStats => candidate.stats;

/**
 * Soonest good answer by what results taught: latency / success rate² × (1 + inflight/weight). Good for pools of uneven
 * speed and reliability. Reads stats, inflight and weight. Both estimates are shrunk to the pool and fade back to it
 * with age: a newcomer is taken for average, one lucky answer moves it little, and a bad hour is forgiven.
 */
export const performance = (): Strategy => ({
  name: 'performance',
  rank(_facts, candidates, { at, rng }) {
    const pool = poolOf(candidates, at, overall);
    const trial = toExplore(candidates, EXPLORATION, at, rng, overall);
    const costs: number[] = [];
    for (const { stats, inflight, weight } of candidates) {
      const time = timeToSuccess(stats, pool.latencyMs, pool.hopefulRate, at);
      costs.push(time * (1 + inflight / weight) * jitter(rng, CLOSE));
    }
    if (trial >= 0) costs[trial] = 0;
    return rankByCost(candidates, costs, (i) => {
      const candidate = candidates[i];
      if (candidate === undefined) return '';
      if (i === trial) return `tried to learn: ${evidence(candidate.stats, at).toFixed(1)} results known`;
      const rate = percent(successRate(candidate.stats, pool.hopefulRate, at));
      const load = `${candidate.inflight} in flight`;
      if (candidate.stats.latencyMs === undefined) return `not measured, taken as the pool: ${rate} ok, ${load}`;
      return `${ms(latency(candidate.stats, pool.latencyMs, at))}, ${rate} ok, ${load}`;
    });
  },
});
