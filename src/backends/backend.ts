import type { BackendConfig } from '../config/types.ts';
import { isCloudName, modelKey } from '../core/model-name.ts';
import type { BreakerSettings, BreakerState, Candidate, CandidateStats } from '../core/types.ts';
import type { RunnerFacts } from '../facts/runner.ts';
import { closedBreaker, stateOf, type Breaker } from './breaker.ts';
import { CAREFREE, type Care } from './care.ts';
import type { Holders, Standing } from './holders.ts';
import type { Ill } from './ills.ts';

/** An entry of a list as the backend wrote it, members that the proxy does not know included. */
export type ListEntry = Readonly<Record<string, unknown>>;

/** A model that a backend has on disk, from `/api/tags`. */
export interface InstalledModel {
  /** The name as the backend lists it. */
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly entry: ListEntry;
}

/** A model that a backend has in memory, from `/api/ps`. */
export interface LoadedModel {
  readonly name: string;
  readonly sizeBytes: number;
  readonly vramBytes: number;
  readonly contextLength: number;
  readonly digest: string;
  /** ms from the look until it goes by itself; below 0 while a request runs, Infinity = stays. */
  readonly expiresInMs: number;
  readonly entry: ListEntry;
}

/** What one probe of a backend found. */
export type Seen =
  | {
      readonly up: true;
      readonly version: string;
      readonly installed: readonly InstalledModel[];
      readonly loaded: readonly LoadedModel[];
    }
  | { readonly up: false; readonly error: string };

export type Health = 'up' | 'down' | 'unknown';

/** One model on one backend: the unit that a strategy chooses. Written only by the registry. */
export class Runner implements Candidate {
  readonly id: string;
  readonly backend: Backend;
  readonly model: string;
  readonly stats: CandidateStats;
  /** ollama.com runs it: it takes none of the server's slots. */
  readonly cloud: boolean;
  /** What was learned about this model here; undefined where nothing of the server runs: cloud models and plain calls. */
  readonly facts: RunnerFacts | undefined;
  breaker: Breaker = closedBreaker;
  care: Care = CAREFREE;
  /** Requests for this model taken and not yet ended. */
  running = 0;
  /** Since when requests hang here, ms on the Clock; undefined = they do not, as far as is known. */
  hungSince: number | undefined;
  /** When its process last died under a request, and since when it has not answered after that. */
  diedAt = Number.NEGATIVE_INFINITY;
  deadSince: number | undefined;
  /** Where it stands among many of its model, written by `Holders`; undefined where they are few. */
  holders: Holders | undefined;
  standing: Standing = 'out';
  place = 0;

  constructor(backend: Backend, model: string, stats: CandidateStats, facts: RunnerFacts | undefined) {
    this.id = `${backend.id}/${model}`;
    this.backend = backend;
    this.model = model;
    this.cloud = isCloudName(model);
    this.stats = stats;
    this.facts = facts;
  }

  get backendId(): string {
    return this.backend.id;
  }

  get weight(): number {
    return this.backend.weight;
  }

  get inflight(): number {
    return this.backend.inflight;
  }

  get resident(): boolean {
    // A cloud model is never loaded and never waits for a load.
    if (this.cloud) return true;
    return this.running > 0 || this.backend.loaded.has(this.model);
  }

  /** A request may start here at `at`, as far as slots go; requests that run no model of the server need none. */
  hasRoom(at: number): boolean {
    return this.facts === undefined || this.running < this.facts.slots.limit(at);
  }
}

/** One Ollama server as the proxy knows it. Three owners: the operator, the prober, the outcomes; one writer. */
export class Backend {
  readonly id: string;
  // the operator's word
  config: BackendConfig;
  weight: number;
  enabled = true;
  draining = false;
  // the prober's word
  health: Health = 'unknown';
  misses = 0;
  hits = 0;
  lastError = '';
  version = '';
  lastSeenAt: number | undefined;
  installed = new Map<string, InstalledModel>();
  loaded = new Map<string, LoadedModel>();
  /** The same as it was listed: newer servers may list a name once per runner. */
  tags: readonly ListEntry[] = [];
  ps: readonly ListEntry[] = [];
  // what outcomes taught us
  breaker: Breaker = closedBreaker;
  care: Care = CAREFREE;
  /** When a request of a client was last seen to move on here, ms on the Clock. */
  workedAt = Number.NEGATIVE_INFINITY;
  inflight = 0;
  /** What is the matter with it, for people. */
  ills: readonly Ill[] = [];
  readonly runners = new Map<string, Runner>();
  /** Breakers that were restored for models whose runner is not there yet. */
  readonly awaitedBreakers = new Map<string, Breaker>();

  constructor(config: BackendConfig) {
    this.id = config.name;
    this.config = config;
    this.weight = config.weight;
  }

  get slots(): number | 'auto' {
    return this.config.slots;
  }

  /** The path in front of every route, '' or `/prefix`. */
  get pathPrefix(): string {
    return this.config.url.pathname === '/' ? '' : this.config.url.pathname;
  }

  /** Takes over what a probe listed. Names are kept by their `modelKey`. */
  replaceModels(installed: readonly InstalledModel[], loaded: readonly LoadedModel[]): void {
    this.installed = new Map(installed.map((model) => [modelKey(model.name), model]));
    this.loaded = new Map(loaded.map((model) => [modelKey(model.name), model]));
    this.tags = installed.map(({ entry }) => entry);
    this.ps = loaded.map(({ entry }) => entry);
  }
}

/** A frozen picture of one backend, for the admin API, logs and metrics. */
export interface BackendSnapshot {
  readonly name: string;
  readonly url: string;
  readonly weight: number;
  readonly slots: number | 'auto';
  readonly zone: string;
  readonly enabled: boolean;
  readonly draining: boolean;
  readonly health: Health;
  readonly lastError: string | undefined;
  readonly version: string | undefined;
  readonly inflight: number;
  readonly breaker: BreakerState;
  readonly ills: readonly Ill[];
  readonly models: readonly {
    readonly name: string;
    readonly loaded: boolean;
    readonly running: number;
    readonly breaker: BreakerState;
    readonly digest: string;
  }[];
}

export const snapshotOf = (backend: Backend, settings: BreakerSettings, at: number): BackendSnapshot => ({
  name: backend.id,
  url: backend.config.url.href.replace(/\/$/, ''),
  weight: backend.weight,
  slots: backend.slots,
  zone: backend.config.zone,
  enabled: backend.enabled,
  draining: backend.draining,
  health: backend.health,
  lastError: backend.lastError === '' ? undefined : backend.lastError,
  version: backend.version === '' ? undefined : backend.version,
  inflight: backend.inflight,
  breaker: stateOf(backend.breaker, settings, at),
  ills: backend.ills,
  models: [...backend.installed].map(([key, model]) => {
    const runner = backend.runners.get(key);
    return {
      name: model.name,
      loaded: backend.loaded.has(key),
      running: runner?.running ?? 0,
      breaker: runner === undefined ? 'closed' : stateOf(runner.breaker, settings, at),
      digest: model.digest,
    };
  }),
});
