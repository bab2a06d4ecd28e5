import type { Outlook } from '../core/outlook.ts';
import type { Candidate, OutcomeStats, RankContext, Ranking, Strategy } from '../core/types.ts';
import { COST, spread } from './cost.ts';
import {
  evidence,
  hopefulRateOf,
  jitter,
  latency,
  ms,
  percent,
  poolOf,
  rateLeft,
  successRate,
  timeToSuccess,
  toExplore,
} from './estimate.ts';
import { rankByCost } from './rank.ts';
import { seconds } from './reason.ts';

/** Share of requests that may go to a candidate known too little. */
const EXPLORATION = 0.05;

/** The same where the outlook foresees an unknown candidate as an average one: what is left to find is a recovery. */
const REFRESH = 0.01;

/** Costs within this fraction count as equal. */
const CLOSE = 0.02;

const overall = (candidate: Candidate): OutcomeStats => candidate.stats;

/**
 * Soonest good answer by what results taught. Good for pools of uneven speed and reliability.
 *
 * With an outlook: what reading and writing will take there, each times how much slower than foreseen it has been of late,
 * × (1 + inflight/slots) / success rate². One request in a hundred goes to the one whose last result is the oldest.
 *
 * Without: latency / success rate² × (1 + inflight/weight). Reads stats, inflight and weight. Both estimates are shrunk to
 * the pool and fade back to it with age: a newcomer is taken for average, one lucky answer moves it little, and a bad hour
 * is forgiven.
 */
export const performance = (): Strategy => ({
  name: 'performance',
  rank(_facts, candidates, context) {
    const { at, rng, outlook } = context;
    if (outlook !== undefined) return rankByOutlook(candidates, outlook, context);
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

const rankByOutlook = (candidates: readonly Candidate[], outlook: Outlook, { at, rng }: RankContext): Ranking => {
  const costs: number[] = [];
  const hopeful = hopefulRateOf(candidates, at, costs);
  const trial = rng.next() < REFRESH ? longestUnheard(candidates, outlook) : -1;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate === undefined) continue;
    const p = Math.max(COST.leastRate, rateLeft(candidate.stats, hopeful, costs[i] ?? 1));
    const busy = 1 + candidate.inflight / (outlook.slots[i] ?? 1);
    costs[i] = spread(((first(outlook, i) + COST.decodeWeight * rest(outlook, i)) * busy) / (p * p), rng);
  }
  if (trial >= 0) costs[trial] = 0;
  return rankByCost(candidates, costs, (i) => {
    const candidate = candidates[i];
    if (candidate === undefined) return '';
    if (i === trial) return 'tried to learn: nobody has been silent for longer';
    const rate = percent(successRate(candidate.stats, hopeful, at));
    const times = `starts in ${seconds(first(outlook, i))}, writes ${seconds(rest(outlook, i))}`;
    return `${times}, ${rate} ok, ${candidate.inflight} in flight on ${outlook.slots[i] ?? 1} slots`;
  });
};

/** ms from dispatch to the first token and from there to the end, with what they have taken beyond the forecast of late. */
const first = (outlook: Outlook, i: number): number =>
  (outlook.slowFirst[i] ?? 1) * ((outlook.load[i] ?? 0) + (outlook.prefill[i] ?? 0));
const rest = (outlook: Outlook, i: number): number => (outlook.slowToken[i] ?? 1) * (outlook.decode[i] ?? 0);

/**
 * The idle candidate whose last result is the oldest, −1 if nobody is idle. One that has a request under way is about
 * to be heard of, so that a silent one does not collect trials.
 */
const longestUnheard = (candidates: readonly Candidate[], outlook: Outlook): number => {
  let oldest = Infinity;
  let found = -1;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate === undefined || candidate.inflight > 0 || outlook.ready[i] !== 1) continue;
    if (candidate.stats.updatedAt < oldest) {
      oldest = candidate.stats.updatedAt;
      found = i;
    }
  }
  return found;
};
