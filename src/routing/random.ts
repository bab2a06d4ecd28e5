import type { Outlook } from '../core/outlook.ts';
import type { Candidate, Strategy } from '../core/types.ts';
import { rankByCost } from './rank.ts';
import { seconds } from './reason.ts';

export interface RandomOptions {
  /** How many are drawn, of which the one with less work goes first, where work is known; 1 = chance alone. */
  readonly choices?: 1 | 2;
}

/**
 * By chance, in proportion to weight. Needs no memory and no shared state: fit for many proxies beside each other and as
 * a baseline. Each candidate draws an exponential clock −ln(u)/weight and the order of ringing is a weighted random
 * permutation (Efraimidis and Spirakis, 2006), so failover is weighted as well. Reads weight.
 *
 * With an outlook, and unless `choices` is 1, the first two change places if the second has less work before it: the
 * power of two choices (Mitzenmacher, 2001) takes away most of the queues that pure chance builds.
 */
export const random = ({ choices = 2 }: RandomOptions = {}): Strategy => ({
  name: 'random',
  rank(_facts, candidates, { rng, outlook }) {
    const costs: number[] = [];
    for (const { weight } of candidates) costs.push(-Math.log(1 - rng.next()) / weight);
    const lighter = choices === 2 && outlook !== undefined ? leadWithLighter(candidates, costs, outlook) : -1;
    return rankByCost(candidates, costs, (i) => {
      const candidate = candidates[i];
      if (candidate === undefined) return '';
      const drawn = `drawn by chance with weight ${candidate.weight}`;
      return i === lighter ? `${drawn}, the lighter of two: ${seconds(outlook?.backlog[i] ?? 0)} of work` : drawn;
    });
  },
});

/** Puts the lighter one of the two lowest costs first; equal work leaves them. Returns its index, −1 if it is alone. */
const leadWithLighter = (candidates: readonly Candidate[], costs: number[], outlook: Outlook): number => {
  let [first, second] = [-1, -1];
  let [low, next] = [Infinity, Infinity];
  for (let i = 0; i < costs.length; i++) {
    const cost = costs[i] ?? Infinity;
    if (cost < low) {
      [second, next] = [first, low];
      [first, low] = [i, cost];
    } else if (cost < next) [second, next] = [i, cost];
  }
  if (second < 0) return -1;
  if (loadOf(candidates, outlook, second) >= loadOf(candidates, outlook, first)) return first;
  costs[first] = next;
  costs[second] = low;
  return second;
};

const loadOf = (candidates: readonly Candidate[], outlook: Outlook, i: number): number =>
  (outlook.backlog[i] ?? 0) / ((candidates[i]?.weight ?? 1) * (outlook.slots[i] ?? 1));
