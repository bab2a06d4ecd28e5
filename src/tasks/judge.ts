import { TASK_CATEGORIES } from '../core/types.ts';
import type { TaskCategory } from '../core/types.ts';
import type { Concept } from './concepts.ts';
import type { Layout } from './layout.ts';
import type { Hit, Sentence } from './reader.ts';
import {
  COMMIT_STYLE,
  CONCEPT_ROWS,
  CONCEPT_WORDS,
  IDENTIFIER,
  PRIOR,
  QUESTION_ROWS,
  REQUEST_ROWS,
  SIGN_ROWS,
} from './weights.ts';
import type { Row, Target } from './weights.ts';

/** One piece of evidence and what it was worth. */
export interface Evidence {
  readonly words: string;
  readonly row: Row;
  readonly factor: number;
}

export interface Judgement {
  readonly scores: Readonly<Record<TaskCategory, number>>;
  readonly evidence: readonly Evidence[];
}

/** The sentences of a prompt, by who wrote them. */
export interface Reading {
  readonly ask: readonly Sentence[];
  readonly pasted: readonly Sentence[];
  readonly system: readonly Sentence[];
  readonly layout: Layout;
}

const PASTED_FACTOR = 0.12;
const PASTED_ALONE_FACTOR = 0.4;
const SYSTEM_FACTOR = 0.25;

/** Adds up all evidence of a prompt: log-odds per category and the list of what contributed. */
export const judge = (reading: Reading): Judgement => {
  const tally = new Tally();
  tally.add('', PRIOR, 1);
  const { ask, pasted, system, layout } = reading;
  weighAsk(tally, ask);
  weighWords(tally, pasted, ask.length === 0 ? PASTED_ALONE_FACTOR : PASTED_FACTOR);
  weighWords(tally, system, SYSTEM_FACTOR);
  weighSigns(tally, layout, ask.length === 0);
  return { scores: tally.scores, evidence: tally.evidence };
};

class Tally {
  readonly scores: Record<TaskCategory, number> = {
    coding: 0,
    refactoring: 0,
    testing: 0,
    documentation: 0,
    debugging: 0,
    'code-review': 0,
    unknown: 0,
  };
  readonly evidence: Evidence[] = [];

  add(words: string, row: Row, factor: number): void {
    for (const category of TASK_CATEGORIES) {
      const weight = row[category];
      if (weight !== undefined) this.scores[category] += weight * factor;
    }
    if (words !== '') this.evidence.push({ words, row, factor });
  }
}

// ---- The ask -------------------------------------------------------------------------------------------------------

const weighAsk = (tally: Tally, sentences: readonly Sentence[]): void => {
  if (sentences.length === 0) return;
  const requests = sentences.map((sentence) => requestOf(sentence));
  const factors = factorsOf(sentences, requests);
  requests.forEach((request, index) => {
    const factor = factors[index] ?? 0;
    if (factor > 0) weighRequest(tally, request, factor);
  });
  weighQuestion(tally, sentences, factors);
  weighWords(tally, sentences, 1, factors);
  if (isCommitLike(sentences, requests)) tally.add('reads like a commit subject', COMMIT_STYLE, 1);
  const identifiers = Math.min(
    3,
    sentences.reduce((sum, sentence) => sum + sentence.identifiers, 0),
  );
  if (identifiers > 0) tally.add('uses names from a program', IDENTIFIER, identifiers);
};

interface Request {
  readonly verb: Hit | undefined;
  readonly object: Hit | undefined;
  readonly target: Target;
  /** The verb opens the sentence (after politeness), or closes it where verbs come last. */
  readonly imperative: boolean;
}

/** Full weight for the first and the last sentence and for anything put as an order; a share for the rest. */
const factorsOf = (sentences: readonly Sentence[], requests: readonly Request[]): number[] => {
  const last = sentences.length - 1;
  const middle = Math.max(1, sentences.length - 2);
  return sentences.map((sentence, index) => {
    const request = requests[index];
    const isOrder = request?.imperative === true || sentence.question;
    const base = isOrder ? 1 : 0.55;
    if (index === 0) return base;
    if (index === last) return base * (sentences.length > 6 ? 0.6 : 0.85);
    return base * Math.min(0.7, 2 / middle);
  });
};

