import type { Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';
import type { Candidate, RankContext, Ranking, Strategy } from '../core/types.ts';
import { COST } from './cost.ts';
import { hopefulRateOf, percent, rateLeft, successRate } from './estimate.ts';
import { rankByCost, rankByHead } from './rank.ts';
import { seconds } from './reason.ts';

/** Small enough never to outweigh a real difference of inflight/weight, large enough to survive rounding beside one. */
const TIE = 1e-10;

/** With an outlook, loads closer than this fraction, or than this many ms, count as equal: forecasts are no better. */
const CLOSE = 0.05;
const CLOSE_MS = 1;

/** Up to here everybody is looked at; past it the mean over many choices gains nothing over a few good ones. */
const SCANNED = 512;

/** In a larger pool: how many are looked at by chance, and how many more that could start at once. */
const BY_CHANCE = 2;
const BY_READINESS = 2;

/** How many draws are spent on finding the latter; where fewer than one in ten is ready, nobody is idle anyway. */
const DRAWS = 20;

/**
 * Least work before it. The best blind choice for long answers of uneven length (HAProxy recommends leastconn for long
 * sessions). Ties, which are most of an idle pool, fall by chance in proportion to capacity and not to whoever is listed
 * first.
 *
 * With an outlook: (ms of work before it + own load and reading if the model must be loaded)/(weight × slots). Whoever
 * fails more than the pool pays for that in ms, or quick failures would look like idleness. Of more than 512 candidates
 * it compares two by chance and two that could start at once.
 *
 * Without: fewest requests under way for its weight. Reads inflight and weight.
 */
export const leastLoaded = (): Strategy => ({
  name: 'least-loaded',
  rank(_facts, candidates, context) {
    const { rng, outlook } = context;
    if (outlook !== undefined) return rankByOutlook(candidates, outlook, context);
    const costs: number[] = [];
    for (const { inflight, weight } of candidates) {
      costs.push((inflight - TIE * Math.log(1 - rng.next())) / weight);
    }
    return rankByCost(candidates, costs, (i) => {
      const candidate = candidates[i];
      return candidate === undefined ? '' : `${candidate.inflight} in flight for weight ${candidate.weight}`;
    });
  },
});

const rankByOutlook = (candidates: readonly Candidate[], outlook: Outlook, { at, rng }: RankContext): Ranking => {
  const head = candidates.length > SCANNED ? sample(outlook, candidates.length, rng) : undefined;
  const costs: number[] = [];
  const hopeful = hopefulRateOf(head?.flatMap((i) => candidates[i] ?? []) ?? candidates, at, costs);
  const rateOf = (i: number): number => successRate(candidates[i]?.stats, hopeful, at);
  const why = (i: number): string => {
    const slots = `${outlook.slots[i] ?? 1} slots for weight ${candidates[i]?.weight ?? 1}`;
    const load = outlook.load[i] ?? 0;
    const loads = load > 0 ? `, loads ${seconds(load)}` : '';
    return `${seconds(outlook.backlog[i] ?? 0)} of work on ${slots}${loads}, ${percent(rateOf(i))} ok`;
  };
  const loadAt = (i: number, rate: number): number => {
    const load = outlook.load[i] ?? 0;
    const own = load > 0 ? load + (outlook.prefill[i] ?? 0) : 0;
    const excess = Math.max(0, hopeful - rate);
    return ((outlook.backlog[i] ?? 0) + own) / capacityOf(i) + excess * COST.failureServices * outlook.serviceMs;
  };
  const capacityOf = (i: number): number => (candidates[i]?.weight ?? 1) * (outlook.slots[i] ?? 1);

  if (head !== undefined) {
    const loads = head.map((i) => loadAt(i, rateOf(i)));
    drawTies(loads, (n) => capacityOf(head[n] ?? 0), rng);
    return rankByHead(candidates, head, loads, (i) => loadAt(i, rateOf(i)), why);
  }
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate !== undefined) costs[i] = loadAt(i, rateLeft(candidate.stats, hopeful, costs[i] ?? 1));
  }
  drawTies(costs, capacityOf, rng);
  return rankByCost(candidates, costs, why);
};

/** Those close to the lowest cost count as equal: their costs are drawn anew between it and the limit of being close. */
const drawTies = (costs: number[], capacityOf: (i: number) => number, rng: Rng): void => {
  let lowest = Infinity;
  for (const cost of costs) if (cost < lowest) lowest = cost;
  const width = CLOSE * lowest + CLOSE_MS;
  for (let i = 0; i < costs.length; i++) {
    if ((costs[i] ?? Infinity) >= lowest + width) continue;
    // The lowest of 1 − (1 − u)^(1/c) falls to each in proportion to c, as the first of exponential clocks does.
    costs[i] = lowest + width * (1 - (1 - rng.next()) ** (1 / capacityOf(i)));
  }
};

/** Indices below `size`, none twice: some by chance, and some more of those that could start at once without a load. */
const sample = (outlook: Outlook, size: number, rng: Rng): number[] => {
  const drawn: number[] = [];
  let ready = 0;
  for (let i = 0; i < DRAWS && ready < BY_READINESS; i++) {
    const one = Math.floor(size * rng.next());
    if (drawn.includes(one)) continue;
    if (drawn.length < BY_CHANCE) drawn.push(one);
    else if (outlook.ready[one] === 1 && outlook.load[one] === 0) {
      drawn.push(one);
      ready++;
    }
  }
  return drawn;
};
