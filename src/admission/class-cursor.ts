import type { PriorityClass } from '../core/types.ts';
import type { Lane, LaneClass } from './lane.ts';
import type { Slot } from './ordered-list.ts';
import type { Account, Flow } from './tenants.ts';
import type { Waiter } from './waiter.ts';

/** What a walk knows while it goes on. */
export interface WalkState {
  readonly id: number;
  /**
   * Waiters of a class that lean and are asked again at most, and as many of those who come back. Those who find
   * everything full need no bound: the first of them ends its lane.
   */
  readonly depth: number;
  /** Only those who lean on this one are asked; everybody where left out. */
  readonly leansOn: string | undefined;
  /** Those who lean are left in peace where they were asked a moment ago. */
  readonly light: boolean;
  /** How many of each class leaned, and how many who come back were asked, in this walk. */
  readonly leaned: Record<PriorityClass, number>;
  readonly returned: Record<PriorityClass, number>;
}

/** What a tenant was served, with what it leans on in this walk. */
export const levelOf = (account: Account, walk: number): number =>
  account.leanedIn === walk ? account.counter + account.leaned : account.counter;

/** A line of a tenant that already leans in this walk, read as far as its next waiter. */
interface Begun {
  readonly flow: Flow;
  waiter: Slot<Waiter> | undefined;
}

/** Reads one class of one lane in fair order, as long as nobody comes or goes there. */
export class ClassCursor {
  readonly #lane: Lane;
  readonly #priority: PriorityClass;
  readonly #walk: WalkState;
  #returning: Slot<Waiter> | undefined;
  #flow: Slot<Flow> | undefined;
  #begun: Begun[] = [];

  constructor(lane: Lane, priority: PriorityClass, walk: WalkState) {
    const home: LaneClass = lane.classes[priority];
    this.#lane = lane;
    this.#priority = priority;
    this.#walk = walk;
    this.#returning = home.returning.first;
    this.#flow = home.flows.first;
  }

  /** Who is to be asked next; undefined when nobody is left to ask in this walk. */
  peek(): Waiter | undefined {
    const { leaned, returned, id, depth, leansOn } = this.#walk;
    if (returned[this.#priority] < depth) {
      this.#returning = this.#open(this.#returning);
      if (this.#returning !== undefined) return this.#returning.item;
    }
    if (this.#lane.closedIn === id) return undefined;
    const before = leansOn === undefined ? this.#lane.leaning[this.#priority] : 0;
    if (Math.max(leaned[this.#priority], before) >= depth) return undefined;
    return this.#leastServed();
  }

  #leastServed(): Waiter | undefined {
    const { id } = this.#walk;
    let best = this.#untouched();
    let level = best === undefined ? Infinity : levelOf(best.flow.account, id);
    for (const each of this.#begun) {
      each.waiter = this.#open(each.waiter);
      const at = levelOf(each.flow.account, id);
      if (each.waiter === undefined || at > level) continue;
      if (at === level && best?.waiter !== undefined && best.waiter.key <= each.waiter.key) continue;
      best = each;
      level = at;
    }
    return best?.waiter?.item;
  }

  /** The first line whose tenant does not lean yet; those in front of it whose tenant does are put aside. */
  #untouched(): Begun | undefined {
    for (; this.#flow !== undefined; this.#flow = this.#flow.next[0]) {
      const flow = this.#flow.item;
      const waiter = this.#open(flow.waiters.first);
      if (waiter === undefined) continue;
      if (flow.account.leanedIn !== this.#walk.id) return { flow, waiter };
      this.#begun.push({ flow, waiter });
    }
    return undefined;
  }

  /** The first from here on who may be asked in this walk. */
  #open(from: Slot<Waiter> | undefined): Slot<Waiter> | undefined {
    const { id, light, leansOn } = this.#walk;
    let slot = from;
    while (slot !== undefined) {
      const { askedIn, leanedIn, lean } = slot.item;
      const wanted = leansOn === undefined || lean?.on === leansOn;
      if (wanted && askedIn !== id && !(light && leanedIn >= this.#lane.epoch)) return slot;
      slot = slot.next[0];
    }
    return undefined;
  }
}
