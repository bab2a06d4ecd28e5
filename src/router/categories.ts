import type { Log, Verdict } from '../core/types.ts';
import { TASK_CATEGORIES } from '../core/types.ts';
import { createCategorizerChain } from '../tasks/index.ts';
import type { CategorizerChain } from '../tasks/index.ts';
import { InvalidArgumentError, UnknownCategoryError } from './errors.ts';
import type { TaskCategoryDetector } from './options.ts';

/** Custom names kept; a detector that makes up ever new ones must not fill the memory. */
const MOST_CUSTOM = 57;

/**
 * The categories of one router: what a prompt is, and which names may be recorded. The built-in ones are known from the
 * start; another becomes known when a detector answers with it, or from a restored snapshot.
 */
export class Categories {
  readonly #log: Log;
  readonly #custom = new Set<string>();
  #chain: CategorizerChain;
  #full = false;

  constructor(log: Log) {
    this.#log = log;
    this.#chain = createCategorizerChain({ log });
  }

  /** Asks this detector first from now on; undefined goes back to the built-in chain alone. */
  setDetector(detector: TaskCategoryDetector | undefined): void {
    if (detector !== undefined && typeof (detector as Partial<TaskCategoryDetector> | null)?.detect !== 'function') {
      throw new InvalidArgumentError('detector', 'an object with a detect(prompt) method', detector);
    }
    this.#chain =
      detector === undefined
        ? createCategorizerChain({ log: this.#log })
        : createCategorizerChain({ log: this.#log, custom: asCategorizer(detector) });
  }

  /** Never throws: what a detector gets wrong falls through to the built-in chain. */
  of(prompt: string): Verdict {
    const verdict = this.#chain.categorize({ text: prompt, system: '' });
    return this.learn(verdict.category) ? verdict : { category: 'unknown', confidence: 0, why: 'too many categories' };
  }

  /** Makes a name known. False if it is new and there is no room for another. */
  learn(category: string): boolean {
    if (this.has(category)) return true;
    if (this.#custom.size >= MOST_CUSTOM) {
      if (!this.#full) {
        this.#full = true;
        this.#log.warn(
          { category, limit: MOST_CUSTOM },
          `more than ${MOST_CUSTOM} custom categories: further ones count as unknown`,
        );
      }
      return false;
    }
    this.#custom.add(category);
    return true;
  }

  has(category: string): boolean {
    return (TASK_CATEGORIES as readonly string[]).includes(category) || this.#custom.has(category);
  }

  /** @throws {UnknownCategoryError} */
  check(category: string): void {
    if (!this.has(category)) throw new UnknownCategoryError(category, this.custom());
  }

  custom(): readonly string[] {
    return [...this.#custom];
  }
}

/** The detector as a link of the chain, which knows how to pass over one that throws or answers nonsense. */
const asCategorizer = (detector: TaskCategoryDetector) => ({
  name: 'detector',
  categorize({ text }: { readonly text: string }): Verdict | undefined {
    const category: unknown = detector.detect(text);
    if (typeof category === 'string') return { category, confidence: 1, why: 'said by the custom detector' };
    // Not a verdict: the chain skips undefined and names anything else in its warning.
    return category as undefined;
  },
});
