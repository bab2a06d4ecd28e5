import type { BackendConfig } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import { isCloudName } from '../core/model-name.ts';
import { NO_DEMAND, type Demand } from '../core/demand.ts';
import type { Rng } from '../core/rng.ts';
import type { CandidateStats, Outcome } from '../core/types.ts';
import { isDeath } from '../facts/death.ts';
import type { Facts } from '../facts/facts.ts';
import { NOTHING_EXPECTED, type Expectation, type Work } from '../facts/work.ts';
import { Backend, Runner, snapshotOf, type BackendSnapshot, type Seen } from './backend.ts';
import { closedBreaker, type Breaker } from './breaker.ts';
import { Breakers, type BreakerEvents } from './breakers.ts';
import { CAREFREE, standingOf, suspected, type BreakerRules } from './care.ts';
import { hurdleOf, panics, sift, type Eligibility, type Hurdle } from './eligible.ts';
import type { Holders } from './holders.ts';
import type { Ill } from './ills.ts';
import { ModelIndex } from './model-index.ts';
import { isLate, LEAST_GAP_MS, patienceOf, type Patience } from './patience.ts';
import { loadBreaker, saveBreaker, type SavedBreaker } from './saved-breaker.ts';

/** Cloud models that are remembered per backend without being listed there: their names are whatever clients ask for. */
const MAX_UNLISTED = 64;

/** A look asks three things one after the other, of which none costs the server anything. */
const CALLS_PER_LOOK = 3;

/** One request on one backend, from the moment a place is taken until the last byte. */
export interface Lease {
  readonly runner: Runner;
  /** Context size to send instead of the client's, so that the model in memory serves; undefined = as it came. */
  readonly numCtx: number | undefined;
  /** The request as it came would have made the server load the model again. */
  readonly avoidedReload: boolean;
  /** ms to the first byte that were foreseen; undefined where nothing was or the answer does not stream. */
  readonly foreseenFirstMs: number | undefined;
  /** Its model was not in memory when it was sent: whoever hangs up aborts the load. */
  readonly cold: boolean;
  /** Models that its load is expected to push out of memory. */
  readonly evictions: number;
  /** How long its server may be silent about it; undefined where nothing of the server runs. */
  patience(): Patience | undefined;
  /** The first byte of the answer came. */
  began(): void;
  /** More of the answer came. */
  moved(): void;
  /** It goes out without the client's keep_alive: the model stays as long as it does by default. */
  keepsDefault(): void;
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
  /** It is ours and no client's: to find out whether the runner works. */
  readonly probe?: boolean;
}

const UNKNOWN_LOAD: Load = { demand: NO_DEMAND, streams: false, expected: undefined, room: false };

export interface RegistryEvents extends BreakerEvents {
  /** A lease ended: room was made. */
  released(runner: Runner, outcome: Outcome): void;
  /** A model has come into memory for a request of ours: those who wanted it, or another load there, may start now. */
  loaded(runner: Runner): void;
  healthChanged(backend: string, up: boolean, why: string): void;
  modelsChanged(backend: string): void;
  /** A look at a backend is over: what was only expected of it may be known now. */
  looked(backend: string): void;
  /** A request goes to a runner whose breaker is open, because breakers took out more than half of its model's. */
  panicked?(model: string): void;
  /** The last request has ended on a backend that is no longer configured. */
  gone?(backend: string): void;
}

export interface HealthSettings {
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
  /** ms between two looks: for so long a request that was seen to move on weighs more than looks that failed. */
  readonly intervalMs?: number;
}

/** A runner, or a whole backend, that is to be tried out. */
export interface ToTry {
  readonly backend: Backend;
  /** undefined = the backend. */
  readonly runner: Runner | undefined;
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
  /** No longer configured, with requests still under way, by name: one that comes back goes on counting them. */
  readonly #leaving = new Map<string, Backend>();
  readonly #index = new ModelIndex();
  /** Backends that are up; undefined = to be counted anew. */
  #up: number | undefined;
  readonly #breakers: Breakers;
  #health: HealthSettings;

