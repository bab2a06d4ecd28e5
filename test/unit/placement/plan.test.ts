import { describe, expect, it } from 'vitest';
import { PlacementMemory } from '../../../src/placement/memory.ts';
import { KEEP_ALIVE_MS, PIN_KEEP_ALIVE_MS, planPlacement } from '../../../src/placement/plan.ts';
import type { HostView, ModelView, PlacementAction, PlacementView } from '../../../src/placement/view.ts';
import { asked, host, LOAD_MS, pool, resident } from './pool-view.ts';

const plan = (view: PlacementView, memory = new PlacementMemory(), at = 0): readonly PlacementAction[] =>
  planPlacement(view, memory, at);

/** `load a on two`, for short. */
const said = (actions: readonly PlacementAction[]): readonly string[] =>
  actions.map(({ kind, model, host }) => `${kind} ${model} on ${host}`);

/** Carries a plan out in no time. */
const done = (actions: readonly PlacementAction[], memory: PlacementMemory, at: number): void => {
  for (const action of actions) {
    memory.begin(action, at);
    memory.end(action, 'done', at);
  }
};

const withA = host('one', { busy: 1, residents: [resident('a', { running: 1 })] });
const hotA = (backlogMs: number, changes: Partial<ModelView> = {}): ModelView =>
  asked('a', { arrivalsPerMinute: 10, backlogMs, ...changes });

describe('a copy of a busy model', () => {
  it('is loaded on an idle host once the work that waits is worth it', () => {
    const [load] = plan(pool([withA, host('two')], [hotA(10_000)]));
    expect(load).toMatchObject({
      kind: 'load',
      host: 'two',
      model: 'a',
      keepAliveMs: KEEP_ALIVE_MS,
      priceMs: LOAD_MS,
      gainMs: 10_000,
      victims: [],
    });
  });

  it.each([
    ['the load would take longer than the work that waits', pool([withA, host('two')], [hotA(LOAD_MS)])],
    ['the idle host does not have it on disk', pool([withA, host('two', { models: ['b'] })], [hotA(60_000)])],
    ['the other host is busy', pool([withA, host('two', { busy: 1 })], [hotA(60_000)])],
    ['the other host cannot take requests', pool([withA, host('two', { usable: false })], [hotA(60_000)])],
    ['a load is pending on the other host', pool([withA, host('two', { loadsPending: 1 })], [hotA(60_000)])],
    [
      'a model is loading on the other host',
      pool([withA, host('two', { residents: [resident('b', { loading: true })] })], [hotA(60_000)]),
    ],
    [
      'a model is draining on the other host',
      pool([withA, host('two', { residents: [resident('b', { draining: true })] })], [hotA(60_000)]),
    ],
    [
      'it runs at ollama.com',
      pool([withA, host('two', { models: ['a:cloud'] })], [asked('a:cloud', { backlogMs: 9e9 })]),
    ],
  ])('is not loaded when %s', (_why, view) => {
    expect(plan(view)).toEqual([]);
  });

  it('is not loaded while the copies there have half a load waiting each', () => {
    const more = ['x', 'y', 'z'].map((id) => host(id, { busy: 1, residents: [resident('a', { running: 1 })] }));
    const view = (backlogMs: number): PlacementView => pool([withA, ...more, host('two')], [hotA(backlogMs)]);
    expect(plan(view(4 * 0.5 * LOAD_MS))).toEqual([]);
    expect(said(plan(view(4 * 0.5 * LOAD_MS + 1)))).toEqual(['load a on two']);
  });

  it('goes where load and reloads together cost least', () => {
    const full = host('two', {
      loadMs: 2_000,
      residents: [resident('b')],
      room: { victims: ['b'], chance: 1 },
    });
    const other = host('busy', { busy: 1, residents: [resident('b', { running: 1 })] });
    const models = [hotA(60_000), asked('b', { arrivalsPerMinute: 4 })];
    // b with one other copy is worth LOAD_MS · 4 / (1 + 3), so the fast host costs 2,000 + 6,000.
    expect(said(plan(pool([withA, other, full, host('three')], models)))).toEqual(['load a on three']);
    expect(plan(pool([withA, other, full], models))[0]).toMatchObject({ host: 'two', priceMs: 8_000, victims: ['b'] });
  });

  it('counts a load under way as a copy', () => {
    const memory = new PlacementMemory();
    const view = pool([withA, host('two'), host('three')], [hotA(LOAD_MS + 10)]);
    const first = plan(view, memory);
    expect(said(first)).toEqual(['load a on two']);
    for (const action of first) memory.begin(action, 0);
    // Two copies with less than half a load each would do; with one the third host would load as well.
    expect(plan(pool([withA, host('two'), host('three')], [hotA(LOAD_MS - 1)]), memory, 5_000)).toEqual([]);
    expect(said(plan(pool([withA, host('two'), host('three')], [hotA(20_000)]), memory, 5_000))).toEqual([
      'load a on three',
    ]);
  });

  it('follows the one before by a second at least', () => {
    const memory = new PlacementMemory();
    const view = pool([withA, host('two'), host('three')], [hotA(60_000)]);
    const [first] = plan(view, memory, 1_000);
    if (first !== undefined) memory.begin(first, 1_000);
    expect(plan(view, memory, 1_999)).toEqual([]);
    expect(said(plan(view, memory, 2_000))).toEqual(['load a on three']);
  });

  it('is found its place in a large pool within a few plans', () => {
    const without = Array.from({ length: 600 }, (_, n) => host(`h${n}`, { models: [] }));
    const view = pool([withA, ...without, host('last')], [hotA(60_000)]);
    const plans = Array.from({ length: 4 }, (_, n) => said(plan(view, new PlacementMemory(), n * 1_000)));
    expect(plans.filter((each) => each.includes('load a on last')).length).toBeGreaterThan(0);
  });

  it('is loaded with the options that its requests ask for, and by the route for its kind', () => {
    const shape = { numCtx: 8192, rest: '' };
    const [load] = plan(pool([withA, host('two', { embedding: true })], [hotA(60_000, { shape })]));
    expect(load).toMatchObject({ shape, embedding: true });
  });
});

