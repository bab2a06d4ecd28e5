import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ManualClock,
  NoModelAvailableError,
  seededRng,
  STRATEGY_NAMES,
  TaskRouter,
  UnknownModelError,
} from '../../src/index.ts';
import { tally } from '../unit/routing/candidates.ts';

/** What must be true of a router, kept without any of its code. */
interface Expected {
  readonly registered: Set<string>;
  /** routed − recorded, never below 0; stays with the id when a model goes and comes back. */
  readonly pending: Map<string, number>;
  /** results recorded since the last reset or registration. */
  readonly results: Map<string, number>;
  strategy: string;
}
interface Real {
  readonly router: TaskRouter<string>;
  readonly clock: ManualClock;
  /** What the events say: models whose breaker opened and has not closed. */
  readonly broken: Set<string>;
}
type Command = fc.Command<Expected, Real>;

const IDS = ['a', 'b', 'c', 'd'];
const pendingOf = (model: Expected, id: string): number => model.pending.get(id) ?? 0;

const check = (model: Expected, { router, broken }: Real): void => {
  expect([...router.getAllMetrics().keys()].toSorted()).toEqual([...model.registered].toSorted());
  expect(router.getRoutingStrategy()).toBe(model.strategy);
  for (const [id, metrics] of router.getAllMetrics()) {
    expect([id, metrics.pendingTasks]).toEqual([id, pendingOf(model, id)]);
    expect([id, metrics.totalRequests]).toEqual([id, model.results.get(id) ?? 0]);
    expect(metrics.successfulTasks + metrics.failedTasks).toBe(metrics.totalRequests);
    expect([id, metrics.circuitBreakerState !== 'closed']).toEqual([id, broken.has(id)]);
    expect(router.healthCheck().get(id)).toBe(metrics.circuitBreakerState !== 'open');
  }
};

const command = (name: string, step: (model: Expected, real: Real) => void): Command => ({
  check: () => true,
  run(model, real) {
    step(model, real);
    check(model, real);
  },
  toString: () => name,
});

const register = (id: string, weight: number) =>
  command(`register(${id}, ${weight})`, (model, { router }) => {
    if (model.registered.has(id)) {
      expect(() => router.registerModel(id, id, { weight })).toThrow();
      return;
    }
    router.registerModel(id, id, { weight });
    model.registered.add(id);
    model.results.set(id, 0);
  });

const unregister = (id: string) =>
  command(`unregister(${id})`, (model, { router, broken }) => {
    expect(router.unregisterModel(id)).toBe(model.registered.delete(id));
    broken.delete(id);
  });

const route = (category: string) =>
  command(`route(${category})`, (model, { router }) => {
    const before = router.getCircuitBreakerStatus();
    let id: string;
    try {
      id = router.routeTask('x', { category, affinityKey: category });
    } catch (error) {
      expect(error).toBeInstanceOf(NoModelAvailableError);
      expect([...before.values()].filter(({ state }) => state === 'closed')).toEqual([]);
      return;
    }
    expect(model.registered.has(id)).toBe(true);
    expect(before.get(id)?.state).not.toBe('open');
    model.pending.set(id, pendingOf(model, id) + 1);
  });

const record = (id: string, success: boolean, latencyMs: number, category: string) =>
  command(`record(${id}, ${success})`, (model, { router }) => {
    if (!model.registered.has(id) && pendingOf(model, id) === 0) {
      expect(() => router.recordTaskResult(id, success, latencyMs, category)).toThrow(UnknownModelError);
      return;
    }
    router.recordTaskResult(id, success, latencyMs, category);
    model.pending.set(id, Math.max(0, pendingOf(model, id) - 1));
    if (model.registered.has(id)) model.results.set(id, (model.results.get(id) ?? 0) + 1);
  });

const switchTo = (strategy: string) =>
  command(`switch(${strategy})`, (model, { router }) => {
    router.setRoutingStrategy(strategy);
    model.strategy = strategy;
  });

const reset = (id: string) =>
  command(`reset(${id})`, (model, { router }) => {
    if (!model.registered.has(id)) return;
    router.resetMetrics(id);
    model.results.set(id, 0);
  });

