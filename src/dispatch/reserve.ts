import { FULL, LEANING, type Leaning, type Start } from '../admission/entrant.ts';
import type { Runner } from '../backends/backend.ts';
import type { Lease, Registry } from '../backends/registry.ts';
import type { Clock } from '../core/clock.ts';
import type { Demand } from '../core/demand.ts';
import type { Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';
import type { Choice, Ranking, Strategy, TaskFacts } from '../core/types.ts';
import type { Facts, Queued } from '../facts/facts.ts';
import { DEALING } from '../routing/index.ts';
import { Crowd, Shortlist, type Tier } from './shortlist.ts';

/** A busy runner must be so many ms better than a free one for a request to wait for it. */
const WORTH_WAITING_MS = 50;
/** A trial for one more slot must have this much to look at: a wait long enough to tell a slot from none. */
const PROBE_LEAST_MS = 400;
/** One that waits has all of a crowd looked at once in so many times, where the last time taught nothing about them. */
const THOROUGH_EVERY = 8;

/** What is asked for, as often as it takes to find a place. */
export interface Wish {
  readonly id: string;
  /** As the client named it. */
  readonly model: string;
  readonly facts: TaskFacts;
  readonly demand: Demand;
  readonly streams: boolean;
  readonly strategy: Strategy;
  /** ms on the Clock since when it waits. */
  readonly since: number;
  /** From 1. A failover does not advance a strategy's cursor: one request, one turn. */
  readonly attempt: number;
  /** How often a place was asked for already; counted here. */
  asked: number;
  /** It is asked for the last time, and takes what is free rather than wait for what is better; set here. */
  last?: boolean;
}

/** A place on a backend, taken. */
export interface Place {
  readonly lease: Lease;
  readonly runner: Runner;
  readonly why: string;
  /** Which of the tiers it came from. */
  readonly tier: number;
}

type Taken = Omit<Place, 'tier'>;
/** A place, or none, or there is one and waiting is better all the same. */
type Found = Taken | Leaning | undefined;

/** A decision, to be looked at in the same tick: the outlook is filled anew for the next one. */
export interface Decision {
  readonly wish: Wish;
  readonly runners: readonly Runner[];
  readonly outlook: Outlook | undefined;
  /** Row of the runner that was taken, or is waited for. */
  readonly chosen: number;
  readonly at: number;
}

export interface ReserverParts {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly clock: Clock;
  readonly rng: Rng;
  /** The queue of the proxy, for the price of work. */
  readonly queue: () => Queued;
  /** Told of every place that was taken, and of the first decision of a request that has to wait. */
  readonly decided?: (decision: Decision) => void;
}

/**
 * Takes a place for a request in one tick: foresees, ranks, and takes the best, unless waiting for a busy one is better.
 * The proxy and the simulator route through this same object.
 */
export class Reserver {
  readonly #parts: ReserverParts;
  readonly #shortlist: Shortlist;

  constructor(parts: ReserverParts) {
    this.#parts = parts;
    this.#shortlist = new Shortlist(parts);
  }

  /**
   * @param tiers the runners that may serve it; a later tier is asked only when nobody of an earlier one has room
   * @param last waiting is out of the question
   * @returns a place; FULL when there is none now; LEANING when there is one but a busy runner will serve it sooner
   */
  reserve(wish: Wish, tiers: readonly Tier[], last = false): Start<Place> {
    wish.last = last;
    const at = this.#parts.clock.now();
    let leaning: Leaning | undefined;
    for (let tier = 0; tier < tiers.length; tier++) {
      const given = tiers[tier];
      if (given === undefined) continue;
      const found = given instanceof Crowd ? this.#fromCrowd(wish, given, at) : this.#fromAll(wish, given, at);
      if (found === undefined) continue;
      if (!('kind' in found)) {
        const { lease, runner, why } = found;
        return { kind: 'started', value: { lease, runner, why, tier } };
      }
      leaning ??= found;
    }
    wish.asked++;
    return leaning ?? FULL;
  }

  #fromAll(wish: Wish, runners: readonly Runner[], at: number): Found {
    if (runners.length === 0) return undefined;
    const outlook = this.#foresee(wish, runners, at);
    const found = this.#decide(wish, runners, outlook, at, wish.asked === 0);
    return found ?? (outlook && someMayStart(runners, outlook, at) ? LEANING : undefined);
  }

  /** Looks at a shortlist, and at everybody who may have room only where that has none. */
  #fromCrowd(wish: Wish, crowd: Crowd, at: number): Found {
    const shortlist = this.#shortlist;
    const again = wish.asked > 0;
    if (again && shortlist.hopeless(crowd, wish.demand, at)) return undefined;
    const few = shortlist.choose(crowd, wish.demand, DEALING.has(wish.strategy.name), at);
    let mayStart = false;
    let news = 0;
    if (few.length > 0) {
      const outlook = this.#foresee(wish, few, at);
      const found = this.#decide(wish, few, outlook, at, !again);
      if (found !== undefined || outlook === undefined) return found;
      mayStart = someMayStart(few, outlook, at);
      news = shortlist.learn(few, outlook, at);
    }
    // Where only the shape is wrong nothing is learned, and looking at all of them each time would be too much.
    const thorough = news > 0 || !again || wish.asked % THOROUGH_EVERY === 0;
    for (const chunk of thorough ? shortlist.rest(crowd) : []) {
      const outlook = this.#foresee(wish, chunk, at);
      if (outlook === undefined) break;
      const found = anyReady(outlook) ? this.#decide(wish, chunk, outlook, at, false) : undefined;
      if (found !== undefined) return found;
      mayStart ||= someMayStart(chunk, outlook, at);
      shortlist.learn(chunk, outlook, at);
    }
    return mayStart ? LEANING : undefined;
  }

  /** undefined where one of them runs nothing of its server. The same object each time. */
  #foresee(wish: Wish, runners: readonly Runner[], at: number): Outlook | undefined {
    const { facts, queue } = this.#parts;
    const tracked = tracks(runners);
    return tracked && facts.foresee(wish.demand, tracked, at, queue(), at - wish.since);
  }

  /** @param note tell of it although the request has to wait */
  #decide(wish: Wish, runners: readonly Runner[], outlook: Outlook | undefined, at: number, note: boolean): Found {
    const { rng } = this.#parts;
    const ranking = wish.strategy.rank(wish.facts, runners, { at, rng, outlook });
    if (outlook === undefined) return this.#blind(wish, runners, ranking, at);
    const found = this.#withOutlook(wish, runners, ranking, outlook, at);
    if (note && (found === undefined || 'kind' in found)) this.#mustWait(wish, runners, ranking, outlook, at);
    return found;
  }

  #mustWait(wish: Wish, runners: readonly Runner[], ranking: Ranking, outlook: Outlook, at: number): void {
    const best = ranking.at(0);
    if (best !== undefined) this.#parts.decided?.({ wish, runners, outlook, chosen: rowOf(runners, best), at });
  }

  /** Without a forecast whoever has room first takes it. */
  #blind(wish: Wish, runners: readonly Runner[], ranking: Ranking, at: number): Taken | undefined {
    for (let i = 0; i < ranking.size; i++) {
      const choice = ranking.at(i);
      const taken = choice && this.#take(wish, runners, undefined, choice, at, false);
      if (taken !== undefined) return taken;
    }
    return undefined;
  }

  #withOutlook(wish: Wish, runners: readonly Runner[], ranking: Ranking, outlook: Outlook, at: number): Found {
    const best = ranking.at(0);
    if (best === undefined) return undefined;
    const bestRow = rowOf(runners, best);
    if (outlook.ready[bestRow] === 1) {
      const taken = this.#take(wish, runners, outlook, best, at, false);
      if (taken !== undefined) return taken;
    }
    const patient = wish.strategy.patient === true && wish.last !== true;
    if (anyReady(outlook)) {
      for (let i = 0; i < ranking.size; i++) {
        const choice = ranking.at(i);
        if (choice === undefined || outlook.ready[rowOf(runners, choice)] !== 1) continue;
        if (patient && choice !== best && choice.cost > best.cost + WORTH_WAITING_MS) {
          return this.#probe(wish, runners, outlook, best, at) ?? this.#lean(runners[bestRow], outlook, bestRow);
        }
        const taken = this.#take(wish, runners, outlook, choice, at, false);
        if (taken !== undefined) return taken;
      }
    }
    return this.#probe(wish, runners, outlook, best, at);
  }

  #lean(runner: Runner | undefined, outlook: Outlook, row: number): Leaning {
    const leansOn = runner?.facts;
    if (leansOn === undefined) return LEANING;
    const ms = ownWorkMs(outlook, row);
    const keep = (): void => this.#parts.facts.lean(leansOn, ms);
    keep();
    return { kind: 'leaning', on: leansOn.host.id, keep };
  }

  /**
   * One more than the known slots, where that would teach whether there is another one: the request would wait for this
   * very runner anyway, so all it gives up is its freedom to go elsewhere meanwhile.
   */
  #probe(wish: Wish, runners: readonly Runner[], outlook: Outlook, choice: Choice, at: number): Taken | undefined {
    const row = rowOf(runners, choice);
    const facts = runners[row]?.facts;
    if (facts === undefined || (outlook.load[row] ?? 0) > 0 || facts.host.saturatedUntil > at) return undefined;
    if (facts.works.length !== facts.limit || !facts.slots.mayProbe(at)) return undefined;
    const first = (outlook.prefill[row] ?? 0) * (outlook.slowdown[row] ?? 1);
    if ((outlook.wait[row] ?? 0) < 2 * first + PROBE_LEAST_MS) return undefined;
    return this.#take(wish, runners, outlook, choice, at, true);
  }

  #take(
    wish: Wish,
    runners: readonly Runner[],
    outlook: Outlook | undefined,
    choice: Choice,
    at: number,
    probing: boolean,
  ): Taken | undefined {
    const { registry, facts, decided } = this.#parts;
    const row = rowOf(runners, choice);
    const runner = runners[row];
    if (runner === undefined) return undefined;
    // The reason is read before the lease changes what it speaks of.
    const { why } = choice;
    const cold = (outlook?.load[row] ?? 0) > 0;
    const expected = runner.facts && outlook && facts.expectation(runner.facts, row, cold);
    const lease = registry.tryAcquire(runner, {
      demand: wish.demand,
      streams: wish.streams,
      expected,
      room: outlook?.ready[row] === 1 || probing,
    });
    if (lease === undefined) return undefined;
    decided?.({ wish, runners, outlook, chosen: row, at });
    if (wish.attempt === 1) wish.strategy.chosen?.(runner, runners);
    return { lease, runner, why };
  }
}

