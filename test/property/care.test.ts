import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CAREFREE,
  CLEAN_MS,
  disturbed,
  levelAt,
  MOST_OPEN_MS,
  openMs,
  tripped,
  type Care,
} from '../../src/backends/care.ts';
import type { Lease } from '../../src/backends/registry.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../support/backend-pool.ts';

const M = 'm:latest';

describe('open times, for any history', () => {
  const steps = fc.array(
    fc.record({
      trips: fc.boolean(),
      after: fc.nat({ max: 2 * CLEAN_MS }),
      chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
    { maxLength: 40 },
  );

  it('are never shorter than the timeout, nor longer than the cap or the timeout', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 600_000 }), (list, timeout) => {
        let care: Care = CAREFREE;
        let at = 0;
        for (const { trips, after, chance } of list) {
          at += after;
          const lasts = openMs(care, timeout, at, { next: () => chance });
          expect(lasts).toBeGreaterThanOrEqual(timeout);
          expect(lasts).toBeLessThanOrEqual(Math.max(timeout, MOST_OPEN_MS));
          if (trips) at += lasts;
          care = trips ? tripped(care, at - lasts, lasts, false) : disturbed(care, at);
        }
      }),
    );
  });

  it('shrink with clean time only, one doubling in five minutes, down to none', () => {
    fc.assert(
      fc.property(steps, fc.nat({ max: 20 }), (list, periods) => {
        let care: Care = CAREFREE;
        let at = 0;
        for (const { trips, after } of list) {
          at += after;
          const before = levelAt(care, at);
          care = trips ? tripped(care, at, 0, false) : disturbed(care, at);
          expect(levelAt(care, at)).toBe(trips ? Math.min(16, before + 1) : before);
        }
        const level = levelAt(care, at);
        expect(levelAt(care, at + periods * CLEAN_MS)).toBe(Math.max(0, level - periods));
      }),
    );
  });
});

describe('breakers with all rules, whatever happens to a model', () => {
  const NAMES = ['a', 'b', 'c', 'd'];
  const ends = ['served', 'client-error', 'client-left', 'model-fault', 'overloaded'] as const;
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), on: fc.constantFrom(...NAMES) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat(20), how: fc.constantFrom(...ends) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('vouch' as const), on: fc.constantFrom(...NAMES) }) },
  );

  it('always leave somebody to ask or to wait for, and take out no more than half', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.integer({ min: 1, max: 4 }), (steps, count) => {
        const rules = { failureThreshold: 1, successThreshold: 2, timeout: 1_000, halfOpenRequests: 1, adaptive: true };
        const { registry, clock } = newPool({ breaker: rules });
        const names = NAMES.slice(0, count);
        registry.apply(names.map((name) => backendConfig(name)));
        for (const name of names) registry.observe(name, upWith(M));
        const held: Lease[] = [];
        for (const each of steps) {
          if (each.do === 'wait') clock.advance(each.ms);
          if (each.do === 'end') held.splice(each.pick, 1)[0]?.end(OUTCOMES[each.how]);
          if (each.do === 'send' || each.do === 'vouch') {
            const runner = registry.get(each.on)?.runners.get(M);
            if (runner === undefined) continue;
            if (each.do === 'vouch') registry.vouch(runner);
            else held.push(...[registry.tryAcquire(runner)].flatMap((lease) => lease ?? []));
          }
          const { runners, obstacles } = registry.eligible(M);
          expect(runners.length).toBeGreaterThan(0);
          const asked = new Set(runners.map(({ backendId }) => backendId));
          const heldBack = obstacles.filter(({ backend, why }) => why.endsWith('is open') && !asked.has(backend));
          expect(heldBack.length).toBeLessThanOrEqual(Math.floor(count / 2));
        }
        for (const lease of held) lease.end(OUTCOMES.served);
        for (const { inflight } of registry.snapshots()) expect(inflight).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
