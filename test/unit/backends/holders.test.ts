import { describe, expect, it } from 'vitest';
import type { Runner } from '../../../src/backends/backend.ts';
import { CROWD } from '../../../src/backends/holders.ts';
import { newPool, runnerOf, type TestPool } from '../dispatch/pool.ts';

const M = 'm:latest';
const N = 'n:latest';
const SERVED = { kind: 'served', status: 200, firstByteMs: 1, totalMs: 2, usage: undefined } as const;

const namesOf = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `s${i}`);

/** A pool of `count` servers that all have `m`, in memory on the first three. */
const crowd = (count = CROWD): TestPool => {
  const names = namesOf(count);
  const pool = newPool(...names);
  names.forEach((name, i) => pool.look(name, [M, N], i < 3 ? [[M]] : []));
  return pool;
};

const idsOf = (runners: readonly Runner[] | undefined): readonly string[] | undefined =>
  runners?.map(({ backendId }) => backendId).toSorted();

const groupsOf = ({ registry }: TestPool, model = M): readonly (readonly string[] | undefined)[] => {
  const holders = registry.holders(model);
  return [idsOf(holders?.warm), idsOf(holders?.busy), idsOf(holders?.out)];
};

describe('the runners of a model, where there are many', () => {
  it('are not kept in groups as long as there are few', () => {
    const pool = crowd(CROWD - 1);
    expect(pool.registry.holders(M)).toBeUndefined();
    expect(pool.registry.models().get(M)?.length).toBe(CROWD - 1);
  });

  it('stand by what their servers have in memory', () => {
    const pool = crowd();
    expect(groupsOf(pool)).toEqual([['s0', 's1', 's2'], [], []]);
    expect(pool.registry.holders(M)?.cold.length).toBe(CROWD - 3);
    expect(pool.registry.holders(N)?.cold.length).toBe(CROWD);
    pool.look('s1', [M, N], [[N]]);
    expect(groupsOf(pool)).toEqual([['s0', 's2'], [], []]);
    expect(groupsOf(pool, N)).toEqual([['s1'], [], []]);
  });

  it('are busy while their slots are taken, and have room again before anybody is told that a request ended', () => {
    const pool = crowd();
    const { runner } = runnerOf(pool, 's1', M);
    const lease = pool.registry.tryAcquire(runner);
    expect(groupsOf(pool)).toEqual([['s0', 's2'], ['s1'], []]);
    lease?.end(SERVED);
    expect(groupsOf(pool)).toEqual([['s0', 's1', 's2'], [], []]);
  });

  it('come back from having been put aside with the next thing that happens at their server', () => {
    const pool = crowd();
    const { runner } = runnerOf(pool, 's1', M);
    runner.holders?.put(runner, 'out');
    expect(groupsOf(pool)).toEqual([['s0', 's2'], [], ['s1']]);
    pool.look('s0', [M, N], [[M]]);
    expect(groupsOf(pool)).toEqual([['s0', 's2'], [], ['s1']]);
    pool.registry.setEnabled('s1', true);
    expect(groupsOf(pool)).toEqual([['s0', 's1', 's2'], [], []]);
  });

  it('are listed in the order of the configuration, in whichever order the servers were seen', () => {
    const names = namesOf(CROWD);
    const pool = newPool(...names);
    for (const name of names.toReversed()) pool.look(name, [M]);
    expect(
      pool.registry
        .models()
        .get(M)
        ?.map(({ backendId }) => backendId),
    ).toEqual(names);
  });

  it('leave with their model, and the groups end when they have become few', () => {
    const pool = crowd();
    const { runner } = runnerOf(pool, 's1', M);
    pool.look('s1', [N]);
    expect(runner.holders).toBeUndefined();
    expect(pool.registry.holders(M)).toBeUndefined();
    expect(pool.registry.models().get(M)?.length).toBe(CROWD - 1);
    expect(pool.registry.holders(N)?.all.length).toBe(CROWD);
    pool.look('s1', [M, N]);
    expect(groupsOf(pool)).toEqual([['s0', 's2'], [], []]);
  });
});
