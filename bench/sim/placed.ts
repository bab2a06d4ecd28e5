import type { Gate } from '../../src/admission/gate.ts';
import type { Registry } from '../../src/backends/registry.ts';
import { NO_DEMAND } from '../../src/core/demand.ts';
import { hostView, poolView } from '../../src/dispatch/placement-view.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { NOTHING_EXPECTED } from '../../src/facts/work.ts';
import { PlacementMemory } from '../../src/placement/memory.ts';
import { planPlacement } from '../../src/placement/plan.ts';
import { unsafe } from '../../src/placement/safety.ts';
import type { PlacementAction } from '../../src/placement/view.ts';
import type { WorldView } from './policy.ts';

/** ms between two plans and their spread, as in the proxy. */
const INTERVAL_MS = 1000;
const JITTER = 0.2;

export interface PlacedParts {
  readonly world: WorldView;
  readonly registry: Registry;
  readonly facts: Facts;
  readonly gate: Gate;
}

/**
 * Background copies of models, as the proxy plans them. The plan and its memory are the proxy's own; what carries it out
 * is written anew, because the proxy waits for its servers with promises, which virtual time does not know.
 */
export class Placed {
  readonly #parts: PlacedParts;
  readonly #memory = new PlacementMemory();

  constructor(parts: PlacedParts) {
    this.#parts = parts;
  }

  /** Begins, with the first plan a second later. */
  start(): void {
    this.#next();
  }

  #next(): void {
    const { world } = this.#parts;
    const wait = INTERVAL_MS * (1 + JITTER * (world.rng.next() - 0.5));
    world.at(world.now() + wait, () => {
      this.#plan();
      this.#next();
    });
  }

  #plan(): void {
    const { world, registry, facts, gate } = this.#parts;
    const at = world.now();
    const waiting = (limit: number) => gate.waiting(limit);
    const view = poolView({ registry, facts, waiting, targets: (name) => [name] }, at);
    const pool = { models: view.models, hosts: () => view.hosts(), pins: new Map() };
    for (const action of planPlacement(pool, this.#memory, at)) this.#carryOut(action, at);
  }

  #carryOut(action: PlacementAction, at: number): void {
    const { world, registry, facts } = this.#parts;
    const { host: id, model, shape, keepAliveMs } = action;
    this.#memory.begin(action, at);
    const backend = registry.get(id);
    const runner = backend?.runners.get(model);
    const safe = backend !== undefined && unsafe(hostView(backend, facts.host(id), at)) === undefined;
    const lease =
      safe && runner?.facts !== undefined
        ? registry.tryAcquire(runner, {
            demand: { ...NO_DEMAND, kind: 'load', shape },
            streams: false,
            expected: { ...NOTHING_EXPECTED, loadMs: action.loadMs },
            room: true,
          })
        : undefined;
    if (lease === undefined || runner?.facts === undefined) {
      this.#memory.end(action, 'skipped', at);
      return;
    }
    const ran = runner.facts;
    const done = (ok: boolean): void => {
      const now = world.now();
      const totalMs = now - at;
      if (ok) {
        lease.began();
        lease.end({ kind: 'served', status: 200, firstByteMs: totalMs, totalMs, usage: undefined });
        if (keepAliveMs !== undefined) facts.kept(ran, keepAliveMs, now);
      } else {
        const why = { phase: 'head', blame: 'none', reason: 'bad-answer' } as const;
        lease.end({ kind: 'backend-failed', ...why, message: 'not loaded', totalMs });
      }
      this.#memory.end(action, ok ? 'done' : 'failed', now);
    };
    if (keepAliveMs === 0) {
      world.unload(id, model);
      done(true);
    } else world.load(id, model, shape, keepAliveMs, done);
  }
}
