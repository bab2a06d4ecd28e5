import { DecayedMean, readMean, type SavedMean } from './decayed.ts';
import { Saved } from './saved.ts';
import type { Estimate, RunnerSlots } from './types.ts';

/** Nobody runs more on one model, and each probe costs somebody a wait. */
const MOST_SLOTS = 64;

/** After finding that there is no further slot: a server is started anew with other settings now and then, not often. */
const FIRST_RETRY_MS = 600_000;
const LAST_RETRY_MS = 7_200_000;

/** Contradictions in a row that lower a limit: a single late start may have had another cause. */
const STRIKES = 2;

/** For people: how much evidence there is of late. */
const EVIDENCE_TAU_MS = 7_200_000;

/** Plain data for JSON. */
export interface SavedRunnerSlots {
  readonly proven: number;
  /** null = no wait was ever seen. */
  readonly ceiling: number | null;
  readonly ceilingAgeMs: number;
  readonly retryMs: number;
  readonly evidence: SavedMean | null;
}
export interface SavedHostSlots {
  readonly version: 1;
  readonly proven: number;
  readonly runners: readonly (SavedRunnerSlots & { readonly model: string })[];
}

/**
 * How many requests each model of one host works on at a time. OLLAMA_NUM_PARALLEL holds for the whole server, so what
 * one runner proves is where the others start; but embedders and some families get one slot whatever is set
 * (server/sched.go at v0.33), so what speaks against it counts for that runner only.
 */
export class HostSlots {
  /** The most that any runner was seen to work on at once, ≥ 1. */
  proven = 1;
  #configured: number | 'auto';

  /** @param configured slots as the operator states them, ≥ 1: taken as exact; `auto` = to be learned */
  constructor(configured: number | 'auto') {
    this.#configured = configured;
  }

  get configured(): number | 'auto' {
    return this.#configured;
  }

  /** What was learned stays, and counts again after a change back to `auto`. */
  configure(configured: number | 'auto'): void {
    this.#configured = configured;
  }

  /** A new runner; the host keeps no hold of it. */
  runner(): LearnedSlots {
    return new LearnedSlots(this);
  }

  /** @param runners this host's, by model */
  snapshot(runners: ReadonlyMap<string, LearnedSlots>, at: number): SavedHostSlots {
    return {
      version: 1,
      proven: this.proven,
      runners: Array.from(runners, ([model, runner]) => ({ model, ...runner.snapshot(at) })),
    };
  }

  /**
   * Takes over a snapshot as if it had been made at `at`.
   * @returns new runners for the saved models, to be used from now on instead of earlier ones
   * @throws {SavedFactsError} if it is none; nothing changes then.
   */
  restore(snapshot: unknown, at: number, path = 'slots'): Map<string, LearnedSlots> {
    const saved = new Saved(snapshot, path);
    saved.version(1);
    const proven = saved.field('proven').whole(1, MOST_SLOTS);
    const runners = new Map<string, LearnedSlots>();
    for (const item of saved.field('runners').list()) {
      const runner = this.runner();
      runner.restore(readRunnerSlots(item), at);
      runners.set(item.field('model').text(), runner);
    }
    this.proven = proven;
    return runners;
  }
}

/** Slots of one model on one host. Made by `HostSlots.runner`. All O(1), nothing is allocated. */
export class LearnedSlots implements RunnerSlots {
  readonly #host: HostSlots;
  /** The most that this runner was seen to work on at once. */
  #proven = 1;
  /** Slots after which a further request was seen to wait; Infinity = none was. */
  #ceiling = Number.POSITIVE_INFINITY;
  #ceilingAt = 0;
  /** ms from `#ceilingAt` to the next probe. */
  #retryMs = FIRST_RETRY_MS;
  #strikes = 0;
  /** The most slots that the contradictions in a row leave possible. */
  #struckAt = 0;
  readonly #evidence = new DecayedMean(EVIDENCE_TAU_MS);

  constructor(host: HostSlots) {
    this.#host = host;
  }

  limit(_at: number): number {
    const { configured } = this.#host;
    return configured === 'auto' ? this.#learned() : configured;
  }

