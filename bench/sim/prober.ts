import type { Rng } from '../../src/core/rng.ts';
import type { Scheduler } from '../../src/sim/model/scheduler.ts';
import type { SimPolicy } from './policy.ts';
import type { SimServer } from './server.ts';

/** ms between two looks at a server, idle and busy; each gap is jittered by this share either way. */
const IDLE_MS = 5000;
const BUSY_MS = 2000;
const JITTER = 0.1;

/** Looks at every server for one policy, as the proxy's own prober does: once before it begins, then in turn. */
export class Prober {
  readonly policy: SimPolicy;
  readonly #clock: Scheduler;
  readonly #rng: Rng;
  readonly #inflight = new Map<string, number>();

  constructor(clock: Scheduler, rng: Rng, servers: ReadonlyMap<string, SimServer>, policy: SimPolicy) {
    this.policy = policy;
    this.#clock = clock;
    this.#rng = rng;
    for (const server of servers.values()) this.#look(server);
  }

  sent(serverId: string): void {
    this.#inflight.set(serverId, this.#of(serverId) + 1);
  }

  ended(serverId: string): void {
    this.#inflight.set(serverId, this.#of(serverId) - 1);
  }

  #of(serverId: string): number {
    return this.#inflight.get(serverId) ?? 0;
  }

  #look(server: SimServer): void {
    const { id, version } = server.spec;
    server.poll((residents) => this.policy.polled(id, residents, version));
    const gap = this.#of(id) > 0 ? BUSY_MS : IDLE_MS;
    const jittered = gap * (1 + JITTER * (2 * this.#rng.next() - 1));
    this.#clock.at(this.#clock.now() + jittered, () => this.#look(server));
  }
}
