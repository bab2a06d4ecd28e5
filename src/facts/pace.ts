import { DecayedMean, readMean, type SavedMean } from './decayed.ts';
import type { Saved } from './saved.ts';
import type { Estimate } from './types.ts';

/** Speeds change with neighbours, drivers and heat within minutes; samples are 10 s to minutes apart. */
export const SPEED_TAU_MS = 600_000;

/** A change shows in some thirty samples, however many came before it. */
export const SPEED_CAP = 30;

/** How many samples a prior is worth: a handful of own ones outweighs it (routing-science 5.1). */
export const PRIOR_SAMPLES = 3;

/** The level that a runner is compared with to notice that something broke: hours, so that a bad minute is not the norm. */
const USUAL_TAU_MS = 7_200_000;
const USUAL_CAP = 100;

/** So much faster or slower than known is another thing than noise: a reused prompt, or a GPU that is gone. */
const ANOTHER_THING = 4;

/** Samples that a level must stand on before anything is held against it. */
const WELL_KNOWN = 3;

/** Samples in a row until a runner counts as slowed, or as recovered. */
const TURN = 3;

/** Samples in a row that look like reused prompts until they are believed to be the speed. */
const BELIEVED = 10;

/** After this long without a sample the suspicion says nothing any more; three times the time that speeds are kept. */
const STALE_MS = 3 * SPEED_TAU_MS;

export interface SavedPace {
  readonly recent: SavedMean | null;
  readonly usual: SavedMean | null;
  readonly slowed: boolean;
}

/** Checks a saved pace. @throws {SavedFactsError} */
export const readPace = (saved: Saved): SavedPace => ({
  recent: readMean(saved.field('recent')),
  usual: readMean(saved.field('usual')),
  slowed: saved.field('slowed').flag(),
});

/**
 * Time per token of one runner, whatever the unit: the recent mean, and the usual level over hours against which a
 * sudden change shows. A runner that turned slow or recovered starts its recent mean anew, so that the forecast follows
 * in three samples and not in thirty.
 */
export class Pace {
  readonly #recent = new DecayedMean(SPEED_TAU_MS, SPEED_CAP);
  readonly #usual = new DecayedMean(USUAL_TAU_MS, USUAL_CAP);
  #slowed = false;
  /** Samples in a row that speak against `#slowed`. */
  #against = 0;
  #hits = 0;
  #slowestHit = 0;

  /** Shrunk to what others have (`prior`). */
  value(prior: number, at: number): number {
    return this.#recent.shrunk(prior, PRIOR_SAMPLES, at);
  }

  estimate(at: number, value: number): Estimate {
    return this.#recent.estimate(at, value);
  }

  /**
   * What to take a reading time for: the sample itself, or undefined where it is so fast that part of the prompt must
   * have been remembered. After ten of these in a row the slowest of them is believed, being the one with the least
   * reuse, and all that was known is dropped.
   */
  believe(sample: number, at: number): number | undefined {
    const raised = sample * ANOTHER_THING;
    // One that was slowed and recovers is much faster than of late, but not than usual: that is no reuse.
    const tooFast =
      this.#recent.samples(at) >= WELL_KNOWN &&
      raised <= this.#recent.value &&
      (this.#usual.samples(at) < WELL_KNOWN || raised <= this.#usual.value);
    if (!tooFast) {
      this.#hits = 0;
      return sample;
    }
    this.#slowestHit = this.#hits === 0 ? sample : Math.max(sample, this.#slowestHit);
    this.#hits++;
    if (this.#hits < BELIEVED) return undefined;
    this.#hits = 0;
    this.#recent.clear();
    this.#usual.clear();
    return this.#slowestHit;
  }

  /** Adds a sample > 0 of `weight` > 0. */
  add(sample: number, at: number, weight: number): void {
    const slow = this.#usual.samples(at) >= WELL_KNOWN && sample >= ANOTHER_THING * this.#usual.value;
    // Slow samples never enter the usual level: it stays what the runner could do, until it is forgotten.
    if (!slow) this.#usual.add(sample, at, weight);
    this.#against = slow === this.#slowed ? 0 : this.#against + 1;
    if (this.#against === TURN) {
      this.#slowed = slow;
      this.#against = 0;
      this.#recent.clear();
    }
    this.#recent.add(sample, at, weight);
  }

  /** Whether it takes at least four times as long as usual, by three samples in a row, the last one not long ago. */
  slowed(at: number): boolean {
    return this.#slowed && (this.#recent.age(at) ?? STALE_MS) < STALE_MS;
  }

  save(at: number): SavedPace {
    return { recent: this.#recent.save(at), usual: this.#usual.save(at), slowed: this.#slowed };
  }

  load(saved: SavedPace, at: number): void {
    this.#recent.load(saved.recent, at);
    this.#usual.load(saved.usual, at);
    this.#slowed = saved.slowed;
    this.#against = 0;
    this.#hits = 0;
  }
}
