import type { Saved } from './saved.ts';
import type { Estimate } from './types.ts';

/** A saved mean: its value and what stood behind it, with its age instead of a time, since a clock starts anew. */
export interface SavedMean {
  readonly value: number;
  readonly samples: number;
  readonly mass: number;
  readonly ageMs: number;
}

/** In units of τ: e⁻³⁰ of a sample is nothing, so older ages are saved as this. Keeps saved numbers finite. */
const OLDEST = 30;

/** What is left of a weight after `ageMs`, with time constant `tauMs`: e^(−age/τ), never above 1. */
export const fade = (ageMs: number, tauMs: number): number => (ageMs > 0 ? Math.exp(-ageMs / tauMs) : 1);

/**
 * A mean of samples whose weight fades with e^(−age/τ). Two weights are kept: `samples`, all that is left of what came
 * in, says how far the mean may be trusted; `mass` is capped, so that a new sample always counts at least 1/cap and the
 * mean follows a change however much was recorded before it. Nothing is allocated by adding or reading.
 */
export class DecayedMean {
  readonly #tauMs: number;
  readonly #cap: number;
  #value = 0;
  #samples = 0;
  #mass = 0;
  /** When the last sample came; NaN before the first. */
  #at = Number.NaN;

  /** @param tauMs ms, > 0; @param cap the most weight that old samples have against a new one of weight 1, ≥ 1 */
  constructor(tauMs: number, cap = Number.POSITIVE_INFINITY) {
    this.#tauMs = tauMs;
    this.#cap = cap;
  }

  /** 0 before the first sample. */
  get value(): number {
    return this.#value;
  }

  /** Weight of the samples at `at`, faded by age; 0 before the first. */
  samples(at: number): number {
    return this.#samples === 0 ? 0 : this.#samples * fade(at - this.#at, this.#tauMs);
  }

  /** ms since the last sample; undefined before the first. */
  age(at: number): number | undefined {
    return Number.isNaN(this.#at) ? undefined : Math.max(0, at - this.#at);
  }

  /** Adds a finite sample of `weight` > 0. One that comes with an older `at` than the last counts as if it came then. */
  add(sample: number, at: number, weight = 1): void {
    const left = this.#samples === 0 ? 0 : fade(at - this.#at, this.#tauMs);
    this.#samples = this.#samples * left + weight;
    this.#mass = Math.min(this.#mass * left + weight, this.#cap);
    this.#value += (sample - this.#value) * Math.min(1, weight / this.#mass);
    this.#at = Number.isNaN(this.#at) ? at : Math.max(this.#at, at);
  }

  /**
   * The value shrunk to a prior worth `priorSamples`: (n·x + k·prior)/(n + k), with n the samples left at `at`
   * (routing-science: k = 3 for speeds).
   */
  shrunk(prior: number, priorSamples: number, at: number): number {
    const n = this.samples(at);
    return (n * this.#value + priorSamples * prior) / (n + priorSamples);
  }

  /** For people. @param value what to show as the value, where the mean alone is not what decisions read */
  estimate(at: number, value = this.#value): Estimate {
    return { value, samples: this.samples(at), ageMs: this.age(at) };
  }

  /** Everything that was recorded turns out to be so many times larger, > 0. */
  scale(factor: number): void {
    this.#value *= factor;
  }

  clear(): void {
    this.#value = 0;
    this.#samples = 0;
    this.#mass = 0;
    this.#at = Number.NaN;
  }

  /** Plain data, null before the first sample. */
  save(at: number): SavedMean | null {
    const age = this.age(at);
    if (age === undefined) return null;
    const ageMs = Math.min(age, OLDEST * this.#tauMs);
    return { value: this.#value, samples: this.#samples, mass: this.#mass, ageMs };
  }

  /** Takes over what `save` gave, as if it had been saved at `at`. */
  load(saved: SavedMean | null, at: number): void {
    this.clear();
    if (saved === null || saved.samples === 0) return;
    this.#value = saved.value;
    this.#samples = saved.samples;
    this.#mass = Math.min(saved.mass, this.#cap);
    this.#at = at - saved.ageMs;
  }
}

/** Checks a saved mean. @param signed whether it may be below 0 @throws {SavedFactsError} */
export const readMean = (saved: Saved, signed = false): SavedMean | null =>
  saved.absent
    ? null
    : {
        value: signed ? saved.field('value').number() : saved.field('value').amount(),
        samples: saved.field('samples').amount(),
        mass: saved.field('mass').amount(),
        ageMs: saved.field('ageMs').amount(),
      };
