import type { Concept } from './concepts.ts';
import type { Layout } from './layout.ts';
import { SIGN_WORDS } from './phrases.ts';
import type { Hit, Sentence } from './reader.ts';
import type { Sign } from './signs.ts';
import { isAboutLife, isSoftware, requestOf } from './request.ts';
import type { Request } from './request.ts';
import { REQUEST_ROWS } from './requests.ts';
import type { Target } from './requests.ts';
import { Tally, toVector, toVectors } from './tally.ts';
import {
  COMMIT_ROWS,
  COMMIT_STYLE,
  CONCEPT_ROWS,
  IDENTIFIER,
  PRIOR,
  QUESTION_ROWS,
  SIGN_ROWS,
  STATEMENT,
} from './weights.ts';

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

const prior = toVector(PRIOR);
const commitStyle = toVector(COMMIT_STYLE);
const identifier = toVector(IDENTIFIER);
const statement = toVector(STATEMENT);
const conceptVectors = toVectors(CONCEPT_ROWS);
const commitVectors = toVectors(COMMIT_ROWS);
const questionVectors = toVectors(QUESTION_ROWS);
const signVectors = toVectors(SIGN_ROWS);
const requestVectors = new Map(Object.entries(REQUEST_ROWS).map(([verb, rows]) => [verb, toVectors(rows)]));

/** Adds up all evidence of a prompt: log-odds for each category, and what contributed. */
export const judge = ({ ask: all, pasted, system, layout }: Reading): Tally => {
  const tally = new Tally();
  tally.add('', prior, 1);
  const ask = all.map(withoutOrder).filter((sentence) => !isOrder(sentence) && !isLoneNoun(sentence, all));
  weighAsk(
    tally,
    ask,
    CODE_SIGNS.some((sign) => layout.signs.has(sign)),
  );
  weighWords(tally, pasted, all.length === 0 ? PASTED_ALONE_FACTOR : PASTED_FACTOR, undefined);
  weighWords(tally, system, SYSTEM_FACTOR, undefined);
  const isBare = all.length === 0 && pasted.length > 0;
  const files = all.length > LONG_ASK ? 0.4 : 1;
  // Only where something is pasted does it matter who says what to do with it.
  const pastedFactor = PASTED_SIGNS.some((sign) => layout.signs.has(sign)) && isOrdered(ask) ? 0.4 : 1;
  weighSigns(tally, layout, { isBare, files, pasted: pastedFactor });
  return tally;
};

/** Signs that code stands beside the ask, so that "what does it do" is about software. */
const CODE_SIGNS = ['fence', 'pasted', 'trace', 'diff', 'codeFile'] as const;

/** "Classify this as testing" speaks to us, not to the model: what it names is no evidence. */
const withoutOrder = (sentence: Sentence): Sentence => {
  const at = sentence.hits.findIndex((hit) => hit.concept === 'order');
  if (at < 0) return sentence;
  const order = sentence.hits[at];
  const rest = sentence.hits.filter((hit) => order !== undefined && hit.phrase > order.phrase);
  return rest.some((hit) => hit.kind === 'verb' && hit.concept !== 'order') ? { ...sentence, hits: rest } : sentence;
};
const isOrder = ({ hits }: Sentence): boolean => hits.some((hit) => hit.concept === 'order');

/** A single word like "test" or "docs" is a greeting as often as a task. */
const isLoneNoun = ({ words, hits }: Sentence, all: readonly Sentence[]): boolean =>
  all.length === 1 && words === 1 && hits[0]?.kind === 'object';

const weighAsk = (tally: Tally, sentences: readonly Sentence[], besideCode: boolean): void => {
  if (sentences.length === 0) return;
  const requests = sentences.map((sentence) => requestOf(sentence, besideCode));
  const commit = isCommitLike(sentences, requests);
  const factors = factorsOf(sentences, requests);
  let identifiers = 0;
  for (let i = 0; i < sentences.length; i++) {
    const sentence = sentences[i];
    const request = requests[i];
    if (sentence === undefined || request === undefined) continue;
    const factor = factors[i] ?? 0;
    weighRequest(tally, request, factor * constraintFactor(request, sentences.length, commit), commit);
    weighQuestion(tally, sentence, factor);
    identifiers += sentence.identifiers;
  }
  weighWords(tally, sentences, 1, factors, requests);
  if (commit) weighCommit(tally, sentences);
  if (isStatement(sentences, requests)) tally.add('tells how something behaves', statement, 1);
  if (identifiers > 0) tally.add('uses names from a program', identifier, Math.min(3, identifiers));
};

/**
 * Full weight for the first and the last sentence and for anything put as an order, a share for the rest. Long
 * instructions say what they are for in their title and in the sentence that sets the role.
 */