const weighRequest = (tally: Tally, request: Request, factor: number): void => {
  const verbName = request.verb?.concept ?? 'none';
  const rows = REQUEST_ROWS[verbName];
  const row = rows?.[request.target] ?? rows?.['none'];
  if (row === undefined) return;
  tally.add(describe(request), row, factor);
};

const describe = ({ verb, object }: Request): string => {
  if (verb === undefined) return object === undefined ? '' : phrase(object);
  return object === undefined ? phrase(verb) : `${phrase(verb)} and ${phrase(object)}`;
};

const phrase = ({ concept, words }: Hit): string =>
  /^[ -~]+$/.test(words) ? `${CONCEPT_WORDS[concept]} ("${words}")` : CONCEPT_WORDS[concept];

const isVerb = (hit: Hit): boolean => hit.kind === 'verb';
const isObject = (hit: Hit): boolean => hit.kind === 'object';

/** Nouns that ask for their own verb when they open a sentence: "test the parser", "document the API". */
const OPENING_NOUN_VERBS: Readonly<Partial<Record<Concept, Concept>>> = { test: 'verify', doc: 'annotate' };

/** The main verb of a sentence and what it is about. */
export const requestOf = (sentence: Sentence): Request => {
  const { hits } = sentence;
  const opening = openingNoun(sentence);
  const verb = opening ?? pickVerb(sentence);
  const at = verb === undefined ? -1 : hits.indexOf(verb);
  const object = pickObject(sentence, opening === undefined ? at : -1);
  const target = object === undefined ? 'none' : targetOf(object.concept);
  const imperative =
    verb !== undefined && (sentence.verbFinal ? true : verb.strangersBefore <= (sentence.words > 0 && at >= 0 ? 0 : 0));
  return { verb: opening === undefined ? verb : asVerb(opening), object, target, imperative };
};

const asVerb = (noun: Hit): Hit => ({
  ...noun,
  concept: OPENING_NOUN_VERBS[noun.concept] ?? noun.concept,
  kind: 'verb',
});

const openingNoun = (sentence: Sentence): Hit | undefined => {
  if (sentence.verbFinal) return undefined;
  const first = sentence.hits.find((hit) => hit.concept !== 'polite');
  if (first === undefined || first.strangersBefore > 0 || OPENING_NOUN_VERBS[first.concept] === undefined)
    return undefined;
  return sentence.hits.some(isVerb) ? undefined : first;
};

/** The first verb, or the last one where verbs close the sentence; verbs in relative clauses only for want of others. */
const pickVerb = ({ hits, verbFinal }: Sentence): Hit | undefined => {
  const main = (hit: Hit): boolean => isVerb(hit) && !hit.subordinate;
  if (verbFinal) return hits.findLast(main) ?? hits.findLast(isVerb);
  return hits.find(main) ?? hits.find(isVerb);
};

/**
 * What the verb is about: the last object of the first phrase after it that has one ("add buffer tests" is about
 * tests), else the nearest object before it.
 */
const pickObject = (sentence: Sentence, verbAt: number): Hit | undefined => {
  const { hits, verbFinal } = sentence;
  if (verbAt >= 0 && verbFinal) {
    const before = headOf(hits.slice(0, verbAt).filter(isObject).slice(-2));
    if (before !== undefined) return before;
  }
  const after = hits.slice(verbAt + 1).filter(isObject);
  const first = after[0];
  if (first !== undefined) return headOf(after.filter((hit) => hit.phrase === first.phrase));
  return verbAt < 0 ? undefined : hits.slice(0, verbAt).findLast(isObject);
};

/** The head of a compound is its last noun, except that "test code" and "test files" are still about tests. */
const headOf = (objects: readonly Hit[]): Hit | undefined => {
  const last = objects.at(-1);
  if (last?.concept === 'code' || last?.concept === 'part') {
    return objects.findLast((hit) => hit.concept === 'test') ?? last;
  }
  return last;
};

