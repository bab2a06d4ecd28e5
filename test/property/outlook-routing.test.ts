import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/core/rng.ts';
import type { Strategy } from '../../src/core/types.ts';
import { affinity, loadBound } from '../../src/routing/affinity.ts';
import { COST, costOf, terms } from '../../src/routing/cost.ts';
import { poolOf, successRate } from '../../src/routing/estimate.ts';
import { hybrid } from '../../src/routing/hybrid.ts';
import { leastLoaded } from '../../src/routing/least-loaded.ts';
import { roundRobin } from '../../src/routing/round-robin.ts';
import type { Told } from '../unit/routing/candidates.ts';
import { candidatesOf, facts, tally } from '../unit/routing/candidates.ts';
import type { Asked, Foreseen } from '../unit/routing/outlooks.ts';
import { anyAsked, anyForeseen, outlookOf } from '../unit/routing/outlooks.ts';

type Member = Told & { readonly foreseen: Foreseen };

const member = fc.record({
  weight: fc.integer({ min: 1, max: 5 }),
  inflight: fc.nat({ max: 9 }),
  results: fc.array(fc.record({ success: fc.boolean(), times: fc.integer({ min: 1, max: 9 }) }), { maxLength: 3 }),
  foreseen: anyForeseen,
});
const pools = fc.array(member, { minLength: 1, maxLength: 8 });
const noChance = { next: () => 0.999_999 };

const candidatesIn = (list: readonly Member[]) =>
  candidatesOf(Object.fromEntries(list.map((one, i) => [`m${i}`, one])));
const outlookIn = (list: readonly Member[], asked: Asked) =>
  outlookOf(
    list.map(({ foreseen }) => foreseen),
    asked,
  );
const rank = (strategy: Strategy, list: readonly Member[], asked: Asked, rng = noChance) =>
  strategy.rank(facts(), candidatesIn(list), { at: 0, rng, outlook: outlookIn(list, asked) });
const placeOf = (id: string, ...args: Parameters<typeof rank>): number =>
  rank(...args)
    .all()
    .findIndex(({ candidate }) => candidate.id === id);
const change = (list: readonly Member[], index: number, foreseen: Foreseen): Member[] =>
  list.map((one, i) => (i === index ? { ...one, foreseen: { ...one.foreseen, ...foreseen } } : one));

