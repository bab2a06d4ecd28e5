import { DecayedMean, readMean, type SavedMean } from './decayed.ts';
import { RecentMap } from './recent-map.ts';
import { Saved } from './saved.ts';
import type { Estimate } from './types.ts';

/** English text has some 3.7 bytes per token in the tokenizers of today's models. */
const START_RATIO = 0.27;

/** One token per 20 bytes, or three for two bytes: outside of this something else than text was counted. */
const LEAST_RATIO = 0.05;
const MOST_RATIO = 1.5;

/** Below this the chat template outweighs the text; from the full size on a prompt counts 1, below in proportion. */
const LEAST_BYTES = 64;
const FULL_BYTES = 2048;

/** A tokenizer never changes, what people write does: the last fifty prompts of the last days. */
const TAU_MS = 604_800_000;
const CAP = 50;
const PRIOR_SAMPLES = 1;

const MOST_MODELS = 4096;

/** Plain data for JSON. */
export interface SavedRatio {
  readonly model: string;
  readonly mean: SavedMean | null;
}
export interface SavedPromptRatio {
  readonly version: 1;
  readonly models: readonly SavedRatio[];
}

/** Tokens per byte of prompt text, by model, learned from `prompt_eval_count`. All O(1); memory is bounded. */
export class PromptRatio {
  readonly #models = new RecentMap(MOST_MODELS, () => new DecayedMean(TAU_MS, CAP));

  /** 0.05 … 1.5. */
  tokensPerByte(model: string, at: number): number {
    return this.#models.peek(model)?.shrunk(START_RATIO, PRIOR_SAMPLES, at) ?? START_RATIO;
  }

  /** For people. */
  estimate(model: string, at: number): Estimate {
    const value = this.tokensPerByte(model, at);
    return this.#models.peek(model)?.estimate(at, value) ?? { value, samples: 0, ageMs: undefined };
  }

  /** A prompt of `bytes` had `tokens` tokens (cached ones included). Short prompts and impossible counts are left out. */
  record(model: string, bytes: number, tokens: number, at: number): void {
    if (!(bytes >= LEAST_BYTES) || !(tokens > 0)) return;
    const ratio = Math.min(MOST_RATIO, Math.max(LEAST_RATIO, tokens / bytes));
    this.#models.use(model).add(ratio, at, Math.min(1, bytes / FULL_BYTES));
  }

  snapshot(at: number): SavedPromptRatio {
    return { version: 1, models: [...this.pieces(at)] };
  }

  /** What a snapshot holds, one by one, for those who pause in between; longest unused first. */
  *pieces(at: number): Generator<SavedRatio> {
    for (const model of this.#models.keys()) {
      const mean = this.#models.peek(model);
      if (mean !== undefined) yield { model, mean: mean.save(at) };
    }
  }

  /**
   * Replaces everything known by a snapshot, as if it had been made at `at`.
   * @throws {SavedFactsError} if it is none; nothing changes then.
   */
  restore(snapshot: unknown, at: number, path = 'promptRatio'): void {
    const saved = new Saved(snapshot, path);
    saved.version(1);
    const models = saved.field('models').list();
    const read = models.map((item) => ({ model: item.field('model').text(), mean: readMean(item.field('mean')) }));
    this.#models.clear();
    for (const { model, mean } of read) this.#models.use(model).load(mean, at);
  }
}
