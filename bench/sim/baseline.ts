import type { AttemptEnd, ResidentView, SimPolicy, WorldView } from './policy.ts';
import type { SimJob } from './workload.ts';

/** A server as a baseline sees it: what it was told, what it sent there, what the last look showed. */
export interface Host {
  readonly id: string;
  readonly index: number;
  readonly installed: ReadonlyMap<string, number>;
  readonly slots: number;
  inflight: number;
  readonly inflightOf: Map<string, number>;
  resident: ReadonlySet<string>;
  down: boolean;
}

/** Attempts that a request gets before the first token where failures are retried. */
const ATTEMPTS = 2;

/** In memory at the last look, or asked for by a request that we sent there. */
export const isWarm = (host: Host, model: string): boolean =>
  host.resident.has(model) || (host.inflightOf.get(model) ?? 0) > 0;

/**
 * What all baselines share: a ledger of what was sent where, the last look at each server, and one choice per arrival.
 * A server that did not answer the last look is left out while another one is up.
 */
export abstract class Baseline implements SimPolicy {
  abstract readonly name: string;
  readonly hosts: Host[] = [];

  readonly #byId = new Map<string, Host>();
  readonly #retry: boolean;
  readonly #tried = new Map<string, Set<string>>();
  #world: WorldView | undefined;

  /** @param retry whether a request that failed before its first token is tried once on another server */
  constructor(retry = false) {
    this.#retry = retry;
  }

  get world(): WorldView {
    if (this.#world === undefined) throw new Error(`policy ${this.name} is used before start()`);
    return this.#world;
  }

  start(world: WorldView): void {
    this.#world = world;
    for (const { id, models, slots } of world.servers) {
      const host: Host = {
        id,
        index: this.hosts.length,
        installed: models,
        slots: slots ?? 1,
        inflight: 0,
        inflightOf: new Map(),
        resident: new Set(),
        down: false,
      };
      this.hosts.push(host);
      this.#byId.set(id, host);
    }
  }

  arrive(job: SimJob): void {
    const host = this.choose(job, this.candidates(job));
    if (host === undefined) this.world.refuse(job, 'no server has the model');
    else this.dispatch(job, host);
  }

  firstToken(_job: SimJob, _serverId: string): void {}

  ended(job: SimJob, serverId: string | undefined, result: AttemptEnd): void {
    const host = serverId === undefined ? undefined : this.#byId.get(serverId);
    if (host !== undefined) {
      host.inflight -= 1;
      host.inflightOf.set(job.model, (host.inflightOf.get(job.model) ?? 0) - 1);
      this.settled(job, host, result);
    }
    if (result.kind !== 'failed' || result.phase === 'body') this.#tried.delete(job.id);
    else this.#failed(job, host, result.reason);
  }

  polled(serverId: string, residents: readonly ResidentView[] | 'down', _version: string): void {
    const host = this.#byId.get(serverId);
    if (host === undefined) return;
    host.down = residents === 'down';
    host.resident = residents === 'down' ? new Set() : new Set(residents.map(({ model }) => model));
  }

  /** Servers that have the model and were not tried yet; those that are up, if any is. */
  protected candidates(job: SimJob): readonly Host[] {
    const tried = this.#tried.get(job.id);
    const able = this.hosts.filter((host) => host.installed.has(job.model) && tried?.has(host.id) !== true);
    const up = able.filter((host) => !host.down);
    return up.length > 0 ? up : able;
  }

  protected dispatch(job: SimJob, host: Host): void {
    host.inflight += 1;
    host.inflightOf.set(job.model, (host.inflightOf.get(job.model) ?? 0) + 1);
    this.sent(job, host);
    this.world.send(job, host.id);
  }

  /** The server for a request; undefined only without candidates. */
  protected abstract choose(job: SimJob, candidates: readonly Host[]): Host | undefined;

  protected sent(_job: SimJob, _host: Host): void {}

  protected settled(_job: SimJob, _host: Host, _result: AttemptEnd): void {}

  #failed(job: SimJob, host: Host | undefined, reason: string): void {
    const tried = this.#tried.get(job.id) ?? new Set<string>();
    if (host !== undefined) tried.add(host.id);
    this.#tried.set(job.id, tried);
    const next = this.#retry && tried.size < ATTEMPTS ? this.choose(job, this.candidates(job)) : undefined;
    if (next !== undefined) {
      this.dispatch(job, next);
      return;
    }
    this.#tried.delete(job.id);
    this.world.refuse(job, reason);
  }
}

/** The candidate with the least cost; the first of equals unless `rng` is asked to break ties. */
export const leastBy = (
  candidates: readonly Host[],
  cost: (host: Host) => number,
  rng?: { next(): number },
): Host | undefined => {
  let best: Host | undefined;
  let least = Number.POSITIVE_INFINITY;
  let ties = 0;
  for (const host of candidates) {
    const value = cost(host);
    if (best !== undefined && value > least) continue;
    ties = value === least ? ties + 1 : 1;
    if (ties > 1 && (rng === undefined || rng.next() * ties >= 1)) continue;
    best = host;
    least = value;
  }
  return best;
};