describe('what a copy may push out', () => {
  const full = (victim = resident('b')): HostView =>
    host('two', { residents: [victim], room: { victims: ['b'], chance: 1 } });
  const b = (arrivalsPerMinute: number): ModelView => asked('b', { arrivalsPerMinute });

  it('is a model that hardly anybody asks for', () => {
    expect(said(plan(pool([withA, full()], [hotA(60_000), b(0.01)])))).toEqual(['load a on two']);
  });

  it('is not the last copy of a model in use that is worth as much', () => {
    expect(plan(pool([withA, full()], [hotA(600_000), b(5)]))).toEqual([]);
  });

  it('is the last copy of a model in use that is worth less', () => {
    // A second copy of a is worth 6,000 · min(1, 10 / 4), b's only one 6,000 · 0.5; three times that is its price.
    const actions = plan(pool([withA, full()], [hotA(600_000), b(0.5)]));
    expect(actions).toMatchObject([{ kind: 'load', model: 'a', priceMs: LOAD_MS + 3 * 3_000 }]);
  });

  it('is not both copies of a model in the same moment', () => {
    const models = [hotA(600_000), asked('c', { backlogMs: 500_000, arrivalsPerMinute: 10 }), b(10)];
    const crowded = ['two', 'three'].map((id) =>
      host(id, { residents: [resident('b')], room: { victims: ['b'], chance: 1 } }),
    );
    expect(said(plan(pool([withA, ...crowded], models)))).toEqual(['load a on two']);
  });

  it('is no pinned model', () => {
    const held = resident('b', { expiresInMs: PIN_KEEP_ALIVE_MS });
    expect(plan(pool([withA, full(held)], [hotA(60_000)], { two: ['b'] }))).toEqual([]);
  });

  it('is no model that was loaded there short ago', () => {
    const memory = new PlacementMemory();
    const holder = host('four', { busy: 1, residents: [resident('b', { running: 1 })] });
    done(plan(pool([holder, host('two')], [asked('b', { backlogMs: 60_000 })]), memory, 0), memory, 0);
    const view = pool([withA, full()], [hotA(60_000)]);
    expect(plan(view, memory, 119_999)).toEqual([]);
    expect(said(plan(view, memory, 120_000))).toEqual(['load a on two']);
  });

  it('is rather a spare model that is let go for it than one in use', () => {
    const residents = [resident('b'), resident('c')];
    const crowded = host('two', { residents, room: { victims: ['b'], chance: 1 } });
    const models = [hotA(600_000), b(20)];
    expect(plan(pool([withA, crowded], models))).toMatchObject([
      { kind: 'let-go', model: 'c', host: 'two', keepAliveMs: 0 },
    ]);
    const wanted = host('two', {
      residents: [resident('b'), resident('c', { expiresInMs: Number.POSITIVE_INFINITY })],
      room: { victims: ['b'], chance: 1 },
    });
    expect(plan(pool([withA, wanted], models))).toEqual([]);
  });
});