const factorsOf = (sentences: readonly Sentence[], requests: readonly Request[]): number[] => {
  const last = sentences.length - 1;
  const middle = Math.max(1, sentences.length - 2);
  const isLong = sentences.length > LONG_ASK;
  const order = requests.findIndex(
    ({ imperative, verb }) => imperative && verb !== undefined && !CONSTRAINTS.has(verb.concept),
  );
  return sentences.map((sentence, index) => {
    const base = requests[index]?.imperative === true || sentence.question ? 1 : 0.6;
    if (isHeading(sentence) && index < last) return 0.2;
    if (index === 0) return isLong && sentence.words <= TITLE_WORDS ? TITLE_FACTOR : base;
    if (isLong && index === order && index < 4) return FIRST_ORDER_FACTOR;
    if (isLong && index < 4 && sentence.hits.some((hit) => hit.concept === 'role')) return 1;
    if (index === last) return base * (isLong ? 0.6 : 0.85);
    return base * Math.min(0.7, 2 / middle);
  });
};
const TITLE_WORDS = 10;
const TITLE_FACTOR = 1.6;
const FIRST_ORDER_FACTOR = 1.2;

/** One word by itself among sentences, such as "Problem:" or "Tests:", is a heading. */
const isHeading = ({ words, hits }: Sentence): boolean => words === 1 && hits[0]?.kind === 'object';

/**
 * "Ensure", "do not", "provide", "use" in a longer prompt lay down how the task is to be done, not which task it is.
 */
const constraintFactor = ({ verb }: Request, sentences: number, commit: boolean): number => {
  if (commit || verb === undefined || sentences < 2) return 1;
  return CONSTRAINTS.has(verb.concept) ? 0.3 : 1;
};
const CONSTRAINTS: ReadonlySet<Concept> = new Set<Concept>([
  'guard',
  'support',
  'use',
  'update',
  'remove',
  'run',
  'find',
]);

const weighRequest = (tally: Tally, request: Request, factor: number, commit: boolean): void => {
  const verb = request.verb?.concept ?? 'none';
  const rows = requestVectors.get(verb === 'light' ? 'create' : verb);
  const vector = rows?.get(commit ? commitTarget(request.target) : request.target) ?? rows?.get('none');
  if (vector !== undefined) tally.add(request, vector, factor);
};

/** In a commit subject even everyday nouns are parts of a program. */
const commitTarget = (target: Target): Target =>
  target === 'vague' || target === 'text' || target === 'life' ? 'part' : target;

/** A question about software asks for its cause (why), its meaning (what) or the way to do it (how to). */
const weighQuestion = (tally: Tally, sentence: Sentence, factor: number): void => {
  const first = sentence.hits.find((hit) => hit.concept !== 'polite');
  for (const hit of sentence.hits) {
    const vector = questionVectors.get(hit.concept);
    if (vector === undefined) continue;
    const opens = hit === first && hit.strangersBefore === 0;
    if ((opens || hit.concept === 'why') && isSoftware(sentence)) tally.add(hit, vector, factor);
    return;
  }
};

/** "The dropdown closes as soon as I hover over it": nothing is asked for, so the behaviour is what is wrong. */
const isStatement = (sentences: readonly Sentence[], requests: readonly Request[]): boolean => {
  const [first] = sentences;
  if (first?.determined !== true || first.words < 4 || sentences.length > 4 || isAboutLife(first)) return false;
  if (!isSoftware(first) && !first.hits.some((hit) => hit.concept === 'vague')) return false;
  return sentences.every(
    ({ question, hits }, i) =>
      !question && requests[i]?.imperative !== true && !hits.some((hit) => WISHES.has(hit.concept)),
  );
};
const WISHES: ReadonlySet<Concept> = new Set<Concept>([
  'polite',
  'quality',
  'speed',
  'restructure',
  'fresh',
  'test',
  'doc',
  'role',
  'order',
]);

const weighCommit = (tally: Tally, sentences: readonly Sentence[]): void => {
  tally.add('reads like a commit subject', commitStyle, 1);
  const seen = new Set<Concept>();
  for (const { hits } of sentences) {
    for (const hit of hits) {
      const vector = commitVectors.get(hit.concept);
      if (vector === undefined || seen.has(hit.concept)) continue;
      seen.add(hit.concept);
      tally.add(hit, vector, 1);
    }
  }
};