/** ms that a request will keep the runner of this row busy. */
const ownWorkMs = (o: Outlook, i: number): number =>
  (o.load[i] ?? 0) + ((o.prefill[i] ?? 0) + (o.decode[i] ?? 0)) * (o.slowdown[i] ?? 1);

const rowOf = (runners: readonly Runner[], { candidate }: Choice): number => runners.indexOf(candidate as Runner);

const anyReady = (outlook: Outlook): boolean => {
  for (let i = 0; i < outlook.size; i++) if (outlook.ready[i] === 1) return true;
  return false;
};

/**
 * This request would have to have the model loaded in another shape, and has to wait for that; those behind it in the
 * queue may ask for the shape that is in memory, so it must not speak for them.
 */
const someMayStart = (runners: readonly Runner[], outlook: Outlook, at: number): boolean => {
  for (let i = 0; i < runners.length; i++) {
    const facts = runners[i]?.facts;
    if (facts === undefined || outlook.load[i] === 0 || facts.works.length >= facts.limit) continue;
    const { host, model } = facts;
    if (host.residency.holds(model, at) && host.saturatedUntil <= at) return true;
  }
  return false;
};

type Tracked = Runner & { readonly facts: NonNullable<Runner['facts']> };

/** The runners as ones with facts, if all have them. */
const tracks = (runners: readonly Runner[]): readonly Tracked[] | undefined => {
  for (const { facts } of runners) if (facts === undefined) return undefined;
  return runners as readonly Tracked[];
};
