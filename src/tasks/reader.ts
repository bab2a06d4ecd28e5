import { CONCEPTS } from './concepts.ts';
import type { Concept, ConceptKind } from './concepts.ts';
import { IGNORED, SEPARATOR, foldUnit, isUnspaced, isVerbFinal } from './fold.ts';
import type { Trie } from './trie.ts';

/** A lexicon entry found in a sentence. */
export interface Hit {
  readonly concept: Concept;
  readonly kind: ConceptKind;
  /** The entry's own words (folded), for explaining; never the text of the prompt. */
  readonly words: string;
  /** Words of the sentence before it, known or not. */
  readonly wordsBefore: number;
  /** Of these, the ones that no lexicon knows. */
  readonly strangersBefore: number;
  /** How many commas, brackets and small words lie before it: hits with the same number stand side by side. */
  readonly phrase: number;
  /** After a word like "that" or "which": says more about the thing than about the task. */
  readonly subordinate: boolean;
}

export interface Sentence {
  readonly hits: readonly Hit[];
  readonly words: number;
  readonly question: boolean;
  /** The verb stands at the end (Japanese, Korean, Hindi). */
  readonly verbFinal: boolean;
  /** In a script without spaces. */
  readonly unspaced: boolean;
  /** Begins with a lower-case letter, as commit subjects do and sentences do not. */
  readonly lowerStart: boolean;
  /** Begins with an article or a possessive, as statements about things do. */
  readonly determined: boolean;
  /** Begins with the verb of a question that is answered by yes or no. */
  readonly auxiliary: boolean;
  /** Articles: people use them, commit subjects leave them out. */
  readonly articles: number;
  /** Points at something at hand: "this code", "the following". */
  readonly deictic: boolean;
  /** Names from a program: camelCase, snake_case, `quoted`, call(), --flag, #123. */
  readonly identifiers: number;
}

type Boundary = 'none' | 'comma' | 'end';

const DETERMINERS: ReadonlySet<string> = new Set(
  'the my our these its der die das mein meine unser unsere le la les mon ma mes notre el los las mi mis nuestra nuestro o os meu minha il lo mio mia het de mijn since after when whenever every sometimes seit wenn nach depuis quand desde cuando после когда после'.split(
    ' ',
  ),
);
const AUXILIARIES: ReadonlySet<string> = new Set(
  'does do is are can could will would did was has have should am'.split(' '),
);
/** The longest of these words. */
const OPENING_UNITS = 8;

const ARTICLES: ReadonlySet<string> = new Set(['the', 'a', 'an']);

/**
 * Reads `text` from `start` to `end` into at most `limit` sentences with their lexicon hits. One pass, no backtracking.
 */
export const readSentences = (trie: Trie, text: string, start: number, end: number, limit: number): Sentence[] =>
  new Reader(trie).read(text, start, end, limit);

class Reader {
  readonly #trie: Trie;
  #sentences: Sentence[] = [];
  #hits: Hit[] = [];
  #words = 0;
  #matched = 0;
  #strangers = 0;
  #phrase = 0;
  #identifiers = 0;
  #articles = 0;
  #deictic = false;
  /** The last entry was "to": a verb that follows tells what the thing is for. */
  #afterTo = false;
  #subordinate = false;
  #verbFinal = false;
  #lowerStart = false;
  #firstWord = '';
  #unspaced = false;

  constructor(trie: Trie) {
    this.#trie = trie;
  }

  read(text: string, start: number, end: number, limit: number): Sentence[] {
    let at = start;
    while (at < end && this.#sentences.length < limit) {
      const unit = text.charCodeAt(at);
      const folded = foldUnit(unit);
      if (folded === SEPARATOR || folded === IGNORED) {
        this.#separator(text, at, end, unit);
        at++;
        continue;
      }
      at = this.#word(text, at, end, unit);
    }
    this.#close(false);
    return this.#sentences;
  }

