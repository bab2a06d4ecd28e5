import { DecayedMean } from './decayed.ts';
import type { Estimate } from './types.ts';

/** `continuation`: the prompt goes on where a remembered one and its answer ended; `partial`: it leaves it before. */
export type ReuseKind = 'continuation' | 'partial';

/** ms in which a sample fades to a third: servers are reconfigured and upgraded, but not by the minute. */
const TAU_MS = 30 * 60_000;
/** A new sample always counts at least a thirtieth, so that a change shows within some dozen of requests. */
const MOST_WEIGHT = 30;
/** What a prior is worth in samples. Small: two requests tell a server that remembers from one that does not. */
const PRIOR_SAMPLES = 2;
/** Bytes from which on a sample counts fully; below, its share is measured in the noise of a request's fixed costs. */
const FULL_SAMPLE_BYTES = 1_024;

/** Deeper than this all are alike: older than any server remembers without a large cache. */
export const DEEPEST = 8;
/** Depths 0, 1, 2–3, 4–7 and 8 or more are learned apart: servers remember one prompt, one per slot, or many. */
const FIRST_DEPTHS = [0, 1, 2, 4, 8] as const;
const CLASSES = FIRST_DEPTHS.length;

/**
 * Share of a known prefix that is reused before anything was learned. A guess between servers that remember one prompt
 * per model (Ollama 0.24) and those with a large cache (llama-server, 8 GiB): continuing the last one works on both.
 */
const PRIORS: Readonly<Record<ReuseKind, readonly number[]>> = {
  continuation: [0.9, 0.6, 0.5, 0.4, 0.3],
  partial: [0.7, 0.4, 0.3, 0.3, 0.2],
};

/** How much of what one runner, or all runners of one model, should remember was really reused. */
export class TrustTable {
  readonly #cells = Array.from({ length: 2 * CLASSES }, () => new DecayedMean(TAU_MS, MOST_WEIGHT));
  /** The same of all runners of the model; undefined = this is it. */
  readonly #pool: TrustTable | undefined;

  constructor(pool?: TrustTable) {
    this.#pool = pool;
  }

  /** 0…1: the share that will be reused. Own samples, shrunk to the pool's, those to the prior. */
  trust(kind: ReuseKind, depth: number, at: number): number {
    const prior = this.#pool?.trust(kind, depth, at) ?? PRIORS[kind][classOf(depth)] ?? 0;
    return this.#cell(kind, depth)?.shrunk(prior, PRIOR_SAMPLES, at) ?? prior;
  }

  /** @param share 0…1 of `knownBytes` that was reused */
  learn(kind: ReuseKind, depth: number, knownBytes: number, share: number, at: number): void {
    const weight = Math.min(1, knownBytes / FULL_SAMPLE_BYTES);
    this.#pool?.learn(kind, depth, knownBytes, share, at);
    this.#cell(kind, depth)?.add(share, at, weight);
  }

  /** For people: each kind and depth (the first of its class) with its own samples. */
  estimates(at: number): readonly TrustEstimate[] {
    const of = (kind: ReuseKind): TrustEstimate[] =>
      FIRST_DEPTHS.map((depth) => {
        const value = this.trust(kind, depth, at);
        return { kind, depth, ...(this.#cell(kind, depth)?.estimate(at, value) ?? UNMEASURED) };
      });
    return [...of('continuation'), ...of('partial')];
  }

  #cell(kind: ReuseKind, depth: number): DecayedMean | undefined {
    return this.#cells[classOf(depth) + (kind === 'partial' ? CLASSES : 0)];
  }
}

export interface TrustEstimate extends Estimate {
  readonly kind: ReuseKind;
  readonly depth: number;
}

const UNMEASURED: Estimate = { value: 0, samples: 0, ageMs: undefined };

const classOf = (depth: number): number => {
  if (depth < 2) return depth;
  if (depth < 4) return 2;
  return depth < DEEPEST ? 3 : 4;
};
