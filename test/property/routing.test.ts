import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/core/rng.ts';
import type { Candidate, Strategy } from '../../src/core/types.ts';
import { affinity, loadBound } from '../../src/routing/affinity.ts';
import { hybrid } from '../../src/routing/hybrid.ts';
import { leastLoaded } from '../../src/routing/least-loaded.ts';
import { performance } from '../../src/routing/performance.ts';
import { roundRobin } from '../../src/routing/round-robin.ts';
import type { Told } from '../unit/routing/candidates.ts';
import { candidatesOf, facts, tally } from '../unit/routing/candidates.ts';

const weights = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 7 });
const byWeight = (list: readonly number[], prefix = 'm'): Candidate[] =>
  candidatesOf(Object.fromEntries(list.map((weight, i) => [`${prefix}${i}`, { weight }])));
const take = (strategy: Strategy, candidates: readonly Candidate[]): string => {
  const choice = strategy.rank(facts(), candidates, { at: 0, rng: seededRng(1) }).at(0);
  if (choice === undefined) throw new Error('nothing to take');
  strategy.chosen?.(choice.candidate, candidates);
  return choice.candidate.id;
};
const exact = (candidates: readonly Candidate[]) =>
  Object.fromEntries(candidates.map(({ id, weight }) => [id, weight]));
const cycleOf = (candidates: readonly Candidate[]): number => candidates.reduce((sum, { weight }) => sum + weight, 0);

describe('round-robin', () => {
  it('leads with each candidate exactly weight times in any window of one cycle', () => {
    fc.assert(
      fc.property(weights, fc.nat({ max: 40 }), (list, skip) => {
        const strategy = roundRobin();
        const candidates = byWeight(list);
        for (let i = 0; i < skip; i++) take(strategy, candidates);
        expect(tally(cycleOf(candidates), () => take(strategy, candidates))).toEqual(exact(candidates));
      }),
    );
  });

  it('is back to exact proportions one cycle after a candidate left or joined', () => {
    fc.assert(
      fc.property(weights, weights, fc.nat({ max: 40 }), fc.nat(), (before, joining, turns, out) => {
        const strategy = roundRobin();
        const old = byWeight(before);
        for (let i = 0; i < turns; i++) take(strategy, old);
        const stay = old.filter((_, i) => old.length === 1 || i !== out % old.length);
        const changed = [...stay, ...byWeight(joining.slice(1), 'new')];
        const cycle = cycleOf(changed);
        // The credits of the old cycle are bounded by its length, and so is the time until they are paid off.
        for (let i = 0; i < Math.max(cycleOf(old), cycle); i++) take(strategy, changed);
        expect(tally(cycle, () => take(strategy, changed))).toEqual(exact(changed));
      }),
    );
  });

  it('is disturbed by a change for the running cycle only: nobody is ever more than a cycle off its share', () => {
    fc.assert(
      fc.property(weights, fc.nat({ max: 40 }), fc.nat(), fc.integer({ min: 1, max: 60 }), (list, turns, out, more) => {
        const strategy = roundRobin();
        const old = byWeight(list);
        for (let i = 0; i < turns; i++) take(strategy, old);
        const stay = old.filter((_, i) => old.length === 1 || i !== out % old.length);
        const counts = tally(more, () => take(strategy, stay));
        for (const { id, weight } of stay) {
          const fair = (more * weight) / cycleOf(stay);
          expect(Math.abs((counts[id] ?? 0) - fair)).toBeLessThanOrEqual(Math.max(...list) + 1);
        }
      }),
    );
  });
});

const loads = fc.array(fc.record({ inflight: fc.nat({ max: 30 }), weight: fc.integer({ min: 1, max: 9 }) }), {
  minLength: 1,
  maxLength: 10,
});
const named = (list: readonly Told[]): Record<string, Told> => Object.fromEntries(list.map((one, i) => [`m${i}`, one]));
const results = fc.array(
  fc.record({
    success: fc.boolean(),
    ms: fc.integer({ min: 1, max: 5000 }),
    times: fc.integer({ min: 1, max: 9 }),
    category: fc.constantFrom('coding', 'testing'),
  }),
  { maxLength: 4 },
);
const pools = fc.array(fc.record({ inflight: fc.nat({ max: 9 }), weight: fc.integer({ min: 1, max: 5 }), results }), {
  minLength: 1,
  maxLength: 8,
});

