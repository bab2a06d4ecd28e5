import type { Runner } from '../../src/backends/backend.ts';
import type { Lease } from '../../src/backends/registry.ts';
import { NO_DEMAND, type Demand, type PrefixMark } from '../../src/core/demand.ts';
import { seededRng } from '../../src/core/rng.ts';
import type { Strategy } from '../../src/core/types.ts';
import { Reserver, type Decision, type Place, type Wish } from '../../src/dispatch/reserve.ts';
import type { Start } from '../../src/admission/entrant.ts';
import { crowdOf, type Tier } from '../../src/dispatch/shortlist.ts';
import { createStrategy } from '../../src/routing/index.ts';
import { newPool, type TestPool } from '../unit/dispatch/pool.ts';

export const MODEL = 'm:latest';
export const OTHER = 'n:latest';

export const SERVED = { kind: 'served', status: 200, firstByteMs: 1, totalMs: 2, usage: undefined } as const;

/** A prompt of so many pieces, whose beginning is this one's alone. */
export const marksOf = (conversation: number, pieces = 8): readonly PrefixMark[] =>
  Array.from({ length: pieces }, (_, i) => ({ hash: 1_000 * conversation + i, bytes: 1_000 * (i + 1) }));

export const demandOf = (marks: readonly PrefixMark[]): Demand => ({
  ...NO_DEMAND,
  promptBytes: marks.at(-1)?.bytes ?? 400,
  marks,
});

/** Very many servers with the same two models, and what asks them for places. */
export class TestCrowd {
  readonly pool: TestPool;
  /** Runners that were looked at, decision by decision. */
  readonly looked: (readonly Runner[])[] = [];
  readonly #reserver: Reserver;
  readonly #rng = seededRng(7);
  readonly strategy: Strategy;

  /** @param loaded what server `i` has in memory */
  constructor(servers: number, strategy: string, loaded: (i: number) => string | undefined) {
    const names = Array.from({ length: servers }, (_, i) => `s${i}`);
    this.pool = newPool(...names);
    names.forEach((name, i) => {
      const model = loaded(i);
      this.pool.look(name, [MODEL, OTHER], model === undefined ? [] : [[model]]);
    });
    const { registry, facts, clock } = this.pool;
    this.strategy = createStrategy(strategy);
    this.#reserver = new Reserver({
      registry,
      facts,
      clock,
      rng: this.#rng,
      queue: () => ({ waiting: 0, hosts: registry.upCount }),
      decided: ({ runners }: Decision) => this.looked.push(runners),
    });
  }

  wish(demand: Demand = NO_DEMAND): Wish {
    return {
      id: 'r',
      model: MODEL,
      facts: { category: 'coding', model: MODEL, affinityKey: undefined },
      demand,
      streams: true,
      strategy: this.strategy,
      since: this.pool.clock.now(),
      attempt: 1,
      asked: 0,
    };
  }

  /** As the proxy asks. */
  tier(may: (runner: Runner) => boolean = () => true): Tier {
    const { registry } = this.pool;
    return (
      crowdOf(registry, [MODEL], may, this.#rng) ?? registry.eligible(MODEL).runners.filter((runner) => may(runner))
    );
  }

  reserve(wish: Wish = this.wish(), tier: Tier = this.tier()): Start<Place> {
    return this.#reserver.reserve(wish, [tier]);
  }

  runner(id: string, model = MODEL): Runner {
    const runner = this.pool.registry.get(id)?.runners.get(model);
    if (runner === undefined) throw new RangeError(`no ${model} on ${id}`);
    return runner;
  }

  /** Takes all places of these runners. */
  occupy(ids: readonly string[], model = MODEL): readonly Lease[] {
    return ids.flatMap((id) => this.pool.registry.tryAcquire(this.runner(id, model)) ?? []);
  }

  /** Who could start the request at this moment, looking at everybody. */
  couldStart(demand: Demand = NO_DEMAND): readonly string[] {
    const { registry, facts, clock } = this.pool;
    const { runners } = registry.eligible(MODEL);
    const tracked = runners.flatMap((runner) => (runner.facts === undefined ? [] : [{ facts: runner.facts }]));
    const { ready } = facts.foresee(demand, tracked, clock.now(), { waiting: 0, hosts: registry.upCount }, 0);
    return runners.filter((_, row) => ready[row] === 1).map(({ backendId }) => backendId);
  }
}

/** The server that took the request; `full` or `leaning` where none did. */
export const takenBy = (start: Start<Place>): string =>
  start.kind === 'started' ? start.value.runner.backendId : start.kind;
