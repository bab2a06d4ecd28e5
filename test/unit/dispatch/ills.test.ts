import { describe, expect, it } from 'vitest';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { seededRng } from '../../../src/core/rng.ts';
import { BREAKER_DEFAULTS, type Outcome } from '../../../src/core/types.ts';
import { diagnose } from '../../../src/dispatch/diagnosis.ts';
import { IllWatch, type IllSettings } from '../../../src/dispatch/ills.ts';
import type { KeepAliveOrder } from '../../../src/dispatch/place.ts';
import { toUnload } from '../../../src/dispatch/remedy.ts';
import { NOTHING_EXPECTED } from '../../../src/facts/work.ts';
import { LogBook } from '../../support/log-book.ts';
import { newPool, runnerOf, SIZE } from './pool.ts';

const RULES = { ...BREAKER_DEFAULTS, failureThreshold: 1, adaptive: true };
const HEALTH = { unhealthyAfter: 1, healthyAfter: 1 };
const STALL: Outcome = {
  kind: 'backend-failed',
  phase: 'head',
  blame: 'model',
  reason: 'timeout',
  message: 'stalled',
  totalMs: 60_000,
};
const SERVED: Outcome = { kind: 'served', status: 200, firstByteMs: 1, totalMs: 1, usage: undefined };

/** One server with three models on disk, two of them in memory, and a watch over it whose orders end as told. */
const scene = (settings: Partial<IllSettings> = {}) => {
  const pool = newPool('a');
  const { registry, facts, clock } = pool;
  registry.configure(RULES, HEALTH);
  const log = new LogBook();
  const orders: KeepAliveOrder[] = [];
  const world = { memory: ['m', 'n'], answer: { ok: true, message: '' } };
  const look = (): void =>
    pool.look(
      'a',
      ['m', 'n', 'o'],
      world.memory.map((name) => [name]),
    );
  look();
  const watch = new IllWatch(
    {
      registry,
      facts,
      clock,
      rng: seededRng(1),
      wallMs: () => 1_000_000_000_000 + clock.now(),
      schedule: () => () => {},
      send: (order) => {
        orders.push(order);
        return Promise.resolve(world.answer);
      },
      look: () => {
        look();
        return Promise.resolve();
      },
      log,
    },
    { heal: true, adaptive: true, ...settings },
  );
  const beat = async (): Promise<void> => {
    watch.beat();
    // What it began goes on in microtasks only.
    await new Promise((resolve) => setImmediate(resolve));
  };
  const take = (model: string) => {
    const { runner } = runnerOf(pool, 'a', `${model}:latest`);
    const cold = !world.memory.includes(model);
    return registry.tryAcquire(runner, {
      demand: NO_DEMAND,
      streams: true,
      expected: { ...NOTHING_EXPECTED, loadMs: cold ? 5_000 : 0 },
      room: true,
    });
  };
  const sent = (): readonly string[] =>
    orders.map(({ model, keepAliveMs }) => (keepAliveMs === 0 ? `unload ${model}` : `load ${model}`));
  /** A look shows so much of `m` in video memory. */
  const lookWith = (share: number): void =>
    pool.look('a', ['m', 'n', 'o'], [['m', { vramBytes: share * SIZE }], ['n']]);
  const kinds = (): readonly string[] => (registry.get('a')?.ills ?? []).map(({ kind }) => kind);
  return { ...pool, log, orders, world, look, watch, beat, take, sent, kinds, lookWith, pool };
};

/** A load that has not come for five minutes. */
const wedged = async (settings: Partial<IllSettings> = {}) => {
  const made = scene(settings);
  const stuck = made.take('o');
  await made.beat();
  made.clock.advance(300_000);
  return { ...made, stuck };
};

