import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';
import { ClassShares } from './class-shares.ts';
import { OrderedList } from './ordered-list.ts';
import type { Flow } from './tenants.ts';
import type { Waiter } from './waiter.ts';

/** The waiters of one class in one lane. */
export class LaneClass {
  /** Those who come back from a backend that failed, in the order in which they came back. */
  readonly returning = new OrderedList<Waiter>();
  /** Everybody else by tenant, least served first. */
  readonly flows = new OrderedList<Flow>();
  /** The same by the tenant's name. */
  readonly byTenant = new Map<string, Flow>();
  size = 0;
}

/** The waiters of one model. Those who have not been served yet all want the same places. */
export class Lane {
  readonly name: string;
  readonly classes: Readonly<Record<PriorityClass, LaneClass>> = {
    interactive: new LaneClass(),
    normal: new LaneClass(),
    batch: new LaneClass(),
  };
  readonly shares = new ClassShares();
  size = 0;
  /** Number of the last walk in which it was full. */
  closedIn = -1;
  /** Number of the last walk that asked those who lean again, and how many of each class leaned since then. */
  epoch = -1;
  /** ms on the Clock of the last such walk that was for everybody, and not for one place that became free. */
  epochAt = -Infinity;
  readonly leaning: Record<PriorityClass, number> = { interactive: 0, normal: 0, batch: 0 };

  constructor(name: string) {
    this.name = name;
  }

  /**
   * A walk that asks again begins.
   * @param at ms on the Clock, where it asks everybody; undefined where it is for one place
   */
  renew(walk: number, at: number | undefined): void {
    this.epoch = walk;
    if (at !== undefined) this.epochAt = at;
    for (const each of PRIORITY_CLASSES) this.leaning[each] = 0;
  }
}
