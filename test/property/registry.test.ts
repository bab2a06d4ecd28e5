import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/backends/registry.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../support/backend-pool.ts';

const NAMES = ['a', 'b', 'c'];
const MODELS = ['m:latest', 'n:latest'];
const CONFIGS = [
  backendConfig('a', { slots: 1 }),
  backendConfig('b', { slots: 2 }),
  backendConfig('c', { slots: 'auto' }),
];

type Step =
  | { readonly do: 'acquire'; readonly backend: string; readonly model: string }
  | { readonly do: 'end'; readonly pick: number; readonly how: keyof typeof OUTCOMES }
  | { readonly do: 'probe' | 'enable' | 'drain'; readonly backend: string; readonly yes: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'apply' }
  | { readonly do: 'recover'; readonly backend: string };

const backend = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('acquire' as const), backend, model: fc.constantFrom(...MODELS) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      pick: fc.nat(40),
      how: fc.constantFrom(...(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[])),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('probe' as const, 'enable' as const, 'drain' as const),
      backend,
      yes: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('apply' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('recover' as const), backend }) },
);

/** What is held now, by our own count. */
interface Held {
  readonly lease: Lease;
  readonly backend: string;
  readonly model: string;
  open: boolean;
}

describe('the registry, whatever happens to it', () => {
  it('counts what runs, and lets nobody in where the operator, the probes, the breakers or the slots say no', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const settings = { failureThreshold: 2, successThreshold: 1, timeout: 100, halfOpenRequests: 1 };
        const { registry, clock, events } = newPool({ breaker: settings, health: { unhealthyAfter: 2 } });
        registry.apply(CONFIGS);
        for (const name of NAMES) registry.observe(name, upWith(...MODELS));
        const held: Held[] = [];
        const running = (name: string, model?: string): number =>
          held.filter((each) => each.open && each.backend === name && (model ?? each.model) === each.model).length;

        for (const each of steps) {
          if (each.do === 'acquire') {
            const runner = registry
              .models()
              .get(each.model)
              ?.find(({ backendId }) => backendId === each.backend);
            if (runner === undefined) throw new Error('every backend has every model');
            const view = registry.snapshots().find(({ name }) => name === each.backend);
            const ofModel = view?.models.find(({ name }) => name === each.model);
            const eligible = registry.eligible(each.model).runners.includes(runner);
            // A server of which nothing was learned yet is taken to work on one request at a time.
            const slots = view?.slots === 'auto' ? 1 : (view?.slots ?? 0);
            const lease = registry.tryAcquire(runner);
            const barred =
              view?.enabled !== true ||
              view.draining ||
              view.health !== 'up' ||
              view.breaker === 'open' ||
              ofModel?.breaker === 'open' ||
              running(each.backend, each.model) >= slots;
            if (barred) expect(lease).toBeUndefined();
            expect(lease !== undefined).toBe(eligible && running(each.backend, each.model) < slots);
            if (lease) held.push({ lease, backend: each.backend, model: each.model, open: true });
          } else if (each.do === 'end') {
            const which = held[each.pick % Math.max(1, held.length)];
            if (which === undefined) continue;
            const before = { released: events.length, state: JSON.stringify(registry.snapshots()) };
            which.lease.end(OUTCOMES[each.how]);
            if (!which.open) {
              // It had ended already, so nothing may have happened.
              expect(events.length).toBe(before.released);
              expect(JSON.stringify(registry.snapshots())).toBe(before.state);
            }
            which.open = false;
          } else if (each.do === 'probe') {
            registry.observe(each.backend, each.yes ? upWith(...MODELS) : { up: false, error: 'no' });
          } else if (each.do === 'enable') {
            registry.setEnabled(each.backend, each.yes);
          } else if (each.do === 'drain') {
            registry.setDraining(each.backend, each.yes);
          } else if (each.do === 'recover') {
            registry.recover(each.backend);
          } else if (each.do === 'wait') {
            clock.advance(each.ms);
          } else {
            const before = JSON.stringify(registry.snapshots());
            expect(registry.apply(CONFIGS)).toEqual({ added: [], removed: [] });
            expect(JSON.stringify(registry.snapshots())).toBe(before);
          }
          for (const { name, inflight, models } of registry.snapshots()) {
            expect(inflight).toBe(running(name));
            for (const model of models) expect(model.running).toBe(running(name, model.name));
          }
        }
        for (const each of held) each.lease.end(OUTCOMES.served);
        for (const { inflight } of registry.snapshots()) expect(inflight).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
