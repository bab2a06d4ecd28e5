import type { Strategy } from '../core/types.ts';
import { rankByCost } from './rank.ts';

/** Small enough never to outweigh a real difference of inflight/weight, large enough to survive rounding beside one. */
const TIE = 1e-10;

/**
 * Fewest requests under way for its weight. The best blind choice for long answers of uneven length (HAProxy recommends
 * leastconn for long sessions). Reads inflight and weight. Ties, which are most of an idle pool, fall by chance in
 * proportion to weight (exponential clocks), not to whoever is listed first.
 */
export const leastLoaded = (): Strategy => ({
  name: 'least-loaded',
  rank(_facts, candidates, { rng }) {
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
