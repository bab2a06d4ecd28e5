import { describe, expect, it } from 'vitest';
import { Recovery, type OneTokenOrder } from '../../../src/backends/recovery.ts';
import type { Seen } from '../../../src/backends/backend.ts';
import { seededRng } from '../../../src/core/rng.ts';
import type { Outcome } from '../../../src/core/types.ts';
import { LogBook } from '../../support/log-book.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../../support/backend-pool.ts';

const M = 'm:latest';
const RULES = { failureThreshold: 1, successThreshold: 2, timeout: 1_000, halfOpenRequests: 1, adaptive: true };
const DOWN: Seen = { up: false, error: 'refused' };

/** As `upWith`, with the models in memory. */
const resident = (...names: readonly string[]): Seen => {
  const seen = upWith(...names);
  if (!seen.up) throw new Error('is up');
  const loaded = names.map((name) => ({
    name,
    sizeBytes: 1,
    vramBytes: 1,
    contextLength: 8192,
    digest: '',
    expiresInMs: 60_000,
    entry: {},
  }));
  return { ...seen, loaded };
};

interface Scene {
  readonly beat: () => Promise<void>;
  readonly orders: OneTokenOrder[];
  readonly looks: string[];
  readonly pool: ReturnType<typeof newPool>;
  /** What looks find from now on, and what the next requests for one token come to. */
  readonly world: { seen: Seen; outcomes: Outcome[]; broken: boolean };
  readonly breakers: () => readonly unknown[];
  readonly fail: (how: keyof typeof OUTCOMES) => void;
}

const scene = (seen: Seen): Scene => {
  const pool = newPool({ breaker: RULES });
  const { registry, clock } = pool;
  registry.apply([backendConfig('a'), backendConfig('b')]);
  registry.observe('a', seen);
  registry.observe('b', upWith(M));
  const orders: OneTokenOrder[] = [];
  const looks: string[] = [];
  const world = { seen, outcomes: [] as Outcome[], broken: false };
  let done: Promise<unknown> = Promise.resolve();
  const recovery = new Recovery({
    registry,
    clock,
    rng: seededRng(1),
    look: (backend) => {
      looks.push(backend);
      registry.observe(backend, world.seen);
      return Promise.resolve();
    },
    ask: (order) => {
      orders.push(order);
      if (world.broken) return Promise.reject(new Error('a bug'));
      return Promise.resolve(world.outcomes.shift() ?? OUTCOMES.served);
    },
    schedule: () => () => {},
    log: new LogBook(),
  });
  const runner = () => {
    const found = registry.get('a')?.runners.get(M);
    if (found === undefined) throw new Error('a has it');
    return found;
  };
  return {
    beat: async () => {
      recovery.beat();
      // What it began goes on in microtasks only.
      done = new Promise((resolve) => setImmediate(resolve));
      await done;
    },
    orders,
    looks,
    pool,
    world,
    breakers: () => {
      const view = registry.snapshots()[0];
      return [view?.breaker, view?.models[0]?.breaker];
    },
    fail: (how) => {
      registry.tryAcquire(runner())?.end(OUTCOMES[how]);
    },
  };
};

describe('recovery', () => {
  it('closes the breaker of a model by requests of its own, one a beat, in the shape that is in memory', async () => {
    const { beat, fail, orders, looks, pool, breakers } = scene(resident(M));
    fail('model-fault');
    await beat();
    expect([orders.length, looks]).toEqual([0, []]);
    pool.clock.advance(1_000);
    await beat();
    expect(breakers()).toEqual(['closed', 'half-open']);
    await beat();
    expect(breakers()).toEqual(['closed', 'closed']);
    const order = [M, { numCtx: 8192, rest: '' }];
    expect(orders.map(({ model, shape }) => [model, shape])).toEqual([order, order]);
    await beat();
    expect(orders.length).toBe(2);
  });

  it('keeps a model out that fails again', async () => {
    const { beat, fail, pool, world, breakers, orders } = scene(resident(M));
    fail('model-fault');
    pool.clock.advance(1_000);
    world.outcomes.push(OUTCOMES['model-fault']);
    await beat();
    expect(breakers()).toEqual(['closed', 'open']);
    await beat();
    expect(orders.length).toBe(1);
  });

  it('gives its place back even when asking itself goes wrong, and blames nobody', async () => {
    const { beat, fail, pool, world, breakers } = scene(resident(M));
    fail('model-fault');
    pool.clock.advance(1_000);
    world.broken = true;
    await beat();
    expect(breakers()).toEqual(['closed', 'half-open']);
    expect(pool.registry.snapshots()[0]).toMatchObject({ inflight: 0, models: [{ running: 0 }] });
  });

  it('takes a full server for alive and asks again', async () => {
    const { beat, fail, pool, world, breakers, orders } = scene(resident(M));
    fail('model-fault');
    pool.clock.advance(1_000);
    world.outcomes.push(OUTCOMES.overloaded);
    await beat();
    expect(breakers()).toEqual(['closed', 'half-open']);
    await beat();
    expect(orders.length).toBe(2);
  });

  it('loads a model for a trial on an idle server only; beside the work of others a client may try', async () => {
    const { beat, fail, pool, orders } = scene(upWith(M, 'n'));
    fail('model-fault');
    pool.clock.advance(1_000);
    const other = pool.registry.get('a')?.runners.get('n:latest');
    const work = other && pool.registry.tryAcquire(other);
    await beat();
    expect(orders).toEqual([]);
    expect(pool.registry.eligible(M).runners.map(({ backendId }) => backendId)).toEqual(['a', 'b']);
    work?.end(OUTCOMES.served);
  });

  it('asks an idle server although the model is not in memory', async () => {
    const { beat, fail, pool, orders } = scene(upWith(M));
    fail('model-fault');
    pool.clock.advance(1_000);
    await beat();
    expect(orders.length).toBe(1);
  });

  it('tries a server by a look, and by a model that it has in memory', async () => {
    const cold = scene(upWith(M));
    cold.fail('backend-fault');
    cold.pool.clock.advance(1_000);
    await cold.beat();
    expect([cold.breakers(), cold.orders.length]).toEqual([['half-open', 'closed'], 0]);
    const warm = scene(resident(M));
    warm.fail('backend-fault');
    warm.pool.clock.advance(1_000);
    await warm.beat();
    expect([warm.breakers(), warm.orders.length]).toEqual([['half-open', 'closed'], 1]);
  });

  it('leaves a server open that does not answer the look', async () => {
    const { beat, fail, pool, world, breakers } = scene(upWith(M));
    fail('backend-fault');
    pool.clock.advance(1_000);
    world.seen = DOWN;
    await beat();
    expect(breakers()[0]).toBe('open');
  });

  it('lets a client try what it cannot try itself', async () => {
    const { beat, fail, pool, world } = scene(resident(M));
    fail('model-fault');
    pool.clock.advance(1_000);
    world.outcomes.push(OUTCOMES['client-error']);
    await beat();
    expect(pool.registry.eligible(M).runners.map(({ backendId }) => backendId)).toEqual(['a', 'b']);
  });
});
