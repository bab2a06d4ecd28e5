import { describe, expect, it } from 'vitest';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { NOTHING_EXPECTED } from '../../../src/facts/work.ts';
import { placer, type KeepAliveOrder } from '../../../src/dispatch/place.ts';
import type { PlacementAction } from '../../../src/placement/view.ts';
import { newPool, runnerOf, type TestPool } from './pool.ts';

const action = (some: Partial<PlacementAction> = {}): PlacementAction => ({
  kind: 'load',
  host: 'a',
  model: 'm:latest',
  embedding: false,
  shape: { numCtx: 8_192, rest: '' },
  keepAliveMs: 600_000,
  reason: 'wanted',
  priceMs: 0,
  gainMs: 0,
  loadMs: 6_000,
  victims: [],
  pinned: false,
  ...some,
});

/** Carries an action out against a server that takes so many ms and then answers so. */
const actor = (pool: TestPool, tookMs = 6_000, answer = { ok: true, message: '' }) => {
  const sent: KeepAliveOrder[] = [];
  const looked: string[] = [];
  const { registry, facts, clock } = pool;
  const act = placer({
    registry,
    facts,
    clock,
    send: (order) => {
      sent.push(order);
      clock.advance(tookMs);
      return Promise.resolve(answer);
    },
    look: (backend) => looked.push(backend),
  });
  return { act, sent, looked };
};

const withModel = (): TestPool => {
  const pool = newPool('a', 'b');
  pool.look('a', ['m', 'n']);
  return pool;
};

describe('an action of placement', () => {
  it('loads a model under the name that the server lists, and what it took is learned', async () => {
    const pool = withModel();
    const { act, sent, looked } = actor(pool, 9_000);
    expect(await act(action())).toEqual({ ok: true, message: '' });
    expect(sent).toEqual([
      expect.objectContaining({
        model: 'm',
        embedding: false,
        keepAliveMs: 600_000,
        shape: { numCtx: 8_192, rest: '' },
      }),
    ]);
    expect(looked).toEqual(['a']);
    const { facts } = runnerOf(pool, 'a', 'm:latest');
    const at = pool.clock.now();
    expect(facts.speeds.estimates(at).load.samples).toBeCloseTo(1);
    expect(facts.host.residency.list(at)).toEqual([
      expect.objectContaining({ model: 'm:latest', loading: false, contextLength: 8_192, expiresInMs: 600_000 }),
    ]);
  });

  it('holds a place while it lasts, so that requests count the load in, and gives it back', async () => {
    const pool = withModel();
    const { runner, facts } = runnerOf(pool, 'a', 'm:latest');
    const seen: (readonly number[])[] = [];
    const { registry, clock } = pool;
    const act = placer({
      registry,
      facts: pool.facts,
      clock,
      send: () => {
        seen.push([runner.running, facts.works.length, facts.host.loadingMs(clock.now())]);
        return Promise.resolve({ ok: true, message: '' });
      },
      look: () => {},
    });
    await act(action());
    expect(seen).toEqual([[1, 1, 6_000]]);
    expect([runner.running, facts.works.length]).toEqual([0, 0]);
  });

  it('says nothing about how long requests take or how reliable the model is', async () => {
    const pool = withModel();
    const before = pool.facts.serviceMs(0);
    await actor(pool, 60_000).act(action());
    expect(pool.facts.serviceMs(pool.clock.now())).toBe(before);
    expect(pool.learned.of('a/m:latest')).toMatchObject({ successes: 0, failures: 0 });
    expect(pool.facts.shapes.of('m:latest')).toEqual(NO_DEMAND.shape);
  });

  it('that fails opens no breaker, however often', async () => {
    const pool = withModel();
    const { act } = actor(pool, 1, { ok: false, message: 'answered 500: no space' });
    for (let i = 0; i < 20; i++) expect(await act(action())).toMatchObject({ ok: false, message: /no space/ });
    expect(pool.registry.snapshots()[0]).toMatchObject({ breaker: 'closed', models: [{ breaker: 'closed' }, {}] });
    const { facts } = runnerOf(pool, 'a', 'm:latest');
    expect(facts.host.residency.list(pool.clock.now())).toEqual([]);
  });

  it('that lets a model go is believed at once', async () => {
    const pool = withModel();
    pool.look('a', ['m', 'n'], [['m']]);
    await actor(pool, 5).act(action({ kind: 'let-go', keepAliveMs: 0, loadMs: 0 }));
    const { facts } = runnerOf(pool, 'a', 'm:latest');
    expect(facts.host.residency.list(pool.clock.now())).toEqual([]);
  });
});

describe('nothing is sent', () => {
  const skips = async (pool: TestPool, some: Partial<PlacementAction> = {}) => {
    const { act, sent } = actor(pool);
    const outcome = await act(action(some));
    expect(sent).toEqual([]);
    expect(outcome).toMatchObject({ ok: false, skipped: true });
    return outcome.message;
  };

  it('to a server with a load of ours pending', async () => {
    const pool = withModel();
    const { runner } = runnerOf(pool, 'a', 'n:latest');
    const expected = { ...NOTHING_EXPECTED, loadMs: 5_000 };
    pool.registry.tryAcquire(runner, { demand: NO_DEMAND, streams: true, expected, room: true });
    expect(await skips(pool)).toContain('load is pending');
  });

  it('to a server that is down, or is gone', async () => {
    const pool = withModel();
    pool.registry.observe('a', { up: false, error: 'refused' });
    expect(await skips(pool)).toContain('cannot take requests');
    expect(await skips(pool, { host: 'nowhere' })).toContain('does not have');
  });

  it('that would load a model which has left memory, or hold one that is in use again', async () => {
    const pool = withModel();
    expect(await skips(pool, { kind: 'renew', loadMs: 0 })).toContain('left memory');
    pool.look('a', ['m', 'n'], [['m']]);
    expect(await skips(pool)).toContain('in memory already');
    pool.registry.tryAcquire(runnerOf(pool, 'a', 'm:latest').runner);
    expect(await skips(pool, { kind: 'let-go', keepAliveMs: 0, loadMs: 0 })).toContain('run on it');
  });
});
