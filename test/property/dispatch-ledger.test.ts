import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playScript, scripts, type Script } from '../support/dispatch-script.ts';
import { depthOf, DispatchWorld } from '../support/dispatch-world.ts';

/** DISPATCH_RUNS=2000 looks longer. */
const RUNS = Number(process.env['DISPATCH_RUNS'] ?? 60);
const CONTEXTS = [undefined, undefined, 2_048];
/** Longer than any model stays in memory once nothing runs on it. */
const FORGOTTEN_MS = 600_000;

/** Plays a script; a request that is sent where it may not go fails it at once. */
const played = (script: Script, spared?: string): DispatchWorld => {
  const world = new DispatchWorld(script.plans, script.strategy);
  const orphans = new Set<string>();
  /** Servers of which more slots may be known than embeddings have: they were told, or a chat had them. */
  const taught = new Set<string>();
  world.onSent = ({ number }, { runner }) => {
    const { backendId, model, facts, backend } = runner;
    const server = world.servers.get(backendId);
    const where = `r${number} to ${backendId}`;
    expect(server?.plan.models, where).toContain(model);
    expect([world.removed.has(backendId), backend.enabled, backend.draining], where).toEqual([false, true, false]);
    if (server === undefined || facts === undefined) return;
    const mine = facts.works.length;
    // One that was taken out of the pool and put in again is a new one: nobody knows of those that still run on it.
    if (world.at(backendId, model) !== mine) orphans.add(backendId);
    if (server.told || model !== 'embed:latest') taught.add(backendId);
    const known = taught.has(backendId) ? server.plan.slots : 1;
    if (server.told) expect(mine, where).toBeLessThanOrEqual(server.plan.slots);
    else if (!orphans.has(backendId)) expect(mine, where).toBeLessThanOrEqual(known + 1);
  };
  playScript(world, script, () => {}, spared);
  return world;
};

describe('a pool to which anything happens', () => {
  it('is never sent more than its slots, or one more to learn them; ends each request once; and leaves nothing in its books', () => {
    fc.assert(
      fc.property(scripts(CONTEXTS), (script) => {
        const world = played(script);
        for (const { ends, ask, number } of world.requests) {
          expect(ends, `r${number} ${JSON.stringify(ask)}`).toHaveLength(1);
        }
        expect([world.gate.size, world.gate.bytes, depthOf(world)]).toEqual([0, 0, 0]);
        for (const id of world.registry.ids()) {
          const backend = world.registry.get(id);
          expect(backend?.inflight).toBe(0);
          for (const { running } of backend?.runners.values() ?? []) expect(running).toBe(0);
        }
        const forgotten = world.clock.now() + FORGOTTEN_MS;
        for (const { id, works, loads, runners, residency } of world.hosts) {
          expect([works, loads], id).toEqual([[], []]);
          for (const runner of runners.values()) expect(runner.works).toEqual([]);
          expect([residency.pendingLoads(), residency.leaving()], id).toEqual([0, []]);
          expect(residency.list(forgotten), id).toEqual([]);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('serves whoever stays as long as one server is well, whoever leans on whom', () => {
    fc.assert(
      fc.property(scripts(CONTEXTS), (script) => {
        const world = played(script, 's0');
        for (const { ends, ask, number, attempts } of world.requests) {
          const fair = ends[0] === 'served' || (ends[0] === 'left' && ask.patienceMs !== undefined);
          // Cut by a server that broke down after the first byte, or tried as often as is allowed.
          const unlucky = ends[0] === 'cut' || (ends[0] === 'failed' && attempts === 3);
          expect(fair || unlucky, `r${number}: ${ends.join()} after ${attempts}`).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
