import type { RunnerShape } from '../core/demand.ts';
import { LearnedCapacity, type CapacityEstimates } from './capacity.ts';
import { RecentMap } from './recent-map.ts';
import { Look, type ResidencyChanges } from './residency-look.ts';
import { Resident, type Match, type SeenModel } from './resident.ts';
import type { HostResidency, ResidentModel } from './types.ts';

export type { ResidencyChanges } from './residency-look.ts';
export type { SeenModel } from './resident.ts';

/** Models that are kept track of: no server holds as many at a time. */
const MOST_RESIDENT = 256;
/** Models of which sizes and contexts are kept. */
const MOST_MODELS = 1_024;
/** From this chance on an eviction is taken for a fact until the next look. */
const LIKELY = 0.5;
/**
 * A model in memory beside its size on disk, while it was never seen there: buffers, and the context, of which the
 * usual 4,096 tokens take about a tenth of the weights (128 KiB a token at 5 GB).
 */
const BUFFERS = 1.05;
const CONTEXT_PER_TOKEN = 2.5e-5;
const USUAL_CONTEXT = 4_096;

/** An installed model, of `/api/tags`. */
export interface InstalledModel {
  readonly digest: string;
  /** On disk. */
  readonly sizeBytes: number;
}

/** For people and for placement. */
export interface ListedModel {
  readonly model: string;
  readonly sizeBytes: number;
  readonly vramBytes: number;
  /** Tokens; undefined = not known yet. */
  readonly contextLength: number | undefined;
  /** Infinity = stays. */
  readonly expiresInMs: number;
  /** As it was last given, as far as can be told; 300,000 where nothing else was seen, as servers do by default. */
  readonly keepAliveMs: number;
  /** Options that it was loaded with besides the context, in the form of a `RunnerShape`; '' where they are not known. */
  readonly rest: string;
  readonly loading: boolean;
}

interface KnownModel {
  sizeBytes: number | undefined;
  /** Tokens with which it had that size; 0 = not told. */
  sizeContext: number;
  /** Tokens that the server takes where a request names none. */
  defaultContext: number | undefined;
}

const NOBODY: readonly never[] = [];

/**
 * Which models one server has in memory: what the last look at `/api/ps` showed, with what our own requests have done
 * since. `/api/ps` shows a model only once it is loaded, one name for each runner, and neither capacity nor defaults:
 * these are learned from what comes and goes.
 */