  #separator(text: string, at: number, end: number, unit: number): void {
    const boundary = boundaryOf(unit, at + 1 < end ? text.charCodeAt(at + 1) : 0x20);
    if (boundary === 'end') this.#close(unit === 0x3f || unit === 0xff1f || unit === 0x061f);
    else if (boundary === 'comma') this.#phrase++;
    else if (unit === 0x60) this.#identifiers++;
  }

  /** Reads the word at `at`, or the longest entry that begins there, and returns where reading goes on. */
  #word(text: string, at: number, end: number, unit: number): number {
    if (this.#words === 0 && this.#hits.length === 0) {
      this.#lowerStart = isLowerCase(text.charAt(at));
      this.#firstWord = text.slice(at, wordEnd(text, at, Math.min(end, at + OPENING_UNITS))).toLowerCase();
    }
    if (isVerbFinal(unit)) this.#verbFinal = true;
    this.#words++;
    const unspaced = isUnspaced(unit);
    if (unspaced) this.#unspaced = true;
    const entry = this.#longest(text, at, end);
    if (entry >= 0) {
      const found = this.#trie.entries[entry];
      const next = at + this.#matched;
      if (found !== undefined) {
        if (found.concept === 'test' ? !isCamelCase(text, at, next, end) : !isInsideName(text, at, next))
          this.#hit(found.concept, found.text);
        else this.#identifiers++;
      }
      return isUnspaced(text.charCodeAt(next - 1)) ? next : wordEnd(text, next, end);
    }
    this.#strangers++;
    if (unspaced) return at + 1;
    const next = wordEnd(text, at, end);
    if (looksLikeIdentifier(text, at, next, end)) this.#identifiers++;
    return next;
  }

  /** The longest entry that begins at `from`, or -1; `#matched` is its length in the text. */
  #longest(text: string, from: number, end: number): number {
    const trie = this.#trie;
    let node = 0;
    let entry = -1;
    let length = 0;
    let at = from;
    let spaced = false; // several separators in a row count as one space
    while (at < end) {
      const unit = text.charCodeAt(at);
      let folded = unit === 0x2b || unit === 0x23 ? unit : foldUnit(unit);
      if (folded === IGNORED) {
        at++;
        continue;
      }
      if (folded === SEPARATOR) {
        if (spaced) {
          at++;
          continue;
        }
        const next = at + 1 < end ? text.charCodeAt(at + 1) : 0x20;
        if (isContraction(unit, next)) {
          at++;
          continue;
        }
        if (boundaryOf(unit, next) !== 'none') break;
        folded = 0x20;
        spaced = true;
      } else spaced = false;
      node = trie.step(node, folded);
      if (node === 0) break;
      at++;
      const open = trie.stemAt(node);
      if (open >= 0) {
        entry = open;
        length = at - from;
      }
      const exact = trie.exactAt(node);
      if (exact >= 0 && endsWord(text, at, end)) {
        entry = exact;
        length = at - from;
      }
    }
    this.#matched = length;
    return entry;
  }

  #hit(concept: Concept, words: string): void {
    const kind = CONCEPTS[concept];
    if (concept === 'whenever' || (this.#afterTo && kind === 'verb')) this.#phrase++;
    this.#afterTo = words === 'to';
    if (concept === 'stop') {
      this.#phrase++;
      return;
    }
    if (concept === 'that') {
      this.#phrase++;
      if (this.#hits.some((hit) => hit.kind === 'object')) this.#subordinate = true;
      return;
    }
    if (concept === 'deictic') {
      this.#deictic = true;
      this.#articles++;
      return;
    }
    if (concept === 'plain') {
      if (ARTICLES.has(words)) this.#articles++;
      return;
    }
    this.#hits.push({
      concept,
      kind,
      words,
      wordsBefore: this.#words - 1,
      strangersBefore: this.#strangers,
      phrase: this.#phrase,
      subordinate: this.#subordinate,
    });
  }

  #close(question: boolean): void {
    if (this.#words > 0) {
      this.#sentences.push({
        hits: this.#hits,
        words: this.#words,
        question,
        verbFinal: this.#verbFinal,
        unspaced: this.#unspaced,
        lowerStart: this.#lowerStart,
        determined: DETERMINERS.has(this.#firstWord),
        auxiliary: AUXILIARIES.has(this.#firstWord),
        articles: this.#articles,
        deictic: this.#deictic,
        identifiers: this.#identifiers,
      });
    }
    this.#hits = [];
    this.#words = 0;
    this.#strangers = 0;
    this.#phrase = 0;
    this.#identifiers = 0;
    this.#articles = 0;
    this.#deictic = false;
    this.#subordinate = false;
    this.#afterTo = false;
    this.#verbFinal = false;
    this.#lowerStart = false;
    this.#firstWord = '';
    this.#unspaced = false;
  }
}

