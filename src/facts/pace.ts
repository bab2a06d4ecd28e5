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
export const ANOTHER_THING = 4;

/** Samples that a level must stand on before anything is held against it. */
const WELL_KNOWN = 3;

/** Samples in a row until a runner counts as slowed, or as recovered. */
export const TURN = 3;

/**
 * What a turn counts for in the recent mean, in samples: three times the prior's. Three in a row that are all four times
 * off are no noise, and the forecast must not be held back by what the others of the pool do.
 */
const TURN_WEIGHT = 9;

/** Samples in a row that look like reused prompts until they are believed to be the speed. */
const BELIEVED = 10;

/** After this long without a sample the suspicion says nothing any more; three times the time that speeds are kept. */
export const STALE_MS = 3 * SPEED_TAU_MS;

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
  #againstSum = 0;
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

  /**
   * Adds a sample > 0 of `weight` > 0.
   * @returns it over the usual level before it; undefined where that is not well known
   */
  add(sample: number, at: number, weight: number): number | undefined {
    const ratio = this.#usual.samples(at) >= WELL_KNOWN ? sample / this.#usual.value : undefined;
    const slow = ratio !== undefined && ratio >= ANOTHER_THING;
    // Slow samples never enter the usual level: it stays what the runner could do, until it is forgotten.
    if (!slow) this.#usual.add(sample, at, weight);
    const same = slow === this.#slowed;
    this.#against = same ? 0 : this.#against + 1;
    this.#againstSum = same ? 0 : this.#againstSum + sample;
    if (this.#against === TURN) this.#turn(slow, this.#againstSum / TURN, at);
    else this.#recent.add(sample, at, weight);
    return ratio;
  }

  /** Others on its host have turned slow by so many times, or recovered: it is taken to have done the same. */
  follow(slow: boolean, factor: number, at: number): void {
    if (slow === this.#slowed || this.#usual.samples(at) < WELL_KNOWN) return;
    this.#turn(slow, slow ? this.#usual.value * factor : this.#usual.value, at);
  }

  #turn(slow: boolean, value: number, at: number): void {
    this.#slowed = slow;
    this.#against = 0;
    this.#againstSum = 0;
    this.#recent.clear();
    this.#recent.add(value, at, TURN_WEIGHT);
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
    this.#againstSum = 0;
    this.#hits = 0;
  }
}