describe('the cost', () => {
  it('is the sum of its terms, to the last bit, and finite', () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyForeseen, anyAsked, rate, rate, (row, asked, p, decodeWeight) => {
        const outlook = outlookOf([row], asked);
        const parts = terms(outlook, 0, p, decodeWeight);
        const cost = costOf(outlook, 0, p, decodeWeight);
        expect(Object.values(parts).reduce((sum: number, part: number) => sum + part, 0)).toBe(cost);
        expect(Number.isFinite(cost)).toBe(true);
        for (const part of Object.values(parts)) expect(part).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('is what the formula says', () => {
    const rate = fc.double({ min: COST.leastRate, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyForeseen, anyAsked, rate, (row, asked, p) => {
        const { wait, load, prefill, decode, slowdown, evict, harm, freshWork } = row;
        const { pressure, serviceMs } = asked;
        const work = wait + load + (prefill + 0.3 * decode) * slowdown + evict + harm + pressure * freshWork;
        const expected = work / p + ((1 - p) / p) * 2 * serviceMs;
        const cost = costOf(outlookOf([row], asked), 0, p, COST.decodeWeight);
        expect(Math.abs(cost - expected)).toBeLessThanOrEqual(1e-9 * (1 + expected));
      }),
    );
  });
});

describe('hybrid with an outlook', () => {
  it('leads with the least cost, give or take the two percent of chance', () => {
    fc.assert(
      fc.property(pools, anyAsked, fc.integer(), (list, asked, seed) => {
        const candidates = candidatesIn(list);
        const outlook = outlookIn(list, asked);
        const prior = poolOf(candidates, 0, ({ stats }) => stats).hopefulRate;
        const costs = candidates.map(({ stats }, i) =>
          costOf(outlook, i, successRate(stats, prior, 0), COST.decodeWeight),
        );
        const least = Math.min(...costs);
        const best = (rng: typeof noChance): number => {
          const id = rank(hybrid(), list, asked, rng).at(0)?.candidate.id;
          return candidates.findIndex((candidate) => candidate.id === id);
        };
        expect(costs[best(noChance)]).toBeLessThanOrEqual(Math.max(least, COST.leastMs) * (1 + 1e-9));
        expect(costs[best(seededRng(seed))]).toBeLessThanOrEqual(Math.max(least, COST.leastMs) * (1.02 + 1e-9));
      }),
    );
  });

  it('never ranks a candidate higher for a longer wait', () => {
    const more = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(pools, anyAsked, fc.nat(), more, fc.integer(), (list, asked, pick, extra, seed) => {
        const index = pick % list.length;
        const delayed = change(list, index, { wait: (list[index]?.foreseen.wait ?? 0) + extra });
        const place = (of: readonly Member[]) => placeOf(`m${index}`, hybrid(), of, asked, seededRng(seed));
        expect(place(delayed)).toBeGreaterThanOrEqual(place(list));
      }),
    );
  });

  it('never ranks a candidate that has the model in memory behind an equal one that must load it', () => {
    const load = fc.double({ min: 1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(pools, anyAsked, load, fc.boolean(), (list, asked, ms, warmFirst) => {
        const one = list[0];
        if (one === undefined) return;
        const warm = change([one], 0, { load: 0 });
        const cold = change([one], 0, { load: ms });
        const ids = warmFirst ? { warm: 'm0', cold: 'm1' } : { warm: 'm1', cold: 'm0' };
        const pair = [...(warmFirst ? [...warm, ...cold] : [...cold, ...warm]), ...list.slice(1)];
        expect(placeOf(ids.warm, hybrid(), pair, asked)).toBeLessThan(placeOf(ids.cold, hybrid(), pair, asked));
      }),
    );
  });
});

describe('least-loaded with an outlook', () => {
  it('never leads with a load that is more than a twentieth above the lightest', () => {
    const fine = pools.map((list) => list.map((one) => ({ ...one, results: [] })));
    fc.assert(
      fc.property(fine, anyAsked, fc.integer(), (list, asked, seed) => {
        const loads = list.map(({ weight, foreseen: { backlog, load, prefill, slots } }) => {
          return (backlog + (load > 0 ? load + prefill : 0)) / (weight * slots);
        });
        const best = rank(leastLoaded(), list, asked, seededRng(seed)).at(0)?.candidate.id ?? '';
        expect(loads[Number(best.slice(1))]).toBeLessThanOrEqual(Math.min(...loads) * 1.05 + 1 + 1e-6);
      }),
    );
  });
});

describe('affinity with an outlook', () => {
  it('never leads with a candidate at its load bound', () => {
    fc.assert(
      fc.property(pools, anyAsked, fc.integer(), (list, asked, seed) => {
        const best = rank(affinity(), list, asked, seededRng(seed)).at(0)?.candidate;
        const totalWeight = list.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
        const totalInflight = list.reduce((sum, { inflight }) => sum + (inflight ?? 0), 0);
        const slots = list[Number(best?.id.slice(1))]?.foreseen.slots ?? 1;
        const bound = Math.max(slots, loadBound(best?.weight ?? 0, totalWeight, totalInflight));
        expect(best?.inflight).toBeLessThan(bound);
      }),
    );
  });
});

describe('round-robin with an outlook', () => {
  it('gives those with a free slot exact proportions in any window of one cycle', () => {
    const list = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 8 }), ready: fc.constantFrom(0, 1) }), {
      minLength: 1,
      maxLength: 7,
    });
    fc.assert(
      fc.property(list, fc.nat({ max: 40 }), (members, skip) => {
        const some = members.some(({ ready }) => ready === 1);
        const inTurn = members.flatMap(({ weight, ready }, i) => (ready === 1 || !some ? [[`m${i}`, weight]] : []));
        const candidates = candidatesIn(members.map(({ weight }) => ({ weight, foreseen: {} })));
        const outlook = outlookOf(members.map(({ ready }) => ({ ready })));
        const strategy = roundRobin();
        const take = (): string => {
          const choice = strategy.rank(facts(), candidates, { at: 0, rng: noChance, outlook }).at(0);
          if (choice === undefined) throw new Error('nothing to take');
          strategy.chosen?.(choice.candidate, candidates);
          return choice.candidate.id;
        };
        for (let i = 0; i < skip; i++) take();
        const shares = Object.fromEntries(inTurn) as Record<string, number>;
        const cycle = Object.values(shares).reduce((sum, weight) => sum + weight, 0);
        expect(tally(cycle, take)).toEqual(shares);
      }),
    );
  });

  it('gives everybody its share of the turns it took part in, to within a cycle, however slots come and go', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(weights, fc.array(fc.nat({ max: 63 }), { maxLength: 120 }), (list, masks) => {
        const candidates = candidatesIn(list.map((weight) => ({ weight, foreseen: {} })));
        const strategy = roundRobin();
        const [turns, fair] = [list.map(() => 0), list.map(() => 0)];
        for (const mask of masks) {
          const free = list.map((_, i) => (mask >> i) & 1);
          const taking = free.includes(1) ? free : list.map(() => 1);
          const total = list.reduce((sum, weight, i) => sum + weight * (taking[i] ?? 0), 0);
          for (const [i, weight] of list.entries()) fair[i] = (fair[i] ?? 0) + (weight * (taking[i] ?? 0)) / total;
          const outlook = outlookOf(free.map((ready) => ({ ready })));
          const choice = strategy.rank(facts(), candidates, { at: 0, rng: noChance, outlook }).at(0);
          if (choice === undefined) throw new Error('nothing to take');
          strategy.chosen?.(choice.candidate, candidates);
          const index = Number(choice.candidate.id.slice(1));
          turns[index] = (turns[index] ?? 0) + 1;
        }
        const cycle = list.reduce((sum, weight) => sum + weight, 0);
        for (const [i, count] of turns.entries()) expect(Math.abs(count - (fair[i] ?? 0))).toBeLessThan(cycle);
      }),
    );
  });
});
