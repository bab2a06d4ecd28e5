import { isCloudName } from '../core/model-name.ts';
import type { PlacementMemory } from './memory.ts';
import { unsafe } from './safety.ts';
import type { HostView, InstalledView, ModelView, PlacementAction, PlacementView, ResidentView } from './view.ts';
import { isWanted, residentOn, Worth } from './worth.ts';

/**
 * keep_alive of copies and renewals: longer than Ollama's own 5 minutes, because a server makes room by unloading the
 * idle model with the shortest one first (server/sched.go), and strays shall go before what is wanted.
 */
export const KEEP_ALIVE_MS = 600_000;
/** keep_alive of pinned models, for the same reason far above all others. */
export const PIN_KEEP_ALIVE_MS = 86_400_000;
/** A pinned model that would go sooner than this has lost its long keep_alive to somebody else's request. */
const PIN_RENEW_WITHIN_MS = PIN_KEEP_ALIVE_MS / 2;
/** A hot model is renewed when it would go within this time. */
const RENEW_WITHIN_MS = 60_000;
/** Too late to renew: it may be gone before the request arrives, which would then load it. */
const RENEW_LATEST_MS = 2_000;
/** A model that stays longer than this was put there by somebody who wants it: it is not let go for another. */
const WANTED_STAY_MS = 3_600_000;
/** A copy is loaded once each of those there have more than this share of a load waiting for them (replication trigger). */
const BACKLOG_SHARE = 0.5;
/** Models with a backlog that one plan looks at, largest first: the others have their turn a second later. */
const MODELS_PER_PLAN = 16;
/** Idle hosts that one plan weighs for one of them; in larger pools the next second goes on with the next ones. */
const HOSTS_PER_MODEL = 256;
const SECOND_MS = 1_000;

/**
 * What should be loaded, held or let go now; mostly nothing. Pure: same view, same memory, same plan. Pins come first,
 * then what is about to expire, then copies of models that requests wait for (routing-science 5.9). At most one action
 * per host.
 * @param at ms on the Clock
 */
export const planPlacement = (view: PlacementView, memory: PlacementMemory, at: number): readonly PlacementAction[] => {
  if (view.pins.size === 0 && memory.heldCount === 0 && !view.models.some(isWanted)) return [];
  const planner = new Planner(view, memory, at);
  planner.pins();
  planner.unpinned();
  planner.renewals();
  planner.copies();
  return planner.actions;
};

/** A load, and the model that may be let go first where the load would push out something better. */
interface Way {
  readonly host: HostView;
  readonly installed: InstalledView;
  readonly priceMs: number;
  readonly victims: readonly string[];
  readonly letGo: ResidentView | undefined;
}

class Planner {
  readonly actions: PlacementAction[] = [];
  readonly #view: PlacementView;
  readonly #memory: PlacementMemory;
  readonly #at: number;
  readonly #worth: Worth;
  /** Hosts that may be sent something, in the order of the view; one that gets an action leaves. */
  readonly #hosts = new Map<string, HostView>();
  /** Idle hosts when the first copy was looked for. */
  #idle: readonly HostView[] | undefined;
  /** Models that this plan loads somewhere. */
  readonly #loading = new Set<string>();

  constructor(view: PlacementView, memory: PlacementMemory, at: number) {
    this.#view = view;
    this.#memory = memory;
    this.#at = at;
    const hosts = view.hosts();
    this.#worth = new Worth(view.models, hosts, memory.pending.values());
    for (const host of hosts) {
      if (memory.free(host.id, at) && unsafe(host) === undefined) this.#hosts.set(host.id, host);
    }
  }

  /** Brings pinned models in, and gives back the long keep_alive that a request took from them. */
  pins(): void {
    for (const [id, models] of this.#view.pins) {
      for (const model of models) {
        const host = this.#hosts.get(id);
        if (host === undefined) break;
        if (isCloudName(model)) continue;
        const resident = residentOn(host, model);
        if (resident !== undefined) {
          const due = resident.expiresInMs < PIN_RENEW_WITHIN_MS;
          if (due) this.#renew(host, resident, PIN_KEEP_ALIVE_MS, 'pinned');
        } else if (host.busy === 0 && this.#mayLoad(model)) {
          const way = this.#wayTo(host, model, Number.POSITIVE_INFINITY);
          if (way !== undefined) this.#take(model, way, way.installed.loadMs, 'pinned');
        }
      }
    }
  }