/** Full stops, question marks and colons end a sentence only before a space; their East Asian forms always do. */
const boundaryOf = (unit: number, next: number): Boundary => {
  switch (unit) {
    case 0x0a: // line feed
    case 0x3002: // 。
    case 0xff01: // ！
    case 0xff1f: // ？
    case 0xff1b: // ；
    case 0xff1a: // ：
    case 0x0964: // danda
    case 0x061f: // Arabic question mark
      return 'end';
    case 0x2e: // .
    case 0x3f: // ?
    case 0x21: // !
    case 0x3a: // :
    case 0x3b: // ;
      return isAfterSentence(next) ? 'end' : 'none';
    case 0x2c: // ,
    case 0x28: // (
    case 0x29: // )
    case 0x5d: // ]
    case 0xff0c: // ，
    case 0x3001: // 、
    case 0x060c: // Arabic comma
    case 0x2014: // em dash
      return 'comma';
    default:
      return 'none';
  }
};

/** White space, a closing quote or bracket: the stop before it was a full stop, not part of a number or an operator. */
const isAfterSentence = (unit: number): boolean =>
  unit <= 0x20 || unit === 0x22 || unit === 0x27 || unit === 0x29 || unit === 0x2a || unit === 0x60 || unit > 0x2000;

const isApostrophe = (unit: number): boolean => unit === 0x27 || unit === 0x2019;

/** The apostrophe of don't, it's, we'll: the word goes on. Before anything else (l'erreur, 'quoted') it separates. */
const isContraction = (unit: number, next: number): boolean =>
  isApostrophe(unit) &&
  (next === 0x74 || next === 0x73 || next === 0x72 || next === 0x6c || next === 0x76 || next === 0x6d);

const endsWord = (text: string, at: number, end: number): boolean => {
  if (at >= end) return true;
  const unit = text.charCodeAt(at);
  if (unit === 0x2b || unit === 0x23) return false;
  const folded = foldUnit(unit);
  return folded === SEPARATOR || isUnspaced(unit);
};

const wordEnd = (text: string, from: number, end: number): number => {
  let at = from;
  while (at < end) {
    const unit = text.charCodeAt(at);
    if (foldUnit(unit) === SEPARATOR || isUnspaced(unit)) {
      const next = at + 1 < end ? text.charCodeAt(at + 1) : 0x20;
      if (!isContraction(unit, next) || foldUnit(next) === SEPARATOR) break;
    }
    at++;
  }
  return at;
};

/** Part of a snake_case name: `model_usage` is not about usage. */
const isInsideName = (text: string, from: number, to: number): boolean =>
  text.charCodeAt(from - 1) === 0x5f || text.charCodeAt(to) === 0x5f;

/** `TestResultParser`: a class named after tests, while `testTransfer` and `TestTransfer()` are tests. */
const isCamelCase = (text: string, from: number, to: number, end: number): boolean => {
  if (!isLower(text.charCodeAt(to - 1)) || !isUpper(text.charCodeAt(to)) || !isUpper(text.charCodeAt(from)))
    return false;
  const stop = wordEnd(text, to, end);
  return text.charCodeAt(stop) !== 0x28;
};

const isLowerCase = (char: string): boolean => char === char.toLowerCase() && char !== char.toUpperCase();

const isLower = (unit: number): boolean => unit >= 0x61 && unit <= 0x7a;
const isUpper = (unit: number): boolean => unit >= 0x41 && unit <= 0x5a;

/** `v4.2`, as releases are named. */
const isVersion = (text: string, from: number, to: number, end: number): boolean => {
  const first = text.charCodeAt(from);
  if ((first !== 0x76 && first !== 0x56) || to - from > 4 || to + 1 >= end) return false;
  return isDigit(text.charCodeAt(from + 1)) && text.charCodeAt(to) === 0x2e && isDigit(text.charCodeAt(to + 1));
};
const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

/** No name in a program is longer. */
const MAX_NAME = 64;

/** camelCase, a name followed by `_`, `(`, `::` or `->`, or a flag: spelled as programs spell, not as people do. */
const looksLikeIdentifier = (text: string, from: number, to: number, end: number): boolean => {
  for (let i = from + 1; i < Math.min(to, from + MAX_NAME); i++) {
    if (isUpper(text.charCodeAt(i)) && isLower(text.charCodeAt(i - 1))) return true;
  }
  const after = to < end ? text.charCodeAt(to) : 0x20;
  if (isVersion(text, from, to, end)) return true;
  if (after === 0x5f || after === 0x28) return true;
  if (after === 0x3a && to + 1 < end && text.charCodeAt(to + 1) === 0x3a) return true;
  return from >= 2 && text.charCodeAt(from - 1) === 0x2d && text.charCodeAt(from - 2) === 0x2d;
};
