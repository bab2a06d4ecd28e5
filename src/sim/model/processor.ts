import type { Cancel, Scheduler } from './scheduler.ts';

/** One request's present piece of work on the machine. */
export interface Work {
  /** ms of work left as if alone. */
  remaining: number;
  since: number;
  done: () => void;
  cancel: Cancel | undefined;
}

/**
 * The machine's compute, shared by every busy request: with k of them each takes 1 + c·(k − 1) times as long.
 * Work is only re-planned when k changes, so a request costs a handful of events however many tokens it writes.
 */
export class Processor {
  readonly #clock: Scheduler;
  readonly #slowdown: number;
  readonly #active = new Set<Work>();
  #handicap = 1;

  constructor(clock: Scheduler, slowdown: number) {
    this.#clock = clock;
    this.#slowdown = slowdown;
  }

  get busy(): number {
    return this.#active.size;
  }

  /** Everything takes so many times as long from now on, > 0; 1 = as usual. */
  set handicap(factor: number) {
    this.#settle();
    this.#handicap = factor;
    this.#plan();
  }

  /** Nothing of it is done until it is resumed. */
  suspend(work: Work): void {
    this.leave(work);
  }

  /** One that was suspended goes on where it was. */
  resume(work: Work): void {
    this.#settle();
    work.since = this.#clock.now();
    this.#active.add(work);
    this.#plan();
  }

  /** Joins the machine with `ms` of work. `done` must lead to `next` or `leave` before it returns. */
  enter(ms: number, done: () => void): Work {
    const work: Work = { remaining: ms, since: this.#clock.now(), done, cancel: undefined };
    this.#settle();
    this.#active.add(work);
    this.#plan();
    return work;
  }

  /** The same request goes on with its next piece. */
  next(work: Work, ms: number, done: () => void): void {
    work.remaining = ms;
    work.done = done;
    work.since = this.#clock.now();
    this.#arm(work, this.#factor());
  }

  /** Cuts the present piece down to what is left of its current unit of `unitMs`. */
  finishUnit(work: Work, unitMs: number): void {
    this.#advance(work, this.#factor());
    work.remaining %= unitMs;
    this.#arm(work, this.#factor());
  }

  leave(work: Work): void {
    if (!this.#active.has(work)) return;
    this.#settle();
    work.cancel?.();
    this.#active.delete(work);
    this.#plan();
  }

  #factor(): number {
    return this.#handicap * (1 + this.#slowdown * Math.max(0, this.#active.size - 1));
  }

  #advance(work: Work, factor: number): void {
    const now = this.#clock.now();
    work.remaining = Math.max(0, work.remaining - (now - work.since) / factor);
    work.since = now;
  }

  #settle(): void {
    const factor = this.#factor();
    for (const work of this.#active) this.#advance(work, factor);
  }

  #plan(): void {
    const factor = this.#factor();
    for (const work of this.#active) this.#arm(work, factor);
  }

  #arm(work: Work, factor: number): void {
    work.cancel?.();
    work.cancel = this.#clock.at(work.since + work.remaining * factor, () => work.done());
  }
}
