import type { Demand, RunnerShape } from '../core/demand.ts';
import { FORECAST } from './constants.ts';
import type { HostFacts } from './host.ts';
import type { LearnedMemory } from './prefix-index.ts';
import type { LearnedSlots } from './slots.ts';
import type { LearnedSpeeds } from './speeds.ts';
import type { Work } from './work.ts';

/** Estimates are read again after this long: between two decisions they hardly move, and reading them costs. */
const REREAD_MS = 500;

/** From this chance on an eviction is reckoned with: a load then waits for busy victims. Below, it is tried and taught by. */
const LIKELY = 0.5;

/** For how long the price of a load is kept while its host does not change. */
const PRICE_KEPT_MS = 250;

/** What is known about one model on one server, and the requests of ours that are under way there. */
export class RunnerFacts {
  readonly host: HostFacts;
  readonly model: string;
  readonly speeds: LearnedSpeeds;
  readonly slots: LearnedSlots;
  readonly memory: LearnedMemory;
  readonly works: Work[] = [];
  /** ms of work of earlier waiters that are better off waiting for this runner; valid during one walk of the queue. */
  #leaningMs = 0;
  #leaningWalk = -1;

  // Estimates as of the last reading.
  #readAt = Number.NEGATIVE_INFINITY;
  prefillMs = 0;
  decodeMs = 0;
  loadMs = 0;
  limit = 1;
  slope = 0;
  ghost = 0;
  slowFirst = 1;
  slowToken = 1;

  // The price of pushing others out, as of a state of the host.
  #evictVersion = -1;
  #evictAt = Number.NEGATIVE_INFINITY;
  #evictShape: RunnerShape | undefined;
  evictMs = 0;
  /** How many are likely to go. */
  evictCount = 0;
  /** Requests of ours run on those who must go, and ms until these have finished; which may be 0 for overdue ones. */
  evictsBusy = false;
  evictWaitMs = 0;

  constructor(
    host: HostFacts,
    model: string,
    parts: { readonly speeds: LearnedSpeeds; readonly slots: LearnedSlots; readonly memory: LearnedMemory },
  ) {
    this.host = host;
    this.model = model;
    this.speeds = parts.speeds;
    this.slots = parts.slots;
    this.memory = parts.memory;
    this.memory.runner = this;
  }

  /** Brings the estimates up to date where they are older than half a second or something new was learned. */
  refresh(at: number): void {
    if (at - this.#readAt < REREAD_MS) return;
    this.#readAt = at;
    this.prefillMs = this.speeds.prefillMs(at);
    this.decodeMs = this.speeds.decodeMs(at);
    this.loadMs = this.speeds.loadMs(at);
    this.limit = this.slots.limit(at);
    this.slope = this.host.speeds.slope(at);
    this.ghost = this.host.foreign.ghost(at);
    this.slowFirst = this.speeds.slowFirst(at);
    this.slowToken = this.speeds.slowToken(at);
  }

  /** Something new was learned. */
  stale(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * How many requests may be under way: the slots, and one more where they are over in no time and nobody said how many
   * slots there are, so that a runner of embeddings never runs dry.
   */
  room(kind: Demand['kind'], ownMs: number): number {
    const pipelined = kind === 'embedding' && ownMs < FORECAST.pipelineMs && this.host.slots.configured === 'auto';
    return pipelined ? this.limit + 1 : this.limit;
  }

  /**
   * A keep_alive for it now could make the server stop loading for good (ollama issue 17408): another model is on its
   * way in there, or this one is to make room for it.
   */
  get keepAliveUnsafe(): boolean {
    const { residency } = this.host;
    return residency.pendingLoads(this.model) > 0 || residency.leaving().includes(this.model);
  }

  /** ms of work that leans here. @param since the walk from which on it counts */
  leaningMs(since: number): number {
    return this.#leaningWalk >= since ? this.#leaningMs : 0;
  }

  /** A waiter with so much work would rather wait for this runner than start elsewhere. @param walk the present one */
  lean(since: number, walk: number, ms: number): void {
    this.#leaningMs = this.leaningMs(since) + ms;
    this.#leaningWalk = walk;
  }

  /**
   * Works out what loading this model would push out and what that costs; kept for a quarter of a second as long as the
   * host does not change.
   * @param worth ms that a victim's reload will cost others
   */
  priceOfLoad(shape: RunnerShape, at: number, worth: (victim: string, host: HostFacts) => number): void {
    const { host } = this;
    if (
      this.#evictVersion === host.version &&
      at - this.#evictAt < PRICE_KEPT_MS &&
      sameShape(this.#evictShape, shape)
    ) {
      return;
    }
    this.#evictVersion = host.version;
    this.#evictShape = shape;
    this.#evictAt = at;
    this.evictMs = 0;
    this.evictWaitMs = 0;
    this.evictsBusy = false;
    this.evictCount = 0;
    const victims = host.residency.victims(this.model, shape, (model) => isBusy(host, model), at);
    if (victims.length === 0) return;
    const chance = host.residency.evictionChance;
    this.evictCount = Math.round(chance * victims.length);
    for (const { model } of victims) {
      this.evictMs += chance * worth(model, host);
      if (chance < LIKELY) continue;
      const works = host.runners.get(model)?.works ?? [];
      if (works.length > 0) this.evictsBusy = true;
      for (const work of works) this.evictWaitMs = Math.max(this.evictWaitMs, work.remainingMs(at));
    }
  }
}

const sameShape = (a: RunnerShape | undefined, b: RunnerShape): boolean =>
  a === b || (a !== undefined && a.numCtx === b.numCtx && a.rest === b.rest);

const isBusy = (host: HostFacts, model: string): boolean => (host.runners.get(model)?.works.length ?? 0) > 0;
