import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outlook } from '../../src/core/outlook.ts';
import { seededRng } from '../../src/core/rng.ts';
import type { Candidate } from '../../src/core/types.ts';
import { TASK_CATEGORIES } from '../../src/core/types.ts';
import { createStrategy, STRATEGY_NAMES } from '../../src/routing/index.ts';
import type { Told } from '../unit/routing/candidates.ts';
import { candidatesOf, facts } from '../unit/routing/candidates.ts';
import { anyAsked, anyForeseen, outlookOf } from '../unit/routing/outlooks.ts';

const category = fc.constantFrom(...TASK_CATEGORIES);
const told: fc.Arbitrary<Told> = fc.record({
  weight: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.double({ min: 0.01, max: 100, noNaN: true })),
  inflight: fc.nat({ max: 20 }),
  results: fc.array(
    fc.record({
      success: fc.boolean(),
      ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
      category,
      times: fc.integer({ min: 1, max: 5 }),
      at: fc.integer({ min: 0, max: 1e7 }),
    }),
    { maxLength: 6 },
  ),
});
/** A pool, and what is foreseen on it, row by row. */
const pool = fc.tuple(fc.array(fc.tuple(told, anyForeseen), { maxLength: 12 }), anyAsked).map(([list, asked]) => ({
  members: Object.fromEntries(list.map(([one], i) => [`m${i}`, one])),
  foreseen: outlookOf(
    list.map(([, row]) => row),
    asked,
  ),
}));
const request = fc.record({ category, affinityKey: fc.option(fc.string(), { nil: undefined }) });
const at = fc.integer({ min: 0, max: 2e7 });

const frozen = (candidates: readonly Candidate[]): readonly Candidate[] =>
  Object.freeze(candidates.map((candidate) => Object.freeze({ ...candidate })));
const stateOf = (candidates: readonly Candidate[]): string => JSON.stringify(candidates);

const everyWay = STRATEGY_NAMES.flatMap((name) => [
  { name, way: 'without an outlook', foresees: false },
  { name, way: 'with an outlook', foresees: true },
]);

