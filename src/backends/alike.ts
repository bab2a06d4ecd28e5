import type { FailureReason } from '../core/types.ts';

/** Failures further apart than this are not of one cause. */
export const ALIKE_MS = 10_000;
/** Models that are kept track of; the oldest is forgotten. */
const MOST_MODELS = 1_024;
/** One server's failure is its own. */
const LEAST_BACKENDS = 2;

interface Sick {
  /** The last failure on each backend. */
  readonly last: Map<string, { readonly reason: FailureReason; readonly at: number }>;
  /** When servers last failed alike. */
  alikeAt: number;
}

/** Servers that failed a model for the same reason within ten seconds. */
export interface FailedAlike {
  readonly backends: readonly string[];
  /** They begin to: it was not so ten seconds ago. */
  readonly begins: boolean;
}

/**
 * Notices that a model fails for the same reason on at least half of its servers (two or more) at a time: then it is the
 * model, or what it is asked, and no server is to blame.
 */
export class Alike {
  readonly #models = new Map<string, Sick>();

  /**
   * A model failed on a backend.
   * @param holders backends that serve the model now
   * @returns who failed alike, this one included; undefined = too few
   */
  failed(model: string, backend: string, reason: FailureReason, holders: number, at: number): FailedAlike | undefined {
    const sick = this.#of(model);
    sick.last.set(backend, { reason, at });
    const backends: string[] = [];
    for (const [id, last] of sick.last) {
      if (at - last.at > ALIKE_MS) sick.last.delete(id);
      else if (last.reason === reason) backends.push(id);
    }
    if (backends.length < Math.max(LEAST_BACKENDS, holders / 2)) return undefined;
    const begins = at - sick.alikeAt > ALIKE_MS;
    sick.alikeAt = at;
    return { backends, begins };
  }

  /** A backend served the model. */
  served(model: string, backend: string): void {
    const sick = this.#models.get(model);
    if (sick?.last.delete(backend) === true && sick.last.size === 0 && sick.alikeAt === Number.NEGATIVE_INFINITY) {
      this.#models.delete(model);
    }
  }

  #of(model: string): Sick {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const [oldest] = this.#models.keys();
    if (this.#models.size >= MOST_MODELS && oldest !== undefined) this.#models.delete(oldest);
    const sick: Sick = { last: new Map(), alikeAt: Number.NEGATIVE_INFINITY };
    this.#models.set(model, sick);
    return sick;
  }
}
