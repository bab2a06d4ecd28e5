import type { BackendConfig } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import { isCloudName } from '../core/model-name.ts';
import { NO_DEMAND, type Demand } from '../core/demand.ts';
import type { BreakerSettings, BreakerState, CandidateStats, Outcome } from '../core/types.ts';
import type { Facts } from '../facts/facts.ts';
import { NOTHING_EXPECTED, type Expectation } from '../facts/work.ts';
import { Backend, obstacle, Runner, snapshotOf, type BackendSnapshot, type Seen } from './backend.ts';
import { abandoned, advance, closedBreaker, failed, started, stateOf, succeeded, type Breaker } from './breaker.ts';

/** Cloud models that are remembered per backend without being listed there: their names are whatever clients ask for. */
const MAX_UNLISTED = 64;

/** One request on one backend, from the moment a place is taken until the last byte. */
export interface Lease {
  readonly runner: Runner;
  /** Context size to send instead of the client's, so that the model in memory serves; undefined = as it came. */
  readonly numCtx: number | undefined;
  /** The request as it came would have made the server load the model again. */
  readonly avoidedReload: boolean;
  /** ms to the first byte that were foreseen; undefined where nothing was or the answer does not stream. */
  readonly foreseenFirstMs: number | undefined;
  /** Models that its load is expected to push out of memory. */
  readonly evictions: number;
  /** The first byte of the answer came. */
  began(): void;
  /** The first end counts; later ones do nothing. @returns tokens of the prompt that were remembered, where it can be told */
  end(outcome: Outcome): number | undefined;
}

/** What is put on a backend by a lease. */
export interface Load {
  readonly demand: Demand;
  /** The answer comes piece by piece. */
  readonly streams: boolean;
  /** What was foreseen for it here; undefined = nothing. */
  readonly expected: Expectation | undefined;
  /** A forecast has found room already; false = the slots are counted here. */
  readonly room: boolean;
}

const UNKNOWN_LOAD: Load = { demand: NO_DEMAND, streams: false, expected: undefined, room: false };

/** Which backends could take a request for a model, and what stands in the way at the others. */
export interface Eligibility {
  /** Some backend has the model, whether or not it can take a request now. */
  readonly known: boolean;
  readonly runners: readonly Runner[];
  readonly obstacles: readonly { readonly backend: string; readonly why: string }[];
}

export interface RegistryEvents {
  /** A lease ended: room was made. */
  released(runner: Runner, outcome: Outcome): void;
  /** A model has come into memory for a request of ours: those who wanted it, or another load there, may start now. */
  loaded(runner: Runner): void;
  breakerChanged(backend: string, model: string | undefined, from: BreakerState, to: BreakerState, why: string): void;
  healthChanged(backend: string, up: boolean, why: string): void;
  modelsChanged(backend: string): void;
  /** A look at a backend is over: what was only expected of it may be known now. */
  looked(backend: string): void;
}

export interface HealthSettings {
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
}

/**
 * The one writer of everything that is known about backends. Readers on the request path get the live records behind
 * readonly types: a decision and its lease happen in one tick, so nothing can change in between, and no request pays
 * for a copy of the whole fleet. Everybody else gets snapshots.
 */
export class Registry {
  readonly #clock: Clock;
  readonly #statsOf: (id: string) => CandidateStats;
  readonly #forget: (id: string) => void;
  readonly #events: RegistryEvents;
  readonly #facts: Facts;
  readonly #backends = new Map<string, Backend>();
  /** model key → its runners, so that a request looks only at backends that have its model. */
  #byModel = new Map<string, Runner[]>();
  #breaker: BreakerSettings;
  #health: HealthSettings;

  constructor(options: {
    readonly clock: Clock;
    readonly statsOf: (id: string) => CandidateStats;
    readonly forget: (id: string) => void;
    readonly events: RegistryEvents;
    readonly facts: Facts;
    readonly breaker: BreakerSettings;
    readonly health: HealthSettings;
  }) {
    this.#clock = options.clock;
    this.#statsOf = options.statsOf;
    this.#forget = options.forget;
    this.#events = options.events;
    this.#facts = options.facts;
    this.#breaker = options.breaker;
    this.#health = options.health;
  }

  // ---- configuration: the operator's word ----

