import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import type { Candidate, Strategy, TaskFacts } from '../../../src/core/types.ts';
import { affinity } from '../../../src/routing/affinity.ts';
import { HALF_LIFE_MS } from '../../../src/routing/estimate.ts';
import { hybrid } from '../../../src/routing/hybrid.ts';
import { performance } from '../../../src/routing/performance.ts';
import type { Told } from './candidates.ts';
import { candidatesOf, facts, tally } from './candidates.ts';

/** A generator that never explores and never jitters: what is left is the formula. */
const noChance = { next: () => 0.999_999 };
const order = (strategy: Strategy, candidates: readonly Candidate[], over: Partial<TaskFacts> = {}, at = 0) =>
  strategy
    .rank(facts(over), candidates, { at, rng: noChance })
    .all()
    .map(({ candidate }) => candidate.id);
const firsts = (strategy: Strategy, told: Readonly<Record<string, Told>>, over: Partial<TaskFacts> = {}, at = 0) => {
  const candidates = candidatesOf(told);
  const rng = seededRng(11);
  return tally(2000, () => strategy.rank(facts(over), candidates, { at, rng }).at(0)?.candidate.id);
};

describe('performance', () => {
  it('prefers the faster of two that are as reliable', () => {
    const candidates = candidatesOf({
      slow: { results: [{ ms: 900, times: 8 }] },
      fast: { results: [{ ms: 300, times: 8 }] },
    });
    expect(order(performance(), candidates)).toEqual(['fast', 'slow']);
  });

  it('prefers a slower one that works to a fast one that fails half the time', () => {
    const candidates = candidatesOf({
      flaky: {
        results: [
          { ms: 100, times: 10 },
          { success: false, times: 10 },
        ],
      },
      solid: { results: [{ ms: 200, times: 20 }] },
    });
    expect(order(performance(), candidates)).toEqual(['solid', 'flaky']);
  });

  it('does not take quick failures for speed', () => {
    const candidates = candidatesOf({
      hole: { results: [{ success: false, ms: 1, times: 5 }] },
      fine: { results: [{ ms: 500, times: 5 }] },
    });
    expect(order(performance(), candidates)[0]).toBe('fine');
  });

  it('leaves a fast one once it is busier than it is faster', () => {
    const results = (ms: number) => [{ ms, times: 30 }];
    expect(
      order(
        performance(),
        candidatesOf({ a: { inflight: 1, results: results(100) }, b: { results: results(300) } }),
      )[0],
    ).toBe('a');
    expect(
      order(
        performance(),
        candidatesOf({ a: { inflight: 4, results: results(100) }, b: { results: results(300) } }),
      )[0],
    ).toBe('b');
  });

  it('tries a newcomer now and then beside a proven one, neither always nor never', () => {
    const counts = firsts(performance(), {
      proven: { results: [{ ms: 50, times: 40 }] },
      other: { results: [{ ms: 500, times: 40 }] },
      newcomer: {},
    });
    expect(counts['newcomer']).toBeGreaterThan(40);
    expect(counts['newcomer']).toBeLessThan(200);
    expect(counts['proven']).toBeGreaterThan(1800);
  });

  it('counts requests under way as results to come, so a silent newcomer collects no more trials', () => {
    const counts = firsts(performance(), { proven: { results: [{ ms: 50, times: 40 }] }, newcomer: { inflight: 5 } });
    expect(counts).toEqual({ proven: 2000 });
  });

  it('moves an estimate little on one lucky answer', () => {
    const candidates = candidatesOf({
      lucky: { results: [{ ms: 1 }] },
      b: { results: [{ ms: 100, times: 20 }] },
      c: { results: [{ ms: 100, times: 20 }] },
    });
    const [lucky] = performance().rank(facts(), candidates, { at: 0, rng: noChance }).all();
    expect(lucky?.cost).toBeGreaterThan(50);
    // One request under way there, and the next goes elsewhere.
    const busy = candidatesOf({
      lucky: { inflight: 1, results: [{ ms: 1 }] },
      b: { results: [{ ms: 100, times: 20 }] },
    });
    expect(order(performance(), busy)[0]).toBe('b');
  });

  it('lets a bad estimate drift back to the pool with age, until it is tried again', () => {
    const told: Record<string, Told> = {
      good: { results: [{ times: 40, at: 0 }] },
      bad: { results: [{ success: false, times: 6, at: 0 }] },
    };
    expect(firsts(performance(), told, {}, 0)['bad']).toBeUndefined();
    expect(firsts(performance(), told, {}, 3 * HALF_LIFE_MS)['bad']).toBeGreaterThan(40);
    const costs = [0, 2, 8].map((halfLives) => {
      const all = performance()
        .rank(facts(), candidatesOf(told), { at: halfLives * HALF_LIFE_MS, rng: noChance })
        .all();
      return (
        (all.find(({ candidate }) => candidate.id === 'bad')?.cost ?? 0) /
        (all.find(({ candidate }) => candidate.id === 'good')?.cost ?? 1)
      );
    });
    expect(costs[0]).toBeGreaterThan(costs[1] ?? Infinity);
    expect(costs[1]).toBeGreaterThan(costs[2] ?? Infinity);
    expect(costs[2]).toBeCloseTo(1, 1);
  });
});

