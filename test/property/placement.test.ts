import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SHAPE } from '../../src/core/demand.ts';
import { ACTIONS_PER_HOST, ACTION_WINDOW_MS, PlacementMemory, type ActionResult } from '../../src/placement/memory.ts';
import { PIN_KEEP_ALIVE_MS, planPlacement } from '../../src/placement/plan.ts';
import type { HostView, ModelView, PlacementAction, ResidentView } from '../../src/placement/view.ts';

const HOSTS = ['h1', 'h2', 'h3', 'h4'];
const MODELS = ['a', 'b', 'c', 'd', 'e'];

const model = fc.constantFrom(...MODELS);
/** Mostly false, so that random hosts are mostly fit for something. */
const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
const expiry = fc.oneof(
  fc.integer({ min: -60_000, max: 700_000 }),
  fc.constantFrom(Number.POSITIVE_INFINITY, PIN_KEEP_ALIVE_MS, 0),
);

const resident: fc.Arbitrary<ResidentView> = fc.record({
  model,
  sizeBytes: fc.integer({ min: 1, max: 9e9 }),
  shape: fc.constant(DEFAULT_SHAPE),
  expiresInMs: expiry,
  keepAliveKnownMs: fc.option(fc.integer({ min: 1, max: 900_000 }), { nil: undefined }),
  loadMs: fc.integer({ min: 1, max: 60_000 }),
  running: fc.nat({ max: 2 }).map((n) => (n === 2 ? 1 : 0)),
  loading: rarely,
  draining: rarely,
});

const hostView = (id: string): fc.Arbitrary<HostView> =>
  fc
    .record({
      usable: rarely.map((down) => !down),
      busy: fc.nat({ max: 1 }),
      loadsPending: rarely.map(Number),
      residents: fc.uniqueArray(resident, { maxLength: 3, selector: (each) => each.model }),
      disk: fc.subarray(MODELS, { minLength: 3 }),
      victims: fc.nat({ max: 2 }),
      chance: fc.constantFrom(0, 0.3, 1),
      loadMs: fc.integer({ min: 500, max: 60_000 }),
      embedding: fc.boolean(),
    })
    .map(({ disk, victims, chance, loadMs, embedding, ...rest }) => ({
      ...rest,
      id,
      busy: rest.busy + rest.residents.reduce((sum, { running }) => sum + running, 0),
      installed: (name) => (disk.includes(name) ? { loadMs, embedding } : undefined),
      room: () => ({ victims: rest.residents.slice(0, victims).map((each) => each.model), chance }),
    }));

const modelView = (name: string): fc.Arbitrary<ModelView> =>
  fc.record({
    model: fc.constant(name),
    arrivalsPerMinute: fc.double({ min: 0, max: 30, noNaN: true }),
    backlogMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 500_000 })),
    shape: fc.constant(DEFAULT_SHAPE),
  });

/** A moment of the pool, how long after the one before, and how actions end. */
const moment = fc.record({
  hosts: fc.tuple(...HOSTS.map(hostView)),
  models: fc.tuple(...MODELS.map(modelView)),
  pins: fc.dictionary(fc.constantFrom(...HOSTS), fc.uniqueArray(model, { maxLength: 2 }), { maxKeys: 2 }),
  afterMs: fc.constantFrom(500, 1_000, 5_000, 60_000, 400_000),
  results: fc.array(fc.constantFrom<ActionResult | 'pending'>('done', 'failed', 'skipped', 'pending'), {
    minLength: 4,
    maxLength: 4,
  }),
});

interface Step {
  readonly at: number;
  readonly hosts: readonly HostView[];
  readonly models: readonly ModelView[];
  readonly pins: ReadonlyMap<string, readonly string[]>;
  readonly actions: readonly PlacementAction[];
  /** Hosts with an action under way when the plan was made. */
  readonly pending: ReadonlySet<string>;
  /** How the actions ended, in their order. */
  readonly results: readonly (ActionResult | 'pending')[];
}