  /** Settings of all breakers and probes from now on; states that were reached stay. */
  configure(breaker: BreakerSettings, health: HealthSettings): void {
    this.#breaker = breaker;
    this.#health = health;
  }

  /**
   * Takes over the configured set. A backend whose name and URL stay keeps its counters, health, breaker and models;
   * one that moved to another URL starts anew; one that is gone takes no new request, and what it still serves ends
   * in its own time. Applying the same set twice changes nothing.
   */
  apply(configs: readonly BackendConfig[]): { readonly added: string[]; readonly removed: string[] } {
    const added: string[] = [];
    const removed: string[] = [];
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [id, backend] of this.#backends) {
      if (wanted.get(id)?.url.href === backend.config.url.href) continue;
      this.#backends.delete(id);
      removed.push(id);
      for (const runner of backend.runners.values()) this.#forget(runner.id);
      this.#facts.forgetHost(id);
    }
    for (const config of configs) {
      const known = this.#backends.get(config.name);
      if (known === undefined) {
        this.#backends.set(config.name, new Backend(config));
        added.push(config.name);
      } else {
        if (known.config.weight !== config.weight) known.weight = config.weight;
        known.config = config;
      }
      this.#facts.configure(config.name, { slots: config.slots, vramBytes: config.vramBytes });
    }
    this.#reindex();
    return { added, removed };
  }

  setEnabled(id: string, enabled: boolean): boolean {
    return this.#change(id, (backend) => {
      backend.enabled = enabled;
    });
  }

  /** Draining: no new request, running ones finish. */
  setDraining(id: string, draining: boolean): boolean {
    return this.#change(id, (backend) => {
      backend.draining = draining;
    });
  }

  /** @param weight > 0; holds until a reload changes the configured one */
  setWeight(id: string, weight: number): boolean {
    return this.#change(id, (backend) => {
      backend.weight = weight;
    });
  }

  /** Manual recovery: all breakers of the backend are closed and it is taken for healthy until a probe says otherwise. */
  recover(id: string): boolean {
    return this.#change(id, (backend) => {
      this.#setBreaker(backend, undefined, closedBreaker, 'recovered by the operator');
      for (const runner of backend.runners.values()) {
        this.#setBreaker(backend, runner, closedBreaker, 'recovered by the operator');
      }
      if (backend.health !== 'down') return;
      backend.health = 'up';
      backend.misses = 0;
      this.#events.healthChanged(id, true, 'recovered by the operator');
    });
  }

  #change(id: string, change: (backend: Backend) => void): boolean {
    const backend = this.#backends.get(id);
    if (backend === undefined) return false;
    change(backend);
    return true;
  }

  // ---- probes ----

  /** Takes in what a probe that began at `askedAt` found. Health flips only after as many equal results in a row as the settings ask for. */
  observe(id: string, seen: Seen, askedAt = this.#clock.now()): void {
    const backend = this.#backends.get(id);
    if (backend === undefined) return;
    this.#take(backend, seen, askedAt);
    this.#events.looked(id);
  }

  #take(backend: Backend, seen: Seen, askedAt: number): void {
    const { id } = backend;
    if (seen.up) {
      backend.misses = 0;
      backend.hits++;
      backend.lastError = '';
      backend.version = seen.version;
      backend.lastSeenAt = this.#clock.now();
      const before = contents(backend);
      backend.replaceModels(seen.installed, seen.loaded);
      this.#seenModels(backend, before, askedAt);
      if (before !== contents(backend)) {
        this.#reindex();
        this.#events.modelsChanged(id);
      }
      if (backend.health !== 'up' && (backend.health === 'unknown' || backend.hits >= this.#health.healthyAfter)) {
        backend.health = 'up';
        this.#events.healthChanged(id, true, `version ${seen.version}`);
      }
      return;
    }
    backend.hits = 0;
    backend.misses++;
    backend.lastError = seen.error;
    if (backend.health === 'down') return;
    // A backend that never answered is down at the first miss: there is nothing to give it credit for.
    if (backend.health === 'up' && backend.misses < this.#health.unhealthyAfter) return;
    backend.health = 'down';
    this.#facts.lost(id);
    this.#events.healthChanged(id, false, seen.error);
  }

  #seenModels(backend: Backend, before: string, askedAt: number): void {
    if (before !== contents(backend)) this.#facts.installed(backend.id, backend.installed);
    const list = Array.from(backend.loaded, ([model, each]) => ({ ...each, model }));
    this.#facts.seen(backend.id, list, askedAt, this.#clock.now());
  }

  // ---- requests ----

  /** Backends for a model, by its key. O(holders of the model). */
  eligible(model: string): Eligibility {
    const all = isCloudName(model) ? this.#everywhere(model) : this.#byModel.get(model);
    if (all === undefined) return { known: false, runners: [], obstacles: [] };
    const at = this.#clock.now();
    const runners: Runner[] = [];
    const obstacles: { backend: string; why: string }[] = [];
    for (const runner of all) {
      const why = obstacle(runner, this.#breaker, at);
      if (why === undefined) runners.push(runner);
      else obstacles.push({ backend: runner.backendId, why });
    }
    return { known: true, runners, obstacles };
  }

  /**
   * Backends for a request that runs no model (show, pull, tags …): those that have `model`, or all. A runner without
   * a model stands for each, so that such a request takes no slot and steps no model's breaker.
   */
  eligibleForPassthrough(model: string | undefined): Eligibility {
    const at = this.#clock.now();
    const runners: Runner[] = [];
    const obstacles: { backend: string; why: string }[] = [];
    if (model !== undefined && !this.#byModel.has(model)) return { known: false, runners, obstacles };
    for (const backend of this.#backends.values()) {
      if (model !== undefined && !backend.installed.has(model)) continue;
      const runner = this.#runner(backend, '');
      const why = obstacle(runner, this.#breaker, at);
      if (why === undefined) runners.push(runner);
      else obstacles.push({ backend: backend.id, why });
    }
    return { known: true, runners, obstacles };
  }

  /** Takes a place, or says no because the slots are full or something came in the way. Counts at once. */
  tryAcquire(runner: Runner, load: Load = UNKNOWN_LOAD): Lease | undefined {
    const at = this.#clock.now();
    const { backend, facts } = runner;
    if ((!load.room && !runner.hasRoom(at)) || obstacle(runner, this.#breaker, at) !== undefined) return undefined;
    backend.inflight++;
    runner.running++;
    this.#step(backend, undefined, started, at, '');
    this.#step(backend, runner, started, at, '');
    const { demand, streams, expected = NOTHING_EXPECTED } = load;
    const fit = facts && this.#facts.fit(facts, demand.shape, at);
    const work = facts && fit && this.#facts.sent(facts, demand, fit.shape, streams, expected, at);
    const numCtx = fit?.shape.numCtx === demand.shape.numCtx ? undefined : fit?.shape.numCtx;
    let open = true;
    return {
      runner,
      numCtx,
      avoidedReload: fit?.avoided === true,
      foreseenFirstMs: load.expected !== undefined && streams ? work?.expectedFirstMs : undefined,
      evictions: work?.cold === true ? (facts?.evictCount ?? 0) : 0,
      began: () => {
        if (!open || facts === undefined || work === undefined || work.firstAt !== undefined) return;
        this.#facts.began(facts, work, this.#clock.now());
        if (work.cold) this.#events.loaded(runner);
      },
      end: (outcome) => {
        if (!open) return undefined;
        open = false;
        backend.inflight--;
        runner.running--;
        const cached = facts && work && this.#facts.ended(facts, work, outcome, this.#clock.now());
        this.#learn(runner, outcome);
        this.#events.released(runner, outcome);
        return cached;
      },
    };
  }

  #learn(runner: Runner, outcome: Outcome): void {
    const { backend } = runner;
    const at = this.#clock.now();
    switch (outcome.kind) {
      case 'served':
        this.#step(backend, undefined, succeeded, at, 'answers again');
        this.#step(backend, runner, succeeded, at, 'answers again');
        break;
      case 'backend-failed':
        this.#step(backend, undefined, outcome.blame === 'backend' ? failed : abandoned, at, outcome.message);
        this.#step(backend, runner, outcome.blame === 'model' ? failed : abandoned, at, outcome.message);
        break;
      case 'client-error':
        // The server is alive, but this says nothing about its ability to run the model.
        this.#step(backend, undefined, succeeded, at, 'answers again');
        this.#step(backend, runner, abandoned, at, '');
        break;
      case 'client-left':
        this.#step(backend, undefined, abandoned, at, '');
        this.#step(backend, runner, abandoned, at, '');
        break;
    }
  }

  #step(
    backend: Backend,
    runner: Runner | undefined,
    step: (breaker: Breaker, settings: BreakerSettings, at: number) => Breaker,
    at: number,
    why: string,
  ): void {
    const holder = runner ?? backend;
    const next = step(advance(holder.breaker, this.#breaker, at), this.#breaker, at);
    this.#setBreaker(backend, runner, next, why);
  }

  #setBreaker(backend: Backend, runner: Runner | undefined, next: Breaker, why: string): void {
    const at = this.#clock.now();
    const holder = runner ?? backend;
    const from = holder.breaker.state;
    holder.breaker = next;
    const to = stateOf(next, this.#breaker, at);
    if (from !== to) this.#events.breakerChanged(backend.id, runner?.model, from, to, why);
  }

  // ---- readers ----

  get(id: string): Backend | undefined {
    return this.#backends.get(id);
  }

  ids(): readonly string[] {
    return [...this.#backends.keys()];
  }

  /** Can a request for this model be served at all, by its key? A cloud model can be wherever there is a backend. */
  knows(model: string): boolean {
    return this.#byModel.has(model) || (isCloudName(model) && this.#backends.size > 0);
  }

  /** Every model that some backend has, by key. */
  models(): ReadonlyMap<string, readonly Runner[]> {
    return this.#byModel;
  }

  /** At least one backend was reached at least once: only then does "nobody has this model" mean anything. */
  get inventoryKnown(): boolean {
    return [...this.#backends.values()].some((backend) => backend.lastSeenAt !== undefined);
  }

  get upCount(): number {
    return [...this.#backends.values()].filter((backend) => backend.health === 'up').length;
  }

  /** The backends that may be asked as far as operator and probes say, whatever their breakers do. */
  serving(): readonly Backend[] {
    return [...this.#backends.values()].filter(
      ({ enabled, draining, health }) => enabled && !draining && health === 'up',
    );
  }

  snapshots(): readonly BackendSnapshot[] {
    const at = this.#clock.now();
    return [...this.#backends.values()].map((backend) => snapshotOf(backend, this.#breaker, at));
  }

  // ---- index ----

  #runner(backend: Backend, model: string): Runner {
    const known = backend.runners.get(model);
    if (known !== undefined) return known;
    const size = backend.installed.get(model)?.sizeBytes ?? 0;
    const facts = model === '' || isCloudName(model) ? undefined : this.#facts.runner(backend.id, model, size);
    const runner = new Runner(backend, model, this.#statsOf(`${backend.id}/${model}`), facts);
    backend.runners.set(model, runner);
    return runner;
  }

  /** Any server that is signed in at ollama.com can serve a cloud model, whether it lists it or not. */
  #everywhere(model: string): readonly Runner[] {
    return Array.from(this.#backends.values(), (backend) => {
      if (backend.runners.size > backend.installed.size + MAX_UNLISTED) this.#forgetUnlisted(backend);
      return this.#runner(backend, model);
    });
  }

  /** A model that is not listed (any more) is forgotten once nothing of it runs. */
  #forgetUnlisted(backend: Backend): void {
    for (const [key, runner] of backend.runners) {
      if (key === '' || backend.installed.has(key) || runner.running > 0) continue;
      backend.runners.delete(key);
      this.#facts.forgetRunner(backend.id, key);
      this.#forget(runner.id);
    }
  }

  #reindex(): void {
    const byModel = new Map<string, Runner[]>();
    for (const backend of this.#backends.values()) {
      for (const key of backend.installed.keys()) {
        const runners = byModel.get(key) ?? [];
        runners.push(this.#runner(backend, key));
        byModel.set(key, runners);
      }
      this.#forgetUnlisted(backend);
    }
    this.#byModel = byModel;
  }
}

/** What a backend has on disk, as one text whatever the order it lists it in: a model pulled anew shows by its digest. */
const contents = (backend: Backend): string =>
  Array.from(backend.installed, ([key, { digest }]) => `${key} ${digest}`)
    .toSorted()
    .join('\n');