describe('affinity', () => {
  const specialists: Record<string, Told> = {
    coder: {
      results: [
        { category: 'coding', times: 12 },
        { category: 'documentation', success: false, times: 12 },
      ],
    },
    writer: {
      results: [
        { category: 'documentation', times: 12 },
        { category: 'coding', success: false, times: 12 },
      ],
    },
  };

  it('sends each category to the one that does it well', () => {
    expect(order(affinity(), candidatesOf(specialists), { category: 'coding' })[0]).toBe('coder');
    expect(order(affinity(), candidatesOf(specialists), { category: 'documentation' })[0]).toBe('writer');
  });

  it('starts a category nobody has done from the overall record', () => {
    const candidates = candidatesOf({
      poor: { results: [{ success: false, times: 9 }] },
      good: { results: [{ times: 9 }] },
    });
    expect(order(affinity(), candidates, { category: 'testing' })[0]).toBe('good');
  });

  it('compares latency only within the category', () => {
    const candidates = candidatesOf({
      essays: { results: [{ category: 'documentation', ms: 10, times: 9 }] },
      programs: { results: [{ category: 'coding', ms: 1000, times: 9 }] },
    });
    expect(order(affinity(), candidates, { category: 'coding' })[0]).toBe('programs');
  });

  it('never lets all tasks go to the favourite: at its share of the load it steps back', () => {
    const loaded = candidatesOf({ ...specialists, coder: { ...specialists['coder'], inflight: 3 } });
    const ranking = affinity().rank(facts(), loaded, { at: 0, rng: noChance });
    expect(ranking.at(0)?.candidate.id).toBe('writer');
    expect(ranking.at(1)?.why).toBe('at its share of the load: 3 in flight, bound 3');
  });

  it('does not talk itself into a favourite where all do equally well', () => {
    const candidates = candidatesOf({
      first: { results: [{ times: 40 }] },
      second: { results: [{ times: 3 }] },
      third: {},
    });
    const rng = seededRng(5);
    const counts = tally(3000, () => affinity().rank(facts(), candidates, { at: 0, rng }).at(0)?.candidate.id);
    expect(Math.min(counts['second'] ?? 0, counts['third'] ?? 0)).toBeGreaterThan(100);
  });

  it('keeps a session in one place while the category is new, and moves only sessions of one that left', () => {
    const told = { a: {}, b: {}, c: {}, d: {} };
    const keys = Array.from({ length: 400 }, (_, i) => `chat-${i}`);
    const place = (candidates: readonly Candidate[], key: string) =>
      order(affinity(), candidates, { affinityKey: key })[0];
    const before = keys.map((key) => place(candidatesOf(told), key));
    const without = candidatesOf(told).filter(({ id }) => id !== 'b');
    const after = keys.map((key) => place(without, key));
    expect(new Set(before).size).toBe(4);
    expect(keys.filter((_, i) => before[i] !== after[i] && before[i] !== 'b')).toEqual([]);
    for (const id of ['a', 'b', 'c', 'd']) {
      const share = before.filter((place) => place === id).length;
      expect(share).toBeGreaterThan(60);
      expect(share).toBeLessThan(140);
    }
  });
});

describe('hybrid', () => {
  it('is least-loaded while nothing is known', () => {
    const candidates = candidatesOf({ a: { inflight: 2 }, b: { inflight: 3, weight: 4 }, c: { inflight: 1 } });
    expect(order(hybrid(), candidates)).toEqual(['b', 'c', 'a']);
    expect(hybrid().rank(facts(), candidates, { at: 0, rng: noChance }).at(0)?.why).toContain('nothing measured yet');
  });

  it('weighs the category more the more results it has', () => {
    // Overall `fast` is the better one; in coding it fails.
    const told = (times: number): Record<string, Told> => ({
      fast: {
        results: [
          { category: 'documentation', ms: 100, times: 40 },
          { category: 'coding', success: false, times },
        ],
      },
      coder: {
        results: [
          { category: 'documentation', ms: 220, times: 40 },
          { category: 'coding', ms: 220, times },
        ],
      },
    });
    expect(order(hybrid(), candidatesOf(told(1)))[0]).toBe('fast');
    expect(order(hybrid(), candidatesOf(told(12)))[0]).toBe('coder');
    expect(order(hybrid(), candidatesOf(told(12)), { category: 'documentation' })[0]).toBe('fast');
  });

  it('moves on from the best one as its load grows', () => {
    const told = (inflight: number): Record<string, Told> => ({
      best: { inflight, results: [{ ms: 100, times: 30 }] },
      next: { results: [{ ms: 250, times: 30 }] },
    });
    expect([0, 1, 2, 3].map((inflight) => order(hybrid(), candidatesOf(told(inflight)))[0])).toEqual([
      'best',
      'best',
      'next',
      'next',
    ]);
  });

  it('names speed, success, category and load in its reason', () => {
    const candidates = candidatesOf({ a: { inflight: 1, results: [{ ms: 100, times: 10 }] } });
    expect(hybrid().rank(facts(), candidates, { at: 0, rng: noChance }).at(0)?.why).toBe(
      '100 ms, 100% ok, in coding 100% ok (counts 35%), 1 in flight',
    );
  });
});
