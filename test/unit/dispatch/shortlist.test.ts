import { describe, expect, it } from 'vitest';
import { Crowd } from '../../../src/dispatch/shortlist.ts';
import { demandOf, marksOf, MODEL, OTHER, SERVED, takenBy, TestCrowd } from '../../support/dispatch-crowd.ts';

const SERVERS = 400;
/** More than any decision looks at while somebody has room. */
const FEW = 40;

const idsBut = (free: readonly number[]): readonly string[] =>
  Array.from({ length: SERVERS }, (_, i) => i).flatMap((i) => (free.includes(i) ? [] : [`s${i}`]));

describe('a decision in a large pool', () => {
  it('looks at a few servers only', () => {
    const crowd = new TestCrowd(SERVERS, 'hybrid', () => MODEL);
    for (let i = 0; i < 20; i++) expect(crowd.reserve().kind).toBe('started');
    for (const looked of crowd.looked) expect(looked.length).toBeLessThanOrEqual(FEW);
  });

  it('does not make a crowd of a model that few have', () => {
    const crowd = new TestCrowd(40, 'hybrid', () => MODEL);
    expect(crowd.tier()).toHaveLength(40);
  });

  it('goes back to the server that remembers the prompt', () => {
    const crowd = new TestCrowd(SERVERS, 'hybrid', () => MODEL);
    const wish = crowd.wish(demandOf(marksOf(1, 30)));
    const first = crowd.reserve(wish);
    if (first.kind === 'started') first.value.lease.end(SERVED);
    crowd.pool.clock.advance(1_000);
    expect(takenBy(crowd.reserve(crowd.wish(demandOf(marksOf(1, 31)))))).toBe(takenBy(first));
  });

  it('finds the few that have the model in memory among very many that would have to load it', () => {
    const crowd = new TestCrowd(SERVERS, 'hybrid', (i) => (i < 3 ? MODEL : undefined));
    expect(['s0', 's1', 's2']).toContain(takenBy(crowd.reserve()));
  });

  it('finds the only one with a free slot', () => {
    for (const strategy of ['hybrid', 'performance', 'least-loaded', 'round-robin', 'random', 'affinity']) {
      const crowd = new TestCrowd(SERVERS, strategy, (i) => (i % 2 === 0 ? MODEL : OTHER));
      // Memory for one model at a time: whoever is busy with one loads no other.
      for (let i = 0; i < SERVERS; i++) crowd.pool.facts.configure(`s${i}`, { slots: 1, vramBytes: 6e9 });
      crowd.occupy(idsBut([123]).filter((id) => Number(id.slice(1)) % 2 === 0));
      crowd.occupy(
        idsBut([123]).filter((id) => Number(id.slice(1)) % 2 === 1),
        OTHER,
      );
      expect(crowd.couldStart()).toEqual(['s123']);
      // Slow to load it may be, but nobody else could have it sooner than in minutes.
      expect([strategy, takenBy(crowd.reserve())]).toEqual([strategy, 's123']);
      expect([strategy, takenBy(crowd.reserve())]).toEqual([strategy, 'full']);
    }
  });

  it('says no to one that waits without looking at anybody while nothing has happened', () => {
    const crowd = new TestCrowd(SERVERS, 'hybrid', () => MODEL);
    for (let i = 0; i < SERVERS; i++) crowd.pool.facts.configure(`s${i}`, { slots: 1, vramBytes: 6e9 });
    const leases = crowd.occupy(idsBut([]));
    const wish = crowd.wish();
    expect(takenBy(crowd.reserve(wish))).toBe('full');
    // The first no is kept for explanations, and no other.
    expect(crowd.looked).toHaveLength(1);
    expect(takenBy(crowd.reserve(wish))).toBe('full');
    leases[77]?.end(SERVED);
    expect(takenBy(crowd.reserve(wish))).toBe('s77');
  });

  it('gives nothing to servers that the request has failed on, or that are not to be asked', () => {
    const crowd = new TestCrowd(SERVERS, 'hybrid', (i) => (i < 6 ? MODEL : undefined));
    for (const id of ['s0', 's1', 's2']) crowd.pool.registry.setEnabled(id, false);
    const tier = crowd.tier(({ backendId }) => backendId !== 's3');
    expect(tier).toBeInstanceOf(Crowd);
    for (let i = 0; i < 2; i++) expect(['s4', 's5']).toContain(takenBy(crowd.reserve(crowd.wish(), tier)));
  });

  it('looks at everybody where hardly anybody may be asked', () => {
    const crowd = new TestCrowd(SERVERS, 'hybrid', () => MODEL);
    for (const id of idsBut([5, 6])) crowd.pool.registry.setEnabled(id, false);
    const tier = crowd.tier();
    expect(tier).not.toBeInstanceOf(Crowd);
    expect(['s5', 's6']).toContain(takenBy(crowd.reserve(crowd.wish(), tier)));
  });

  it('finds what only time has changed after a bounded number of asks', () => {
    const crowd = new TestCrowd(SERVERS, 'performance', () => MODEL);
    const { facts, clock } = crowd.pool;
    for (let i = 0; i < SERVERS; i++) facts.host(`s${i}`).saturatedUntil = 10_000;
    const wish = crowd.wish();
    expect(takenBy(crowd.reserve(wish))).toBe('full');
    clock.advance(20_000);
    let asks = 0;
    for (; asks < 600 && takenBy(crowd.reserve(wish)) === 'full'; asks++);
    expect(asks).toBeLessThan(300);
  });

  it('deals turns evenly where the strategy does', () => {
    const crowd = new TestCrowd(100, 'round-robin', (i) => (i < 10 ? MODEL : undefined));
    const turns = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const start = crowd.reserve();
      turns.set(takenBy(start), (turns.get(takenBy(start)) ?? 0) + 1);
      if (start.kind === 'started') start.value.lease.end(SERVED);
    }
    const counts = [...turns.values()];
    expect(turns.size).toBe(100);
    expect(Math.min(...counts)).toBeGreaterThan(20);
    expect(Math.max(...counts)).toBeLessThan(40);
  });

  it('decides alike with the same draws', () => {
    const play = (): readonly string[] => {
      const crowd = new TestCrowd(SERVERS, 'hybrid', (i) => (i % 3 === 0 ? MODEL : undefined));
      return Array.from({ length: 30 }, (_, i) => takenBy(crowd.reserve(crowd.wish(demandOf(marksOf(i % 5))))));
    };
    expect(play()).toEqual(play());
  });
});
