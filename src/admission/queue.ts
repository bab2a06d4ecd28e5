import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';

/** One request that waits. The queue owns the links; whoever entered it keeps the object to leave again. */
export interface Waiter {
  readonly lane: string;
  readonly priority: PriorityClass;
  /** Goes ahead of those who have not been served yet: it comes back from a backend that failed. */
  readonly returning: boolean;
  /** Tries to start; false = still no room. Called in order, in the tick in which room appeared. */
  tryStart(): boolean;
}

interface Node {
  readonly waiter: Waiter;
  previous: Node | undefined;
  next: Node | undefined;
}

/** First in, first out, with O(1) removal from the middle. */
class Line {
  first: Node | undefined;
  #last: Node | undefined;

  push(waiter: Waiter): Node {
    const node: Node = { waiter, previous: this.#last, next: undefined };
    if (this.#last === undefined) this.first = node;
    else this.#last.next = node;
    this.#last = node;
    return node;
  }

  remove(node: Node): void {
    if (node.previous === undefined) this.first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
  }
}

/** The waiters of one class: those who come back from a backend that failed, and everybody else behind them. */
class Turnstile {
  readonly returning = new Line();
  readonly fresh = new Line();

  get empty(): boolean {
    return this.returning.first === undefined && this.fresh.first === undefined;
  }

  lineOf(waiter: Waiter): Line {
    return waiter.returning ? this.returning : this.fresh;
  }

  /**
   * Starts the first who can start. Those who come back have each their own backends not to ask again, so one that
   * finds no room does not speak for those behind it; the others all want the same, so their first one does.
   */
  startOne(): boolean {
    for (let node = this.returning.first; node !== undefined; node = node.next) {
      if (node.waiter.tryStart()) return true;
    }
    return this.fresh.first?.waiter.tryStart() === true;
  }
}

/** The waiters of one model: a line per class and the credit by which the classes take turns. */
interface Lane {
  readonly lines: Readonly<Record<PriorityClass, Turnstile>>;
  readonly credit: Record<PriorityClass, number>;
  size: number;
}

const newLane = (): Lane => ({
  lines: { interactive: new Turnstile(), normal: new Turnstile(), batch: new Turnstile() },
  credit: { interactive: 0, normal: 0, batch: 0 },
  size: 0,
});

/**
 * The order in which waiting requests start: a lane per model, so that a full model holds up nobody else; in a lane the
 * classes share by smooth weights (the same rule as the round-robin strategy), and within a class first come, first
 * served. Pure: no time, no promise.
 */
export class WaitingQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #depth: Record<PriorityClass, number> = { interactive: 0, normal: 0, batch: 0 };
  #weights: Readonly<Record<PriorityClass, number>>;
  #pumping = false;
  #again = false;

  constructor(weights: Readonly<Record<PriorityClass, number>>) {
    this.#weights = weights;
  }

  setWeights(weights: Readonly<Record<PriorityClass, number>>): void {
    this.#weights = weights;
  }

  get size(): number {
    return this.#depth.interactive + this.#depth.normal + this.#depth.batch;
  }

  depth(priority: PriorityClass): number {
    return this.#depth[priority];
  }

  /** Takes a waiter in; the function that comes back takes it out again and may be called any number of times. */
  push(waiter: Waiter): () => void {
    const lane = this.#lanes.get(waiter.lane) ?? newLane();
    this.#lanes.set(waiter.lane, lane);
    const line = lane.lines[waiter.priority].lineOf(waiter);
    const node = line.push(waiter);
    lane.size++;
    this.#depth[waiter.priority]++;
    let waiting = true;
    return () => {
      if (!waiting) return;
      waiting = false;
      line.remove(node);
      this.#depth[waiter.priority]--;
      lane.size--;
      if (lane.size === 0) this.#lanes.delete(waiter.lane);
    };
  }

  /**
   * Starts whoever can start now, lane by lane, until the first of each lane find no room.
   * @param only the one lane to look at; all of them if left out
   */
  pump(only?: string): void {
    // Taking a place may itself announce room (a breaker turns half-open) while the one who takes it is still in line.
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    try {
      this.#pumpLanes(only === undefined ? [...this.#lanes.keys()] : [only]);
      while (this.#again) {
        this.#again = false;
        this.#pumpLanes([...this.#lanes.keys()]);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #pumpLanes(names: readonly string[]): void {
    for (const name of names) {
      const lane = this.#lanes.get(name);
      if (lane === undefined) continue;
      while (lane.size > 0 && this.#startNext(lane));
    }
  }

  #startNext(lane: Lane): boolean {
    const waiting = PRIORITY_CLASSES.filter((priority) => !lane.lines[priority].empty);
    const byCredit = waiting.toSorted(
      (a, b) => lane.credit[b] + this.#weights[b] - (lane.credit[a] + this.#weights[a]),
    );
    for (const priority of byCredit) {
      if (!lane.lines[priority].startOne()) continue;
      const total = waiting.reduce((sum, each) => sum + this.#weights[each], 0);
      for (const each of waiting) lane.credit[each] += this.#weights[each];
      lane.credit[priority] -= total;
      return true;
    }
    return false;
  }
}
