import type { Rng } from './rng.ts';

/** Sets a timer and gives back what cancels it. */
export type Schedule = (ms: number, run: () => void) => () => void;

/** Spread of the intervals, so that several proxies in front of one pool do not act in step. */
const JITTER = 0.2;

/** Does something again and again, about every so many ms: 0.9 to 1.1 times that, anew each time. */
export class Beat {
  readonly #intervalMs: number;
  readonly #rng: Rng;
  readonly #schedule: Schedule;
  readonly #run: () => void;
  #cancel: (() => void) | undefined;

  /** @param intervalMs > 0 @param run must not throw: the beat would end with it */
  constructor(intervalMs: number, rng: Rng, schedule: Schedule, run: () => void) {
    this.#intervalMs = intervalMs;
    this.#rng = rng;
    this.#schedule = schedule;
    this.#run = run;
  }

  /** Runs first after one interval; does nothing while it beats. */
  start(): void {
    if (this.#cancel === undefined) this.#next();
  }

  /** Runs no more until it is started again. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #next(): void {
    const wait = this.#intervalMs * (1 + JITTER * (this.#rng.next() - 0.5));
    this.#cancel = this.#schedule(wait, () => {
      // The next one is set first, so that a run may stop the beat.
      this.#next();
      this.#run();
    });
  }
}