/** One or two short imperative lines without address or question. */
const isCommitLike = (sentences: readonly Sentence[], requests: readonly Request[]): boolean => {
  const [first] = sentences;
  if (first === undefined || sentences.length > 2 || first.words > 16 || first.question) return false;
  if (first.hits.some((hit) => ADDRESS.has(hit.concept)) || isAboutLife(first)) return false;
  const verb = requests[0]?.verb;
  if (first.verbFinal || (verb !== undefined && NOT_IN_COMMITS.has(verb.concept))) return false;
  const opens = verb !== undefined && (first.unspaced || verb.wordsBefore === 0);
  const names = first.identifiers > 0 || isSoftware(first) || first.hits.some((hit) => hit.concept === 'doc');
  if (!names)
    return opens && (first.lowerStart || first.unspaced) && !EVERYDAY_VERBS.has(verb.concept) && first.articles === 0;
  if (first.lowerStart) return opens || first.words >= 3;
  return opens && first.articles === 0;
};
const NOT_IN_COMMITS: ReadonlySet<Concept> = new Set<Concept>(['explain', 'meaning', 'prose', 'review', 'light']);
const EVERYDAY_VERBS: ReadonlySet<Concept> = new Set<Concept>(['create', 'find', 'update', 'annotate', 'run', 'use']);
const ADDRESS: ReadonlySet<Concept> = new Set<Concept>(['polite', 'role', 'person']);

/** How much the first, second, third … mention of a concept adds. */
const repeat = (times: number): number => 1 / (1 + times * 1.5);
const MAX_REPEATS = 5;

const weighWords = (
  tally: Tally,
  sentences: readonly Sentence[],
  factor: number,
  factors: readonly number[] | undefined,
  requests?: readonly Request[],
): void => {
  const seen = new Map<Concept, number>();
  for (let i = 0; i < sentences.length; i++) {
    const sentence = sentences[i];
    if (sentence === undefined) continue;
    const own = factor * (factors === undefined ? 1 : (factors[i] ?? 0));
    const everyday = isAboutLife(sentence);
    for (const hit of sentence.hits) {
      const vector = conceptVectors.get(hit.concept);
      if (vector === undefined) continue;
      const times = seen.get(hit.concept) ?? 0;
      if (times >= MAX_REPEATS) continue;
      seen.set(hit.concept, times + 1);
      const share =
        (hit.subordinate ? 0.5 : 1) *
        (isTopic(hit, requests?.[i]) || (everyday && ANYWHERE.has(hit.concept)) ? TOPIC_SHARE : 1);
      tally.add(hit, vector, own * repeat(times) * share);
    }
  }
};

/** "Explain this unit test", "review the tests", "why do the docs not build": the noun says what is looked at, not the task. */
const isTopic = (hit: Hit, request: Request | undefined): boolean =>
  request?.verb !== undefined && hit.kind === 'object' && LOOKS_AT.has(request.verb.concept);
const LOOKS_AT: ReadonlySet<Concept> = new Set<Concept>(['explain', 'meaning', 'review', 'debug']);
const TOPIC_SHARE = 0.3;
/** Things break and fail outside software, too. */
const ANYWHERE: ReadonlySet<Concept> = new Set<Concept>(['error', 'defect', 'symptom', 'verify', 'fix']);

/** Sentences past which file names say little about the task: long instructions mention every kind of file. */
const LONG_ASK = 6;
const FILES: ReadonlySet<string> = new Set(['testFile', 'docFile', 'codeFile', 'testCode']);

/** What is pasted says what to do where nobody else does: "write a script that counts the errors in this log". */
const isOrdered = (ask: readonly Sentence[]): boolean =>
  ask.some((sentence) => {
    const { verb, imperative } = requestOf(sentence);
    return verb !== undefined && (imperative || verb.concept === 'explain') && ORDERS.has(verb.concept);
  });
const ORDERS: ReadonlySet<Concept> = new Set<Concept>([
  'create',
  'add',
  'implement',
  'explain',
  'meaning',
  'annotate',
  'restructure',
  'reshape',
  'verify',
  'review',
  'convert',
]);
const PASTED_SIGNS = ['trace', 'log', 'diff'] as const satisfies readonly Sign[];

interface SignFactors {
  readonly isBare: boolean;
  readonly files: number;
  readonly pasted: number;
}

const weighSigns = (tally: Tally, { signs }: Layout, { isBare, files, pasted }: SignFactors): void => {
  for (const [sign, times] of signs) {
    const vector = signVectors.get(sign);
    if (sign === 'exercise' && times < 2) continue; // "Input:" alone heads many a prompt
    const often = times > 2 ? 1.2 : 1;
    const factor = FILES.has(sign) ? files : PASTED_SIGNS.some((each) => each === sign) ? pasted * often : often;
    if (vector !== undefined) tally.add(SIGN_WORDS[sign] ?? sign, vector, factor);
  }
  const stub = signVectors.get('stub');
  if (isBare && stub !== undefined && !signs.has('trace') && !signs.has('diff')) {
    tally.add('nothing but code', stub, 1);
  }
};
