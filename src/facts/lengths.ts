import { DecayedMean, readMean, type SavedMean } from './decayed.ts';
import { QuantileStep } from './quantile.ts';
import { RecentMap } from './recent-map.ts';
import { Saved } from './saved.ts';
import type { AnswerLengths, Estimate } from './types.ts';

export { PromptRatio } from './prompt-ratio.ts';

/** Tokens of an answer before anything is known, mean and nine out of ten: a few paragraphs of chat. */
const START_TOKENS = 200;
const START_HIGH = 500;

/** A new answer counts at least a tenth (α = 0.1), the first ten as in a plain average. */
const CAP = 10;

/** What an app asks for changes with its releases; a week later its old answers count a third. */
const TAU_MS = 604_800_000;

/**
 * What an answer that has become as long as expected still has before it, as a share of what was expected. Lengths of
 * chat answers are near lognormal with σ about 0.9 (routing-science §8), where the mean excess over the mean is about the
 * mean itself; answers of a fixed length have none.
 */
const START_EXCESS = 1;
const LEAST_EXCESS = 0.1;
const MOST_EXCESS = 2;
/** Long answers that the mean excess follows. */
const EXCESS_CAP = 50;

/** Answers that what is known of the model, or of the pool, is worth. */
const PRIOR_SAMPLES = 3;

/** Pairs of app and model, and models; the ones unused longest are forgotten. */
const MOST_PAIRS = 4096;
const MOST_MODELS = 4096;

const HIGH = 0.9;

/** Stands between app and model in a key; neither has it. */
const SEPARATOR = '\u0000';

export interface LengthEstimate {
  readonly app: string;
  readonly model: string;
  readonly tokens: Estimate;
  /** Nine out of ten answers are no longer than this many tokens. */
  readonly p90: number;
}

/** Plain data for JSON. */
export interface SavedLength {
  readonly mean: SavedMean | null;
  readonly high: number;
}
export interface SavedModelLength extends SavedLength {
  readonly model: string;
}
export interface SavedPairLength extends SavedModelLength {
  readonly app: string;
}
export interface SavedLengths {
  readonly version: 1;
  readonly pool: SavedLength;
  readonly models: readonly SavedModelLength[];
  readonly pairs: readonly SavedPairLength[];
}

class Length {
  readonly mean = new DecayedMean(TAU_MS, CAP);
  readonly high = new QuantileStep(HIGH);

  add(tokens: number, at: number): void {
    this.high.add(tokens, this.mean.samples(at));
    this.mean.add(tokens, at);
  }

  save(at: number): SavedLength {
    return { mean: this.mean.save(at), high: this.high.value };
  }

  load(saved: SavedLength, at: number): void {
    this.mean.load(saved.mean, at);
    this.high.value = saved.high;
  }
}

/**
 * How long answers are, by app and model: a decayed mean, shrunk to that of the model, that to the pool's. All O(1);
 * memory is bounded.
 */
export class LearnedLengths implements AnswerLengths {
  readonly #pool = new Length();
  readonly #models = new RecentMap(MOST_MODELS, () => new Length());
  readonly #pairs = new RecentMap(MOST_PAIRS, () => new Length());
  /** Of a moment and cheap to learn again, so it is not saved. */
  readonly #excess = new RecentMap(MOST_MODELS, () => new DecayedMean(TAU_MS, EXCESS_CAP));

  /** Tokens that an answer has on average. */
  expected(app: string, model: string, at: number): number {
    const pool = this.#pool.mean.shrunk(START_TOKENS, PRIOR_SAMPLES, at);
    const ofModel = this.#models.peek(model)?.mean.shrunk(pool, PRIOR_SAMPLES, at) ?? pool;
    return this.#pairs.peek(app + SEPARATOR + model)?.mean.shrunk(ofModel, PRIOR_SAMPLES, at) ?? ofModel;
  }

  /** Share of the expected length that one which has reached it still has before it on average, 0.1 … 2. */
  excess(model: string, at: number): number {
    const learned = this.#excess.peek(model)?.shrunk(START_EXCESS, PRIOR_SAMPLES, at) ?? START_EXCESS;
    return Math.min(MOST_EXCESS, Math.max(LEAST_EXCESS, learned));
  }

