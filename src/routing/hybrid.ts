import type { Outlook } from '../core/outlook.ts';
import type { Candidate, OutcomeStats, RankContext, Ranking, Strategy } from '../core/types.ts';
import { categoryPoolOf, categoryRate, categoryTime } from './affinity.ts';
import { COST, costOf, spread } from './cost.ts';
import {
  hopefulRateOf,
  jitter,
  latency,
  ms,
  percent,
  rateLeft,
  successRate,
  timeToSuccess,
  toExplore,
} from './estimate.ts';
import { rankByCost } from './rank.ts';
import { costInWords } from './reason.ts';

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

/** What the parts of the cost count, where there is an outlook. */
export interface HybridWeights {
  /** What a ms of writing counts beside a ms until the first token, ≥ 0; default 0.3. */
  readonly decode?: number;
  /** What a ms of reading afresh costs besides itself, ≥ 0, whether or not requests queue; default 0. */
  readonly fresh?: number;
}

/**
 * The default. With an outlook: the whole cost of `cost.ts` in ms, over the chance of success: how long it waits, loads,
 * reads and writes there, and what that does to others. It is patient: a busy candidate may be the best one. Nothing is
 * tried for the sake of learning, because an unknown candidate is foreseen as an average one.
 *
 * Without an outlook: how fast and reliable a candidate is, how good it is at this category, and how busy it is:
 * overall time^(1 − s) × category time^s × (1 + inflight/weight), where the share s grows from 0 to 0.7 with the results
 * that the pool has in the category. Without history that is least-loaded; each result moves it a little towards
 * performance and affinity, with no threshold to jump over. Reads stats, inflight and weight.
 */
export const hybrid = ({ decode = COST.decodeWeight, fresh = 0 }: HybridWeights = {}): Strategy => ({
  name: 'hybrid',
  patient: true,
  rank({ category }, candidates, context) {
    const { at, rng, outlook } = context;
    if (outlook !== undefined) return rankByOutlook(candidates, outlook, context, decode, fresh);
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

const rankByOutlook = (
  candidates: readonly Candidate[],
  outlook: Outlook,
  { at, rng }: RankContext,
  decode: number,
  fresh: number,
): Ranking => {
  const costs: number[] = [];
  const hopeful = hopefulRateOf(candidates, at, costs);
  for (let i = 0; i < candidates.length; i++) {
    const stats = candidates[i]?.stats;
    if (stats === undefined) continue;
    const p = rateLeft(stats, hopeful, costs[i] ?? 1);
    costs[i] = spread(costOf(outlook, i, p, decode) + fresh * (outlook.freshWork[i] ?? 0), rng);
  }
  return rankByCost(candidates, costs, (i) =>
    costInWords(outlook, i, successRate(candidates[i]?.stats, hopeful, at), decode),
  );
};
