import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/backends/registry.ts';
import { MODEL, OTHER, SERVED, TestCrowd } from '../support/dispatch-crowd.ts';

type Step =
  | { readonly do: 'take' | 'take-other'; readonly from: number; readonly count: number }
  /** All places of what is in memory but those of one server are taken. */
  | { readonly do: 'fill'; readonly but: number }
  | { readonly do: 'end'; readonly pick: number }
  | { readonly do: 'look'; readonly at: number; readonly model: string | undefined }
  | { readonly do: 'switch'; readonly from: number; readonly count: number; readonly on: boolean }
  | { readonly do: 'fail'; readonly pick: number }
  | { readonly do: 'down'; readonly at: number }
  | { readonly do: 'ask' };

const at = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('take', 'take-other'), from: at, count: fc.nat(120) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fill' as const), but: at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), pick: at }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('look' as const), at, model: fc.constantFrom(MODEL, OTHER, undefined) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('switch' as const), from: at, count: fc.nat(90), on: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), pick: at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('down' as const), at }) },
  { weight: 6, arbitrary: fc.constant({ do: 'ask' as const }) },
);

const FAILED = {
  kind: 'backend-failed',
  phase: 'head',
  blame: 'none',
  reason: 'overloaded',
  message: 'busy',
  totalMs: 5_000,
} as const;

describe('the shortlist of a large pool, whatever happens in it', () => {
  it('never hides the only server that could start a request, nor shows one that could not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 66, max: 140 }),
        fc.array(fc.constantFrom(MODEL, OTHER, undefined), { minLength: 5, maxLength: 5 }),
        fc.constantFrom('performance', 'least-loaded', 'round-robin', 'random'),
        fc.array(step, { minLength: 4, maxLength: 30 }),
        (servers, loaded, strategy, steps) => {
          const crowd = new TestCrowd(servers, strategy, (i) => loaded[i % loaded.length]);
          const { registry, facts, clock } = crowd.pool;
          const idAt = (place: number): string => `s${place % servers}`;
          const idsFrom = (from: number, count: number) => Array.from({ length: count }, (_, i) => idAt(from + i));
          // Some have the room for both models, some only for one.
          for (let i = 0; i < servers; i++)
            facts.configure(idAt(i), { slots: 1 + (i % 2), vramBytes: i % 3 ? 6e9 : 2e10 });
          const held: Lease[] = [];
          const take = (pick: number): Lease | undefined => held.splice(pick % Math.max(1, held.length), 1)[0];
          for (const each of steps) {
            clock.advance(10);
            switch (each.do) {
              case 'take':
              case 'take-other':
                held.push(...crowd.occupy(idsFrom(each.from, each.count), each.do === 'take' ? MODEL : OTHER));
                break;
              case 'fill':
                for (const id of idsFrom(each.but + 1, servers - 1)) {
                  const [inMemory = MODEL] = registry.get(id)?.loaded.keys() ?? [];
                  held.push(...crowd.occupy([id, id], inMemory));
                }
                break;
              case 'end':
                take(each.pick)?.end(SERVED);
                break;
              case 'fail':
                take(each.pick)?.end(FAILED);
                break;
              case 'look':
                crowd.pool.look(idAt(each.at), [MODEL, OTHER], each.model === undefined ? [] : [[each.model]]);
                break;
              case 'switch':
                for (const id of idsFrom(each.from, each.count)) registry.setEnabled(id, each.on);
                break;
              case 'down':
                registry.observe(idAt(each.at), { up: false, error: 'no' });
                break;
              case 'ask': {
                const could = crowd.couldStart();
                const start = crowd.reserve();
                if (start.kind === 'started') {
                  expect(could).toContain(start.value.runner.backendId);
                  held.push(start.value.lease);
                } else expect(could).toEqual([]);
              }
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