  /** Takes the long keep_alive back from what is pinned no more. */
  unpinned(): void {
    for (const { host: id, model } of this.#memory.held) {
      const host = this.#hosts.get(id);
      if (host === undefined || this.#isPinned(id, model)) continue;
      const resident = residentOn(host, model);
      if (resident !== undefined) this.#renew(host, resident, KEEP_ALIVE_MS, 'no longer pinned');
    }
  }

  /** Holds what is used and would go, and lets the rest expire, copy by copy. */
  renewals(): void {
    for (const host of this.#hosts.values()) {
      for (const resident of host.residents) {
        const { model, expiresInMs, keepAliveKnownMs } = resident;
        if (expiresInMs > RENEW_WITHIN_MS || expiresInMs < RENEW_LATEST_MS || resident.running > 0) continue;
        if (this.#isPinned(host.id, model)) continue;
        // A keep_alive as short as that was somebody's wish.
        if (keepAliveKnownMs !== undefined && keepAliveKnownMs <= RENEW_WITHIN_MS) continue;
        const keepAliveMs = Math.max(KEEP_ALIVE_MS, keepAliveKnownMs ?? 0);
        if (this.#worth.worthKeeping(model)) this.#renew(host, resident, keepAliveMs, 'in use and about to expire');
        else this.#worth.giveUp(model);
      }
    }
  }

  /** Loads another copy of what requests wait for. */
  copies(): void {
    const waiting = this.#view.models.filter(({ backlogMs, model }) => backlogMs > 0 && !isCloudName(model));
    waiting.sort((a, b) => b.backlogMs - a.backlogMs || (a.model < b.model ? -1 : 1));
    for (const each of waiting.slice(0, MODELS_PER_PLAN)) {
      if (this.#mayLoad(each.model)) this.#copy(each);
    }
  }

  #copy({ model, backlogMs }: ModelView): void {
    const copies = this.#worth.copies(model);
    const share = backlogMs / Math.max(1, copies);
    let best: Way | undefined;
    for (const host of this.#someIdle()) {
      if (residentOn(host, model) !== undefined) continue;
      const loadMs = host.installed(model)?.loadMs ?? Number.POSITIVE_INFINITY;
      if (share <= BACKLOG_SHARE * loadMs || loadMs >= backlogMs) continue;
      const way = this.#wayTo(host, model, backlogMs, this.#worth.value(model, loadMs, copies + 1));
      if (way !== undefined && (best === undefined || isBetter(way, best))) best = way;
    }
    if (best === undefined) return;
    this.#take(model, best, backlogMs, `${Math.round(backlogMs)} ms of work wait for ${copies} in memory`);
  }

  /** A stretch of the idle hosts without an action; which one moves with time. */
  #someIdle(): readonly HostView[] {
    this.#idle ??= [...this.#hosts.values()].filter(({ busy }) => busy === 0);
    const { length } = this.#idle;
    const first = length > HOSTS_PER_MODEL ? (Math.floor(this.#at / SECOND_MS) * HOSTS_PER_MODEL) % length : 0;
    const stretch = this.#idle.slice(first, first + HOSTS_PER_MODEL);
    return stretch.filter(({ id }) => this.#hosts.has(id));
  }

  /**
   * How the model can come into this host's memory; undefined = not now.
   * @param limitMs what load and reloads together must stay below
   * @param valueMs what the copy is worth; undefined for a pin, which goes before anything but other pins
   */
  #wayTo(host: HostView, model: string, limitMs: number, valueMs?: number): Way | undefined {
    const installed = host.installed(model);
    if (installed === undefined || !this.#memory.mayLoad(host.id, model, this.#at)) return undefined;
    const { victims, chance } = host.room(model, this.#worth.shape(model));
    const pushed = chance > 0 ? victims : [];
    let evictMs = 0;
    let allowed = true;
    for (const name of pushed) {
      const victim = residentOn(host, name);
      if (victim === undefined) continue;
      evictMs += chance * this.#worth.price(victim);
      allowed &&= this.#mayPushOut(host, victim, valueMs);
    }
    const priceMs = installed.loadMs + evictMs;
    if (allowed && priceMs < limitMs) return { host, installed, priceMs, victims: pushed, letGo: undefined };
    const letGo = host.residents.find((resident) => !pushed.includes(resident.model) && this.#isSpare(host, resident));
    return letGo === undefined ? undefined : { host, installed, priceMs: installed.loadMs, victims: [], letGo };
  }

  #mayPushOut(host: HostView, victim: ResidentView, valueMs: number | undefined): boolean {
    const { model, loadMs, running } = victim;
    if (running > 0 || this.#isPinned(host.id, model) || !this.#memory.mayGo(host.id, model, this.#at)) return false;
    if (valueMs === undefined || !this.#worth.guarded(model)) return true;
    return this.#worth.value(model, loadMs, this.#worth.copies(model)) < valueMs;
  }

  /** Idle, hardly ever asked for, and nobody's wish. */
  #isSpare(host: HostView, { model, running, expiresInMs }: ResidentView): boolean {
    return (
      running === 0 &&
      expiresInMs > 0 &&
      expiresInMs <= WANTED_STAY_MS &&
      !this.#worth.worthKeeping(model) &&
      !this.#isPinned(host.id, model) &&
      this.#memory.mayGo(host.id, model, this.#at) &&
      !this.#memory.waits(host.id, model, this.#at)
    );
  }

  #mayLoad(model: string): boolean {
    return !this.#loading.has(model) && this.#memory.mayCopy(model, this.#at);
  }

  #isPinned(host: string, model: string): boolean {
    return this.#view.pins.get(host)?.includes(model) ?? false;
  }

  #take(model: string, { host, installed, priceMs, victims, letGo }: Way, gainMs: number, reason: string): void {
    if (letGo !== undefined) {
      this.#letGo(host, letGo, gainMs, `hardly used, and ${model} needs the memory: ${reason}`);
      return;
    }
    const pinned = this.#isPinned(host.id, model);
    this.#loading.add(model);
    for (const victim of victims) this.#worth.giveUp(victim);
    this.#add(host, {
      kind: 'load',
      host: host.id,
      model,
      embedding: installed.embedding,
      shape: this.#worth.shape(model),
      keepAliveMs: pinned ? PIN_KEEP_ALIVE_MS : KEEP_ALIVE_MS,
      reason,
      priceMs,
      gainMs,
      loadMs: installed.loadMs,
      victims,
      pinned,
    });
  }

  #letGo(host: HostView, { model, shape, loadMs }: ResidentView, gainMs: number, reason: string): void {
    const priceMs = this.#worth.value(model, loadMs, this.#worth.copies(model));
    this.#worth.giveUp(model);
    this.#add(host, {
      kind: 'let-go',
      host: host.id,
      model,
      embedding: host.installed(model)?.embedding ?? false,
      shape,
      keepAliveMs: 0,
      reason,
      priceMs,
      gainMs,
      loadMs: 0,
      victims: [],
      pinned: false,
    });
  }

  /** Only an idle model: one that runs stays anyway, and its last request sets the time anew. */
  #renew(host: HostView, resident: ResidentView, keepAliveMs: number, reason: string): void {
    const { model, shape, loadMs, running, expiresInMs } = resident;
    if (!this.#hosts.has(host.id) || running > 0 || expiresInMs < RENEW_LATEST_MS) return;
    const installed = host.installed(model);
    if (installed === undefined || !this.#memory.mayRenew(host.id, model, this.#at)) return;
    this.#add(host, {
      kind: 'renew',
      host: host.id,
      model,
      embedding: installed.embedding,
      shape,
      keepAliveMs,
      reason,
      priceMs: 0,
      gainMs: this.#worth.value(model, loadMs, this.#worth.copies(model)),
      loadMs: 0,
      victims: [],
      pinned: this.#isPinned(host.id, model),
    });
  }

  #add(host: HostView, action: PlacementAction): void {
    this.actions.push(action);
    this.#hosts.delete(host.id);
  }
}

/** A load now before one that needs room first, then the cheaper one; of equals the one that stands first. */
const isBetter = (one: Way, other: Way): boolean =>
  (one.letGo === undefined) === (other.letGo === undefined) ? one.priceMs < other.priceMs : one.letGo === undefined;
