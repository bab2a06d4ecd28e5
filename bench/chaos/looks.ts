import type { Seen } from '../../src/backends/backend.ts';
import type { Rng } from '../../src/core/rng.ts';
import type { ChaosServer } from './server.ts';
import type { ProxyTime } from './proxy-time.ts';

/** As the proxy's prober: its rhythm, and one look at a time. */
const INTERVAL_MS = 5_000;
const TIMEOUT_MS = 2_000;
const JITTER = 0.2;
const SUSPECT_INTERVAL_MS = 1_000;
const MIN_GAP_MS = 500;

/** Looks at one server in a jittered loop, and out of turn when somebody asks. */
export class Looks {
  readonly #server: ChaosServer;
  readonly #time: ProxyTime;
  readonly #rng: Rng;
  readonly #observe: (seen: Seen, askedAt: number) => void;
  #cancel = (): void => {};
  #running = false;
  #lastStart = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** Who waits for the look under way, and for the one after it. */
  #waiting: (() => void)[] = [];
  #following: (() => void)[] = [];

  constructor(server: ChaosServer, time: ProxyTime, rng: Rng, observe: (seen: Seen, askedAt: number) => void) {
    this.#server = server;
    this.#time = time;
    this.#rng = rng;
    this.#observe = observe;
  }

  start(): void {
    this.#look();
  }

  /** Joins the look under way; nothing within half a second of the last one. @param done told when it is over */
  now(done: () => void = () => {}): void {
    if (this.#running) this.#waiting.push(done);
    else if (this.#time.now() - this.#lastStart < MIN_GAP_MS) done();
    else {
      this.#waiting.push(done);
      this.#look();
    }
  }

  /** A look that begins after this call. */
  fresh(done: () => void): void {
    if (this.#running) {
      this.#following.push(done);
      return;
    }
    this.#waiting.push(done);
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #look(): void {
    this.#cancel();
    const askedAt = this.#time.now();
    this.#lastStart = askedAt;
    this.#running = true;
    this.#server.look(TIMEOUT_MS, (seen) => {
      this.#running = false;
      const told = this.#waiting;
      this.#waiting = this.#following;
      this.#following = [];
      if (!this.#stopped) {
        this.#observe(seen, askedAt);
        if (!this.#running && this.#waiting.length > 0) this.#look();
        else if (!this.#running) this.#plan(seen.up);
      }
      for (const done of told) done();
      if (this.#stopped) for (const done of this.#waiting.splice(0)) done();
    });
  }

  #plan(up: boolean): void {
    const base = up ? INTERVAL_MS : SUSPECT_INTERVAL_MS;
    this.#cancel = this.#time.schedule(base * (1 + JITTER * (this.#rng.next() - 0.5)), () => this.#look());
  }
}
