import type { PlacementAction } from './view.ts';

/** Least time that a copy stays once it was loaded, and how many of its loads it must have lasted at least. */
const PROTECT_MS = 120_000;
const PROTECT_LOADS = 10;
/** What was let go from a host is not loaded there again for so long: popularity that flips must not move gigabytes. */
const RETURN_MS = 300_000;
/**
 * A model that we loaded there and that is gone again is not loaded within the same time either, and the wait doubles
 * up to this when it happens again and again: somebody else wants the memory, or two pins do not fit together.
 */
const MAX_RETURN_MS = 3_600_000;
/** Between two keep_alives for one model on one host; longer than any view is stale, shorter than what is renewed. */
const RENEW_GAP_MS = 300_000;
/** A host gets at most so many actions in that time, whatever seems worth it. */
export const ACTIONS_PER_HOST = 6;
export const ACTION_WINDOW_MS = 600_000;
/** A model is loaded at most once in this time over the whole pool, so that each copy shows its effect on the queue. */
const MODEL_GAP_MS = 1_000;
/** Wait after the first failure of a pair; doubles with every further one up to the maximum. */
const RETRY_MS = 10_000;
const MAX_RETRY_MS = 600_000;
/** Wait after an action that was not sent because the host had changed in between. */
const SKIP_RETRY_MS = 5_000;
/** Entries kept of each kind; the one untouched longest goes first. 10,000 pairs are about 2 MB. */
const MAX_ENTRIES = 10_000;

export type ActionResult = 'done' | 'failed' | 'skipped';

/** One model on one host. Times are on the Clock; -Infinity = never. */
interface Pair {
  protectedUntil: number;
  letGoAt: number;
  loadedAt: number;
  /** Least time from one load to the next. */
  returnMs: number;
  touchedAt: number;
  retryAt: number;
  failures: number;
}

const newPair = (): Pair => ({
  protectedUntil: Number.NEGATIVE_INFINITY,
  letGoAt: Number.NEGATIVE_INFINITY,
  loadedAt: Number.NEGATIVE_INFINITY,
  returnMs: RETURN_MS,
  touchedAt: Number.NEGATIVE_INFINITY,
  retryAt: Number.NEGATIVE_INFINITY,
  failures: 0,
});

const pairKey = (host: string, model: string): string => `${host}\n${model}`;

/** Puts an entry at the young end and drops the oldest past the bound. */
const remember = <V>(map: Map<string, V>, key: string, value: V): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_ENTRIES) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
};

/** A pinned model that was given its long keep_alive. */
export interface Held {
  readonly host: string;
  readonly model: string;
}

/**
 * What the planner remembers between two plans, so that it never undoes what it just did. Bounded; knows no time of its
 * own. `begin` and `end` are told of every action that is sent.
 */
export class PlacementMemory {
  readonly #pairs = new Map<string, Pair>();
  /** By host: when its recent actions began, oldest first. */
  readonly #actions = new Map<string, number[]>();
  /** By model: when its last load began. */
  readonly #loads = new Map<string, number>();
  /** By host: at most one at a time. */
  readonly #pending = new Map<string, PlacementAction>();
  readonly #held = new Map<string, Held>();

  /** Actions that are under way, at most one per host. */
  get pending(): ReadonlyMap<string, PlacementAction> {
    return this.#pending;
  }

  /** Models that hold a long keep_alive of ours. */
  get held(): Iterable<Held> {
    return this.#held.values();
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** The host has nothing under way and has not had its share of actions. */
  free(host: string, at: number): boolean {
    if (this.#pending.has(host)) return false;
    const times = this.#actions.get(host);
    return times === undefined || times.filter((time) => time > at - ACTION_WINDOW_MS).length < ACTIONS_PER_HOST;
  }

  /** This model was not loaded anywhere within the last second. */
  mayCopy(model: string, at: number): boolean {
    return at - (this.#loads.get(model) ?? Number.NEGATIVE_INFINITY) >= MODEL_GAP_MS;
  }

  mayLoad(host: string, model: string, at: number): boolean {
    const pair = this.#pairs.get(pairKey(host, model));
    if (pair === undefined) return true;
    return at >= pair.retryAt && at - pair.letGoAt >= RETURN_MS && at - pair.loadedAt >= pair.returnMs;
  }

  mayRenew(host: string, model: string, at: number): boolean {
    const pair = this.#pairs.get(pairKey(host, model));
    return pair === undefined || (at >= pair.retryAt && at - pair.touchedAt >= RENEW_GAP_MS);
  }

  /** The model was loaded there by us too short ago to be pushed out or let go by us. */
  mayGo(host: string, model: string, at: number): boolean {
    const pair = this.#pairs.get(pairKey(host, model));
    return pair === undefined || at >= pair.protectedUntil;
  }

  /** A failed or skipped action of this pair is not to be tried again yet. */
  waits(host: string, model: string, at: number): boolean {
    return at < (this.#pairs.get(pairKey(host, model))?.retryAt ?? Number.NEGATIVE_INFINITY);
  }

  begin(action: PlacementAction, at: number): void {
    this.#pending.set(action.host, action);
    const recent = (this.#actions.get(action.host) ?? []).filter((time) => time > at - ACTION_WINDOW_MS);
    recent.push(at);
    remember(this.#actions, action.host, recent);
    if (action.kind === 'load') remember(this.#loads, action.model, at);
  }

  /** @returns ms until the pair may be tried again, 0 when it went well */
  end(action: PlacementAction, result: ActionResult, at: number): number {
    if (this.#pending.get(action.host) === action) this.#pending.delete(action.host);
    const pair = this.#pair(action.host, action.model);
    if (result === 'skipped') {
      // It never reached the host, so it is none of the host's actions.
      this.#actions.get(action.host)?.pop();
      pair.retryAt = at + SKIP_RETRY_MS;
      return SKIP_RETRY_MS;
    }
    if (result === 'failed') {
      const waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** pair.failures);
      pair.failures += 1;
      pair.retryAt = at + waitMs;
      return waitMs;
    }
    pair.failures = 0;
    this.#done(action, pair, at);
    return 0;
  }

  #done(action: PlacementAction, pair: Pair, at: number): void {
    const key = pairKey(action.host, action.model);
    if (action.pinned) remember(this.#held, key, { host: action.host, model: action.model });
    else this.#held.delete(key);
    if (action.kind === 'let-go') {
      pair.letGoAt = at;
      return;
    }
    pair.touchedAt = at;
    if (action.kind !== 'load') return;
    // Gone soon after the load before this one, and not because we wanted its memory.
    const again = pair.letGoAt < pair.loadedAt && at - pair.loadedAt < 2 * pair.returnMs;
    pair.returnMs = again ? Math.min(MAX_RETURN_MS, 2 * pair.returnMs) : RETURN_MS;
    pair.loadedAt = at;
    pair.protectedUntil = at + Math.max(PROTECT_MS, PROTECT_LOADS * action.loadMs);
    for (const victim of action.victims) this.#pair(action.host, victim).letGoAt = at;
  }

  #pair(host: string, model: string): Pair {
    const key = pairKey(host, model);
    const pair = this.#pairs.get(key) ?? newPair();
    remember(this.#pairs, key, pair);
    return pair;
  }
}
