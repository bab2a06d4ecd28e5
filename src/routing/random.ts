import type { Strategy } from '../core/types.ts';
import { rankByCost } from './rank.ts';

/**
 * By chance, in proportion to weight. Needs no memory and no shared state: fit for many proxies beside each other and as
 * a baseline. Reads weight. Each candidate draws an exponential clock −ln(u)/weight and the order of ringing is a
 * weighted random permutation (Efraimidis and Spirakis, 2006), so failover is weighted as well.
 */
export const random = (): Strategy => ({
  name: 'random',
  rank(_facts, candidates, { rng }) {
    const costs: number[] = [];
    for (const { weight } of candidates) costs.push(-Math.log(1 - rng.next()) / weight);
    return rankByCost(candidates, costs, (i) => {
      const candidate = candidates[i];
      return candidate === undefined ? '' : `drawn by chance with weight ${candidate.weight}`;
    });
  },
});