describe('a server that has stopped loading', () => {
  it('is told of once, with since when and by what', async () => {
    const { beat, kinds, log, registry } = await wedged({ heal: false });
    await beat();
    await beat();
    expect(kinds()).toEqual(['wedged-loading']);
    expect(registry.get('a')?.ills).toEqual([
      {
        kind: 'wedged-loading',
        model: undefined,
        since: '2001-09-09T01:51:40.000Z',
        evidence: 'a load of o:latest has not come for 300 s, while the server answers',
      },
    ]);
    expect(log.events('backend-ill').map(({ level, fields }) => [level, fields['kind']])).toEqual([
      ['warn', 'wedged-loading'],
    ]);
  });

  it('is not taken for one while it does not answer its probes', async () => {
    const { beat, kinds, registry } = await wedged();
    registry.configure(RULES, { unhealthyAfter: 5, healthyAfter: 1 });
    registry.observe('a', { up: false, error: 'no answer to a probe within 2000 ms' });
    await beat();
    expect(kinds()).toEqual([]);
  });

  it('is freed by letting one model go at a time, later each time, as long as somebody waits for the load', async () => {
    const { beat, sent, clock, orders, watch } = await wedged();
    await beat();
    expect(sent()).toEqual(['unload m']);
    expect(orders[0]).toMatchObject({ keepAliveMs: 0, embedding: false, shape: { numCtx: 4_096 } });
    clock.advance(9_999);
    await beat();
    expect(sent()).toEqual(['unload m']);
    clock.advance(1);
    await beat();
    expect(sent()).toEqual(['unload m', 'unload n']);
    clock.advance(19_999);
    await beat();
    expect(sent().length).toBe(2);
    clock.advance(1);
    await beat();
    expect(sent()).toEqual(['unload m', 'unload n', 'unload m']);
    expect(watch.heals).toEqual([{ backend: 'a', cause: 'wedged-loading', result: 'done', count: 3 }]);
  });

  it('is well as soon as a load comes through', async () => {
    const { beat, kinds, stuck, log, facts, clock } = await wedged();
    await beat();
    expect(facts.host('a').stuck).toBe(true);
    clock.advance(1_000);
    stuck?.began();
    await beat();
    expect([kinds(), facts.host('a').stuck]).toEqual([[], false]);
    expect(log.events('backend-ill-over')).toHaveLength(1);
  });

  it('is tried by a load of our own where nobody waits for one, and is well if that comes', async () => {
    const { beat, kinds, stuck, sent, clock, world, orders } = await wedged();
    world.answer = { ok: false, message: 'gave no answer' };
    await beat();
    stuck?.end(STALL);
    clock.advance(10_000);
    await beat();
    expect(sent()).toEqual(['unload m', 'unload n', 'load o']);
    expect(orders.at(-1)).toMatchObject({ keepAliveMs: undefined, timeoutMs: 300_000 });
    expect(kinds()).toEqual(['wedged-loading']);
    world.answer = { ok: true, message: '' };
    clock.advance(20_000);
    await beat();
    await beat();
    expect([sent().at(-1), kinds()]).toEqual(['load o', []]);
  });

  it('has nothing unloaded where that is not allowed, and is tried all the same', async () => {
    const { beat, sent, stuck } = await wedged({ heal: false });
    stuck?.end(STALL);
    const again = await wedged({ heal: false });
    await again.beat();
    again.stuck?.end(STALL);
    again.clock.advance(10_000);
    await again.beat();
    expect(again.sent()).toEqual(['load o']);
    await beat();
    expect(sent()).toEqual([]);
  });

  it('says what a remedy came to that failed', async () => {
    const { beat, world, log, watch } = await wedged();
    world.answer = { ok: false, message: 'answered 500' };
    await beat();
    const [line] = log.events('heal');
    expect(line?.fields).toMatchObject({ backend: 'a', model: 'm:latest', result: 'failed', error: 'answered 500' });
    expect(watch.heals).toEqual([{ backend: 'a', cause: 'wedged-loading', result: 'failed', count: 1 }]);
  });
});

