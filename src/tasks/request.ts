import type { Concept } from './concepts.ts';
import type { Hit, Sentence } from './reader.ts';
import type { Target } from './requests.ts';

/** What one sentence asks for. */
export interface Request {
  readonly verb: Hit | undefined;
  readonly object: Hit | undefined;
  readonly target: Target;
  /** The verb opens the sentence (after politeness), or closes it where verbs come last. */
  readonly imperative: boolean;
}

const SOFTWARE: ReadonlySet<Concept> = new Set<Concept>([
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
]);

/** Whether a sentence names anything that only software has. */
export const isSoftware = ({ hits, identifiers }: Sentence): boolean =>
  identifiers > 0 || hits.some((hit) => SOFTWARE.has(hit.concept));

const isVerb = (hit: Hit): boolean => hit.kind === 'verb' && hit.concept !== 'order';
const isObject = (hit: Hit): boolean => hit.kind === 'object';

/** Nouns that ask for their own verb when they open a sentence: "test the parser", "document the API". */
const OPENING_NOUN_VERBS: Readonly<Partial<Record<Concept, Concept>>> = { test: 'verify', doc: 'annotate' };

/** What a sentence without a verb asks for, by the question word that opens it. */
const QUESTION_VERBS: Readonly<Partial<Record<Concept, Concept>>> = {
  why: 'debug',
  what: 'explain',
  howto: 'create',
  yesno: 'review',
};

/** The main verb of a sentence and what it is about. */
export const requestOf = (sentence: Sentence, besideCode = false): Request => {
  const { hits } = sentence;
  const opening = openingNoun(sentence) ?? wantedThing(sentence);
  const spoken = opening === undefined ? pickVerb(sentence) : undefined;
  const imperative = opening !== undefined || (spoken !== undefined && opensSentence(sentence, spoken));
  const isTrying = spoken !== undefined && (spoken.concept === 'run' || spoken.concept === 'use');
  const implied = opening ?? (imperative && !isTrying ? undefined : impliedVerb(sentence, spoken, besideCode));
  const verb = implied ?? (spoken === undefined ? undefined : asHowto(sentence, spoken));
  const at = spoken === undefined ? -1 : hits.indexOf(spoken);
  const object = subjectMatter(sentence, verb, pickObject(sentence, implied === undefined ? at : -1));
  return { verb, object, target: object === undefined ? 'none' : targetOf(object.concept), imperative };
};

/**
 * "How do I merge two lists in Python" wants code written, "how can I merge these two functions" wants it reshaped: what
 * is at hand is pointed at.
 */
const asHowto = (sentence: Sentence, verb: Hit): Hit => {
  if (sentence.deictic || !MANIPULATIONS.has(verb.concept)) return verb;
  if (sentence.hits.some((hit) => hit.concept === 'quality')) return verb;
  return sentence.hits[0]?.concept === 'howto' ? asVerb(verb, 'create') : verb;
};
const MANIPULATIONS: ReadonlySet<Concept> = new Set<Concept>([
  'guard',
  'reshape',
  'remove',
  'convert',
  'find',
  'update',
  'use',
  'run',
]);

/**
 * "Fix the mistakes in my essay" is about the essay, "convert degrees in a Python function" about the function, and
 * "check this code for vulnerabilities" about the vulnerabilities.
 */
const subjectMatter = ({ hits }: Sentence, verb: Hit | undefined, object: Hit | undefined): Hit | undefined => {
  if (object === undefined || object.concept === 'change') return object;
  if (verb?.concept === 'find') {
    const sought = hits.find((hit) => hit.concept === 'security') ?? hits.find((hit) => hit.concept === 'error');
    if (sought !== undefined) return sought;
  }
  const strong = hits.find((hit) => STRONG.has(hit.concept));
  if (object.concept === 'text') {
    return hits.find((hit) => hit.concept === 'tech' && hit.phrase === object.phrase) ?? object;
  }
  if (object.concept === 'life') return hits.find((hit) => hit.concept === 'code' || hit.concept === 'tech') ?? object;
  if (!ABOUT_ANYTHING.has(object.concept) || strong !== undefined) return object;
  return hits.find(isEveryday) ?? object;
};
const isEveryday = (hit: Hit): boolean => hit.concept === 'text' || hit.concept === 'life';

/** Whether a sentence names writing or everyday life, and no software. */
export const isAboutLife = ({ hits }: Sentence): boolean =>
  hits.some(isEveryday) && !hits.some((hit) => STRONG.has(hit.concept));

