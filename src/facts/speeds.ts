import { DecayedMean, readMean, type SavedMean } from './decayed.ts';
import { ANOTHER_THING, PRIOR_SAMPLES, SPEED_CAP, SPEED_TAU_MS, STALE_MS, TURN } from './pace.ts';
import { LearnedSpeeds, readRunnerSpeeds, type SavedRunnerSpeeds, type SharedSpeeds } from './runner-speeds.ts';
import { Saved } from './saved.ts';
import type { Estimate } from './types.ts';

export type { LearnedSpeeds, Suspicion } from './runner-speeds.ts';

/** A middling GPU with a model of `REFERENCE_BYTES`, before anything is known: 2,000 tokens/s read, 40 tokens/s written. */
const START_PREFILL_MS = 1000 / 2000;
const START_DECODE_MS = 1000 / 40;
const START_LOAD = 1;

/** By how much each further busy request slows everybody, before it is known (routing-science 5.2). */
const START_SLOPE = 0.5;

/** The slope belongs to the hardware and single samples of it are noisy: learned over hours and by many. */
const SLOPE_TAU_MS = 21_600_000;
const SLOPE_CAP = 60;

/** Plain data for JSON. */
export interface SavedPoolSpeeds {
  readonly version: 1;
  readonly prefill: SavedMean | null;
  readonly decode: SavedMean | null;
  readonly load: SavedMean | null;
}
export interface SavedHostSpeeds extends SavedPoolSpeeds {
  readonly slope: SavedMean | null;
  readonly hasGpu: boolean;
  readonly runners: readonly (SavedRunnerSpeeds & { readonly model: string })[];
}

/** What a machine is does not change within minutes: a slow one that is hardly used must not be taken for average again. */
const HOST_TAU_MS = 6 * 3_600_000;

/** Between a recent card and a machine without one; what is further off was not measured well. */
const MOST_PACE = 16;

/** What all hosts of the pool have in common: what an unseen host is taken for, so that it is neither shunned nor rushed. */
export class PoolSpeeds {
  readonly #prefill = new DecayedMean(SPEED_TAU_MS, SPEED_CAP);
  readonly #decode = new DecayedMean(SPEED_TAU_MS, SPEED_CAP);
  readonly #load = new DecayedMean(SPEED_TAU_MS, SPEED_CAP);
  /** The longest load that waited for nobody, as a factor on the formula; 0 = none was seen. */
  longestLoad = 0;

  /** A new host; the pool keeps no hold of it. */
  host(): HostSpeeds {
    return new HostSpeeds(this);
  }

