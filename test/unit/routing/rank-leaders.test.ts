import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { rankByCost } from '../../../src/routing/rank.ts';
import { candidatesOf } from './candidates.ts';

it('asked for one place after the other, gives the order that it gives when asked for all', () => {
  const cost = fc.oneof(fc.constantFrom(0, 1, 2, Infinity, NaN, -1), fc.double({ noNaN: true }));
  fc.assert(
    fc.property(fc.array(cost, { minLength: 1, maxLength: 20 }), fc.nat({ max: 19 }), (costs, first) => {
      const candidates = candidatesOf(Object.fromEntries(costs.map((_, i) => [`c${i}`, {}])));
      const ids = rankByCost(candidates, costs, String)
        .all()
        .map(({ candidate }) => candidate.id);
      const ranking = rankByCost(candidates, costs, String);
      expect(ranking.at(first)?.candidate.id).toBe(ids[first]);
      expect(costs.map((_, i) => ranking.at(i)?.candidate.id)).toEqual(ids);
      expect(ranking.at(costs.length)).toBeUndefined();
    }),
  );
});
