import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import type { Seen } from './backend.ts';

/** Asks one backend how it is and what it has; `close` lets go of the connection it keeps for that. */
export interface Probe {
  /** @param brief what is installed need not be asked again: the last list of it stands */
  look(timeoutMs: number, brief: boolean): Promise<Seen>;
  close(): void;
}

export interface ProberOptions {
  readonly backend: string;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Whether requests of ours run there: what it has in memory may change any moment then. */
  readonly busy: () => boolean;
  /** @param askedAt ms on the Clock at which the look began */
  readonly observe: (seen: Seen, askedAt: number) => void;
}

/** Spread of the interval, so that many probers do not beat in step. */
const JITTER = 0.2;
/** Between two looks at a server that works, what is installed aside: routing-science, 5.1. */
const BUSY_INTERVAL_MS = 2_000;
/** After a miss the next look comes sooner, so that `unhealthy_after` misses are found in seconds. */
const SUSPECT_INTERVAL_MS = 1_000;
/** Looks asked for from outside (a failed request, an unknown model) come at most this often. */
const MIN_GAP_MS = 500;

/** Looks at one backend in a jittered loop, on its own connection, one look at a time. */
export class Prober {
  readonly #options: ProberOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  #lastStart = Number.NEGATIVE_INFINITY;
  #lastThorough = Number.NEGATIVE_INFINITY;
  #missed = false;
  #stopped = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** The first look, at once; the loop goes on from there. */
  start(): Promise<void> {
    return this.#look(true);
  }

  /**
   * A look out of turn. Joins the one under way; does nothing within half a second of the last one.
   * @returns when the look is over
   */
  now(): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    if (this.#options.clock.now() - this.#lastStart < MIN_GAP_MS) return Promise.resolve();
    return this.#look(true);
  }

  /**
   * A look that begins after this call, however short ago the last one was: what it finds is not older than the call.
   * Whoever asks while one is under way shares the next, so that there is never more than one at a time.
   */
  fresh(): Promise<void> {
    if (this.#running === undefined) return this.#look(true);
    this.#following ??= this.#running.then(() => {
      this.#following = undefined;
      return this.#stopped ? undefined : this.#look(true);
    });
    return this.#following;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#options.probe.close();
  }

  #look(thorough: boolean): Promise<void> {
    clearTimeout(this.#timer);
    const askedAt = this.#options.clock.now();
    this.#lastStart = askedAt;
    if (thorough) this.#lastThorough = askedAt;
    this.#running = this.#options.probe
      .look(this.#options.timeoutMs, !thorough)
      .catch((error: unknown): Seen => ({ up: false, error: errorText(error) }))
      .then((seen) => {
        this.#running = undefined;
        if (this.#stopped) return;
        this.#missed = !seen.up;
        this.#options.observe(seen, askedAt);
        this.#plan();
      });
    return this.#running;
  }

  #plan(): void {
    const { intervalMs, rng, busy } = this.#options;
    const soon = this.#missed ? SUSPECT_INTERVAL_MS : busy() ? BUSY_INTERVAL_MS : intervalMs;
    const wait = Math.min(intervalMs, soon) * (1 + JITTER * (rng.next() - 0.5));
    this.#timer = setTimeout(() => void this.#look(this.#missed || this.#isDue()), wait);
    this.#timer.unref();
  }

  /** Whether the next look is the last one within an interval of the last thorough one. */
  #isDue(): boolean {
    const { intervalMs, clock } = this.#options;
    return clock.now() - this.#lastThorough + BUSY_INTERVAL_MS / 2 >= intervalMs;
  }
}
