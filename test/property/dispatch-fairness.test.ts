import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import type { Ask } from '../support/dispatch-ask.ts';
import { DispatchWorld } from '../support/dispatch-world.ts';

/** DISPATCH_RUNS=2000 looks longer. */
const RUNS = Number(process.env['DISPATCH_RUNS'] ?? 25);
const EACH = 30;

const ask: fc.Arbitrary<Ask> = fc.record({
  model: fc.constant('a:latest'),
  promptTokens: fc.integer({ min: 1, max: 800 }),
  outputTokens: fc.integer({ min: 1, max: 200 }),
  streams: fc.boolean(),
  session: fc.nat(1_000),
  turn: fc.constant(0),
  tenant: fc.constant('x'),
  priority: fc.constant('normal' as const),
  numCtx: fc.constant(undefined),
  patienceMs: fc.constant(undefined),
});

describe('two tenants that wait all the time', () => {
  /**
   * VTC (OSDI'24, theorem 4.4): 2 · max(longest prompt, twice the most output in flight), the slots probed for included.
   * The theorem holds within a class: who was promoted to another one starts there level with the others.
   */
  it('are served alike to within the bound of VTC, by whichever strategy, on servers whose slots are told or learned', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ask, ask), { minLength: EACH, maxLength: EACH }),
        fc.constantFrom(...STRATEGY_NAMES),
        fc.array(fc.record({ slots: fc.integer({ min: 1, max: 3 }), told: fc.boolean() }), {
          minLength: 1,
          maxLength: 2,
        }),
        (pairs, strategy, servers) => {
          const models = ['a:latest'];
          const world = new DispatchWorld(
            servers.map((some) => ({ ...some, speed: 1, maxLoaded: 1, models })),
            strategy,
          );
          let [prompt, output] = [0, 0];
          const places = servers.reduce((sum, { slots, told }) => sum + slots + (told ? 0 : 1), 0);
          // Somebody else has all places first: whoever finds one free at its arrival has a head start.
          const first = pairs.slice(0, places).map(([each]) => ({ ...each, promptTokens: 1 }));
          for (const each of first) world.arrive({ ...each, tenant: 'z' });
          for (const [x, y] of pairs) {
            for (const [tenant, each] of [['x', x] as const, ['y', y] as const]) {
              prompt = Math.max(prompt, each.promptTokens);
              output = Math.max(output, each.outputTokens);
              world.arrive({ ...each, tenant });
            }
          }
          const bound = 2 * Math.max(prompt, places * (2 * output + prompt));
          let looked = 0;
          /** How far x was ahead when they came into the next class. */
          let before: number | undefined;
          const look = (): void => {
            const waits = (tenant: string): boolean => world.waiting.some((each) => each.ask.tenant === tenant);
            if (!waits('x') || !waits('y')) return;
            looked++;
            const lead = (world.served.get('x') ?? 0) - (world.served.get('y') ?? 0);
            // All of them arrived at once, so they are promoted together.
            if (world.gate.counts.promotions > 0) before ??= lead;
            expect(Math.abs(lead - (before ?? 0))).toBeLessThanOrEqual(bound);
          };
          for (let i = 0; i < 3_600 && world.open.length > 0; i++) world.play(world.clock.now() + 1_000, look);
          expect(world.requests.map(({ ends }) => ends)).toEqual(world.requests.map(() => ['served']));
          expect(looked).toBeGreaterThan(0);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
