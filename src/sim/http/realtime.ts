import { VirtualTime, type Cancel, type Scheduler } from '../model/scheduler.ts';

/**
 * The model's time bound to the wall clock: events run in their exact virtual order and at their exact virtual time, as
 * soon as the wall clock has come that far. So a delayed timer never stretches the times that the model reports.
 */
export class RealTime implements Scheduler {
  readonly #events = new VirtualTime();
  readonly #scale: number;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #running = false;

  /** `scale` wall ms pass per ms of the model, > 0; 0.01 = a hundred times faster than life. */
  constructor(scale: number) {
    if (!(scale > 0)) throw new RangeError(`timeScale must be above 0, got ${scale}`);
    this.#scale = scale;
  }

  now(): number {
    return this.#running ? this.#events.now() : Math.max(this.#events.now(), this.#elapsed());
  }

  at(timeMs: number, run: () => void): Cancel {
    const cancel = this.#events.at(Math.max(timeMs, this.now()), run);
    if (!this.#running && timeMs < this.#armedFor) this.#arm();
    return cancel;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #elapsed(): number {
    return (performance.now() - this.#startedAt) / this.#scale;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#events.next();
    this.#armedFor = next ?? Number.POSITIVE_INFINITY;
    if (next === undefined) return;
    const wallMs = Math.max(0, (next - this.#elapsed()) * this.#scale);
    this.#timer = setTimeout(() => this.#fire(), Math.min(wallMs, 2 ** 31 - 1));
    this.#timer.unref();
  }

  #fire(): void {
    this.#running = true;
    try {
      this.#events.run(this.#elapsed());
    } finally {
      this.#running = false;
      this.#arm();
    }
  }
}
