import { describe, expect, it } from 'vitest';
import { Learned } from '../../../src/results/learned.ts';
import { SnapshotError } from '../../../src/results/snapshot.ts';
import { HALF_LIFE_MS } from '../../../src/routing/estimate.ts';

const ok = (latencyMs: number, category = 'coding') => ({ category, success: true, latencyMs });
const bad = (category = 'coding') => ({ category, success: false, latencyMs: 9999 });

describe('recording', () => {
  it('keeps successes, failures and the mean latency of successes, overall and by category', () => {
    const learned = new Learned();
    learned.record('a', ok(100), 0);
    learned.record('a', ok(300), 0);
    learned.record('a', bad('testing'), 0);
    const stats = learned.of('a');
    expect(stats).toMatchObject({ successes: 2, failures: 1, latencyMs: 200, latencySamples: 2 });
    expect(stats.category('coding')).toMatchObject({ successes: 2, failures: 0, latencyMs: 200 });
    expect(stats.category('testing')).toMatchObject({ successes: 0, failures: 1, latencyMs: undefined });
    expect(stats.category('documentation')).toBeUndefined();
  });

  it('hands out one live object per candidate', () => {
    const learned = new Learned();
    const before = learned.of('a');
    learned.record('a', ok(100), 0);
    expect(learned.of('a')).toBe(before);
    expect(before.successes).toBe(1);
  });

  it('counts a result half after the half-life', () => {
    const learned = new Learned();
    learned.record('a', ok(100), 0);
    learned.record('a', ok(400), HALF_LIFE_MS);
    expect(learned.of('a').successes).toBeCloseTo(1.5);
    expect(learned.of('a').latencyMs).toBeCloseTo(300); // (0.5·100 + 1·400) / 1.5
  });

  it('follows a change of speed within some thirty results even where no time passes', () => {
    const learned = new Learned();
    for (let i = 0; i < 10_000; i++) learned.record('a', ok(100), 0);
    for (let i = 0; i < 90; i++) learned.record('a', ok(1000), 0);
    expect(learned.of('a').latencyMs).toBeGreaterThan(900);
    expect(learned.of('a').successes).toBeLessThanOrEqual(100);
  });

  it('does not let a result without a latency count as a latency', () => {
    const learned = new Learned();
    learned.record('a', { category: 'coding', success: true }, 0);
    learned.record('a', ok(100), 0);
    expect(learned.of('a')).toMatchObject({ successes: 2, latencyMs: 100, latencySamples: 1 });
  });

  it('bounds the categories kept per candidate and still counts the rest overall', () => {
    const learned = new Learned();
    for (let i = 0; i < 70; i++) learned.record('a', ok(100, `category-${i}`), 0);
    expect(learned.of('a').category('category-63')).toMatchObject({ successes: 1, latencyMs: 100 });
    expect(learned.of('a').category('category-64')).toBeUndefined();
    expect(learned.of('a').successes).toBe(70);
  });
});

describe('letting go', () => {
  it('keeps the direction but only one result of weight when in doubt', () => {
    const learned = new Learned();
    for (let i = 0; i < 9; i++) learned.record('a', ok(100), 0);
    learned.record('a', bad(), 0);
    learned.doubt('a');
    const { successes, failures, latencyMs } = learned.of('a');
    expect(successes + failures).toBeCloseTo(1);
    expect(successes / failures).toBeCloseTo(9);
    expect(latencyMs).toBe(100);
  });

  it('has nothing to doubt where nothing is known', () => {
    const learned = new Learned();
    learned.record('a', ok(100), 0);
    learned.reset();
    learned.doubt('a');
    learned.doubt('nobody');
    expect(learned.of('a')).toMatchObject({ successes: 0, failures: 0, latencySamples: 0 });
  });

  it('resets one candidate or all in place, and forgets one that is gone', () => {
    const learned = new Learned();
    for (const id of ['a', 'b', 'c']) learned.record(id, ok(100), 0);
    const [a, b, c] = ['a', 'b', 'c'].map((id) => learned.of(id));
    learned.reset('a');
    expect([a, b].map((stats) => stats?.successes)).toEqual([0, 1]);
    expect(a?.category('coding')).toBeUndefined();
    learned.reset();
    expect(b?.latencyMs).toBeUndefined();
    learned.forget('c');
    expect(learned.of('c')).not.toBe(c);
    expect(learned.of('c').successes).toBe(0);
  });
});

describe('saving', () => {
  it('comes back from JSON with the same numbers and ages, on another clock, in the objects already handed out', () => {
    const learned = new Learned();
    learned.record('a', ok(100), 1000);
    learned.record('b', bad('testing'), 61_000);
    const json: unknown = JSON.parse(JSON.stringify(learned.snapshot()));

    const other = new Learned();
    const handedOut = other.of('a');
    other.record('gone', ok(1), 5);
    other.restore(json, 500);
    expect(handedOut).toMatchObject({ successes: 1, latencyMs: 100, updatedAt: -59_500 });
    expect(other.of('b').category('testing')).toMatchObject({ failures: 1, updatedAt: 500 });
    expect(other.of('gone').successes).toBe(0);
    expect(other.snapshot().candidates.filter(({ id }) => id !== 'gone')).toEqual(learned.snapshot().candidates);
  });

  it.each([
    ['nothing', null, 'learned'],
    ['a list', [], 'learned'],
    ['another version', { version: 2, candidates: [] }, 'learned.version'],
    ['no candidates', { version: 1 }, 'learned.candidates'],
    ['a candidate without id', { version: 1, candidates: [{}] }, 'learned.candidates[0].id'],
    [
      'a negative count',
      {
        version: 1,
        candidates: [
          { id: 'a', successes: -1, failures: 0, latencyMs: null, latencySamples: 0, ageMs: 0, categories: [] },
        ],
      },
      'learned.candidates[0].successes',
    ],
  ])('refuses %s, says where, and changes nothing', (_, snapshot, path) => {
    const learned = new Learned();
    learned.record('a', ok(100), 0);
    expect(() => learned.restore(snapshot, 0)).toThrow(expect.objectContaining({ path }));
    expect(() => learned.restore(snapshot, 0)).toThrow(SnapshotError);
    expect(learned.of('a').successes).toBe(1);
  });
});