  constructor(options: {
    readonly clock: Clock;
    readonly statsOf: (id: string) => CandidateStats;
    readonly forget: (id: string) => void;
    readonly events: RegistryEvents;
    readonly facts: Facts;
    readonly breaker: BreakerRules;
    readonly health: HealthSettings;
    /** Spreads open times; without it each is the middle of its range. */
    readonly rng?: Rng;
  }) {
    this.#clock = options.clock;
    this.#statsOf = options.statsOf;
    this.#forget = options.forget;
    this.#events = options.events;
    this.#facts = options.facts;
    this.#breakers = new Breakers({
      events: options.events,
      rng: options.rng ?? { next: () => 0.5 },
      rules: options.breaker,
      serving: (model) => (this.#holders(model) ?? []).filter(({ backend }) => serves(backend)),
    });
    this.#health = options.health;
  }

  // ---- configuration: the operator's word ----

  /** Settings of all breakers and probes from now on; states that were reached stay. */
  configure(breaker: BreakerRules, health: HealthSettings): void {
    this.#breakers.rules = breaker;
    this.#health = health;
  }

  /**
   * Takes over the configured set. A backend whose name and URL stay keeps its counters, health, breaker and models;
   * one that moved to another URL starts anew; one that is gone takes no new request, and what it still serves ends
   * in its own time. If it is back before that it goes on with its counts. Applying the same set twice changes nothing.
   */
  apply(configs: readonly BackendConfig[]): { readonly added: string[]; readonly removed: string[] } {
    const added: string[] = [];
    const removed: string[] = [];
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [id, backend] of this.#backends) {
      if (wanted.get(id)?.url.href === backend.config.url.href) continue;
      this.#backends.delete(id);
      removed.push(id);
      // Whoever still holds one of its runners gets no place there any more.
      backend.draining = true;
      if (backend.inflight > 0 && !wanted.has(id)) this.#leaving.set(id, backend);
      else this.#forgetBackend(backend);
    }
    for (const config of configs) {
      const known = this.#backends.get(config.name);
      if (known === undefined) {
        this.#backends.set(config.name, this.#returning(config) ?? new Backend(config));
        added.push(config.name);
      } else {
        if (known.config.weight !== config.weight) known.weight = config.weight;
        known.config = config;
      }
      this.#facts.configure(config.name, { slots: config.slots, vramBytes: config.vramBytes });
      this.#moveToEnd(config.name);
    }
    this.#up = undefined;
    this.#index.rebuild(this.#backends.values(), (backend) => this.#runnersOf(backend), this.#clock.now());
    return { added, removed };
  }

  /** Once for each that is configured, this puts all of them in the order of the configuration. */
  #moveToEnd(id: string): void {
    const backend = this.#backends.get(id);
    this.#backends.delete(id);
    if (backend !== undefined) this.#backends.set(id, backend);
  }

  /** A backend that was taken away while it served requests, which it still does; undefined = this is another one. */
  #returning(config: BackendConfig): Backend | undefined {
    const backend = this.#leaving.get(config.name);
    if (backend === undefined) return undefined;
    this.#leaving.delete(config.name);
    if (backend.config.url.href !== config.url.href) {
      this.#forgetBackend(backend);
      return undefined;
    }
    backend.config = config;
    backend.weight = config.weight;
    backend.enabled = true;
    backend.draining = false;
    return backend;
  }

  #forgetBackend(backend: Backend): void {
    for (const runner of backend.runners.values()) this.#forget(runner.id);
    this.#facts.forgetHost(backend.id);
  }

  /** A lease ended: a backend that waited for its last one is gone now. */
  #leave(backend: Backend): void {
    if (backend.inflight > 0 || this.#leaving.get(backend.id) !== backend) return;
    this.#leaving.delete(backend.id);
    this.#forgetBackend(backend);
    this.#events.gone?.(backend.id);
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
      this.#breakers.recover(backend, this.#clock.now());
      this.#facts.host(id).stuck = false;
      for (const runner of backend.runners.values()) {
        runner.hungSince = undefined;
        runner.deadSince = undefined;
      }
      if (backend.health !== 'down') return;
      backend.health = 'up';
      this.#up = undefined;
      backend.misses = 0;
      this.#events.healthChanged(id, true, 'recovered by the operator');
    });
  }

  // ---- what outlives the process ----

  /** The breaker of a backend or of a model on it, one that still waits for the model included. */
  savedBreaker(id: string, model: string | undefined): SavedBreaker | undefined {
    const backend = this.#backends.get(id);
    const breaker =
      model === undefined
        ? backend?.breaker
        : (backend?.runners.get(model)?.breaker ?? backend?.awaitedBreakers.get(model));
    return breaker && saveBreaker(breaker, this.#breakers.rules, this.#clock.now());
  }

  /**
   * A breaker goes on as it was saved; no event tells of it, since nothing happened.
   * @param model undefined = of the backend; one that the backend does not show yet gets it when it does
   * @param at when it is taken for saved, ms on the Clock
   */
  restoreBreaker(id: string, model: string | undefined, saved: SavedBreaker, at: number): void {
    const backend = this.#backends.get(id);
    if (backend === undefined) return;
    const breaker = loadBreaker(saved, at);
    const holder = model === undefined ? backend : backend.runners.get(model);
    if (holder !== undefined) resume(holder, breaker);
    else if (model !== undefined) backend.awaitedBreakers.set(model, breaker);
  }

  #change(id: string, change: (backend: Backend) => void): boolean {
    const backend = this.#backends.get(id);
    if (backend === undefined) return false;
    this.#settle(backend);
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
      this.#settle(backend);
      if (before !== contents(backend)) {
        this.#index.update(backend, this.#runnersOf(backend), this.#clock.now());
        this.#events.modelsChanged(id);
      }
      for (const model of backend.awaitedBreakers.keys()) {
        // A cloud model is there once somebody asks for it; any other would have come with the list.
        if (!isCloudName(model)) backend.awaitedBreakers.delete(model);
      }
      if (backend.health !== 'up' && (backend.health === 'unknown' || backend.hits >= this.#health.healthyAfter)) {
        backend.health = 'up';
        this.#up = undefined;
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
    // Answers that come are better proof than looks that fail: a busy server may be slow to say how it is.
    if (backend.health === 'up' && this.#works(backend)) return;
    backend.health = 'down';
    this.#up = undefined;
    this.#facts.lost(id);
    this.#events.healthChanged(id, false, seen.error);
  }

  #works({ workedAt }: Backend): boolean {
    return this.#breakers.rules.adaptive === true && this.#clock.now() - workedAt < (this.#health.intervalMs ?? 0);
  }

  #seenModels(backend: Backend, before: string, askedAt: number): void {
    this.#facts.answered(backend.id, (this.#clock.now() - askedAt) / CALLS_PER_LOOK);
    if (before !== contents(backend)) this.#facts.installed(backend.id, backend.installed);
    const list = Array.from(backend.loaded, ([model, each]) => ({ ...each, model }));
    this.#facts.seen(backend.id, list, askedAt, this.#clock.now());
  }

  // ---- requests ----

  /** Backends for a model, by its key. O(holders of the model). */
  eligible(model: string): Eligibility {
    const all = this.#holders(model);
    if (all === undefined) return { known: false, runners: [], obstacles: [] };
    return sift(all, this.#breakers.rules, this.#clock.now());
  }

  /**
   * Backends for a request that runs no model (show, pull, tags …): those that have `model`, or all. A runner without
   * a model stands for each, so that such a request takes no slot and steps no model's breaker.
   */
  eligibleForPassthrough(model: string | undefined): Eligibility {
    if (model !== undefined && !this.#index.lists.has(model)) return { known: false, runners: [], obstacles: [] };
    const all: Runner[] = [];
    for (const backend of this.#backends.values()) {
      if (model === undefined || backend.installed.has(model)) all.push(this.#runner(backend, ''));
    }
    return sift(all, this.#breakers.rules, this.#clock.now());
  }

  /** Takes a place, or says no because the slots are full or something came in the way. Counts at once. */
  tryAcquire(runner: Runner, load: Load = UNKNOWN_LOAD): Lease | undefined {
    const at = this.#clock.now();
    const { backend, facts } = runner;
    const probe = load.probe === true;
    const hurdle = hurdleOf(runner, this.#breakers.rules, at);
    if ((!load.room && !runner.hasRoom(at)) || !this.#admits(runner, hurdle, probe, at)) return undefined;
    const outOfTurn = hurdle === 'out';
    if (outOfTurn && !probe) this.#events.panicked?.(runner.model);
    backend.inflight++;
    runner.running++;
    this.#breakers.started(runner, at);
    const { demand, streams, expected = NOTHING_EXPECTED } = load;
    const fit = facts && this.#facts.fit(facts, demand.shape, at);
    const work = facts && fit && this.#facts.sent(facts, demand, fit.shape, streams, expected, at);
    this.#settle(backend);
    const numCtx = fit?.shape.numCtx === demand.shape.numCtx ? undefined : fit?.shape.numCtx;
    let open = true;
    return {
      runner,
      numCtx,
      avoidedReload: fit?.avoided === true,
      foreseenFirstMs: load.expected !== undefined && streams ? work?.expectedFirstMs : undefined,
      cold: work?.cold === true,
      evictions: work?.cold === true ? (facts?.evictCount ?? 0) : 0,
      patience: () => this.#patience(runner, work),
      moved: () => {
        if (open && !probe) this.#moved(runner);
      },
      keepsDefault: () => {
        if (work !== undefined) work.keepAliveMs = undefined;
      },
      began: () => {
        if (!open) return;
        if (!probe) this.#moved(runner);
        if (facts === undefined || work === undefined || work.firstAt !== undefined) return;
        this.#facts.began(facts, work, this.#clock.now());
        this.#settle(backend);
        if (work.cold) this.#events.loaded(runner);
      },
      end: (outcome) => {
        if (!open) return undefined;
        open = false;
        backend.inflight--;
        runner.running--;
        const endedAt = this.#clock.now();
        const stuck = work !== undefined && isStuckLoad(runner, work);
        const cached = facts && work && this.#facts.ended(facts, work, outcome, endedAt);
        if (outcome.kind === 'served') {
          if (!probe) this.#moved(runner);
          runner.hungSince = undefined;
          runner.deadSince = undefined;
        }
        const hung = work !== undefined && !stuck && looksHung(outcome, work);
        if (hung) runner.hungSince ??= endedAt;
        const died = work !== undefined && this.#died(runner, work, outcome, endedAt);
        this.#settle(backend);
        this.#breakers.ended(runner, outcome, { probe, outOfTurn, hung, explained: stuck || died }, endedAt);
        this.#events.released(runner, outcome);
        this.#leave(backend);
        return cached;
      },
    };
  }

  #admits(runner: Runner, hurdle: Hurdle | undefined, probe: boolean, at: number): boolean {
    if (hurdle === undefined) return true;
    if (hurdle === 'out') return panics(this.#holders(runner.model) ?? [], this.#breakers.rules, at);
    return probe && hurdle === 'waits';
  }

  /**
   * Takes note of the death of a runner. @returns whether it counts for nothing: one death takes all its requests with it,
   * and of an idle runner that died long ago nobody knows until then; but one that dies again soon is broken.
   */
  #died(runner: Runner, work: Work, outcome: Outcome, at: number): boolean {
    if (!isDeath(outcome) || work.cold) return false;
    runner.deadSince ??= at;
    if (work.sentAt <= runner.diedAt) return true;
    const again = at - runner.diedAt < DIES_AGAIN_MS;
    runner.diedAt = at;
    return !again;
  }

  #moved(runner: Runner): void {
    runner.hungSince = undefined;
    runner.backend.workedAt = this.#clock.now();
    this.#breakers.moved(runner);
  }

  #patience(runner: Runner, work: Work | undefined): Patience | undefined {
    const { facts, model } = runner;
    if (facts === undefined || work === undefined) return undefined;
    const at = this.#clock.now();
    // Nothing will come of it, and elsewhere it would.
    if (isStuckLoad(runner, work) && this.#servedBesides(runner, at)) return STUCK_PATIENCE;
    const promptTokens = work.demand.promptBytes * this.#facts.ratios.tokensPerByte(model, at);
    return patienceOf(facts, work, promptTokens, at);
  }

  #servedBesides(runner: Runner, at: number): boolean {
    const all = this.#holders(runner.model) ?? [];
    return all.some((other) => other !== runner && hurdleOf(other, this.#breakers.rules, at) === undefined);
  }

  // ---- ills ----

  /** Whether a backend has stopped loading models while it goes on with those in memory. */
  setStuck(id: string, stuck: boolean): void {
    const backend = this.#backends.get(id);
    if (backend === undefined) return;
    const host = this.#facts.host(id);
    if (host.stuck === stuck) return;
    host.stuck = stuck;
    host.version++;
    this.#settle(backend);
  }

  /** What is the matter with a backend, for people. */
  setIlls(id: string, ills: readonly Ill[]): void {
    const backend = this.#backends.get(id);
    if (backend !== undefined) backend.ills = ills;
  }

  // ---- recovery ----

  /** Who is to be tried out now: to prove itself, or to have its breaker closed. O(backends · models), for once a second. */
  toTry(): readonly ToTry[] {
    const { rules } = this.#breakers;
    if (rules.adaptive !== true) return [];
    const at = this.#clock.now();
    const found: ToTry[] = [];
    for (const backend of this.serving()) {
      if (isDue(backend, rules, at)) found.push({ backend, runner: undefined });
      if (backend.breaker.state !== 'closed') continue;
      for (const runner of backend.runners.values()) {
        if (isDue(runner, rules, at)) found.push({ backend, runner });
      }
    }
    return found;
  }

  /** A look at a backend that has to prove itself went well, or did not. */
  lookedAt(backend: Backend, well: boolean, why: string): void {
    this.#breakers.looked(backend, well, why, this.#clock.now());
    this.#settle(backend);
  }

  /** A model that cannot be tried out may have a request of a client instead. */
  vouch(runner: Runner): void {
    this.#breakers.vouch(runner);
    this.#settle(runner.backend);
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
    return this.#index.lists.has(model) || (isCloudName(model) && this.#backends.size > 0);
  }

  /** Every model that some backend has, by key. */
  models(): ReadonlyMap<string, readonly Runner[]> {
    return this.#index.lists;
  }

  /** At least one backend was reached at least once: only then does "nobody has this model" mean anything. */
  get inventoryKnown(): boolean {
    return [...this.#backends.values()].some((backend) => backend.lastSeenAt !== undefined);
  }

  /** How many backends are up. O(1), and O(backends) after one has come or gone. */
  get upCount(): number {
    if (this.#up === undefined) {
      this.#up = 0;
      for (const { health } of this.#backends.values()) if (health === 'up') this.#up++;
    }
    return this.#up;
  }

  /** The runners of a model in groups by what they are good for; undefined where there are few of them. */
  holders(model: string): Holders | undefined {
    return this.#index.holders(model);
  }

  /** Nothing keeps requests from a runner now, room in its slots aside. */
  takes(runner: Runner): boolean {
    return hurdleOf(runner, this.#breakers.rules, this.#clock.now()) === undefined;
  }

  /** The backends that may be asked as far as operator and probes say, whatever their breakers do. */
  serving(): readonly Backend[] {
    return [...this.#backends.values()].filter(serves);
  }

  snapshots(): readonly BackendSnapshot[] {
    const at = this.#clock.now();
    return [...this.#backends.values()].map((backend) => snapshotOf(backend, this.#breakers.rules, at));
  }

  /** One of them; undefined = there is none of this name. */
  snapshot(id: string): BackendSnapshot | undefined {
    const backend = this.#backends.get(id);
    return backend && snapshotOf(backend, this.#breakers.rules, this.#clock.now());
  }

  // ---- index ----

  #runner(backend: Backend, model: string): Runner {
    const known = backend.runners.get(model);
    if (known !== undefined) return known;
    const size = backend.installed.get(model)?.sizeBytes ?? 0;
    const facts = model === '' || isCloudName(model) ? undefined : this.#facts.runner(backend.id, model, size);
    const runner = new Runner(backend, model, this.#statsOf(`${backend.id}/${model}`), facts);
    resume(runner, backend.awaitedBreakers.get(model) ?? closedBreaker);
    backend.awaitedBreakers.delete(model);
    backend.runners.set(model, runner);
    return runner;
  }

  /** The runners that have a model; undefined = nobody knows it. */
  #holders(model: string): readonly Runner[] | undefined {
    return isCloudName(model) ? this.#everywhere(model) : this.#index.lists.get(model);
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

  /** The runners of what a backend has on disk, made where there are none yet; those of other models are forgotten. */
  #runnersOf(backend: Backend): readonly Runner[] {
    const runners = Array.from(backend.installed.keys(), (key) => this.#runner(backend, key));
    this.#forgetUnlisted(backend);
    return runners;
  }

  /** Something happened at a backend that requests may profit from, or suffer. */
  #settle(backend: Backend): void {
    this.#index.settle(backend, this.#clock.now());
  }
}

/** A runner that dies twice within so long does not die by chance. */
const DIES_AGAIN_MS = 600_000;

/** For a load that will not come. */
const STUCK_PATIENCE: Patience = { firstMs: LEAST_GAP_MS, gapMs: LEAST_GAP_MS, quietMs: LEAST_GAP_MS };

/** It waits for a load on a server that loads nothing any more. */
const isStuckLoad = ({ facts, model }: Runner, work: Work): boolean =>
  facts?.host.stuck === true && work.cold && work.firstAt === undefined && facts.host.residency.awaits(model);

const serves = ({ enabled, draining, health }: Backend): boolean => enabled && !draining && health === 'up';

/** It must prove itself, or is half-open with a place for a trial. */
const isDue = (holder: Backend | Runner, rules: BreakerRules, at: number): boolean => {
  const standing = standingOf(holder, rules, at, true, 0);
  return standing === 'untried' || (standing === 'free' && holder.breaker.state !== 'closed');
};

/** One that was open before this process began has to prove itself like any other. */
const resume = (holder: Backend | Runner, breaker: Breaker): void => {
  holder.breaker = breaker;
  holder.care = breaker.state === 'open' ? suspected(CAREFREE) : CAREFREE;
};

/** It broke off in silence, or was out of time without a byte although one was due. */
const looksHung = (outcome: Outcome, work: Work): boolean => {
  if (outcome.kind !== 'backend-failed') return false;
  if (outcome.reason === 'stall') return true;
  if (outcome.reason === 'timeout') return outcome.blame === 'model';
  return outcome.reason === 'deadline' && outcome.phase !== 'body' && isLate(work, outcome.totalMs);
};

/** What a backend has on disk, as one text whatever the order it lists it in: a model pulled anew shows by its digest. */
const contents = (backend: Backend): string =>
  Array.from(backend.installed, ([key, { digest }]) => `${key} ${digest}`)
    .toSorted()
    .join('\n');