describe('least-loaded', () => {
  it('leads with a minimal inflight/weight', () => {
    fc.assert(
      fc.property(loads, fc.integer(), (list, seed) => {
        const candidates = candidatesOf(named(list));
        const best = leastLoaded()
          .rank(facts(), candidates, { at: 0, rng: seededRng(seed) })
          .at(0)?.candidate;
        const lightest = Math.min(...candidates.map((one) => one.inflight / one.weight));
        expect((best?.inflight ?? NaN) / (best?.weight ?? NaN)).toBe(lightest);
      }),
    );
  });
});

describe('affinity', () => {
  it('never leads with a candidate at its load bound, and there is always one below', () => {
    fc.assert(
      fc.property(pools, fc.integer(), (list, seed) => {
        const candidates = candidatesOf(named(list));
        const best = affinity()
          .rank(facts(), candidates, { at: 0, rng: seededRng(seed) })
          .at(0)?.candidate;
        const totalWeight = cycleOf(candidates);
        const totalInflight = candidates.reduce((sum, { inflight }) => sum + inflight, 0);
        expect(best?.inflight).toBeLessThan(loadBound(best?.weight ?? 0, totalWeight, totalInflight));
      }),
    );
  });

  it('keeps everybody within the bound when tasks only ever pile up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 80 }), (size, tasks) => {
        const inflight = Array.from({ length: size }, () => 0);
        const [rng, strategy] = [seededRng(3), affinity()];
        for (let t = 0; t < tasks; t++) {
          const told = named(inflight.map((n, i) => ({ inflight: n, results: i === 0 ? [{ times: 20 }] : [] })));
          const best = strategy.rank(facts(), candidatesOf(told), { at: 0, rng }).at(0)?.candidate.id ?? '';
          const index = Number(best.slice(1));
          inflight[index] = (inflight[index] ?? 0) + 1;
        }
        expect(Math.max(...inflight)).toBeLessThanOrEqual(Math.ceil((1.25 * tasks) / size));
      }),
    );
  });
});

describe.each([
  ['performance', performance],
  ['hybrid', hybrid],
] as const)('%s', (_, create) => {
  /** No exploration, no jitter. */
  const rng = { next: () => 0.999_999 };
  const place = (told: Readonly<Record<string, Told>>): number =>
    create()
      .rank(facts(), candidatesOf(told), { at: 0, rng })
      .all()
      .findIndex(({ candidate }) => candidate.id === 'm0');

  it('never ranks a candidate lower for fewer requests under way', () => {
    fc.assert(
      fc.property(pools, (list) => {
        const told = named(list);
        const relieved = { ...told, m0: { ...told['m0'], inflight: 0 } };
        expect(place(relieved)).toBeLessThanOrEqual(place(told));
      }),
    );
  });

  it('never costs more for a success where there was a failure', () => {
    const costOf = (told: Readonly<Record<string, Told>>): number => {
      const all = create().rank(facts(), candidatesOf(told), { at: 0, rng }).all();
      return all.find(({ candidate }) => candidate.id === 'm0')?.cost ?? NaN;
    };
    fc.assert(
      fc.property(pools, (list) => {
        // One speed for all, and measured: what changes is success alone.
        const told = (success: boolean): Record<string, Told> =>
          named(
            list.map((one, i) => ({
              ...one,
              results: [
                ...one.results.map((r) => ({ ...r, ms: 100 })),
                { ms: 100 },
                { ms: 100, success: i > 0 || success },
              ],
            })),
          );
        expect(costOf(told(true))).toBeLessThanOrEqual(costOf(told(false)) * (1 + 1e-9));
      }),
      { numRuns: 300 },
    );
  });
});