const ABOUT_ANYTHING: ReadonlySet<Concept> = new Set<Concept>(['error', 'quality', 'speed', 'security', 'vague']);
const STRONG: ReadonlySet<Concept> = new Set<Concept>(['code', 'part', 'tech', 'test', 'change', 'dev', 'doc']);

/** Nothing but politeness stands before the verb; where verbs come late, what they are about may. */
const opensSentence = (sentence: Sentence, verb: Hit): boolean => {
  if (sentence.verbFinal) return true;
  if (verb.strangersBefore > (sentence.unspaced ? 6 : 0)) return false;
  if (sentence.unspaced) return true;
  return sentence.hits.slice(0, sentence.hits.indexOf(verb)).every((hit) => OPENERS.includes(hit.concept));
};
const OPENERS: readonly Concept[] = ['polite', 'person', 'howto', 'role', 'dev', 'light'];

const asVerb = (hit: Hit, concept: Concept): Hit => ({ ...hit, concept, kind: 'verb' });

/** "SAS code to merge …", "a macro that copies …": the thing is wanted, and what follows tells what it does. */
const wantedThing = ({ hits, verbFinal, question, deictic, unspaced }: Sentence): Hit | undefined => {
  if (verbFinal || question || deictic || unspaced) return undefined;
  const at = hits.findIndex((hit) => hit.concept !== 'polite');
  const first = hits[at];
  if (first === undefined || (first.concept !== 'code' && first.concept !== 'tech') || first.strangersBefore > 0)
    return undefined;
  if (
    hits.some(
      ({ concept }) => concept === 'symptom' || concept === 'defect' || concept === 'error' || concept === 'test',
    )
  )
    return undefined;
  const verbAt = hits.findIndex(isVerb);
  const verb = hits[verbAt];
  return verb !== undefined && (verb.phrase > first.phrase || hits[verbAt - 1]?.words === 'to')
    ? asVerb(first, 'create')
    : undefined;
};

const openingNoun = (sentence: Sentence): Hit | undefined => {
  if (sentence.verbFinal) return undefined;
  const at = sentence.hits.findIndex((hit) => !OPENERS.includes(hit.concept));
  const first = sentence.hits[at];
  const verb = first === undefined ? undefined : OPENING_NOUN_VERBS[first.concept];
  if (first === undefined || verb === undefined || first.wordsBefore > at) return undefined;
  if (first.wordsBefore === 0 && (first.words === 'test' || first.words === 'document')) return asVerb(first, verb);
  if (sentence.hits.some((hit) => hit.concept === 'defect' || (hit.concept === 'error' && first.concept === 'doc')))
    return undefined; // "my tests fail on CI"
  const isLateVerb = sentence.hits.some((hit) => isVerb(hit) && !hit.subordinate && hit.phrase === first.phrase);
  return isLateVerb ? undefined : asVerb(first, verb);
};

/** A question without an order asks for its cause, its meaning or the way; a complaint asks for the fault to be found. */
const impliedVerb = (sentence: Sentence, spoken: Hit | undefined, besideCode: boolean): Hit | undefined => {
  const { hits } = sentence;
  if (!besideCode && !isSoftware(sentence)) return vagueComplaint(sentence);
  const first = questionWord(sentence);
  const yesOrNo = first === undefined ? yesOrNoVerb(sentence, spoken, besideCode) : undefined;
  if (yesOrNo !== undefined) return yesOrNo;
  const question = first === undefined ? undefined : QUESTION_VERBS[first.concept];
  if (first !== undefined && question !== undefined && (spoken === undefined || OVERRIDING.has(first.concept))) {
    return asVerb(first, question);
  }
  const complaint = hits.find(
    (hit) =>
      hit.concept === 'defect' ||
      (hit.concept === 'symptom' && !isOrdered(sentence, spoken)) ||
      (hit.concept === 'error' && spoken === undefined),
  );
  return complaint === undefined ? undefined : asVerb(complaint, 'debug');
};

/** "The image does not show up": nothing there names software, and nothing else either. */
const vagueComplaint = (sentence: Sentence): Hit | undefined => {
  const { hits } = sentence;
  if (isAboutLife(sentence) || !hits.some((hit) => hit.concept === 'vague')) return undefined;
  const complaint = hits.find((hit) => hit.concept === 'defect' || hit.concept === 'symptom');
  return complaint === undefined ? undefined : asVerb(complaint, 'debug');
};

