import { TASK_CATEGORIES } from '../core/types.ts';
import type { Categorizer, PromptView, TaskCategory, Verdict } from '../core/types.ts';
import { judge } from './judge.ts';
import { layOut } from './layout.ts';
import type { Layout } from './layout.ts';
import { LEXICONS } from './lexicon/index.ts';
import { readSentences } from './reader.ts';
import type { Sentence } from './reader.ts';
import type { Clue, Tally, Vector } from './tally.ts';
import { compileTrie } from './trie.ts';
import type { Trie } from './trie.ts';

/** Below this confidence the answer is `unknown`: a wrong category costs more than none. */
export const DEFAULT_THRESHOLD = 0.3;

/** Divides the log-odds before they become probabilities, so that the confidence says how often it is right. */
const TEMPERATURE = 0.75;

/** A system prompt says who answers, seldom what is asked: its first lines are enough. */
const SYSTEM_UNITS = 600;

/** Sentences of the ask that are read from the start, and from its last line. */
const MAX_SENTENCES = 20;
const LAST_SENTENCES = 12;

/** Pasted text is read only so far: it weighs little, and its signs are counted anyway. */
const PASTED_UNITS = 800;

/** A verdict with everything that led to it. */
export interface Examination extends Verdict {
  /** How likely each built-in category is, 0…1. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** What spoke for and against categories, in log-odds, the strongest first. Never words of the prompt. */
  readonly evidence: readonly Clue[];
}

export interface LexicalCategorizer extends Categorizer {
  categorize(prompt: PromptView): Verdict;
  examine(prompt: PromptView): Examination;
}

/**
 * The built-in categorizer: vocabulary and structure, added up as log-odds. Reads at most the head and the tail of a
 * prompt, so its cost has a bound. `threshold` (0…1) is the confidence below which it answers `unknown`.
 * Throws RangeError for a threshold outside 0…1.
 */
export const createLexicalCategorizer = (options: { readonly threshold?: number } = {}): LexicalCategorizer => {
  const threshold = options.threshold ?? DEFAULT_THRESHOLD;
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new RangeError(`threshold is a confidence from 0 to 1, not ${threshold}`);
  }
  trie(); // compiled at start, not under the first prompt
  return {
    name: 'lexical',
    categorize: (prompt) => decide(weigh(prompt), threshold),
    examine(prompt) {
      const tally = weigh(prompt);
      const shares = probabilities(tally.scores);
      return {
        ...decide(tally, threshold),
        probabilities: Object.fromEntries(TASK_CATEGORIES.map((category, i) => [category, round(at(shares, i))])),
        evidence: tally.strongest(MOST_EVIDENCE),
      };
    },
  };
};

/** As many pieces of evidence as somebody reads. */
const MOST_EVIDENCE = 12;
const round = (value: number): number => Math.round(value * 1000) / 1000;

let shared: Trie | undefined;

/** The lexicons of all languages, compiled once and shared by all categorizers. */
const trie = (): Trie => (shared ??= compileTrie(Object.values(LEXICONS)));

const weigh = ({ text, system }: PromptView): Tally => {
  const layout = layOut(text);
  return judge({ ask: readAsk(layout), pasted: readPasted(layout), system: readSystem(system), layout });
};

/** System prompts belong to applications, of which there are few: what the last ones say is not read again. */
const SYSTEMS_KEPT = 32;
const systems = new Map<string, readonly Sentence[]>();

const readSystem = (system: string): readonly Sentence[] => {
  const head = system.slice(0, SYSTEM_UNITS);
  const known = systems.get(head);
  if (known !== undefined) return known;
  const sentences = readSentences(trie(), head, 0, head.length, MAX_SENTENCES);
  if (systems.size >= SYSTEMS_KEPT) systems.clear();
  systems.set(head, sentences);
  return sentences;
};

const readAsk = ({ text, blocks }: Layout): Sentence[] => {
  const prose = blocks.filter(({ kind }) => kind === 'prose');
  const last = prose.at(-1);
  const out: Sentence[] = [];
  for (const block of prose) {
    const room = block === last && prose.length > 1 ? LAST_SENTENCES : MAX_SENTENCES - out.length;
    if (room <= 0) continue;
    for (const sentence of readSentences(trie(), text, block.start, block.end, room)) out.push(sentence);
  }
  return out;
};

const readPasted = ({ text, blocks }: Layout): Sentence[] => {
  const out: Sentence[] = [];
  let room = PASTED_UNITS;
  for (const { start, end, kind } of blocks) {
    if (kind !== 'pasted' || room <= 0) continue;
    const stop = Math.min(end, start + room);
    room -= stop - start;
    for (const sentence of readSentences(trie(), text, start, stop, MAX_SENTENCES)) out.push(sentence);
  }
  return out;
};

const probabilities = (scores: Vector): Vector => {
  let best = -Infinity;
  for (let i = 0; i < scores.length; i++) best = Math.max(best, at(scores, i));
  let total = 0;
  const out = new Float64Array(scores.length);
  for (let i = 0; i < scores.length; i++) {
    const share = Math.exp((at(scores, i) - best) / TEMPERATURE);
    out[i] = share;
    total += share;
  }
  for (let i = 0; i < out.length; i++) out[i] = at(out, i) / total;
  return out;
};

const UNKNOWN = TASK_CATEGORIES.indexOf('unknown');

const decide = (tally: Tally, threshold: number): Verdict => {
  const shares = probabilities(tally.scores);
  let best = UNKNOWN;
  for (let i = 0; i < shares.length; i++) if (at(shares, i) > at(shares, best)) best = i;
  const category: TaskCategory = TASK_CATEGORIES[best] ?? 'unknown';
  const confidence = at(shares, best);
  const why = tally.reasons(category);
  if (category === 'unknown')
    return { category, confidence, why: why === '' ? 'no sign of a task about software' : why };
  if (confidence >= threshold) return { category, confidence, why };
  return { category: 'unknown', confidence: at(shares, UNKNOWN), why: `not sure enough of ${category}: ${why}` };
};

const at = (scores: Vector, index: number): number => scores[index] ?? 0;
