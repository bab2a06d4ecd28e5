import type { Schedule } from '../core/beat.ts';
import type { Clock } from '../core/clock.ts';
import { errorText, ProxyError } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import type { PriorityClass } from '../core/types.ts';
import type { Entrant, Start } from './entrant.ts';
import { listTenants, listWaiting, type TenantView, type WaitingView } from './listing.ts';
import { Promised, type Listener } from './promised.ts';
import { WaitingQueue } from './queue.ts';
import { predictWait, refusal, type Line } from './refusals.ts';
import { chargeOf, ServiceBook, type Served } from './service-book.ts';
import { fullSettings, type FullSettings, type GateSettings } from './settings.ts';
import { StartRates } from './start-rates.ts';
import { Waiter, type Begun } from './waiter.ts';
import { Walk, type WalkPlan } from './walk.ts';

export type { GateSettings } from './settings.ts';

/** What of an `AbortSignal` is used here; one listener at a time. */
export interface LeaveSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(event: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(event: 'abort', listener: () => void): void;
}

/**
 * ms for which those who lean are not asked again unless a place became free. Where they lean hardly changes in that
 * time, and at a thousand arrivals per second asking all of them each time would be all that the process does.
 */
const LEANING_RESTS_MS = 20;
/** Of those who lean so many of each class are asked again in one walk (routing-science §7: the first 32 of each class). */
const WALK_DEPTH = 32;
/** The same where one place became free: so many of those who are next, and so many of those who lean on that very one. */
const HEAD_DEPTH = 8;
/** Those who lean that are counted after a walk: beyond, another one makes no difference to anybody. */
const MOST_KEPT = 2_048;