  /** Tokens that nine out of ten answers do not pass. */
  p90(app: string, model: string, at: number): number {
    const pool = highOf(this.#pool, START_HIGH, at);
    const ofModel = highOf(this.#models.peek(model), pool, at);
    return highOf(this.#pairs.peek(app + SEPARATOR + model), ofModel, at);
  }

  /** An answer ended by itself after `tokens`; negative or infinite numbers are left out. */
  record(app: string, model: string, tokens: number, at: number): void {
    if (!(tokens >= 0) || !Number.isFinite(tokens)) return;
    const expected = this.expected(app, model, at);
    if (tokens > expected) this.#excess.use(model).add(tokens / expected - 1, at);
    this.#pool.add(tokens, at);
    this.#models.use(model).add(tokens, at);
    this.#pairs.use(app + SEPARATOR + model).add(tokens, at);
  }

  /** What is known of the `limit` pairs that answered last, the latest first. */
  estimates(limit: number, at: number): readonly LengthEstimate[] {
    const latest = [...this.#pairs.entries()].slice(Math.max(0, this.#pairs.size - limit)).reverse();
    return latest.map(([key, { mean }]) => {
      const { app, model } = parts(key);
      return { app, model, tokens: mean.estimate(at, this.expected(app, model, at)), p90: this.p90(app, model, at) };
    });
  }

  snapshot(at: number): SavedLengths {
    const models: SavedModelLength[] = [];
    const pairs: SavedPairLength[] = [];
    for (const piece of this.pieces(at)) {
      if ('app' in piece) pairs.push(piece);
      else models.push(piece);
    }
    return { version: 1, pool: this.poolPiece(at), models, pairs };
  }

  /** What a snapshot holds of the pool as a whole. */
  poolPiece(at: number): SavedLength {
    return this.#pool.save(at);
  }

  /** What it holds of models and of pairs, one by one, for those who pause in between; longest unused first. */
  *pieces(at: number): Generator<SavedModelLength | SavedPairLength> {
    for (const model of this.#models.keys()) {
      const length = this.#models.peek(model);
      if (length !== undefined) yield { model, ...length.save(at) };
    }
    for (const key of this.#pairs.keys()) {
      const length = this.#pairs.peek(key);
      if (length !== undefined) yield { ...parts(key), ...length.save(at) };
    }
  }

  /**
   * Replaces everything known by a snapshot, as if it had been made at `at`.
   * @throws {SavedFactsError} if it is none; nothing changes then.
   */
  restore(snapshot: unknown, at: number, path = 'lengths'): void {
    const saved = new Saved(snapshot, path);
    saved.version(1);
    const pool = readLength(saved.field('pool'));
    const models = saved.field('models').list();
    const readModels = models.map((item) => ({ model: item.field('model').text(), ...readLength(item) }));
    const pairs = saved.field('pairs').list();
    const readPairs = pairs.map((item) => ({
      key: item.field('app').text() + SEPARATOR + item.field('model').text(),
      ...readLength(item),
    }));
    this.#pool.load(pool, at);
    this.#models.clear();
    this.#pairs.clear();
    for (const entry of readModels) this.#models.use(entry.model).load(entry, at);
    for (const entry of readPairs) this.#pairs.use(entry.key).load(entry, at);
  }
}

const highOf = (length: Length | undefined, prior: number, at: number): number => {
  if (length === undefined) return prior;
  const n = length.mean.samples(at);
  return (n * length.high.value + PRIOR_SAMPLES * prior) / (n + PRIOR_SAMPLES);
};

/** The last separator: an app that should hold one itself still gives its model back. */
const parts = (key: string): { readonly app: string; readonly model: string } => {
  const cut = key.lastIndexOf(SEPARATOR);
  return { app: key.slice(0, cut), model: key.slice(cut + 1) };
};

const readLength = (saved: Saved): SavedLength => ({
  mean: readMean(saved.field('mean')),
  high: saved.field('high').amount(),
});