const targetOf = (concept: Concept): Target => {
  switch (concept) {
    case 'code':
    case 'part':
    case 'test':
    case 'doc':
    case 'error':
    case 'change':
    case 'quality':
    case 'speed':
    case 'security':
    case 'text':
    case 'life':
      return concept;
    default:
      return 'none';
  }
};

const SOFTWARE: readonly Concept[] = [
  'code',
  'part',
  'tech',
  'error',
  'test',
  'change',
  'quality',
  'dev',
  'speed',
  'implement',
  'debug',
];

/** A question about software asks for its cause (why), its meaning (what) or the way to do it (how to). */
const weighQuestion = (tally: Tally, sentences: readonly Sentence[], factors: readonly number[]): void => {
  sentences.forEach(({ hits }, index) => {
    const factor = factors[index] ?? 0;
    if (!hits.some((hit) => SOFTWARE.includes(hit.concept))) return;
    const first = hits.find((hit) => hit.concept !== 'polite');
    for (const concept of ['why', 'what', 'howto'] as const) {
      const hit = hits.find((each) => each.concept === concept);
      if (hit === undefined) continue;
      const opens = hit === first && hit.strangersBefore === 0;
      if (opens || concept === 'why') tally.add(phrase(hit), QUESTION_ROWS[concept], factor);
    }
  });
};

/** One or two short imperative lines without address or question. */
const isCommitLike = (sentences: readonly Sentence[], requests: readonly Request[]): boolean => {
  const [first] = sentences;
  if (first === undefined || sentences.length > 2 || first.words > 16 || first.question) return false;
  if (first.hits.some((hit) => hit.concept === 'polite' || hit.concept === 'role')) return false;
  const verb = requests[0]?.verb;
  return verb !== undefined && verb.strangersBefore === 0 && (first.lowerStart || first.identifiers > 0);
};

// ---- Everything else -----------------------------------------------------------------------------------------------

/** How much the first, second, third … mention of a concept adds. */
const repeat = (times: number): number => 1 / (1 + times * 1.5);
const MAX_REPEATS = 5;

const weighWords = (
  tally: Tally,
  sentences: readonly Sentence[],
  factor: number,
  factors: readonly number[] = [],
): void => {
  const seen = new Map<Concept, number>();
  sentences.forEach((sentence, index) => {
    const own = factor * (factors[index] ?? 1);
    for (const hit of sentence.hits) {
      const row = CONCEPT_ROWS[hit.concept];
      if (row === undefined) continue;
      const times = seen.get(hit.concept) ?? 0;
      if (times >= MAX_REPEATS) continue;
      seen.set(hit.concept, times + 1);
      tally.add(phrase(hit), row, own * repeat(times) * (hit.subordinate ? 0.5 : 1));
    }
  });
};

const weighSigns = (tally: Tally, { signs }: Layout, alone: boolean): void => {
  for (const [sign, times] of signs) {
    const row = SIGN_ROWS[sign];
    if (row === undefined) continue;
    tally.add(SIGN_WORDS[sign] ?? sign, row, times > 2 ? 1.2 : 1);
  }
  if (alone && SIGN_ROWS.stub !== undefined && !signs.has('trace') && !signs.has('diff')) {
    tally.add('nothing but code', SIGN_ROWS.stub, 1);
  }
};

const SIGN_WORDS: Readonly<Record<string, string>> = {
  fence: 'has a code block',
  trace: 'has a stack trace or compiler error',
  log: 'has log lines',
  diff: 'has a diff',
  testCode: 'has test code',
  testFile: 'names a test file',
  docFile: 'names a documentation file',
  codeFile: 'names a source file',
  prefixFeat: 'starts with "feat:"',
  prefixFix: 'starts with "fix:"',
  prefixDocs: 'starts with "docs:"',
  prefixTest: 'starts with "test:"',
  prefixRefactor: 'starts with "refactor:" or "perf:"',
};
