import type { Candidate, Strategy, TaskFacts } from '../core/types.ts';
import type { Pool } from './estimate.ts';
import { evidence, jitter, latency, ms, percent, poolOf, successRate, timeToSuccess, toExplore } from './estimate.ts';
import { fnv1a, rendezvous } from './hash.ts';
import { rankByCost } from './rank.ts';

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
 * good at. Reads the category's stats, inflight, weight and the session key. Only recorded results teach it: being
 * chosen does not, so it cannot talk itself into one favourite. At its load bound a favourite steps behind everybody
 * below theirs, so not all tasks can go to one model. Without results in the category a session goes where its key
 * falls (rendezvous), so that it stays in one place.
 */
export const affinity = (): Strategy => ({
  name: 'affinity',
  rank(facts, candidates, { at, rng }) {
    const { category } = facts;
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
