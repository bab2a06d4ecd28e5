import type { ProxyError } from '../core/errors.ts';
import type { PriorityClass } from '../core/types.ts';
import type { Entrant, Leaning } from './entrant.ts';
import type { Lane } from './lane.ts';
import type { Slot } from './ordered-list.ts';
import type { Flow } from './tenants.ts';

/** What asking a waiter came to; where it started, the function that tells whoever it belongs to. */
export type Begun = 'full' | Leaning | (() => void);

/** One request that waits. */
export class Waiter {
  readonly entrant: Entrant;
  readonly arrivedAt: number;
  /** Asks for a place. @param last it will not be asked again @throws whatever makes waiting pointless */
  readonly begin: (last: boolean) => Begun;
  /** Tells its owner that it waits no more and has no place. */
  readonly refuse: (error: ProxyError) => void;
  /** The class in which it waits: its own, or a higher one after a promotion. */
  priority: PriorityClass;
  /** ms on the Clock since when it waits in this class. */
  since: number;
  /** Numbers of walks: the last in which it was asked, and the last in which it leaned; -1 = none. */
  askedIn = -1;
  leanedIn = -1;
  /** Where it leaned when it was asked last; undefined = nowhere. */
  lean: Leaning | undefined;
  /** Where it stands; undefined when it waits no more. */
  place: Place | undefined;
  cancelTimer: () => void = () => {};

  constructor(
    entrant: Entrant,
    arrivedAt: number,
    begin: (last: boolean) => Begun,
    refuse: (error: ProxyError) => void,
  ) {
    this.entrant = entrant;
    this.arrivedAt = arrivedAt;
    this.begin = begin;
    this.refuse = refuse;
    this.priority = entrant.priority;
    this.since = arrivedAt;
  }
}

/** Where a waiter stands. */
export interface Place {
  readonly lane: Lane;
  /** Undefined for one who comes back: those wait in a line of their own. */
  readonly flow: Flow | undefined;
  readonly slot: Slot<Waiter>;
  /** In the line by age, from which it is promoted. */
  readonly age: Slot<Waiter>;
}
