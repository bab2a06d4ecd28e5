import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import type { Candidate } from '../../../src/core/types.ts';
import { createStrategy, isStrategyName, STRATEGY_NAMES, UnknownStrategyError } from '../../../src/routing/index.ts';
import { leastLoaded } from '../../../src/routing/least-loaded.ts';
import { random } from '../../../src/routing/random.ts';
import { roundRobin } from '../../../src/routing/round-robin.ts';
import { candidatesOf, facts, tally } from './candidates.ts';

const context = (seed = 1) => ({ at: 0, rng: seededRng(seed) });

describe('round-robin', () => {
  const take = (strategy: ReturnType<typeof roundRobin>, candidates: readonly Candidate[]) => {
    const choice = strategy.rank(facts(), candidates, context()).at(0);
    if (choice !== undefined) strategy.chosen?.(choice.candidate, candidates);
    return choice?.candidate.id;
  };

  it('spreads a heavy candidate over the cycle instead of serving it in one burst', () => {
    const strategy = roundRobin();
    const candidates = candidatesOf({ a: { weight: 5 }, b: {}, c: {} });
    const cycle = Array.from({ length: 7 }, () => take(strategy, candidates));
    expect(cycle).toEqual(['a', 'a', 'b', 'a', 'c', 'a', 'a']); // the example in nginx's own commit message
  });

  it('stays where it is while nobody is chosen', () => {
    const strategy = roundRobin();
    const candidates = candidatesOf({ a: {}, b: {} });
    const looks = tally(5, () => strategy.rank(facts(), candidates, context()).at(0)?.candidate.id);
    expect(looks).toEqual({ a: 5 });
    expect([take(strategy, candidates), take(strategy, candidates)]).toEqual(['a', 'b']);
  });

  it('keeps two sets of candidates apart, as two models on different servers are', () => {
    const strategy = roundRobin();
    const [left, right] = [candidatesOf({ a: {}, b: {} }), candidatesOf({ x: {}, y: {} })];
    const turns = [left, right, left, right].map((set) => take(strategy, set));
    expect(turns).toEqual(['a', 'x', 'b', 'y']);
  });

  it('gives everybody turns when the set of candidates alternates', () => {
    const strategy = roundRobin();
    const [a, b, c] = candidatesOf({ a: {}, b: {}, c: {} });
    if (a === undefined || b === undefined || c === undefined) throw new Error('three candidates');
    let turn = 0;
    const counts = tally(60, () => take(strategy, turn++ % 2 ? [a, b] : [a, b, c]));
    expect(Object.keys(counts)).toHaveLength(3);
    expect(Math.min(...Object.values(counts))).toBeGreaterThanOrEqual(10);
  });
});

describe('least-loaded', () => {
  it('prefers the fewest in flight for its weight', () => {
    const candidates = candidatesOf({ a: { inflight: 3 }, b: { inflight: 5, weight: 2 }, c: { inflight: 4 } });
    const order = leastLoaded().rank(facts(), candidates, context()).all();
    expect(order.map(({ candidate }) => candidate.id)).toEqual(['b', 'a', 'c']);
    expect(order[0]?.why).toBe('5 in flight for weight 2');
  });

  it('spreads ties by chance and by weight', () => {
    const candidates = candidatesOf({ a: { weight: 3 }, b: {}, busy: { inflight: 1 } });
    const rng = seededRng(7);
    const counts = tally(4000, () => leastLoaded().rank(facts(), candidates, { at: 0, rng }).at(0)?.candidate.id);
    expect(counts['busy']).toBeUndefined();
    expect(counts['a']).toBeGreaterThan(2880); // 3000 expected, four standard deviations
    expect(counts['a']).toBeLessThan(3120);
  });
});

describe('random', () => {
  it('draws in proportion to weight, in the first place and in the second', () => {
    const candidates = candidatesOf({ a: { weight: 2 }, b: {}, c: {} });
    const rng = seededRng(3);
    const seconds: string[] = [];
    const firsts = tally(8000, () => {
      const ranking = random().rank(facts(), candidates, { at: 0, rng });
      if (ranking.at(0)?.candidate.id === 'b') seconds.push(ranking.at(1)?.candidate.id ?? '');
      return ranking.at(0)?.candidate.id;
    });
    expect((firsts['a'] ?? 0) / 8000).toBeCloseTo(0.5, 1);
    expect((firsts['b'] ?? 0) / 8000).toBeCloseTo(0.25, 1);
    expect(seconds.filter((id) => id === 'a').length / seconds.length).toBeCloseTo(2 / 3, 1);
  });
});

describe('the table of strategies', () => {
  it('makes each strategy under its own name', () => {
    expect(STRATEGY_NAMES.map((name) => createStrategy(name).name)).toEqual(STRATEGY_NAMES);
  });

  it.each(['fastest', 'Hybrid', '', 'constructor', '__proto__'])('refuses %j and lists what there is', (name) => {
    expect(isStrategyName(name)).toBe(false);
    expect(() => createStrategy(name)).toThrow(UnknownStrategyError);
    expect(() => createStrategy(name)).toThrow(
      `unknown strategy ${JSON.stringify(name)}: choose one of round-robin, least-loaded, random, performance, affinity, hybrid`,
    );
  });
});
