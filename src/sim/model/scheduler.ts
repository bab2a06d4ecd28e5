/** Takes a planned event back. Calling it twice, or after the event, does nothing. */
export type Cancel = () => void;

/** Time as the behaviour model sees it: virtual in benchmarks, bound to the wall clock behind the HTTP face. */
export interface Scheduler {
  /** ms since an arbitrary start; never goes back. */
  now(): number;
  /** Runs `run` once when the time has come; a time in the past means as soon as possible, never synchronously. */
  at(timeMs: number, run: () => void): Cancel;
}

interface Planned {
  readonly time: number;
  readonly order: number;
  run: (() => void) | undefined;
}

const before = (a: Planned, b: Planned): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

/**
 * Virtual time: a binary heap of events, ordered by time and, for equal times, by the order of planning, so that a run
 * repeats exactly. A cancelled event stays in the heap, empty, until its time comes.
 */
export class VirtualTime implements Scheduler {
  readonly #heap: Planned[] = [];
  #now: number;
  #order = 0;

  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  at(timeMs: number, run: () => void): Cancel {
    const planned: Planned = { time: Math.max(timeMs, this.#now), order: this.#order++, run };
    this.#push(planned);
    return () => {
      planned.run = undefined;
    };
  }

  /** The time of the next event that still counts, undefined if nothing is planned. */
  next(): number | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return undefined;
      if (top.run !== undefined) return top.time;
      this.#pop();
    }
  }

  /** Runs everything due up to and including `untilMs` in order, then stands there (at the last event for Infinity). */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const time = this.next();
      if (time === undefined || time > untilMs) break;
      this.#now = time;
      this.#pop()?.run?.();
    }
    if (untilMs !== Number.POSITIVE_INFINITY) this.#now = Math.max(this.#now, untilMs);
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.push(planned) - 1;
    while (index > 0) {
      const up = (index - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !before(planned, parent)) break;
      heap[index] = parent;
      index = up;
    }
    heap[index] = planned;
  }

  #pop(): Planned | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let smaller = heap[child];
      if (smaller === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, smaller)) {
        child += 1;
        smaller = right;
      }
      if (!before(smaller, last)) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}
