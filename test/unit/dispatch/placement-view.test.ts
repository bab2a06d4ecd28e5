import { describe, expect, it } from 'vitest';
import type { WaitingView } from '../../../src/admission/listing.ts';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { NOTHING_EXPECTED } from '../../../src/facts/work.ts';
import type { HostView } from '../../../src/placement/view.ts';
import { poolView } from '../../../src/dispatch/placement-view.ts';
import { newPool, runnerOf, type TestPool } from './pool.ts';

const waiter = (lane: string): WaitingView => ({
  id: 'r',
  lane,
  class: 'normal',
  tenant: '',
  returning: false,
  waitedMs: 1,
  deadlineInMs: undefined,
});

const view = (
  { registry, facts, clock }: TestPool,
  lanes: readonly string[] = [],
  targets = (name: string): readonly string[] => [name],
) => poolView({ registry, facts, waiting: () => lanes.map(waiter), targets }, clock.now());

const host = (pool: TestPool, id = 'a'): HostView => {
  const found = view(pool)
    .hosts()
    .find((each) => each.id === id);
  if (found === undefined) throw new RangeError(`no host ${id}`);
  return found;
};

describe('a model in the view of placement', () => {
  it('has the work that waits for it, by what a usual request takes', () => {
    const pool = newPool('a');
    const { models } = view(pool, ['m:latest', 'm:latest', 'n:latest']);
    const each = pool.facts.serviceMs(0);
    expect(models.map(({ model, backlogMs }) => [model, backlogMs])).toEqual([
      ['m:latest', 2 * each],
      ['n:latest', each],
    ]);
  });

  it('shares the work that waits for a virtual model with the others behind it', () => {
    const pool = newPool('a');
    const { models } = view(pool, ['auto:latest'], () => ['m:latest', 'n:latest']);
    expect(models.map(({ backlogMs }) => backlogMs)).toEqual(models.map(() => pool.facts.serviceMs(0) / 2));
  });

  it('is remembered for minutes after its last request, with the shape that its requests mostly had', () => {
    const pool = newPool('a');
    pool.look('a', ['m']);
    const { facts: runner } = runnerOf(pool, 'a', 'm:latest');
    const shape = { numCtx: 16_384, rest: '' };
    for (const each of [shape, shape, NO_DEMAND.shape]) {
      pool.facts.arrived('m:latest', 0);
      pool.facts.sent(runner, NO_DEMAND, each, true, NOTHING_EXPECTED, 0);
    }
    pool.clock.advance(300_000);
    expect(view(pool).models).toEqual([
      { model: 'm:latest', arrivalsPerMinute: expect.closeTo((3 / 5) * Math.exp(-1), 3), backlogMs: 0, shape },
    ]);
  });
});

describe('a host in the view of placement', () => {
  it('is usable when operator, probes and breaker say so', () => {
    const pool = newPool('a', 'b', 'c');
    for (const id of ['a', 'b', 'c']) pool.look(id, ['m']);
    pool.registry.setEnabled('b', false);
    pool.registry.setDraining('c', true);
    expect(
      view(pool)
        .hosts()
        .map(({ id, usable }) => [id, usable]),
    ).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
  });

  it('says which models it could load, how long that takes, and which of them only embed', () => {
    const pool = newPool('a');
    pool.look('a', ['m', 'embed-x', 'old-bert']);
    const loadable = host(pool);
    expect(loadable.installed('m:latest')).toEqual({ loadMs: expect.any(Number), embedding: false });
    expect(loadable.installed('embed-x:latest')).toMatchObject({ embedding: true });
    expect(loadable.installed('old-bert:latest')).toMatchObject({ embedding: true });
    expect(loadable.installed('other:latest')).toBeUndefined();
  });

  it('has its residents with their context, what is left of their time, and a keep_alive that is not the usual one', () => {
    const pool = newPool('a');
    pool.look('a', ['m', 'n'], [['m'], ['n', { contextLength: 32_768, expiresInMs: Infinity }]]);
    expect(host(pool).residents).toEqual([
      expect.objectContaining({
        model: 'm:latest',
        shape: { numCtx: 4_096, rest: '' },
        expiresInMs: 300_000,
        keepAliveKnownMs: undefined,
        running: 0,
      }),
      expect.objectContaining({
        model: 'n:latest',
        shape: { numCtx: 32_768, rest: '' },
        expiresInMs: Infinity,
        keepAliveKnownMs: Infinity,
      }),
    ]);
  });

  it('knows a short keep_alive of a client from what is left after its request', () => {
    const pool = newPool('a');
    pool.look('a', ['m'], [['m']]);
    const lease = pool.registry.tryAcquire(runnerOf(pool, 'a', 'm:latest').runner);
    lease?.end({ kind: 'served', status: 200, firstByteMs: 1, totalMs: 1, usage: undefined });
    pool.clock.advance(10_000);
    pool.look('a', ['m'], [['m', { expiresInMs: 20_000 }]]);
    expect(host(pool).residents).toEqual([expect.objectContaining({ keepAliveKnownMs: 30_000, expiresInMs: 20_000 })]);
  });

  it('counts a load of ours as pending until its answer begins, and its victims as about to leave', () => {
    const small = newPool('a');
    small.facts.configure('a', { slots: 'auto', vramBytes: 6e9 });
    small.look('a', ['m', 'n'], [['m']]);
    const { runner } = runnerOf(small, 'a', 'n:latest');
    const expected = { ...NOTHING_EXPECTED, loadMs: 5_000 };
    const lease = small.registry.tryAcquire(runner, { demand: NO_DEMAND, streams: true, expected, room: true });
    const during = host(small);
    expect([during.loadsPending, during.busy]).toEqual([1, 1]);
    expect(during.residents.map(({ model, draining }) => [model, draining])).toEqual([
      ['n:latest', false],
      ['m:latest', true],
    ]);
    lease?.began();
    expect(host(small).loadsPending).toBe(0);
  });

  it('says what a load would push out', () => {
    const pool = newPool('a');
    pool.facts.configure('a', { slots: 'auto', vramBytes: 6e9 });
    pool.look('a', ['m', 'n'], [['m']]);
    expect(host(pool).room('n:latest', NO_DEMAND.shape)).toEqual({ victims: ['m:latest'], chance: 1 });
  });
});
