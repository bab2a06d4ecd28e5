import { TASK_CATEGORIES } from '../core/types.ts';
import type { Categorizer, PromptView, TaskCategory, Verdict } from '../core/types.ts';
import { judge } from './judge.ts';
import type { Evidence, Judgement } from './judge.ts';
import { layOut } from './layout.ts';
import { LEXICONS } from './lexicon/index.ts';
import { readSentences } from './reader.ts';
import type { Sentence } from './reader.ts';
import { compileTrie } from './trie.ts';
import type { Trie } from './trie.ts';

/** Below this confidence the answer is `unknown`: a wrong category costs more than none. */
export const DEFAULT_THRESHOLD = 0.3;

/** Divides the log-odds before they become probabilities, so that the confidence says how often it is right. */
const TEMPERATURE = 1;

let shared: Trie | undefined;

/** The lexicons of all languages, compiled on first use and shared by all categorizers. */
const trie = (): Trie => (shared ??= compileTrie(Object.values(LEXICONS)));

/**
 * The built-in categorizer: vocabulary and structure, added up as log-odds. Reads at most the head and the tail of a
 * prompt, so its cost has a bound. `threshold` (0…1) is the confidence below which it answers `unknown`.
 * Throws RangeError for a threshold outside 0…1.
 */
export const createLexicalCategorizer = (options: { readonly threshold?: number } = {}): Categorizer => {
  const threshold = options.threshold ?? DEFAULT_THRESHOLD;
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new RangeError(`threshold is a confidence from 0 to 1, not ${threshold}`);
  }
  return { name: 'lexical', categorize: (prompt) => decide(weigh(prompt), threshold) };
};

/** All evidence in a prompt; for `explain` and for the evaluation. */
export const weigh = ({ text, system }: PromptView): Judgement => {
  const layout = layOut(text);
  const ask: Sentence[] = [];
  const pasted: Sentence[] = [];
  for (const { start, end, kind } of layout.blocks) {
    const into = kind === 'prose' ? ask : pasted;
    into.push(...readSentences(trie(), layout.text, start, end));
  }
  const systemText = system.slice(0, SYSTEM_UNITS);
  return judge({ ask, pasted, system: readSentences(trie(), systemText, 0, systemText.length), layout });
};

/** A system prompt says who answers, seldom what is asked: its first lines are enough. */
const SYSTEM_UNITS = 600;

const decide = ({ scores, evidence }: Judgement, threshold: number): Verdict => {
  let best: TaskCategory = 'unknown';
  for (const category of TASK_CATEGORIES) {
    if (scores[category] > scores[best]) best = category;
  }
  const top = scores[best];
  let total = 0;
  for (const category of TASK_CATEGORIES) total += Math.exp((scores[category] - top) / TEMPERATURE);
  const confidence = 1 / total;
  const why = reasons(evidence, best);
  if (best !== 'unknown' && confidence < threshold) {
    return { category: 'unknown', confidence: 1 - confidence, why: `not sure enough of ${best}: ${why}` };
  }
  return { category: best, confidence, why };
};

/** The two strongest pieces of evidence for a category, in words. */
const reasons = (evidence: readonly Evidence[], category: TaskCategory): string => {
  const strength = ({ row, factor }: Evidence): number => (row[category] ?? 0) * factor;
  const strongest = evidence.filter((each) => strength(each) > 0).toSorted((a, b) => strength(b) - strength(a));
  const words = [...new Set(strongest.map((each) => each.words))].slice(0, 2);
  return words.length === 0 ? 'no sign of a task about software' : words.join('; ');
};