  /**
   * ms per prompt token with a model of `REFERENCE_BYTES`. Never slower than the default: where only a slow machine has
   * worked yet the others would never be tried if they were taken to be like it.
   */
  prefill(at: number): number {
    return Math.min(START_PREFILL_MS, this.#prefill.shrunk(START_PREFILL_MS, PRIOR_SAMPLES, at));
  }

  /** ms per written token with a model of `REFERENCE_BYTES`; never slower than the default, likewise. */
  decode(at: number): number {
    return Math.min(START_DECODE_MS, this.#decode.shrunk(START_DECODE_MS, PRIOR_SAMPLES, at));
  }

  /** Factor on the time that a load takes by the formula. */
  load(at: number): number {
    return this.#load.shrunk(START_LOAD, PRIOR_SAMPLES, at);
  }

  learnPrefill(sample: number, at: number, weight: number): void {
    this.#prefill.add(sample, at, weight);
  }

  learnDecode(sample: number, at: number, weight: number): void {
    this.#decode.add(sample, at, weight);
  }

  learnLoad(factor: number, at: number): void {
    this.#load.add(factor, at);
  }

  snapshot(at: number): SavedPoolSpeeds {
    return { version: 1, prefill: this.#prefill.save(at), decode: this.#decode.save(at), load: this.#load.save(at) };
  }

  /** @throws {SavedFactsError} if it is no snapshot; nothing changes then. */
  restore(snapshot: unknown, at: number, path = 'speeds'): void {
    const means = readMeans(new Saved(snapshot, path));
    this.#prefill.load(means.prefill, at);
    this.#decode.load(means.decode, at);
    this.#load.load(means.load, at);
  }
}

/** What the runners of one host have in common. Made by `PoolSpeeds.host`. */
export class HostSpeeds implements SharedSpeeds {
  /** Whether any model was seen in video memory. */
  hasGpu = false;
  readonly #pool: PoolSpeeds;
  readonly #prefill = new DecayedMean(HOST_TAU_MS, SPEED_CAP);
  readonly #decode = new DecayedMean(HOST_TAU_MS, SPEED_CAP);
  readonly #load = new DecayedMean(HOST_TAU_MS, SPEED_CAP);
  readonly #slope = new DecayedMean(SLOPE_TAU_MS, SLOPE_CAP);
  #longestLoad = 0;
  /** How many times as long everything takes, since it turned; 1 = as usual. */
  #loss = 1;
  #pacedAt = Number.NEGATIVE_INFINITY;
  /** Samples in a row, of whichever runners, that speak against `#loss`, and the product of their ratios. */
  #against = 0;
  #product = 1;
  /** What was known before it turned slow. */
  #before: readonly [SavedMean | null, SavedMean | null] = [null, null];

  constructor(pool: PoolSpeeds) {
    this.#pool = pool;
  }

  /**
   * A new runner; the host keeps no hold of it.
   * @param sizeBytes of the weights; 0 = not known, which counts as `REFERENCE_BYTES`
   */
  runner(sizeBytes: number): LearnedSpeeds {
    return new LearnedSpeeds(this, sizeBytes);
  }

  /**
   * A host that writes so many times slower than the pool is taken to read as many times slower: writing is measured by
   * every answer, reading only where hardly anything of a prompt was remembered.
   */
  prefill(at: number): number {
    const pool = this.#pool.prefill(at);
    const pace = Math.min(MOST_PACE, Math.max(1 / MOST_PACE, this.decode(at) / this.#pool.decode(at)));
    return this.#prefill.shrunk(pool * pace, PRIOR_SAMPLES, at);
  }

  decode(at: number): number {
    return this.#decode.shrunk(this.#pool.decode(at), PRIOR_SAMPLES, at);
  }

  load(at: number): number {
    return this.#load.shrunk(this.#pool.load(at), PRIOR_SAMPLES, at);
  }

  /** Share by which each further busy request slows everybody: factor 1 + slope·(k − 1), 0…1. */
  slope(at: number): number {
    return Math.min(1, Math.max(0, this.#slope.shrunk(START_SLOPE, PRIOR_SAMPLES, at)));
  }

  estimates(at: number): { readonly slope: Estimate } {
    return { slope: this.#slope.estimate(at, this.slope(at)) };
  }

  learnPrefill(sample: number, at: number, weight: number): void {
    this.#prefill.add(sample, at, weight);
    this.#pool.learnPrefill(sample, at, weight);
  }

  learnDecode(sample: number, at: number, weight: number): void {
    this.#decode.add(sample, at, weight);
    this.#pool.learnDecode(sample, at, weight);
  }

  learnLoad(factor: number, at: number, alone: boolean): void {
    this.#load.add(factor, at);
    this.#pool.learnLoad(factor, at);
    if (!alone) return;
    this.#longestLoad = Math.max(this.#longestLoad, factor);
    this.#pool.longestLoad = Math.max(this.#pool.longestLoad, factor);
  }

  longestLoad(): number {
    return this.#longestLoad > 0 ? this.#longestLoad : this.#pool.longestLoad;
  }

  /**
   * One of its runners took so many times as long as it usually does. Three in a row of four times or more, of whichever
   * runners, and it is the host: what is known of it is scaled, so that the others need not be measured first; three that
   * are not take that back.
   */
  paced(ratio: number, at: number): void {
    this.#pacedAt = at;
    const slow = ratio >= ANOTHER_THING;
    if (slow === this.#loss > 1) {
      this.#against = 0;
      this.#product = 1;
      return;
    }
    this.#against++;
    this.#product *= ratio;
    if (this.#against < TURN) return;
    const mean = this.#product ** (1 / TURN);
    this.#against = 0;
    this.#product = 1;
    if (slow) {
      this.#before = [this.#prefill.save(at), this.#decode.save(at)];
      this.#prefill.scale(mean);
      this.#decode.scale(mean);
      this.#loss = mean;
    } else {
      this.#prefill.load(this.#before[0], at);
      this.#decode.load(this.#before[1], at);
      this.#loss = 1;
    }
  }

  loss(at: number): number {
    return at - this.#pacedAt < STALE_MS ? this.#loss : 1;
  }

  learnSlope(sample: number, at: number, weight: number): void {
    this.#slope.add(sample, at, weight);
  }

  /** @param runners this host's, by model */
  snapshot(runners: ReadonlyMap<string, LearnedSpeeds>, at: number): SavedHostSpeeds {
    return {
      version: 1,
      prefill: this.#prefill.save(at),
      decode: this.#decode.save(at),
      load: this.#load.save(at),
      slope: this.#slope.save(at),
      hasGpu: this.hasGpu,
      runners: Array.from(runners, ([model, runner]) => ({ model, ...runner.snapshot(at) })),
    };
  }

  /**
   * Takes over a snapshot as if it had been made at `at`.
   * @returns new runners for the saved models, to be used from now on instead of earlier ones
   * @throws {SavedFactsError} if it is none; nothing changes then.
   */
  restore(snapshot: unknown, at: number, path = 'host'): Map<string, LearnedSpeeds> {
    const saved = new Saved(snapshot, path);
    const means = readMeans(saved);
    const slope = readMean(saved.field('slope'), true);
    const hasGpu = saved.field('hasGpu').flag();
    const runners = new Map<string, LearnedSpeeds>();
    for (const item of saved.field('runners').list()) {
      const facts = readRunnerSpeeds(item);
      const runner = this.runner(facts.sizeBytes);
      runner.restore(facts, at);
      runners.set(item.field('model').text(), runner);
    }
    this.#prefill.load(means.prefill, at);
    this.#decode.load(means.decode, at);
    this.#load.load(means.load, at);
    this.#slope.load(slope, at);
    this.hasGpu = hasGpu;
    return runners;
  }
}

const readMeans = (saved: Saved): SavedPoolSpeeds => {
  saved.version(1);
  return {
    version: 1,
    prefill: readMean(saved.field('prefill')),
    decode: readMean(saved.field('decode')),
    load: readMean(saved.field('load')),
  };
};