/** The word that makes a sentence a question: its first word, or the first of a later clause if a question mark follows. */
const questionWord = ({ hits, question }: Sentence): Hit | undefined => {
  const at = hits.findIndex((hit) => hit.concept !== 'polite' && hit.concept !== 'person');
  const first = hits[at];
  if (first === undefined) return undefined;
  if (first.strangersBefore === 0 && QUESTION_VERBS[first.concept] !== undefined) return first;
  if (!question) return undefined;
  return hits.find((hit, i) => QUESTION_VERBS[hit.concept] !== undefined && hit.phrase > (hits[i - 1]?.phrase ?? -1));
};
const TROUBLE: ReadonlySet<Concept> = new Set<Concept>(['defect', 'symptom', 'error', 'debug', 'test']);

/** "Does Go pass slices by value?" asks for knowledge; about what is at hand it asks for a judgement. */
const yesOrNoVerb = (
  { auxiliary, question, deictic, hits }: Sentence,
  spoken: Hit | undefined,
  besideCode: boolean,
): Hit | undefined => {
  const [first] = hits;
  if (!auxiliary || !question || first === undefined) return undefined;
  if (spoken !== undefined && !WEAK.has(spoken.concept)) return undefined;
  if (hits.some(({ concept }) => TROUBLE.has(concept) || concept === 'polite' || concept === 'quality'))
    return undefined;
  return asVerb(first, deictic || besideCode ? 'review' : 'explain');
};
const WEAK: ReadonlySet<Concept> = new Set<Concept>(['use', 'run', 'update', 'support', 'guard', 'find', 'light']);

const OVERRIDING: ReadonlySet<Concept> = new Set<Concept>(['why', 'yesno']);

const isOrdered = (sentence: Sentence, spoken: Hit | undefined): boolean =>
  spoken !== undefined && opensSentence(sentence, spoken);

/** Say little by themselves where another verb of the sentence tells more. */
const LIGHT_WHEN_FINAL: readonly Concept[] = [
  'light',
  'create',
  'explain',
  'find',
  'use',
  'update',
  'run',
  'support',
  'guard',
];

/** "A script that drops the second column": what follows "that" tells what the thing does, and the thing is wanted. */
const isNamed = (hits: readonly Hit[]): boolean =>
  hits[0] !== undefined && (hits[0].concept === 'polite' || hits[0].kind === 'object');

/** "I refactored the module" tells what was done. */
const isPast = ({ words, wordsBefore }: Hit, before: Hit | undefined): boolean =>
  words.endsWith('ed') && before?.concept === 'person' && wordsBefore - before.wordsBefore <= 2;

/** The first verb, or the last one where verbs close the sentence; verbs in relative clauses only for want of others. */
const pickVerb = ({ hits, verbFinal }: Sentence): Hit | undefined => {
  const verbs = hits.filter((hit, i) => isVerb(hit) && !isPast(hit, hits[i - 1]));
  const main = verbs.filter((hit) => !hit.subordinate);
  const pool = main.length > 0 || !isNamed(hits) ? (main.length > 0 ? main : verbs) : [];
  if (verbFinal) return pool.findLast((hit) => !LIGHT_WHEN_FINAL.includes(hit.concept)) ?? pool.at(-1);
  const [first] = pool;
  if (first === undefined || first.concept !== 'light') return first;
  return pool.find((hit) => hit.concept !== 'light' && hit.phrase === first.phrase) ?? first;
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
  if (verbAt < 0) return undefined;
  const before = hits.slice(0, verbAt).filter(isObject);
  const leading = before[0]; // a German infinitive closes the sentence, and its object leads it
  return leading === undefined ? undefined : headOf(before.filter((hit) => hit.phrase === leading.phrase));
};

/**
 * The head of a compound is its last noun, except that "test code" is still about tests and "changelog entry" about
 * documentation; a language or framework only qualifies it.
 */
const headOf = (objects: readonly Hit[]): Hit | undefined => {
  const last = objects.findLast((hit) => hit.concept !== 'tech') ?? objects.at(-1);
  if (last === undefined || last.concept === 'doc' || last.concept === 'change') return last;
  const test = objects.findLast((hit) => hit.concept === 'test');
  if (test !== undefined || last.concept !== 'vague') return test ?? last;
  return objects.findLast((hit) => hit.concept === 'doc') ?? last;
};

const targetOf = (concept: Concept): Target => {
  switch (concept) {
    case 'code':
    case 'part':
    case 'vague':
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
    case 'tech':
      return 'code';
    default:
      return 'none';
  }
};
