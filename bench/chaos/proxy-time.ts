import type { Clock } from '../../src/core/clock.ts';
import type { Cancel, Scheduler } from '../../src/sim/model/scheduler.ts';

/** Two times this close are the same one: sums of floating-point ms differ in their last digits. */
const SAME_MS = 1e-6;

/**
 * Time as the process of the proxy sees it. The process can be stopped for a while: what reaches it meanwhile, from the
 * network or from its own timers, it sees all at once when it goes on. Its monotonic clock has gone on (a stopped
 * process) or has not (a machine that slept).
 */
export class ProxyTime implements Clock {
  readonly #world: Scheduler;
  #slept = 0;
  #stopped = false;
  #late: (() => void)[] = [];

  constructor(world: Scheduler) {
    this.#world = world;
  }

  now(): number {
    return this.#world.now() - this.#slept;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** As setTimeout: never early by the process's own clock, and late where the process did not run. */
  readonly schedule = (ms: number, run: () => void): Cancel => {
    const due = this.now() + Math.max(0, ms);
    let cancelled = false;
    const fire = (): void => {
      if (cancelled) return;
      const left = due - this.now();
      if (this.#stopped) this.#late.push(fire);
      else if (left > SAME_MS) this.#world.at(this.#world.now() + left, fire);
      else run();
    };
    this.#world.at(this.#world.now() + Math.max(0, ms), fire);
    return () => {
      cancelled = true;
    };
  };

  /** Something reaches the process: it sees it now, or when it goes on. */
  reach(run: () => void): void {
    if (this.#stopped) this.#late.push(run);
    else run();
  }

  /**
   * Stops the process; does nothing where it is stopped already.
   * @param counts whether its monotonic clock goes on meanwhile
   */
  stop(ms: number, counts: boolean, goesOn: () => void): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#world.at(this.#world.now() + ms, () => {
      this.#stopped = false;
      if (!counts) this.#slept += ms;
      goesOn();
      const late = this.#late;
      this.#late = [];
      for (const run of late) run();
    });
  }
}
