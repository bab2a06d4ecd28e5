import { errorText } from '../core/errors.ts';
import type { Categorizer, Log, PromptView, Verdict } from '../core/types.ts';
import { createLexicalCategorizer } from './lexical.ts';
import type { Examination } from './lexical.ts';
import type { ModelCategorizer } from './modelled.ts';
import { createOwnCategorizer } from './own.ts';
import type { OwnCategory } from './own.ts';

export type { Examination } from './lexical.ts';
export { createModelCategorizer } from './modelled.ts';
export type { AskModel, ModelCategorizer, ModelCategorizerOptions, ModelQuestion } from './modelled.ts';
export type { OwnCategory } from './own.ts';
export { patternProblem } from './pattern/matcher.ts';
export type { Clue } from './tally.ts';

/** The categorizers of a router in their order: every prompt gets exactly one verdict. */
export interface CategorizerChain {
  /** Never throws; the last link answers `unknown` when nobody else has an opinion. */
  categorize(prompt: PromptView): Verdict;
  /**
   * As `categorize`, but where the built-in categorizer is unsure and a model may be asked, waits for it, no longer than
   * its timeout. Never rejects.
   */
  soon(prompt: PromptView): Verdict | Promise<Verdict>;
  /** The verdict, whose it is, and how the built-in categorizer comes to its own. For people: slower than the others. */
  examine(prompt: PromptView): ChainExamination;
}

export interface ChainExamination extends Examination {
  /** The name of the categorizer whose verdict counts. */
  readonly by: string;
}

export interface CategorizerChainOptions {
  /** Asked before the built-in one, in this order. */
  readonly custom?: Categorizer | readonly Categorizer[];
  /** Categories of the operator's own, asked after the custom ones and before the built-in one. */
  readonly own?: readonly OwnCategory[];
  /** Asked where the built-in one is less sure than `MODEL_BELOW`. */
  readonly model?: ModelCategorizer;
  /** Told about a custom categorizer that fails, once for each. */
  readonly log?: Log;
  /** 0…1: below this confidence the built-in categorizer answers `unknown`. Default: `DEFAULT_THRESHOLD`. */
  readonly threshold?: number;
}

/** A category travels in headers and metric labels: short, printable ASCII, no space at either end. */
const CATEGORY = /^[!-~](?:[ -~]{0,62}[!-~])?$/;

/** Where the built-in categorizer is right less than about three times in five, even a small model does better. */
export const MODEL_BELOW = 0.6;

/**
 * Builds the chain: custom categorizers, then own categories, then the built-in lexical one, and a model where that one
 * is unsure. A custom one that throws or answers with something that is not a `Verdict` (a promise, an empty category, a
 * confidence outside 0…1) is passed over for that prompt, and named in the log the first time.
 * @throws {PatternError} for a pattern of an own category that cannot be used
 */
export const createCategorizerChain = (options: CategorizerChainOptions = {}): CategorizerChain => {
  const lexical = createLexicalCategorizer(options.threshold === undefined ? {} : { threshold: options.threshold });
  const links: Categorizer[] = toList(options.custom).map((link) => guarded(link, options.log));
  if (options.own !== undefined && options.own.length > 0) links.push(createOwnCategorizer(options.own));
  const { model } = options;

  const first = (prompt: PromptView): { readonly by: string; readonly verdict: Verdict } | undefined => {
    for (const link of links) {
      const verdict = link.categorize(prompt);
      if (verdict !== undefined) return { by: link.name, verdict };
    }
    return undefined;
  };
  /** Undefined: the built-in verdict is good enough, or there is nobody else to ask. */
  const unsure = (verdict: Verdict): ModelCategorizer | undefined =>
    verdict.confidence < MODEL_BELOW ? model : undefined;

  return {
    categorize(prompt) {
      const found = first(prompt);
      if (found !== undefined) return found.verdict;
      const verdict = lexical.categorize(prompt);
      return unsure(verdict)?.categorize(prompt) ?? verdict;
    },
    soon(prompt) {
      const found = first(prompt);
      if (found !== undefined) return found.verdict;
      const verdict = lexical.categorize(prompt);
      const asked = unsure(verdict)?.soon(prompt);
      return asked === undefined ? verdict : asked.then((said) => said ?? verdict);
    },
    examine(prompt) {
      const examined = lexical.examine(prompt);
      const found = first(prompt);
      if (found !== undefined) return { ...examined, ...found.verdict, by: found.by };
      const said = unsure(examined)?.categorize(prompt);
      return said === undefined ? { ...examined, by: lexical.name } : { ...examined, ...said, by: 'model' };
    },
  };
};

/** A chain that can be exchanged while it is in use, as when the configuration is reloaded. */
export class CurrentChain implements CategorizerChain {
  #chain: CategorizerChain;

  constructor(chain: CategorizerChain) {
    this.#chain = chain;
  }

  use(chain: CategorizerChain): void {
    this.#chain = chain;
  }

  categorize(prompt: PromptView): Verdict {
    return this.#chain.categorize(prompt);
  }

  soon(prompt: PromptView): Verdict | Promise<Verdict> {
    return this.#chain.soon(prompt);
  }

  examine(prompt: PromptView): ChainExamination {
    return this.#chain.examine(prompt);
  }
}

const toList = (custom: Categorizer | readonly Categorizer[] | undefined): readonly Categorizer[] => {
  if (custom === undefined) return [];
  return isList(custom) ? custom : [custom];
};

const isList = (custom: Categorizer | readonly Categorizer[]): custom is readonly Categorizer[] =>
  Array.isArray(custom);

/** The same categorizer, made harmless: its failures become "no opinion" and one warning. */
const guarded = (link: Categorizer, log: Log | undefined): Categorizer => {
  let warned = false;
  const passOver = (problem: string): undefined => {
    if (!warned) {
      warned = true;
      log?.warn(
        { categorizer: link.name, problem },
        `custom categorizer "${link.name}" ${problem}; the next one is asked instead, and further failures of it stay silent`,
      );
    }
    return undefined;
  };
  return {
    name: link.name,
    categorize(prompt) {
      try {
        const answer: unknown = link.categorize(prompt);
        if (answer === undefined || answer === null) return undefined;
        const checked = checkVerdict(answer);
        return typeof checked === 'string' ? passOver(checked) : checked;
      } catch (error) {
        return passOver(`threw: ${thrownText(error)}`);
      }
    },
  };
};

/** Even the text of what was thrown may throw: an object without a prototype has no `toString`. */
const thrownText = (error: unknown): string => {
  try {
    return errorText(error);
  } catch {
    return 'something that has no text';
  }
};

/** A copy of an answer that is a proper `Verdict`, or what is wrong with it, in words. */
const checkVerdict = (answer: unknown): Verdict | string => {
  if (typeof answer !== 'object' || answer === null) return `answered with a ${typeof answer} instead of a verdict`;
  if (answer instanceof Promise) {
    answer.catch(() => undefined); // nobody waits for it, so its rejection must not end the process
    return 'answered with a promise; a verdict is needed at once';
  }
  const { category, confidence, why } = answer as { category?: unknown; confidence?: unknown; why?: unknown };
  if (typeof category !== 'string' || !CATEGORY.test(category)) {
    return 'gave a category that is not 1 to 64 printable ASCII characters';
  }
  if (typeof confidence !== 'number' || !(confidence >= 0 && confidence <= 1)) {
    return 'gave a confidence that is not a number from 0 to 1';
  }
  return typeof why === 'string' ? { category, confidence, why } : 'gave no reason (why must be a string)';
};