/**
 * The door to the backends. A request starts in the tick in which it arrives, or waits and starts in the tick in which
 * it is given a place. Who is asked first: queue.ts and walk.ts. What may wait at all: refusals.ts.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #rng: Rng;
  readonly #queue: WaitingQueue;
  readonly #rates = new StartRates();
  readonly #book: ServiceBook;
  #settings: FullSettings;
  #line: Line;
  /** Number of the last walk. */
  #walks = 0;
  #busy = false;
  #again = false;
  #promotions = 0;
  #shed = 0;

  /** @param rng decides who is shed */
  constructor(clock: Clock, schedule: Schedule, settings: GateSettings, rng: Rng) {
    this.#clock = clock;
    this.#schedule = schedule;
    this.#rng = rng;
    this.#settings = fullSettings(settings);
    this.#queue = new WaitingQueue(this.#settings.order);
    this.#book = new ServiceBook(this.#queue.tenants);
    this.#line = { queue: this.#queue, rates: this.#rates, settings: this.#settings };
  }

  /** Takes over new settings; those who wait stay, and keep the longest wait that they came in with. */
  configure(settings: GateSettings): void {
    this.#settings = fullSettings(settings);
    this.#line = { queue: this.#queue, rates: this.#rates, settings: this.#settings };
    this.#queue.setOrder(this.#settings.order);
  }

  /**
   * Runs `start` now, or when it is this request's turn and there is a place for it.
   * @param start asked for a place any number of times until it has one; it may announce room, but enter nobody.
   *   Asked with `true` it is for the last time, and a place to lean on is no use any more: what is free is to be taken.
   *   What it throws ends the wait: a ProxyError as it is, anything else as an `internal` one
   * @param on told once what came of it, maybe before this returns: `refused` with what `start` threw, `queue_full`,
   *   `queue_timeout` or `deadline_exceeded`; nothing after the returned function was called
   * @returns leaves the queue; any number of times, and after the end it does nothing
   */
  enter<T>(entrant: Entrant, start: (last: boolean) => Start<T>, on: Listener<T>): () => void {
    const begin = (last: boolean): Begun => {
      const answer = start(last);
      if (answer.kind === 'started') return () => on.started(answer.value);
      return answer.kind === 'full' ? 'full' : answer;
    };
    const at = this.#clock.now();
    const waiter = new Waiter(entrant, at, begin, (error) => on.refused(error));
    const answer = this.#arrive(waiter, at);
    if (answer !== 'over' && this.#mayWait(waiter, at, answer === 'full')) this.#push(waiter, at);
    // What the newcomer's own start announced had to wait until it stood in line.
    if (this.#again && !this.#busy) this.#run(undefined, true);
    return () => void this.#remove(waiter);
  }

  /**
   * `enter` as a promise; the value itself where the request starts at once.
   * @param signal the client's: when it fires the place is given up, and the promise rejects with its reason
   * @throws ProxyError where it is refused at once
   */
  wait<T>(entrant: Entrant, start: (last: boolean) => Start<T>, signal: LeaveSignal): Promise<T> | T {
    const end = new Promised<T>();
    const leave = this.enter(entrant, start, end);
    return end.result(() => {
      const onAbort = (): void => {
        leave();
        end.refused(signal.reason);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      return () => signal.removeEventListener('abort', onAbort);
    });
  }

  /**
   * Room has appeared: whoever can start now does, in order.
   * @param lane the only one for which there is more room than before; all of them if left out
   * @param at where there is more room, as those who lean there name it: of those who lean elsewhere only the first in
   *   line are asked again. Left out = anywhere
   */
  pump(lane?: string, at?: string): void {
    this.#run(lane, true, at);
  }

  /** Something may have changed: as `pump`, but those who lean are left in peace if they were asked a moment ago. */
  poke(lane?: string, at?: string): void {
    this.#run(lane, false, at);
  }

  /**
   * What a request that has started really took. Its tenant was charged the prompt as foreseen and is now charged what
   * was served. To be told once for each entrant that started; without it the estimate stands.
   * @param served undefined where the request failed: its tenant gets the charge back
   */
  settle(entrant: Entrant, served: Served | undefined): void {
    this.#book.settle(entrant, served);
  }

  /** ms that a request would wait if it came now and found no place; undefined = nobody has had to wait there lately. */
  predictedWaitMs(entrant: Entrant): number | undefined {
    return predictWait(this.#line, entrant, this.#clock.now());
  }

  /** How many wait in a class, those included who were promoted to it. */
  depth(priority: PriorityClass): number {
    return this.#queue.depth(priority);
  }

  /** How many wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** Bytes that waiting requests hold. */
  get bytes(): number {
    return this.#queue.bytes;
  }

  /** Since the start: requests moved up a class, and requests turned away to keep waits short. */
  get counts(): { readonly promotions: number; readonly shed: number } {
    return { promotions: this.#promotions, shed: this.#shed };
  }

  /** Who waits: by class, the longest waiting in it first. */
  waiting(limit: number): readonly WaitingView[] {
    return listWaiting(this.#queue, this.#clock.now(), limit);
  }

  /** What tenants were served, those who wait first. */
  tenants(limit: number): readonly TenantView[] {
    return listTenants(this.#queue, limit);
  }

  // ---- arriving ----

  /** Asks for a place for a newcomer, after those of its lane who wait: room may have come unannounced. */
  #arrive(waiter: Waiter, at: number): 'over' | 'full' | 'leaning' {
    const { entrant } = waiter;
    const within = this.#busy;
    const lane = this.#queue.lanes.get(entrant.lane);
    if (lane !== undefined && within) {
      // In the middle of a walk it can only get in line; another walk follows before this tick is over.
      this.#again = true;
      return 'leaning';
    }
    if (lane !== undefined) {
      this.#run(lane.name, false);
      // The others in the lane wanted the same places.
      if (!entrant.returning && lane.closedIn === this.#walks) return 'full';
    } else if (!within) {
      this.#settings.hooks.walkBegins(entrant.lane);
    }
    this.#busy = true;
    const begun = this.#begin(waiter);
    this.#busy = within;
    if (begun instanceof ProxyError) {
      waiter.refuse(begun);
      return 'over';
    }
    if (begun === 'full') return 'full';
    if (typeof begun !== 'function') {
      waiter.leanedIn = this.#walks;
      waiter.lean = begun;
      return 'leaning';
    }
    this.#rates.started(entrant.lane, at);
    this.#book.charge(entrant, entrant.priority);
    begun();
    return 'over';
  }

  #begin(waiter: Waiter, last = false): Begun | ProxyError {
    try {
      return waiter.begin(last);
    } catch (error) {
      return error instanceof ProxyError ? error : new ProxyError('internal', errorText(error), { cause: error });
    }
  }

  #mayWait(waiter: Waiter, at: number, saturated: boolean): boolean {
    if (waiter.entrant.returning) return true;
    const refused = refusal(this.#line, waiter.entrant, at, this.#rng, saturated);
    if (refused === undefined) return true;
    // It leans: there is a place after all, if not the best one.
    if (!saturated && this.#lastChance(waiter)) return false;
    if (refused.shed) this.#shed++;
    waiter.refuse(refused.error);
    return false;
  }

  #push(waiter: Waiter, at: number): void {
    const lane = this.#queue.push(waiter);
    if (lane.size === 1) {
      this.#rates.busy(lane.name, true, at);
      // Nobody else leans here: what the newcomer found is all there is to know for a moment.
      lane.renew(this.#walks, at);
    }
    const untilDeadline = waiter.entrant.deadline - at;
    const { maxWaitMs } = this.#settings;
    waiter.cancelTimer = this.#schedule(Math.max(0, Math.min(maxWaitMs, untilDeadline)), () => {
      if (waiter.lean !== undefined && this.#lastChance(waiter)) return;
      if (!this.#remove(waiter)) return;
      waiter.refuse(
        untilDeadline < maxWaitMs
          ? new ProxyError('deadline_exceeded', 'the deadline passed while the request waited for a free slot')
          : new ProxyError('queue_timeout', `no slot became free within ${maxWaitMs} ms (queue.max_wait)`),
      );
    });
  }

  /**
   * Whoever leans and may wait no longer takes what is free: what it leans on was foreseen wrongly, or takes too long.
   * @returns whether its wait has come to its end by that
   */
  #lastChance(waiter: Waiter): boolean {
    if (this.#busy) return false;
    const { entrant, priority } = waiter;
    this.#busy = true;
    const begun = this.#begin(waiter, true);
    this.#busy = false;
    if (begun === 'full') return false;
    if (begun instanceof ProxyError) {
      this.#remove(waiter);
      waiter.refuse(begun);
      return true;
    }
    if (typeof begun !== 'function') return false;
    this.#rates.started(entrant.lane, this.#clock.now());
    this.#book.charge(entrant, priority);
    this.#remove(waiter);
    begun();
    return true;
  }

  /** @returns false where it does not wait any more */
  #remove(waiter: Waiter): boolean {
    const lane = waiter.place?.lane;
    if (lane === undefined) return false;
    waiter.cancelTimer();
    this.#queue.remove(waiter);
    if (lane.size === 0) this.#rates.busy(lane.name, false, this.#clock.now());
    return true;
  }

  // ---- walking ----

  /** Walks, and again if room was announced on the way: by one who took a place and is still in line. */
  #run(only: string | undefined, room: boolean, freed?: string): void {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      let moved = this.#walk(only, room, freed);
      // A start that announces room and takes none would go on for ever: once more is enough to find what it announced.
      for (let more = true; this.#again && more;) {
        this.#again = false;
        more = moved;
        moved = this.#walk(undefined, true);
        more ||= moved;
      }
    } finally {
      this.#again = false;
      this.#busy = false;
    }
  }

  /** @returns whether anybody's wait came to its end */
  #walk(only: string | undefined, room: boolean, freed?: string): boolean {
    if (this.#queue.size === 0) return false;
    const at = this.#clock.now();
    const { promoteAfterMs, hooks } = this.#settings;
    this.#promotions += this.#queue.promote(at, promoteAfterMs);
    const id = ++this.#walks;
    const light = !room && this.#askedLately(only, at);
    if (!light) {
      for (const lane of this.#queue.lanes.values()) {
        if (only === undefined || lane.name === only) lane.renew(id, freed === undefined ? at : undefined);
      }
      hooks.walkBegins(only);
    }
    const head = freed === undefined ? WALK_DEPTH : HEAD_DEPTH;
    const mayStart =
      freed === undefined ? undefined : (lane: string): boolean => hooks.mayStart?.(lane, freed) !== false;
    let moved = this.#pass({ id, light, depth: head, only, leansOn: undefined, mayStart }, at);
    if (light) return moved;
    if (freed !== undefined) {
      this.#keepLeans(id, only, freed);
      if (this.#pass({ id, light, depth: HEAD_DEPTH, only, leansOn: freed, mayStart }, at)) moved = true;
    }
    this.#keepLeans(id, only, undefined);
    return moved;
  }

  #pass(plan: WalkPlan, at: number): boolean {
    const walk = new Walk(this.#queue, this.#settings.classWeights, plan);
    let moved = false;
    for (let waiter = walk.next(); waiter !== undefined; waiter = walk.next()) {
      if (this.#ask(waiter, walk, at)) moved = true;
    }
    return moved;
  }

  /** Those who lean and were not asked in this walk go on leaning where they did: whoever is asked after them must know. */
  #keepLeans(id: number, only: string | undefined, except: string | undefined): void {
    let left = MOST_KEPT;
    for (const waiter of this.#queue.waiters()) {
      if (left-- === 0) return;
      const { lean, askedIn, leanedIn } = waiter;
      if (lean === undefined || askedIn === id || leanedIn === id) continue;
      if (only !== undefined && waiter.entrant.lane !== only) continue;
      if (except !== undefined && lean.on === except) continue;
      waiter.leanedIn = id;
      lean.keep?.();
    }
  }

  #askedLately(only: string | undefined, at: number): boolean {
    if (only !== undefined) return at - (this.#queue.lanes.get(only)?.epochAt ?? -Infinity) < LEANING_RESTS_MS;
    for (const { epochAt } of this.#queue.lanes.values()) if (at - epochAt >= LEANING_RESTS_MS) return false;
    return true;
  }

  #ask(waiter: Waiter, walk: Walk, at: number): boolean {
    const begun = this.#begin(waiter);
    waiter.lean = undefined;
    if (begun === 'full') {
      walk.full(waiter);
      return false;
    }
    if (begun instanceof ProxyError) {
      if (this.#remove(waiter)) waiter.refuse(begun);
      return true;
    }
    if (typeof begun !== 'function') {
      waiter.lean = begun;
      walk.leaning(waiter, chargeOf(waiter.entrant));
      return false;
    }
    walk.started(waiter);
    this.#rates.started(waiter.entrant.lane, at);
    this.#book.charge(waiter.entrant, waiter.priority);
    this.#remove(waiter);
    begun();
    return true;
  }
}
