import type { Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';
import type { Candidate, OutcomeStats, RankContext, Ranking, Strategy, TaskFacts } from '../core/types.ts';
import { drawBeta } from './beta.ts';
import { COST, costOf, spread } from './cost.ts';
import type { Pool } from './estimate.ts';
import {
  evidence,
  fadeOver,
  hopefulRateOf,
  jitter,
  latency,
  ms,
  percent,
  poolOf,
  PRIOR_RESULTS,
  rateLeft,
  successRate,
  timeToSuccess,
  toExplore,
} from './estimate.ts';
import { fnv1a, rendezvous } from './hash.ts';
import { rankByCost } from './rank.ts';
import { costInWords } from './reason.ts';

/** Share of requests that may go to a candidate hardly known in the category. Low: affinity is there to be steady. */
const EXPLORATION = 0.01;

/** Costs within this fraction count as equal: the lead of having answered first must not become a monopoly. */
const CLOSE = 0.1;

/** How far above its fair share of the load a favourite may go (consistent hashing with bounded loads, Mirrokni 2017). */
const BOUND = 1.25;

/** What separates candidates over their bound from those below it; far above any time to success in ms. */
const OVER = 1e12;

/** The two levels of belief about one category: the pool's, and the category's within the pool. */
export interface CategoryPool {
  readonly overall: Pool;
  readonly category: Pool;
}

/** Gathers what the pool knows in general and about `category`. */
export const categoryPoolOf = (candidates: readonly Candidate[], category: string, at: number): CategoryPool => ({
  overall: poolOf(candidates, at, (candidate) => candidate.stats),
  category: poolOf(candidates, at, (candidate) => candidate.stats.category(category)),
});

/**
 * Time to a good answer in one category, in ms. Success starts from the candidate's own overall rate, so a new category
 * starts sane; latency is compared with others in the same category only, because categories differ in length.
 */
export const categoryTime = (candidate: Candidate, category: string, pool: CategoryPool, at: number): number => {
  const { stats } = candidate;
  const rate = successRate(stats, pool.overall.cautiousRate, at);
  return timeToSuccess(stats.category(category), pool.category.latencyMs, rate, at);
};

/** Chance of success in one category, 0…1. */
export const categoryRate = ({ stats }: Candidate, category: string, pool: CategoryPool, at: number): number =>
  successRate(stats.category(category), successRate(stats, pool.overall.cautiousRate, at), at);

/** How many requests a candidate may have under way before affinity looks elsewhere, ≥ 1. */
export const loadBound = (weight: number, totalWeight: number, totalInflight: number): number =>
  Math.max(1, Math.ceil(BOUND * (weight / totalWeight) * (totalInflight + 1)));

/**
 * Whoever does this category of task best, until it is busier than its share. Good where models differ in what they are
 * good at. Only recorded results teach it: being chosen does not, so it cannot talk itself into one favourite. At its load
 * bound a favourite steps behind everybody below theirs, so not all tasks can go to one model.
 *
 * With an outlook: the cost of `cost.ts` in ms, with the chance of success drawn from what is believed of the candidate in
 * this category (Thompson, 1933): whoever is known little is tried as often as it may be the best. It is patient, because
 * that cost counts the wait. The bound is never below the slots: a free slot is no overload.
 *
 * Without: time to a good answer in the category. Reads the category's stats, inflight, weight and the session key.
 * Without results in the category a session goes where its key falls (rendezvous), so that it stays in one place.
 */
export const affinity = (): Strategy => ({
  name: 'affinity',
  patient: true,
  rank(facts, candidates, context) {
    const { at, rng, outlook } = context;
    const { category } = facts;
    if (outlook !== undefined) return rankByOutlook(category, candidates, outlook, context);
    const pool = categoryPoolOf(candidates, category, at);
    const keyHash = sessionHash(facts, pool);
    const trial = toExplore(candidates, pool.category.results > 0 ? EXPLORATION : 0, at, rng, (c) =>
      c.stats.category(category),
    );
    let totalWeight = 0;
    let totalInflight = 0;
    for (const candidate of candidates) {
      totalWeight += candidate.weight;
      totalInflight += candidate.inflight;
    }

    const costs: number[] = [];
    for (const candidate of candidates) {
      const { id, inflight, weight } = candidate;
      const draw = jitter(rng, CLOSE);
      if (inflight >= loadBound(weight, totalWeight, totalInflight)) costs.push(OVER * (1 + inflight / weight) * draw);
      else if (keyHash === undefined) costs.push(categoryTime(candidate, category, pool, at) * draw);
      else costs.push(rendezvous(keyHash, id, weight));
    }
    if (trial >= 0 && (costs[trial] ?? OVER) < OVER) costs[trial] = 0;

    return rankByCost(candidates, costs, (i) => {
      const candidate = candidates[i];
      if (candidate === undefined) return '';
      const known = candidate.stats.category(category);
      if ((costs[i] ?? 0) >= OVER) {
        const bound = loadBound(candidate.weight, totalWeight, totalInflight);
        return `at its share of the load: ${candidate.inflight} in flight, bound ${bound}`;
      }
      if (costs[i] === 0) return `tried to learn: ${evidence(known, at).toFixed(1)} ${category} results known`;
      if (keyHash !== undefined) return 'nearest to the session key';
      const rate = percent(categoryRate(candidate, category, pool, at));
      if (known === undefined || evidence(known, at) < 1) return `${category}: hardly known, ${rate} ok expected`;
      return `${category}: ${rate} ok, ${ms(latency(known, pool.category.latencyMs, at))}`;
    });
  },
});

const sessionHash = (facts: TaskFacts, pool: CategoryPool): number | undefined =>
  facts.affinityKey === undefined || pool.category.results > 0 ? undefined : fnv1a(facts.affinityKey);

const rankByOutlook = (
  category: string,
  candidates: readonly Candidate[],
  outlook: Outlook,
  { at, rng }: RankContext,
): Ranking => {
  const costs: number[] = [];
  const hopeful = hopefulRateOf(candidates, at, costs);
  let totalWeight = 0;
  let totalInflight = 0;
  for (const { weight, inflight } of candidates) {
    totalWeight += weight;
    totalInflight += inflight;
  }
  const boundOf = (i: number, weight: number): number =>
    Math.max(outlook.slots[i] ?? 1, loadBound(weight, totalWeight, totalInflight));

  let lowest = Infinity;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate === undefined) continue;
    const { stats, inflight, weight } = candidate;
    const own = rateLeft(stats, hopeful, costs[i] ?? 1);
    const known = stats.category(category);
    const bounded = inflight >= boundOf(i, weight);
    // Whoever would not lead even if it never failed needs no draw, which is most of what a decision costs.
    const contends = !bounded && costOf(outlook, i, 1, COST.decodeWeight) < lowest;
    const rate = contends ? drawRate(known, own, at, rng) : successRate(known, own, at);
    const cost = spread(costOf(outlook, i, rate, COST.decodeWeight), rng);
    costs[i] = bounded ? OVER + cost : cost;
    if (!bounded && cost < lowest) lowest = cost;
  }

  return rankByCost(candidates, costs, (i) => {
    const candidate = candidates[i];
    if (candidate === undefined) return '';
    const { stats, inflight, weight } = candidate;
    if ((costs[i] ?? 0) >= OVER) {
      return `at its share of the load: ${inflight} in flight, bound ${boundOf(i, weight)}`;
    }
    const rate = successRate(stats.category(category), successRate(stats, hopeful, at), at);
    return `${category}: ${percent(rate)} ok, ${costInWords(outlook, i, rate, COST.decodeWeight)}`;
  });
};

/** A draw from the belief about one category: Beta(4·own + s, 4·(1 − own) + f), around the candidate's overall rate. */
const drawRate = (known: OutcomeStats | undefined, own: number, at: number, rng: Rng): number => {
  const left = known === undefined ? 0 : fadeOver(known.updatedAt, at);
  const good = PRIOR_RESULTS * own + (known?.successes ?? 0) * left;
  return drawBeta(good, PRIOR_RESULTS * (1 - own) + (known?.failures ?? 0) * left, rng);
};
