/** Monotonic time in milliseconds. Never wall time: a clock that jumps must not open a breaker or expire a lease. */
export interface Clock {
  now(): number;
}

/** The process's own monotonic clock. */
export const systemClock: Clock = { now: () => performance.now() };

/** A clock that moves only when told to; for tests, examples and the simulator. */
export class ManualClock implements Clock {
  #now: number;

  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** Moves time forward by `ms` (≥ 0). */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`a clock moves forward: advance(${ms})`);
    this.#now += ms;
  }
}
