import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';
import { ClassCursor, levelOf, type WalkState } from './class-cursor.ts';
import type { ClassWeights } from './class-shares.ts';
import type { Lane } from './lane.ts';
import type { WaitingQueue } from './queue.ts';
import type { Waiter } from './waiter.ts';

const perClass = <T>(make: (priority: PriorityClass) => T): Record<PriorityClass, T> => ({
  interactive: make('interactive'),
  normal: make('normal'),
  batch: make('batch'),
});

/** Whom one lane would have asked next, and which of its classes could have been. */
class LaneCursor {
  readonly lane: Lane;
  readonly open = perClass(() => false);
  candidate: Waiter | undefined;
  /** Something was answered since the candidate was looked up. */
  stale = true;
  readonly #classes: Readonly<Record<PriorityClass, ClassCursor>>;

  constructor(lane: Lane, walk: WalkState) {
    this.lane = lane;
    this.#classes = perClass((priority) => new ClassCursor(lane, priority, walk));
  }

  look(weights: ClassWeights, mayStart: WalkPlan['mayStart']): Waiter | undefined {
    if (!this.stale) return this.candidate;
    this.stale = false;
    this.candidate = undefined;
    if (mayStart?.(this.lane.name) === false) return undefined;
    const heads = perClass((priority) => this.#classes[priority].peek());
    for (const each of PRIORITY_CLASSES) this.open[each] = heads[each] !== undefined;
    const turn = this.lane.shares.next(this.open, weights);
    this.candidate = turn === undefined ? undefined : heads[turn];
    return this.candidate;
  }
}

/** Who is to be asked in a walk. */
export interface WalkPlan extends Pick<WalkState, 'id' | 'light' | 'depth' | 'leansOn'> {
  /** The one lane to look at; undefined = all of them. */
  readonly only: string | undefined;
  /** Lanes for which there can be no place are left out; undefined = none. */
  readonly mayStart: ((lane: string) => boolean) | undefined;
}

/**
 * One pass over those who wait, in the order in which they are to start: each lane offers whoever is next in it, by
 * class and then by tenant; among the lanes the classes take turns again, and within a class the least served tenant is
 * next, wherever it waits. The same waiter is offered once.
 *
 * A request that leans counts for the rest of the walk as if it had started: its class has had the turn and its tenant
 * the tokens. So the walk asks in the order in which places would really be given, and a tenant with many waiting does
 * not use up the depth of the walk alone.
 */
export class Walk implements WalkState {
  readonly id: number;
  readonly light: boolean;
  readonly depth: number;
  readonly leansOn: string | undefined;
  readonly leaned = perClass(() => 0);
  readonly returned = perClass(() => 0);
  readonly #queue: WaitingQueue;
  readonly #weights: ClassWeights;
  readonly #only: string | undefined;
  readonly #mayStart: WalkPlan['mayStart'];
  readonly #open = perClass(() => false);
  #cursors: LaneCursor[] = [];
  #version = -1;
  #turn: LaneCursor | undefined;

  constructor(queue: WaitingQueue, weights: ClassWeights, { id, light, depth, only, leansOn, mayStart }: WalkPlan) {
    this.#queue = queue;
    this.#weights = weights;
    this.id = id;
    this.light = light;
    this.depth = depth;
    this.leansOn = leansOn;
    this.#only = only;
    this.#mayStart = mayStart;
    queue.shares.begin();
    for (const lane of this.#lanes()) lane.shares.begin();
  }

  /** Who is to be asked now. Its answer has to be told before the next one is asked for. */
  next(): Waiter | undefined {
    if (this.#version !== this.#queue.version) this.#lookAgain();
    let open = 0;
    for (const each of PRIORITY_CLASSES) this.#open[each] = false;
    for (const cursor of this.#cursors) {
      const candidate = cursor.look(this.#weights, this.#mayStart);
      if (candidate === undefined) continue;
      this.#cursors[open++] = cursor;
      this.#open[candidate.priority] = true;
    }
    this.#cursors.length = open;
    const turn = this.#queue.shares.next(this.#open, this.#weights);
    this.#turn = undefined;
    for (const cursor of this.#cursors) {
      if (cursor.candidate?.priority !== turn) continue;
      if (this.#turn === undefined || this.#goesFirst(cursor, this.#turn)) this.#turn = cursor;
    }
    const waiter = this.#turn?.candidate;
    if (waiter === undefined) return undefined;
    waiter.askedIn = this.id;
    if (waiter.entrant.returning) this.returned[waiter.priority]++;
    return waiter;
  }

  /** The waiter that was asked found no place. Whoever has not been served yet speaks for all such in its lane. */
  full({ entrant }: Waiter): void {
    if (this.#turn === undefined) return;
    this.#turn.stale = true;
    if (!entrant.returning) this.#turn.lane.closedIn = this.id;
  }

  /**
   * The waiter that was asked leans on a busy place.
   * @param cost what its tenant will be charged when it starts
   */
  leaning(waiter: Waiter, cost: number): void {
    const { priority, place, entrant } = waiter;
    waiter.leanedIn = this.id;
    if (this.#turn === undefined) return;
    this.#turn.lane.shares.lean(priority, this.#turn.open, this.#weights);
    this.#queue.shares.lean(priority, this.#open, this.#weights);
    if (!entrant.returning) {
      this.leaned[priority]++;
      this.#turn.lane.leaning[priority]++;
    }
    const account = place?.flow?.account;
    if (account !== undefined) {
      account.leaned = levelOf(account, this.id) + cost - account.counter;
      account.leanedIn = this.id;
    }
    // A tenant that leans here comes later in other lanes as well.
    for (const cursor of this.#cursors) cursor.stale = true;
  }

  /** The waiter that was asked has a place: the turn is paid for. */
  started({ priority }: Waiter): void {
    if (this.#turn === undefined) return;
    this.#turn.lane.shares.charge(priority, this.#turn.open, this.#weights);
    this.#queue.shares.charge(priority, this.#open, this.#weights);
  }

  *#lanes(): IterableIterator<Lane> {
    if (this.#only === undefined) {
      yield* this.#queue.lanes.values();
      return;
    }
    const lane = this.#queue.lanes.get(this.#only);
    if (lane !== undefined) yield lane;
  }

  #lookAgain(): void {
    this.#version = this.#queue.version;
    this.#cursors = [...this.#lanes()].map((lane) => new LaneCursor(lane, this));
  }

  /** Between two lanes whose next ones are of the same class. */
  #goesFirst(cursor: LaneCursor, before: LaneCursor): boolean {
    const [a, b] = [cursor.candidate, before.candidate];
    if (a === undefined || b === undefined) return false;
    if (a.entrant.returning !== b.entrant.returning) return a.entrant.returning;
    const [left, right] = [this.#level(a), this.#level(b)];
    if (left !== right) return left < right;
    return (a.place?.slot.key ?? 0) < (b.place?.slot.key ?? 0);
  }

  #level({ place }: Waiter): number {
    const account = place?.flow?.account;
    return account === undefined ? 0 : levelOf(account, this.id);
  }
}