describe.each(everyWay)('$name $way', ({ name, foresees }) => {
  const outlookIn = (foreseen: Outlook): { readonly outlook?: Outlook } => (foresees ? { outlook: foreseen } : {});

  it('ranks every candidate exactly once and nothing else', () => {
    fc.assert(
      fc.property(pool, request, at, fc.integer(), ({ members, foreseen }, asked, now, seed) => {
        const candidates = candidatesOf(members);
        const ranking = createStrategy(name).rank(facts(asked), candidates, {
          at: now,
          rng: seededRng(seed),
          ...outlookIn(foreseen),
        });
        expect(ranking.size).toBe(candidates.length);
        const ranked = ranking.all().map((choice) => choice.candidate);
        expect(new Set(ranked)).toEqual(new Set(candidates));
        expect(ranked).toHaveLength(candidates.length);
      }),
    );
  });

  it('orders by finite costs, and finds the same best whether or not the rest is asked for', () => {
    fc.assert(
      fc.property(pool, request, at, fc.integer(), ({ members, foreseen }, asked, now, seed) => {
        const ranking = createStrategy(name).rank(facts(asked), candidatesOf(members), {
          at: now,
          rng: seededRng(seed),
          ...outlookIn(foreseen),
        });
        const best = ranking.at(0)?.candidate.id;
        const all = ranking.all();
        expect(all[0]?.candidate.id).toBe(best);
        for (const [i, choice] of all.entries()) {
          expect(Number.isFinite(choice.cost)).toBe(true);
          expect(choice.cost).toBeGreaterThanOrEqual(all[i - 1]?.cost ?? -Infinity);
          expect(ranking.at(i)?.candidate).toBe(choice.candidate);
        }
        expect(ranking.at(all.length)).toBeUndefined();
      }),
    );
  });

  it('puts a model that answers in no time first, and not last', () => {
    const result = (ms: number) => ({ success: true, ms, category: 'coding', times: 20, at: 0 });
    const members = {
      slow: { weight: 1, inflight: 0, results: [result(100)] },
      instant: { weight: 1, inflight: 0, results: [result(0)] },
    };
    const foreseen = outlookOf([{ prefill: 100, decode: 100 }, {}]);
    const ranking = createStrategy(name).rank(
      { category: 'coding', model: '', affinityKey: undefined },
      candidatesOf(members),
      { at: 0, rng: seededRng(1), ...outlookIn(foreseen) },
    );
    for (const { cost } of ranking.all()) expect(Number.isFinite(cost)).toBe(true);
    if (['performance', 'affinity', 'hybrid'].includes(name)) expect(ranking.at(0)?.candidate.id).toBe('instant');
  });

  it('gives a reason for each choice', () => {
    fc.assert(
      fc.property(pool, request, at, fc.integer(), ({ members, foreseen }, asked, now, seed) => {
        const ranking = createStrategy(name).rank(facts(asked), candidatesOf(members), {
          at: now,
          rng: seededRng(seed),
          ...outlookIn(foreseen),
        });
        for (const { why } of ranking.all()) expect(why).toMatch(/^\S.*\S$/);
        for (const { why } of ranking.all()) expect(why).not.toMatch(/NaN|undefined|Infinity/);
      }),
    );
  });

  it('never changes what it is given, neither when it ranks nor when it is told', () => {
    fc.assert(
      fc.property(pool, request, at, ({ members, foreseen }, asked, now) => {
        const strategy = createStrategy(name);
        const candidates = frozen(candidatesOf(members));
        const before = stateOf(candidates) + JSON.stringify(foreseen);
        const best = strategy
          .rank(Object.freeze(facts(asked)), candidates, { at: now, rng: seededRng(1), ...outlookIn(foreseen) })
          .at(0);
        if (best !== undefined) strategy.chosen?.(best.candidate, candidates);
        expect(stateOf(candidates) + JSON.stringify(foreseen)).toBe(before);
      }),
    );
  });

  it('decides the same for the same seed', () => {
    fc.assert(
      fc.property(pool, request, at, fc.integer(), ({ members, foreseen }, asked, now, seed) => {
        const decide = () =>
          createStrategy(name)
            .rank(facts(asked), candidatesOf(members), { at: now, rng: seededRng(seed), ...outlookIn(foreseen) })
            .all()
            .map(({ candidate, cost, why }) => ({ id: candidate.id, cost, why }));
        expect(decide()).toEqual(decide());
      }),
    );
  });

  it('only looks when it ranks: looking more often changes no later choice', () => {
    fc.assert(
      fc.property(
        pool,
        request,
        fc.array(fc.nat({ max: 3 }), { maxLength: 8 }),
        ({ members, foreseen }, asked, looks) => {
          const candidates = candidatesOf(members);
          const [curious, calm] = [createStrategy(name), createStrategy(name)];
          for (const [seed, extra] of looks.entries()) {
            for (let i = 0; i < extra; i++)
              curious.rank(facts(asked), candidates, { at: 0, rng: seededRng(99), ...outlookIn(foreseen) });
            const pick = (strategy: typeof calm) => {
              const choice = strategy
                .rank(facts(asked), candidates, { at: 0, rng: seededRng(seed), ...outlookIn(foreseen) })
                .at(0);
              if (choice !== undefined) strategy.chosen?.(choice.candidate, candidates);
              return choice?.candidate.id;
            };
            expect(pick(curious)).toBe(pick(calm));
          }
        },
      ),
    );
  });

  it('gives an empty ranking of no candidates', () => {
    const ranking = createStrategy(name).rank(facts(), [], { at: 0, rng: seededRng(1), ...outlookIn(outlookOf([])) });
    expect([ranking.size, ranking.at(0), ranking.all()]).toEqual([0, undefined, []]);
  });
});