const recover = command('recover()', (_, { router }) => router.forceHealthRecovery());
const wait = (ms: number) => command(`wait(${ms})`, (_, { clock }) => clock.advance(ms));
const saveAndLoad = command('saveAndLoad()', (_, { router }) => {
  const metrics = [...router.getAllMetrics().values()].map(({ totalRequests, pendingTasks }) => [
    totalRequests,
    pendingTasks,
  ]);
  router.restore(JSON.parse(JSON.stringify(router.snapshot())));
  expect([...router.getAllMetrics().values()].map((m) => [m.totalRequests, m.pendingTasks])).toEqual(metrics);
});

const id = fc.constantFrom(...IDS);
const category = fc.constantFrom('coding', 'testing', 'unknown');
const commands = fc.commands(
  [
    fc.tuple(id, fc.integer({ min: 1, max: 5 })).map(([one, weight]) => register(one, weight)),
    id.map(unregister),
    category.map(route),
    category.map(route),
    fc.tuple(id, fc.boolean(), fc.nat({ max: 5000 }), category).map((args) => record(...args)),
    fc.tuple(id, fc.constant(false), fc.nat({ max: 5000 }), category).map((args) => record(...args)),
    fc.constantFrom(...STRATEGY_NAMES).map(switchTo),
    id.map(reset),
    fc.constant(recover),
    fc.constant(saveAndLoad),
    fc.nat({ max: 1500 }).map(wait),
  ],
  { maxCommands: 100, size: 'max' },
);

const setUp = (seed: number): { model: Expected; real: Real } => {
  const clock = new ManualClock();
  const router = new TaskRouter<string>({
    clock,
    rng: seededRng(seed),
    strategy: 'round-robin',
    circuitBreaker: { failureThreshold: 2, successThreshold: 2, timeout: 1000, halfOpenRequests: 1 },
  });
  const broken = new Set<string>();
  router.on('breaker-opened', ({ model }) => broken.add(model));
  router.on('breaker-closed', ({ model }) => broken.delete(model));
  const model = { registered: new Set<string>(), pending: new Map(), results: new Map(), strategy: 'round-robin' };
  return { model, real: { router, clock, broken } };
};

describe('a task router', () => {
  it('keeps pending counts, results, breakers and events consistent over any interleaving of calls', () => {
    fc.assert(
      fc.property(commands, fc.integer(), (list, seed) => {
        fc.modelRun(() => setUp(seed), list);
      }),
      { numRuns: 120 },
    );
  });

  it('has nothing pending once every task is recorded, whatever happened in between', () => {
    fc.assert(
      fc.property(commands, fc.integer(), (list, seed) => {
        const { model, real } = setUp(seed);
        fc.modelRun(() => ({ model, real }), list);
        for (const [one, pending] of model.pending) {
          for (let i = 0; i < pending; i++) real.router.recordTaskResult(one, true, 1);
        }
        for (const { pendingTasks } of real.router.getAllMetrics().values()) expect(pendingTasks).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the proportions of round-robin exact through records, resets, explanations and other strategies', () => {
    const noise = fc.constantFrom('record', 'reset', 'explain', 'elsewhere', 'save', 'nothing');
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(noise),
        (weights, noises) => {
          const router = new TaskRouter<string>({ strategy: 'round-robin', rng: seededRng(1) });
          for (const [i, weight] of weights.entries()) router.registerModel(`m${i}`, '', { weight });
          const cycle = weights.reduce((sum, weight) => sum + weight, 0);
          const disturb = (kind: string): void => {
            if (kind === 'record') router.recordTaskResult('m0', true, 1);
            if (kind === 'reset') router.resetMetrics();
            if (kind === 'explain') router.explain('x');
            if (kind === 'save') router.restore(router.snapshot());
            if (kind === 'elsewhere') {
              router.setRoutingStrategy('random');
              router.routeTask('x');
              router.setRoutingStrategy('round-robin');
            }
          };
          const counts = tally(3 * cycle, () => {
            disturb(noises.next().value);
            return router.routeTask('x');
          });
          expect(counts).toEqual(Object.fromEntries(weights.map((weight, i) => [`m${i}`, 3 * weight])));
        },
      ),
    );
  });
});
