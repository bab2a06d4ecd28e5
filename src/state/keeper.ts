import { errorText } from '../core/errors.ts';
import type { Log } from '../core/types.ts';
import type { LoadedState, StateEntry, StateStore } from './store.ts';

/** So much learning a crash may cost. */
const BEAT_MS = 10_000;
/** After failures, and where writing is slow, it is tried less often, but every five minutes at least. */
const MOST_PAUSE_MS = 300_000;
/** Of the time no more than a fiftieth goes into writing, however much there is to write and however slow the disk. */
const LEAST_PAUSES = 50;
/** An exit waits this long for the last write: a disk that hangs must not hold the process up. */
const LAST_MS = 5_000;

export interface KeeperParts {
  readonly store: StateStore;
  /** Everything known now, made one by one while it is written. */
  readonly capture: () => Iterable<StateEntry>;
  readonly log: Log;
  /** A write ended. */
  readonly ended: (result: 'written' | 'failed') => void;
  /** Runs something later and gives back how to call it off; a timer that holds no process up unless given. */
  readonly schedule?: (ms: number, run: () => void) => () => void;
  /** Monotonic ms; the process's own unless given. */
  readonly now?: () => number;
}

const later = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
};

/**
 * Writes what was learned into a store: every ten seconds when something has changed, more seldom where that
 * takes long, and once at the end. A store that cannot be written is said once, tried again with growing pauses, and
 * costs nothing else.
 */
export class Keeper {
  readonly #parts: KeeperParts;
  readonly #schedule: (ms: number, run: () => void) => () => void;
  #callOff: () => void = () => undefined;
  #running = false;
  readonly #now: () => number;
  #changed = false;
  /** ms that the last write took. */
  #tookMs = 0;
  /** Writes that failed in a row. */
  #failures = 0;
  #trimmed = false;
  #writing: Promise<void> | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#schedule = parts.schedule ?? later;
    this.#now = parts.now ?? (() => performance.now());
  }

  /** What was saved by an earlier process. Never throws. */
  async load(): Promise<LoadedState | undefined> {
    try {
      return await this.#parts.store.load();
    } catch (error) {
      const { store, log } = this.#parts;
      const message = `state: nothing could be loaded from ${store.where}: ${errorText(error)}; starting without it`;
      log.warn({ event: 'state-unreadable', path: store.where }, message);
      return undefined;
    }
  }

  /** Begins to write. Before this nothing is written, not even at the end. */
  start(): void {
    this.#running = true;
    this.#callOff = this.#schedule(BEAT_MS, () => void this.#beat());
  }

  /** Something was learned that is worth writing. */
  touch(): void {
    this.#changed = true;
  }

  /** Writes now, whatever the beat; waits at most so many ms. Does nothing before `start`. */
  async flush(limitMs = LAST_MS): Promise<void> {
    if (!this.#running) return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    // One that is under way began before what is to be written now.
    const last = Promise.resolve(this.#writing).then(() => this.#write());
    await Promise.race([last, limit]);
    clearTimeout(timer);
  }

  /** The end of the beat without a last write: another process has what was saved, and writes from now on. */
  async abandon(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#callOff();
    await this.#writing;
    await this.#parts.store.close();
  }

  /** The last write, and the end of the beat. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    await this.flush();
    this.#running = false;
    this.#callOff();
    await this.#parts.store.close();
  }

  async #beat(): Promise<void> {
    if (this.#changed) await this.#write();
    if (!this.#running) return;
    const backoff = Math.min(MOST_PAUSE_MS, BEAT_MS * 2 ** this.#failures);
    const pause = Math.max(backoff, Math.min(MOST_PAUSE_MS, LEAST_PAUSES * this.#tookMs));
    this.#callOff = this.#schedule(pause, () => void this.#beat());
  }

  #write(): Promise<void> {
    this.#writing ??= this.#save().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #save(): Promise<void> {
    const { store, capture, log, ended } = this.#parts;
    this.#changed = false;
    const began = this.#now();
    try {
      const { bytes, dropped } = await store.save(capture());
      if (bytes > 0) ended('written');
      if (this.#failures > 0) log.info({ event: 'state-recovered' }, `state is written to ${store.where} again`);
      this.#failures = 0;
      if (dropped > 0 && !this.#trimmed) {
        const message = `state: ${store.where} has no room for everything; ${dropped} records used least are left out`;
        log.warn({ event: 'state-trimmed', path: store.where, dropped }, message);
      }
      this.#trimmed = dropped > 0;
    } catch (error) {
      this.#changed = true;
      this.#failures++;
      ended('failed');
      if (this.#failures > 1) return;
      const message = `state: ${store.where} cannot be written: ${errorText(error)}; service goes on, what is learned would be lost at a restart; it is tried again`;
      log.warn({ event: 'state-unwritable', path: store.where }, message);
    } finally {
      this.#tookMs = this.#now() - began;
    }
  }
}