  mayProbe(at: number): boolean {
    if (this.#host.configured !== 'auto' || this.#strikes > 0) return false;
    const limit = this.#learned();
    return limit < MOST_SLOTS && (limit < this.#ceiling || at - this.#ceilingAt >= this.#retryMs);
  }

  /**
   * `running` requests of this runner were worked on at the same time: seen from first bytes, or from the durations in
   * final records. Proves at least so many slots.
   */
  overlapped(running: number, at: number): void {
    const seen = Math.min(MOST_SLOTS, Math.floor(running));
    if (!(seen > 1)) return; // one at a time is what any runner does
    this.#evidence.add(seen, at);
    if (seen > this.#struckAt) this.#pardon();
    if (seen > this.#ceiling) {
      this.#ceiling = Number.POSITIVE_INFINITY;
      this.#retryMs = FIRST_RETRY_MS;
    }
    this.#proven = Math.max(this.#proven, seen);
    this.#host.proven = Math.max(this.#host.proven, seen);
  }

  /**
   * A request that was sent while `running` (≥ 1) others were at work on this runner only started when one of them
   * ended. Shows that there is no slot beyond `running`.
   */
  blocked(running: number, at: number): void {
    const seen = Math.min(MOST_SLOTS, Math.floor(running));
    if (!(seen >= 1)) return;
    this.#evidence.add(seen, at);
    if (seen > this.#ceiling) return; // nothing new: no slot beyond fewer is known already
    if (seen >= this.#learned()) {
      this.#close(seen, at);
      return;
    }
    this.#struckAt = this.#strikes === 0 ? seen : Math.max(this.#struckAt, seen);
    this.#strikes++;
    if (this.#strikes < STRIKES) return;
    // What this runner itself had proven holds no longer, so the server must have been started with fewer slots.
    if (this.#proven > this.#struckAt) this.#host.proven = Math.min(this.#host.proven, this.#struckAt);
    this.#proven = Math.min(this.#proven, this.#struckAt);
    this.#close(this.#struckAt, at);
    this.#pardon();
  }

  /** The limit, with the observations of the last hours behind it. */
  estimate(at: number): Estimate {
    return this.#evidence.estimate(at, this.limit(at));
  }

  snapshot(at: number): SavedRunnerSlots {
    return {
      proven: this.#proven,
      ceiling: Number.isFinite(this.#ceiling) ? this.#ceiling : null,
      ceilingAgeMs: Math.min(LAST_RETRY_MS, Math.max(0, at - this.#ceilingAt)),
      retryMs: this.#retryMs,
      evidence: this.#evidence.save(at),
    };
  }

  /** Takes over checked data as if it had been saved at `at`. */
  restore(saved: SavedRunnerSlots, at: number): void {
    this.#proven = saved.proven;
    this.#ceiling = saved.ceiling ?? Number.POSITIVE_INFINITY;
    this.#ceilingAt = at - saved.ceilingAgeMs;
    this.#retryMs = Math.min(LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, saved.retryMs));
    this.#evidence.load(saved.evidence, at);
    this.#pardon();
  }

  #learned(): number {
    return Math.min(Math.max(this.#proven, this.#host.proven), this.#ceiling);
  }

  /** No slot beyond `slots`, until it is tried again; each time that it was tried in vain, after twice as long. */
  #close(slots: number, at: number): void {
    const again = slots === this.#ceiling && at - this.#ceilingAt >= this.#retryMs;
    if (slots !== this.#ceiling) this.#retryMs = FIRST_RETRY_MS;
    else if (again) this.#retryMs = Math.min(LAST_RETRY_MS, 2 * this.#retryMs);
    this.#ceiling = slots;
    this.#ceilingAt = at;
  }

  #pardon(): void {
    this.#strikes = 0;
    this.#struckAt = 0;
  }
}

/** Checks what `LearnedSlots.snapshot` gave. @throws {SavedFactsError} */
export const readRunnerSlots = (saved: Saved): SavedRunnerSlots => {
  const ceiling = saved.field('ceiling');
  return {
    proven: saved.field('proven').whole(1, MOST_SLOTS),
    ceiling: ceiling.absent ? null : ceiling.whole(1, MOST_SLOTS),
    ceilingAgeMs: saved.field('ceilingAgeMs').amount(),
    retryMs: saved.field('retryMs').amount(),
    evidence: readMean(saved.field('evidence')),
  };
};
