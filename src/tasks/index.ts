import { errorText } from '../core/errors.ts';
import type { Categorizer, Log, PromptView, Verdict } from '../core/types.ts';
import { createLexicalCategorizer } from './lexical.ts';

/** The categorizers of a router in their order: every prompt gets exactly one verdict. */
export interface CategorizerChain {
  /** Never throws; the last link answers `unknown` when nobody else has an opinion. */
  categorize(prompt: PromptView): Verdict;
}

export interface CategorizerChainOptions {
  /** Asked before the built-in one, in this order. */
  readonly custom?: Categorizer | readonly Categorizer[];
  /** Told about a custom categorizer that fails, once for each. */
  readonly log?: Log;
  /** 0…1: below this confidence the built-in categorizer answers `unknown`. Default: `DEFAULT_THRESHOLD`. */
  readonly threshold?: number;
}

/** A category travels in headers and metric labels: short, printable ASCII, no space at either end. */
const CATEGORY = /^[!-~](?:[ -~]{0,62}[!-~])?$/;

/**
 * Builds the chain: custom categorizers, then the built-in lexical one, then `unknown`. A custom one that throws or
 * answers with something that is not a `Verdict` (a promise, an empty category, a confidence outside 0…1) is passed
 * over for that prompt, and named in the log the first time.
 */
export const createCategorizerChain = (options: CategorizerChainOptions = {}): CategorizerChain => {
  const lexical = createLexicalCategorizer(options.threshold === undefined ? {} : { threshold: options.threshold });
  const custom = toList(options.custom).map((link) => guarded(link, options.log));
  const links: readonly Categorizer[] = [...custom, lexical];
  return {
    categorize(prompt) {
      for (const link of links) {
        const verdict = link.categorize(prompt);
        if (verdict !== undefined) return verdict;
      }
      return { category: 'unknown', confidence: 0, why: 'no categorizer had an opinion' };
    },
  };
};

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
