import type { Runner } from '../backends/backend.ts';
import type { Holders } from '../backends/holders.ts';
import type { Registry } from '../backends/registry.ts';
import type { Demand } from '../core/demand.ts';
import type { Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';
import type { Facts } from '../facts/facts.ts';

/** Those that remember the most of the prompt (routing-science 5.14, as are the other numbers). */
const OWNERS = 4;
/** Of those that have the model in memory and a free slot. */
const WARM = 8;
/** So many of them, and no others are looked at but those that remember the prompt. */
const ENOUGH = 4;
/** Of those that would have to load it: looked at, and taken, idle servers first. */
const COLD_DRAWN = 8;
const COLD = 3;
/** Of those that are full: looked at, and taken, the least work first. They are what a patient request may wait for. */
const BUSY_DRAWN = 10;
const BUSY = 5;
/** For strategies that deal everybody a share: by chance, whatever they are good for. */
const EVEN = 24;
/** Draws per wanted one: in a group of which half is taken already or barred, four find one in fifteen of sixteen cases. */
const DRAWS = 4;
/** How many are looked at to find out that somebody may be asked at all, before everybody is. */
const GLANCES = 16;
/** Looked at together where the shortlist found nobody. */
const CHUNK = 32;
/** Asks that found nobody, of those that wait, between two that look at full runners at all, and at everybody again. */
const LOOK_EVERY = 8;
const SETTLE_EVERY = 256;

/** Many runners that may serve a request, of which a few are looked at. */
export class Crowd {
  /** One per model. */
  readonly pools: readonly Holders[];
  /** Runners of further models of which there are few. */
  readonly few: readonly Runner[];
  /** Whether this request may go there, as far as its own history and the server's routes say. */
  readonly may: (runner: Runner) => boolean;

  constructor(pools: readonly Holders[], few: readonly Runner[], may: (runner: Runner) => boolean) {
    this.pools = pools;
    this.few = few;
    this.may = may;
  }
}

/** Runners that suit equally well: all that may be asked, or a crowd to choose some of them from. */
export type Tier = readonly Runner[] | Crowd;

/**
 * The runners that have one of these models, as a crowd where there are many.
 * @param models by their keys
 * @returns undefined where there are few, or where it takes a look at all of them to tell who may be asked
 */
export const crowdOf = (
  registry: Registry,
  models: readonly string[],
  may: (runner: Runner) => boolean,
  rng: Rng,
): Crowd | undefined => {
  const pools = models.flatMap((model) => registry.holders(model) ?? []);
  if (pools.length === 0) return undefined;
  const few = models.flatMap((model) =>
    registry.holders(model) === undefined ? registry.eligible(model).runners.filter(may) : [],
  );
  return few.length > 0 || pools.some((pool) => isOpen(registry, pool, may, rng))
    ? new Crowd(pools, few, may)
    : undefined;
};

/** Most of those looked at may be asked: where breakers take out many, it takes all of them to say who is asked anyway. */
const isOpen = (registry: Registry, { all }: Holders, may: (runner: Runner) => boolean, rng: Rng): boolean => {
  let open = 0;
  for (let i = 0; i < GLANCES; i++) {
    const runner = all[Math.floor(all.length * rng.next())];
    if (runner !== undefined && registry.takes(runner) && may(runner)) open++;
    if (open > GLANCES / 4) return true;
  }
  return false;
};

/** Chooses whom of a crowd to look at (power of d choices with what is known beforehand). Same draws, same choice. */
export class Shortlist {
  readonly #registry: Registry;
  readonly #facts: Facts;
  readonly #rng: Rng;
  readonly #drawn: Runner[] = [];
  readonly #keys: number[] = [];

  constructor(parts: { readonly registry: Registry; readonly facts: Facts; readonly rng: Rng }) {
    this.#registry = parts.registry;
    this.#facts = parts.facts;
    this.#rng = parts.rng;
  }

  /**
   * Nobody of this crowd has room, and looking closer is not worth while for one that was told so before. Every now and
   * then it is: a full runner may have another slot to be found, and some of those that took nothing may take something.
   */
  hopeless({ pools, few }: Crowd, demand: Demand, at: number): boolean {
    if (few.length > 0 || demand.kind === 'embedding') return false;
    for (const { warm, cold } of pools) if (warm.length > 0 || cold.length > 0) return false;
    let look = false;
    for (const pool of pools) {
      pool.misses++;
      if (pool.misses % SETTLE_EVERY === 0) for (const runner of pool.all) pool.settle(runner, at);
      look ||= pool.misses % LOOK_EVERY === 0;
    }
    return !look;
  }

  /** @param even chance alone decides who is looked at, so that everybody gets an equal part */
  choose(crowd: Crowd, demand: Demand, even: boolean, at: number): readonly Runner[] {
    const into = [...crowd.few];
    const { pools } = crowd;
    if (!even) this.#owners(crowd, demand, into);
    for (const pool of pools) {
      const share = 1 / pools.length;
      if (even) this.#some(crowd, pool.all, Math.ceil(EVEN * share), into);
      const warm = this.#some(crowd, pool.warm, Math.ceil((even ? 1 : WARM) * share), into);
      // With a choice of those that can start at once nobody gains by a load, or by waiting where nothing is remembered.
      if (warm >= ENOUGH * share) continue;
      this.#best(crowd, pool.cold, [COLD_DRAWN * share, (even ? 1 : COLD) * share], bustle, at, into);
      if (!even) this.#best(crowd, pool.busy, [BUSY_DRAWN * share, BUSY * share], workLeft, at, into);
    }
    return into;
  }

  /**
   * Takes those out of the groups that the outlook found to take nothing whoever asks, until something happens at their
   * servers: the next request need not look at them.
   * @returns how many
   */
  learn(runners: readonly Runner[], outlook: Outlook, at: number): number {
    let closed = 0;
    for (let i = 0; i < runners.length; i++) {
      const runner = runners[i];
      const { holders, standing, facts } = runner ?? {};
      if (runner === undefined || holders === undefined || facts === undefined || outlook.ready[i] === 1) continue;
      if (standing !== 'warm' && standing !== 'cold') continue;
      holders.settle(runner, at);
      // One that is in memory and not full may only have the wrong shape for this request.
      const closes = facts.host.saturatedUntil > at || (runner.standing === 'cold' && facts.works.length === 0);
      if (closes) holders.put(runner, 'out');
      if (runner.standing !== standing) closed++;
    }
    return closed;
  }

  /** All who may have room, by and by: for a request for which the shortlist found nobody. */
  *rest({ pools, may }: Crowd): IterableIterator<readonly Runner[]> {
    for (const pool of pools) {
      // Copies, because whoever is looked at moves.
      const maybe = [...pool.warm, ...pool.cold];
      for (let from = 0; from < maybe.length; from += CHUNK) {
        const chunk = maybe.slice(from, from + CHUNK).filter((runner) => this.#takes(runner) && may(runner));
        if (chunk.length > 0) yield chunk;
      }
    }
  }

  #owners({ pools, may }: Crowd, { marks }: Demand, into: Runner[]): void {
    let found = 0;
    this.#facts.remembering(marks, ({ host, model }) => {
      if (!pools.some((pool) => pool.model === model)) return true;
      const runner = this.#registry.get(host.id)?.runners.get(model);
      if (runner?.holders === undefined || into.includes(runner) || !this.#takes(runner) || !may(runner)) return true;
      into.push(runner);
      found++;
      return found < OWNERS;
    });
  }

  /** Draws some of a group. @returns how many */
  #some({ may }: Crowd, group: readonly Runner[], wanted: number, into: Runner[]): number {
    let found = 0;
    const all = group.length <= wanted;
    // From the end: one that turns out to take nothing leaves the group, and the last one takes its place.
    for (let left = all ? group.length : DRAWS * wanted; left > 0 && found < wanted; left--) {
      const runner = group[all ? left - 1 : Math.floor(group.length * this.#rng.next())];
      if (runner === undefined || into.includes(runner) || !this.#takes(runner) || !may(runner)) continue;
      into.push(runner);
      found++;
    }
    return found;
  }

  /** Draws some of a group and takes those for which `key` is lowest. @param counts drawn, taken */
  #best(
    crowd: Crowd,
    group: readonly Runner[],
    [drawn, taken]: readonly [number, number],
    key: (runner: Runner, at: number) => number,
    at: number,
    into: Runner[],
  ): void {
    const pool = this.#drawn;
    const keys = this.#keys;
    pool.length = 0;
    this.#some(crowd, group, Math.ceil(drawn), pool);
    keys.length = 0;
    for (const runner of pool) keys.push(key(runner, at));
    for (let n = Math.ceil(taken); n > 0; n--) {
      let best = -1;
      for (let i = 0; i < pool.length; i++) {
        const own = keys[i] ?? Infinity;
        if (own < (best < 0 ? Infinity : (keys[best] ?? Infinity))) best = i;
      }
      const runner = pool[best];
      if (runner === undefined) return;
      keys[best] = Infinity;
      if (!into.includes(runner)) into.push(runner);
    }
  }

  /** Whether anything keeps requests from a runner; one that is kept from is not drawn again until something happens. */
  #takes(runner: Runner): boolean {
    if (this.#registry.takes(runner)) return true;
    runner.holders?.put(runner, 'out');
    return false;
  }
}

/** Requests under way on the whole server. */
const bustle = ({ backend }: Runner): number => backend.inflight;

/** ms of work that a runner has before it, by its slots. */
const workLeft = ({ facts }: Runner, at: number): number => {
  if (facts === undefined) return 0;
  let sum = 0;
  for (const work of facts.works) sum += work.remainingMs(at);
  return sum / Math.max(1, facts.limit);
};
