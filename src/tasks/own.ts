import type { Categorizer, PromptView, Verdict } from '../core/types.ts';
import { foldText, isUnspaced } from './fold.ts';
import { capped } from './layout.ts';
import { compilePattern } from './pattern/matcher.ts';
import type { Matcher } from './pattern/matcher.ts';

/** A category of the operator's own, or more evidence for a built-in one. Fits if any of its clues is found. */
export interface OwnCategory {
  /** 1 to 64 printable ASCII characters; may be a built-in category's. */
  readonly name: string;
  /** Words and phrases; case, accents and the number of spaces do not matter. */
  readonly keywords: readonly string[];
  /** See `parsePattern`. */
  readonly patterns: readonly string[];
  /** Request header, in lower case, to what it must say: the whole value, in either case; `*` stands for any text. */
  readonly headers: Readonly<Record<string, string>>;
  /** Paths of requests; `*` stands for any text. */
  readonly paths: readonly string[];
  /** Where several fit the greatest counts, and of equals the first. */
  readonly priority: number;
}

interface Rule {
  readonly category: OwnCategory;
  readonly keywords: readonly string[];
  readonly patterns: readonly { readonly source: string; readonly matcher: Matcher }[];
  readonly headers: readonly { readonly name: string; readonly fits: (value: string) => boolean }[];
  readonly paths: readonly ((path: string) => boolean)[];
}

/** How sure a rule of the operator's is: as sure as an order. */
const CERTAIN = 1;

/**
 * Asks the operator's own categories, the most important first; says undefined where none fits. Linear in the head and
 * the tail of the prompt, which alone are read.
 * @throws PatternError
 */
export const createOwnCategorizer = (categories: readonly OwnCategory[]): Categorizer => {
  const rules = categories.toSorted((a, b) => b.priority - a.priority).map(compileRule);
  const keywords = new KeywordIndex(rules.flatMap((rule) => rule.keywords));
  const reads = rules.some((rule) => rule.keywords.length > 0 || rule.patterns.length > 0);
  return {
    name: 'own',
    categorize(prompt) {
      const text = reads ? capped(prompt.text) : '';
      const found = keywords.find(text);
      const lower = text.toLowerCase();
      for (const rule of rules) {
        const why = clueOf(rule, prompt, found, lower);
        if (why !== undefined) return verdict(rule, why);
      }
      return undefined;
    },
  };
};

const verdict = ({ category }: Rule, why: string): Verdict => ({ category: category.name, confidence: CERTAIN, why });

const compileRule = (category: OwnCategory): Rule => ({
  category,
  keywords: category.keywords.map(foldText).filter((word) => word !== ''),
  patterns: category.patterns.map((source) => ({ source, matcher: compilePattern(source) })),
  headers: Object.entries(category.headers).map(([name, value]) => ({
    name: name.toLowerCase(),
    fits: wildcard(value),
  })),
  paths: category.paths.map(wildcard),
});

/** The first clue that is found, in words; never words of the prompt. */
const clueOf = (
  rule: Rule,
  { headers, path }: PromptView,
  found: ReadonlySet<string>,
  lower: string,
): string | undefined => {
  for (const { name, fits } of rule.headers) {
    const value = headers?.[name];
    if (value !== undefined && (typeof value === 'string' ? fits(value) : value.some(fits)))
      return `own rule: header ${name}`;
  }
  if (path !== undefined && rule.paths.some((fits) => fits(path))) return 'own rule: path';
  const keyword = rule.keywords.find((word) => found.has(word));
  if (keyword !== undefined) return `own rule: keyword ${printable(keyword)}`;
  const pattern = rule.patterns.findIndex(({ matcher }) => matcher.test(lower));
  return pattern === -1 ? undefined : `own rule: pattern ${pattern + 1}`;
};

/** `why` travels in a header. */
const printable = (text: string): string => (/^[ -~]+$/.test(text) ? JSON.stringify(text) : 'of the list');

/** A test for the whole text, in either case; `*` stands for any text. Linear: each part is looked for once. */
export const wildcard = (glob: string): ((text: string) => boolean) => {
  const parts = glob.toLowerCase().split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return (text) => text.toLowerCase() === first;
  const middle = parts.slice(1, -1);
  return (raw) => {
    const text = raw.toLowerCase();
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
};

/** Finds which of many keywords a text has, by their first words. */
class KeywordIndex {
  readonly #byFirstWord = new Map<string, string[]>();
  readonly #unspaced: string[] = [];
  readonly #size: number;

  constructor(keywords: readonly string[]) {
    const all = new Set(keywords);
    this.#size = all.size;
    for (const keyword of all) {
      if (isUnspaced(keyword.charCodeAt(0))) {
        this.#unspaced.push(keyword);
        continue;
      }
      const first = keyword.split(' ', 1)[0] ?? keyword;
      const same = this.#byFirstWord.get(first);
      if (same === undefined) this.#byFirstWord.set(first, [keyword]);
      else same.push(keyword);
    }
  }

  find(text: string): ReadonlySet<string> {
    const out = new Set<string>();
    if (this.#size === 0) return out;
    const folded = `${foldText(text)} `;
    for (let at = 0; at < folded.length;) {
      const end = folded.indexOf(' ', at);
      for (const keyword of this.#byFirstWord.get(folded.slice(at, end)) ?? []) {
        if (folded.startsWith(`${keyword} `, at)) out.add(keyword);
      }
      at = end + 1;
    }
    for (const keyword of this.#unspaced) if (folded.includes(keyword)) out.add(keyword);
    return out;
  }
}