/** Plays moment after moment; an action that stays pending ends at the next moment but one. */
const play = (moments: readonly (typeof moment extends fc.Arbitrary<infer T> ? T : never)[]): readonly Step[] => {
  const memory = new PlacementMemory();
  const open = new Map<PlacementAction, number>();
  let at = 0;
  return moments.map(({ hosts, models, pins, afterMs, results }, index) => {
    at += afterMs;
    for (const [action, since] of open) {
      if (since >= index - 1) continue;
      memory.end(action, 'done', at);
      open.delete(action);
    }
    const pending = new Set(memory.pending.keys());
    const wanted = new Map(Object.entries(pins));
    const actions = planPlacement({ models, hosts: () => hosts, pins: wanted }, memory, at);
    actions.forEach((action, n) => {
      memory.begin(action, at);
      const result = results[n] ?? 'done';
      if (result === 'pending') open.set(action, index);
      else memory.end(action, result, at);
    });
    return { at, hosts, models, pins: wanted, actions, pending, results };
  });
};

const viewOf = (step: Step, action: PlacementAction): HostView => {
  const found = step.hosts.find(({ id }) => id === action.host);
  if (found === undefined) throw new Error(`no host ${action.host}`);
  return found;
};

const holds = (check: (step: Step, action: PlacementAction, host: HostView) => void): void => {
  fc.assert(
    fc.property(fc.array(moment, { minLength: 1, maxLength: 12 }), (moments) => {
      for (const step of play(moments)) for (const action of step.actions) check(step, action, viewOf(step, action));
    }),
    { numRuns: 150 },
  );
};

describe('placement over random pools', () => {
  it('sends nothing to a host that has a load pending, a model loading or draining, or cannot take requests', () => {
    holds((step, _action, host) => {
      expect(host.usable).toBe(true);
      expect(host.loadsPending).toBe(0);
      expect(host.residents.some(({ loading, draining }) => loading || draining)).toBe(false);
      expect(step.pending.has(host.id)).toBe(false);
    });
  });

  it('loads what is on disk and not in memory, on idle hosts, and touches else only idle models in memory', () => {
    holds((_step, { kind, model: name }, host) => {
      const there = host.residents.find((each) => each.model === name);
      if (kind === 'load') {
        expect(host.busy).toBe(0);
        expect(there).toBe(undefined);
        expect(host.installed(name)).toBeDefined();
      } else expect(there?.running).toBe(0);
    });
  });

  it('never pushes out or lets go what is pinned or runs, nor what it loaded less than two minutes ago', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 12 }), (moments) => {
        const loadedAt = new Map<string, number>();
        for (const step of play(moments)) {
          for (const [index, action] of step.actions.entries()) {
            const going = action.kind === 'let-go' ? [action.model] : action.victims;
            for (const name of going) {
              expect(step.pins.get(action.host) ?? []).not.toContain(name);
              expect(viewOf(step, action).residents.find((each) => each.model === name)?.running).toBe(0);
              const age = step.at - (loadedAt.get(`${action.host} ${name}`) ?? Number.NEGATIVE_INFINITY);
              expect(age).toBeGreaterThanOrEqual(120_000);
            }
            if (action.kind === 'load' && step.results[index] === 'done')
              loadedAt.set(`${action.host} ${action.model}`, step.at);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('pushes the last copy of a model in use out only for a copy that is worth more, or for a pin', () => {
    holds((step, action, host) => {
      if (action.kind !== 'load' || action.pinned) return;
      const copies = (name: string): number =>
        step.hosts.filter(({ usable, residents }) => usable && residents.some((each) => each.model === name)).length;
      const rate = (name: string): number => step.models.find((each) => each.model === name)?.arrivalsPerMinute ?? 0;
      for (const name of action.victims) {
        const victim = host.residents.find((each) => each.model === name);
        if (copies(name) > 1 || rate(name) * 5 < 1 || victim === undefined) continue;
        const worth = action.loadMs * Math.min(1, rate(action.model));
        expect(victim.loadMs * Math.min(1, rate(name))).toBeLessThan(worth);
      }
    });
  });

  it('sends a host at most one action at a time and six in ten minutes, and loads a model once a second', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 12 }), (moments) => {
        const sent = new Map<string, number[]>();
        const loads = new Map<string, number>();
        for (const step of play(moments)) {
          expect(new Set(step.actions.map((each) => each.host)).size).toBe(step.actions.length);
          for (const [index, action] of step.actions.entries()) {
            if (action.kind === 'load') {
              expect(step.at - (loads.get(action.model) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(1_000);
            }
            if (action.kind === 'load') loads.set(action.model, step.at);
            if (step.results[index] === 'skipped') continue;
            const recent = (sent.get(action.host) ?? []).filter((at) => at > step.at - ACTION_WINDOW_MS);
            sent.set(action.host, [...recent, step.at]);
            expect(recent.length).toBeLessThan(ACTIONS_PER_HOST);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