export class LearnedResidency implements HostResidency {
  readonly #capacity: LearnedCapacity;
  #installed: ReadonlyMap<string, InstalledModel> = new Map();
  readonly #known = new RecentMap<KnownModel>(MOST_MODELS, () => ({
    sizeBytes: undefined,
    sizeContext: 0,
    defaultContext: undefined,
  }));
  #residents: Resident[] = [];
  /** Whether there was a look since the server was last found to be new. */
  #looked = false;
  #chance = 0;

  /** @param capacityBytes memory for models, > 0; 'auto' = learn it */
  constructor(capacityBytes: number | 'auto' = 'auto') {
    this.#capacity = new LearnedCapacity(capacityBytes);
  }

  configure(capacityBytes: number | 'auto'): void {
    this.#capacity.configure(capacityBytes);
  }

  /** What is installed, by `modelKey`; kept, not copied. Names of one digest share one runner. */
  configureModels(installed: ReadonlyMap<string, InstalledModel>): void {
    this.#installed = installed;
  }

  /** About the last `victims`. */
  get evictionChance(): number {
    return this.#chance;
  }

  ready(model: string, shape: RunnerShape, at: number): boolean {
    const resident = this.#find(model);
    return resident !== undefined && resident.present(at) && this.#match(resident, model, shape) !== 'no';
  }

  /** The model is in memory in whichever shape, or on its way there. */
  holds(model: string, at: number): boolean {
    return this.#find(model)?.present(at) === true;
  }

  /** It was seen there, or answers: no load is to be waited for. */
  inMemory(model: string, at: number): boolean {
    const resident = this.#find(model);
    return resident?.present(at) === true && !resident.loading;
  }

  /** It is on its way there for a request of ours. */
  awaits(model: string): boolean {
    return this.#find(model)?.loading === true;
  }

  /** Tokens of context with which the model is in memory; undefined = it is not, or with a default not known yet. */
  contextOf(model: string, at: number): number | undefined {
    const resident = this.#find(model);
    return resident?.present(at) === true ? resident.contextLength : undefined;
  }

  /** Tokens that the server takes for a request without num_ctx; undefined = not learned. */
  defaultContext(model: string): number | undefined {
    return this.#known.peek(model)?.defaultContext;
  }

  /**
   * In the order of Ollama (server/sched.go, v0.33): idle ones first, then the shortest keep-alive, then the name. A
   * model in another shape than wanted is its own first victim.
   */
  victims(model: string, shape: RunnerShape, busy: (model: string) => boolean, at: number): readonly ResidentModel[] {
    return this.#victims(model, shape, undefined, busy, at);
  }

  /**
   * A request of ours was sent. True: it makes the server load the model, so what a runner of it remembered is lost.
   * @param diskBytes size of the model where it is not among the installed ones; undefined = not known either
   */
  dispatched(
    model: string,
    shape: RunnerShape,
    diskBytes: number | undefined,
    busy: (model: string) => boolean,
    at: number,
  ): boolean {
    let resident = this.#find(model);
    const match = resident?.present(at) === true ? this.#match(resident, model, shape) : 'no';
    if (resident !== undefined && match !== 'no') {
      if (match === 'guess') {
        resident.doubt = true;
        resident.answered = false;
        resident.shape = shape;
      }
      resident.running++;
      resident.sentAs = model;
      resident.toldExpiry = Number.NaN;
      return false;
    }
    const victims = this.#victims(model, shape, diskBytes, busy, at);
    if (resident === undefined) {
      resident = new Resident(model, this.#installed.get(model)?.digest ?? '');
      if (this.#residents.length >= MOST_RESIDENT) this.#residents.shift();
      this.#residents.push(resident);
    } else resident.replaces = true;
    if (this.#chance >= LIKELY) for (const victim of victims) victim.pushedBy = resident;
    resident.load(shape, this.#need(model, shape, diskBytes), shape.numCtx ?? this.defaultContext(model), at);
    resident.toldExpiry = Number.NaN;
    resident.running++;
    resident.sentAs = model;
    return true;
  }

  /**
   * The first byte of an answer came: the model is in memory.
   * @param shape of that request; where it is another one than was sent last, the load for that is still to come
   */
  loaded(model: string, at: number, shape?: RunnerShape): void {
    const resident = this.#find(model);
    if (resident === undefined) return;
    if (resident.doubt && resident.running === 1) resident.answered = true;
    if (!resident.loading || (shape !== undefined && !resident.startedIn(shape))) return;
    resident.loading = false;
    resident.replaces = false;
    resident.changedAt = at;
  }

  /**
   * A request of ours ended, in whichever way. One whose load nobody waits for any more is taken for given up: the
   * server aborts a load when the request that caused it leaves (llm/server.go, WaitUntilRunning).
   * @param keepAliveMs as the request said; undefined = it said nothing, Infinity = stays
   */
  ended(model: string, keepAliveMs: number | undefined, at: number): void {
    const resident = this.#find(model);
    if (resident === undefined) return;
    resident.running = Math.max(0, resident.running - 1);
    if (keepAliveMs !== undefined) resident.keepAliveMs = Math.max(0, keepAliveMs);
    resident.expiresAt = at + resident.keepAliveMs;
    resident.endedAt = at;
    resident.toldExpiry = Number.NaN;
    if (!resident.loading || resident.running > 0) return;
    resident.loading = false;
    resident.pushedBy = resident;
    resident.changedAt = at;
    if (resident.replaces) resident.shape = undefined;
    resident.replaces = false;
  }

  /**
   * The server was told how long to keep the model, and did so.
   * @param keepAliveMs 0 = it goes, Infinity = stays
   */
  kept(model: string, keepAliveMs: number, at: number): void {
    const resident = this.#find(model);
    if (resident === undefined) return;
    resident.keepAliveMs = keepAliveMs;
    resident.expiresAt = at + keepAliveMs;
    resident.endedAt = at;
    resident.toldExpiry = Number.NaN;
    resident.changedAt = at;
  }

  /** The model's process has died: the server may go on listing it, and has to load it for the next request. */
  died(model: string): void {
    const resident = this.#find(model);
    if (resident !== undefined && !resident.loading) resident.dead = true;
  }

  /** Models that are on their way into memory for requests of ours. @param except left out, by whichever name */
  pendingLoads(except?: string): number {
    let pending = 0;
    for (const { loading, model, sentAs } of this.#residents) {
      if (loading && model !== except && sentAs !== except) pending++;
    }
    return pending;
  }

  /** Those that are to make room for a load which has not come through: they go once their requests have ended. */
  leaving(): readonly string[] {
    const leaving: string[] = [];
    for (const { model, sentAs, pushedBy, loading } of this.#residents) {
      if (pushedBy?.loading !== true || loading) continue;
      leaving.push(model);
      if (sentAs !== model) leaving.push(sentAs);
    }
    return leaving;
  }

  /** The server was down or is a new one: nothing is in memory. What was learned about its capacity stays. */
  lost(): void {
    this.#residents = [];
    this.#looked = false;
  }

  /**
   * Takes in a look at `/api/ps`.
   * @param askedAt when it was asked for: what our requests did after that it cannot know
   * @param busy whether a request of ours runs on that model now
   */
  seen(list: readonly SeenModel[], askedAt: number, at: number, busy: (model: string) => boolean): ResidencyChanges {
    const look = new Look(askedAt, at, busy, !this.#looked);
    this.#looked = true;
    for (const model of list.slice(0, MOST_RESIDENT)) this.#take(model, look);
    const kept: Resident[] = [];
    for (const resident of this.#residents) if (look.keeps(resident)) kept.push(resident);
    this.#residents = kept;
    look.teach(this.#capacity, kept);
    return look.changes();
  }

  /** Those believed to be in memory at `at`, or on their way there. */
  list(at: number): readonly ListedModel[] {
    return this.#residents
      .filter((resident) => resident.present(at))
      .map(({ model, sizeBytes, vramBytes, contextLength, expiresAt, keepAliveMs, shape, loading }) => ({
        model,
        sizeBytes,
        vramBytes,
        contextLength,
        expiresInMs: Math.max(0, expiresAt - at),
        keepAliveMs,
        rest: shape?.rest ?? '',
        loading,
      }));
  }

  capacity(): CapacityEstimates {
    return this.#capacity.estimates();
  }

  #find(model: string): Resident | undefined {
    const residents = this.#residents;
    for (let i = 0; i < residents.length; i++) if (residents[i]?.model === model) return residents[i];
    const digest = this.#installed.get(model)?.digest ?? '';
    return digest === '' ? undefined : this.#findDigest(digest);
  }

  #findDigest(digest: string): Resident | undefined {
    const residents = this.#residents;
    for (let i = 0; i < residents.length; i++) if (residents[i]?.digest === digest) return residents[i];
    return undefined;
  }

  #match(resident: Resident, model: string, shape: RunnerShape): Match {
    return resident.matches(shape, this.defaultContext(model));
  }

  #victims(
    model: string,
    shape: RunnerShape,
    diskBytes: number | undefined,
    busy: (model: string) => boolean,
    at: number,
  ): readonly Resident[] {
    this.#chance = 0;
    const own = this.#find(model);
    const reloads = own?.present(at) === true;
    if (own !== undefined && reloads && this.#match(own, model, shape) !== 'no') return NOBODY;
    let bytes = this.#need(model, shape, diskBytes);
    let count = 1;
    for (const resident of this.#residents) {
      if (resident === own || !resident.present(at)) continue;
      bytes += resident.occupied;
      count++;
    }
    const chance = count === 1 ? 0 : this.#capacity.chance(bytes, count);
    const others = chance > 0 && !(reloads && chance < LIKELY);
    this.#chance = reloads ? 1 : chance;
    if (!others) return own !== undefined && reloads ? [own] : NOBODY;
    const victims = own !== undefined && reloads ? [own] : [];
    const candidates = this.#residents.filter((resident) => resident !== own && resident.present(at));
    candidates.sort(
      (a, b) =>
        Number(a.isBusy(busy)) - Number(b.isBusy(busy)) ||
        (a.keepAliveMs === b.keepAliveMs ? 0 : a.keepAliveMs - b.keepAliveMs) ||
        (a.model < b.model ? -1 : 1),
    );
    for (const candidate of candidates) {
      victims.push(candidate);
      bytes -= candidate.occupied;
      count--;
      if (this.#capacity.comfortable(bytes, count)) break;
    }
    return victims;
  }

  /** Bytes in memory that the model will take; its weights stay the same, its context grows with the tokens. */
  #need(model: string, shape: RunnerShape, diskBytes: number | undefined): number {
    const known = this.#known.peek(model);
    const disk = this.#installed.get(model)?.sizeBytes ?? diskBytes;
    const context = shape.numCtx ?? known?.defaultContext;
    if (known?.sizeBytes !== undefined) {
      const { sizeBytes, sizeContext } = known;
      if (context === undefined || sizeContext === 0 || disk === undefined || disk >= sizeBytes) return sizeBytes;
      return disk + ((sizeBytes - disk) * context) / sizeContext;
    }
    return (disk ?? 0) * (BUFFERS + CONTEXT_PER_TOKEN * (context ?? USUAL_CONTEXT));
  }

  /** One model of a look. */
  #take(seen: SeenModel, look: Look): void {
    let resident = this.#residents.find(({ model }) => model === seen.model);
    resident ??= seen.digest === '' ? undefined : this.#findDigest(seen.digest);
    if (resident === undefined) {
      resident = new Resident(seen.model, seen.digest);
      this.#residents.push(resident);
      look.foreign(resident);
    }
    if (!look.listed(resident, seen)) return;
    this.#note(seen.model, seen);
    if (resident.sentAs !== seen.model) this.#note(resident.sentAs, seen);
    if (look.update(resident, seen)) this.#known.use(resident.sentAs).defaultContext = seen.contextLength;
  }

  #note(model: string, { sizeBytes, contextLength }: SeenModel): void {
    const known = this.#known.use(model);
    known.sizeBytes = sizeBytes;
    known.sizeContext = contextLength ?? 0;
  }
}