describe('who is let go', () => {
  it('is the model that has to make room, else an idle one before a busy one, and the shortest keep_alive first', () => {
    const { registry, facts, take, clock, pool } = scene();
    const backend = registry.get('a');
    if (backend === undefined) throw new Error('is there');
    const host = facts.host('a');
    const next = (...except: readonly string[]) => toUnload(backend, host, new Set(except), clock.now())?.model;
    expect([next(), next('m:latest'), next('m:latest', 'n:latest')]).toEqual(['m:latest', 'n:latest', undefined]);
    take('m');
    expect(next()).toBe('n:latest');
    facts.kept(runnerOf(pool, 'a', 'n:latest').facts, Infinity, clock.now());
    expect(next()).toBe('n:latest');
    facts.configure('a', { slots: 4, vramBytes: SIZE * 3 });
    take('o');
    expect([host.residency.leaving(), next()]).toEqual([['n:latest'], 'n:latest']);
  });
});

describe('a runner that hangs', () => {
  const hung = async (settings: Partial<IllSettings> = {}) => {
    const made = scene(settings);
    made.take('m')?.end(STALL);
    await made.beat();
    return made;
  };

  it('is ended once its breaker is open, again later each time, and not when it is gone or answers', async () => {
    const { beat, kinds, sent, clock, world, registry, look } = await hung();
    expect([kinds(), sent()]).toEqual([['hung-runner'], ['unload m']]);
    clock.advance(10_000);
    await beat();
    expect(sent()).toEqual(['unload m', 'unload m']);
    world.memory = ['n'];
    look();
    clock.advance(100_000);
    await beat();
    expect(sent().length).toBe(2);
    world.memory = ['m', 'n'];
    look();
    registry.recover('a');
    await beat();
    expect([kinds(), sent().length]).toEqual([[], 2]);
  });

  it('is left alone where nothing may be unloaded', async () => {
    const { kinds, sent, watch, beat } = await hung({ heal: false });
    expect([kinds(), sent()]).toEqual([['hung-runner'], []]);
    watch.configure({ heal: true, adaptive: true });
    await beat();
    expect(sent()).toEqual(['unload m']);
  });

  it('is not ended before its breaker is open', async () => {
    const made = scene();
    made.registry.configure({ ...RULES, failureThreshold: 3 }, HEALTH);
    made.take('m')?.end(STALL);
    await made.beat();
    expect([made.kinds(), made.sent()]).toEqual([['hung-runner'], []]);
  });
});

describe('a diagnosis', () => {
  const of = (made: ReturnType<typeof scene>) => {
    const backend = made.registry.get('a');
    return backend === undefined ? [] : diagnose(backend, made.facts.host('a'), made.clock.now());
  };

  it('tells a silent server from one that is gone', () => {
    const silent = scene();
    silent.registry.observe('a', { up: false, error: 'no answer to a probe within 2000 ms' });
    expect(of(silent)).toEqual([
      { kind: 'server-silent', model: undefined, evidence: 'no answer to a probe within 2000 ms' },
    ]);
    const gone = scene();
    gone.registry.observe('a', { up: false, error: 'connect ECONNREFUSED' });
    expect(of(gone)).toEqual([]);
  });

  it('names a spill, and whether the model fitted before', () => {
    const made = scene();
    made.look();
    made.lookWith(0.4);
    expect(of(made)).toEqual([
      {
        kind: 'spill',
        model: 'm:latest',
        evidence:
          '40 % of it is in video memory; all of it was, once: does a process that the server does not know hold memory?',
      },
    ]);
  });

  it('names models that are in main memory on a server that has a GPU', () => {
    const made = scene();
    made.look();
    made.lookWith(0);
    expect(of(made)).toEqual([
      {
        kind: 'gpu-lost',
        model: undefined,
        evidence: 'in memory without any video memory, where there was some: m:latest',
      },
    ]);
  });

  it('names a death for ten minutes, or until the next answer', () => {
    const made = scene();
    const died: Outcome = { ...STALL, reason: 'status-5xx', message: 'answered 500: unexpected EOF' };
    made.take('m')?.end(died);
    expect(of(made).map(({ kind, model }) => [kind, model])).toEqual([['dead-runner', 'm:latest']]);
    made.clock.advance(600_000);
    expect(of(made)).toEqual([]);
    made.look();
    made.take('n')?.end(died);
    made.take('n')?.end(SERVED);
    expect(of(made)).toEqual([]);
  });
});