describe('a model that is about to expire', () => {
  const due = (model = 'a', expiresInMs = 30_000, changes = {}): HostView =>
    host('one', { residents: [resident(model, { expiresInMs, ...changes })] });
  const used = asked('a', { arrivalsPerMinute: 0.05 });

  it('is renewed with its own options while it is used', () => {
    const shape = { numCtx: 8192, rest: 'num_gpu=1' };
    const [renew] = plan(pool([due('a', 30_000, { shape })], [used]));
    expect(renew).toMatchObject({ kind: 'renew', host: 'one', keepAliveMs: KEEP_ALIVE_MS, shape, priceMs: 0 });
  });

  it.each([
    ['hardly anybody asks for it', pool([due()], [asked('a', { arrivalsPerMinute: 0.03 })])],
    ['there is time', pool([due('a', 60_001)], [used])],
    ['it may be gone before the request arrives', pool([due('a', 1_999)], [used])],
    ['it runs, which sets its time anew', pool([due('a', 30_000, { running: 1 })], [used])],
    ['somebody wants it to go soon', pool([due('a', 30_000, { keepAliveKnownMs: 30_000 })], [used])],
  ])('is not renewed when %s', (_why, view) => {
    expect(plan(view)).toEqual([]);
  });

  it('is not renewed twice before a look can have shown the first time', () => {
    const memory = new PlacementMemory();
    done(plan(pool([due()], [used]), memory, 0), memory, 0);
    expect(plan(pool([due()], [used]), memory, 10_000)).toEqual([]);
  });

  it('goes copy by copy, until each one left is used enough', () => {
    const three = ['x', 'y', 'z'].map((id) => host(id, { residents: [resident('a', { expiresInMs: 30_000 })] }));
    expect(said(plan(pool(three, [asked('a', { arrivalsPerMinute: 0.09 })])))).toEqual([
      'renew a on y',
      'renew a on z',
    ]);
  });
});

describe('a pinned model', () => {
  const pins = { one: ['a'] };

  it('is loaded for a day when it is missing and the host is idle', () => {
    expect(plan(pool([host('one')], [], pins))).toMatchObject([
      { kind: 'load', host: 'one', model: 'a', keepAliveMs: PIN_KEEP_ALIVE_MS, reason: 'pinned', pinned: true },
    ]);
    expect(plan(pool([host('one', { busy: 1 })], [], pins))).toEqual([]);
    expect(plan(pool([host('one', { models: [] })], [], pins))).toEqual([]);
    expect(plan(pool([host('other')], [], pins))).toEqual([]);
  });

  it('gets its long keep_alive back when a request gave it a shorter one', () => {
    const view = pool([host('one', { busy: 1, residents: [resident('a')] })], [], pins);
    expect(plan(view)).toMatchObject([{ kind: 'renew', keepAliveMs: PIN_KEEP_ALIVE_MS, pinned: true }]);
  });

  it('is loaded on one host after the other', () => {
    const memory = new PlacementMemory();
    const view = pool([host('one'), host('two')], [], { one: ['a'], two: ['a'] });
    const first = plan(view, memory, 0);
    expect(said(first)).toEqual(['load a on one']);
    for (const action of first) memory.begin(action, 0);
    expect(said(plan(view, memory, 1_000))).toEqual(['load a on two']);
  });

  it('is left alone while it stays', () => {
    const held = resident('a', { expiresInMs: PIN_KEEP_ALIVE_MS - 1_000 });
    expect(plan(pool([host('one', { residents: [held] })], [], pins))).toEqual([]);
  });

  it('pushes out what is in use, but no other pinned model', () => {
    const crowded = host('one', { residents: [resident('b')], room: { victims: ['b'], chance: 1 } });
    const models = [asked('b', { arrivalsPerMinute: 60 })];
    expect(said(plan(pool([crowded], models, pins)))).toEqual(['load a on one']);
    const held = host('one', {
      residents: [resident('b', { expiresInMs: PIN_KEEP_ALIVE_MS })],
      room: { victims: ['b'], chance: 1 },
    });
    expect(plan(pool([held], models, { one: ['a', 'b'] }))).toEqual([]);
  });

  it('gives the long keep_alive up once it is pinned no more', () => {
    const memory = new PlacementMemory();
    done(plan(pool([host('one')], [], pins), memory, 0), memory, 0);
    const view = pool([host('one', { residents: [resident('a', { expiresInMs: PIN_KEEP_ALIVE_MS })] })], []);
    const actions = plan(view, memory, 400_000);
    expect(actions).toMatchObject([{ kind: 'renew', keepAliveMs: KEEP_ALIVE_MS, reason: 'no longer pinned' }]);
    done(actions, memory, 400_000);
    expect(plan(view, memory, 800_000)).toEqual([]);
  });
});

describe('the planner', () => {
  it('looks at no host while nothing is hot, nothing waits and nothing is pinned', () => {
    const view: PlacementView = {
      models: [asked('a', { arrivalsPerMinute: 0.03 })],
      pins: new Map(),
      hosts: () => {
        throw new Error('hosts were asked for');
      },
    };
    expect(plan(view)).toEqual([]);
  });
});
