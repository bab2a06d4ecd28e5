/**
 * The syntax of patterns: that part of RE2's which can be matched in one pass over the text, whatever the pattern
 * (Cox, "Regular Expression Matching Can Be Simple And Fast"). No back-references, no look-around.
 */

/** UTF-16 units as pairs of first and last, both included. */
export type Ranges = readonly (readonly [number, number])[];

/** `^` and `$` hold at the ends of lines, `\b` where a word begins or ends. */
export type Assertion = 'line-start' | 'line-end' | 'word-edge' | 'no-word-edge';

export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly ranges: Ranges }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number };

/** A pattern that cannot be used; the message says why and where. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

const LAST_UNIT = 0xffff;
/** Longer ones are better written as several. */
const MAX_LENGTH = 1000;
const MAX_DEPTH = 50;
/** As RE2 has it. */
const MAX_REPEAT = 1000;

const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACE: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x2028, 0x2029],
  [0x3000, 0x3000],
];
const ANY: Ranges = [
  [0, 0x09],
  [0x0b, LAST_UNIT],
];
const CLASSES: Readonly<Record<string, Ranges>> = { d: DIGIT, w: WORD, s: SPACE };
const CONTROLS: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b };

/** Everything that is not in the ranges. */
export const invert = (ranges: Ranges): Ranges => {
  const out: [number, number][] = [];
  let next = 0;
  for (const [first, last] of [...ranges].toSorted((a, b) => a[0] - b[0])) {
    if (first > next) out.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST_UNIT) out.push([next, LAST_UNIT]);
  return out;
};

/**
 * Reads a pattern. Letters match in either case. Knows `.` `[…]` `[^…]` `\d \w \s \D \W \S` `^ $ \b \B` `( )` `(?: )` `|`
 * `* + ? {n} {n,} {n,m}` (a further `?` is allowed and means nothing) and `\` before a sign.
 * @throws PatternError
 */
export const parsePattern = (source: string): Node => new PatternReader(source).read();

class PatternReader {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): Node {
    if (this.#source === '') throw new PatternError('is empty');
    if (this.#source.length > MAX_LENGTH) throw new PatternError(`is longer than ${MAX_LENGTH} characters`);
    const node = this.#choice();
    if (this.#at < this.#source.length) throw this.#error('has a ")" that closes nothing', this.#at);
    return node;
  }

  #error(problem: string, at: number): PatternError {
    return new PatternError(`${problem} (at character ${at + 1})`);
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #choice(): Node {
    if (++this.#depth > MAX_DEPTH) throw this.#error(`nests more than ${MAX_DEPTH} groups`, this.#at);
    const parts = [this.#sequence()];
    while (this.#peek() === '|') {
      this.#at++;
      parts.push(this.#sequence());
    }
    this.#depth--;
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: 'any', parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && this.#peek() !== '|' && this.#peek() !== ')') {
      parts.push(this.#repeated(this.#atom()));
    }
    const [only] = parts;
    if (only === undefined) return { kind: 'empty' };
    return parts.length === 1 ? only : { kind: 'all', parts };
  }

  #repeated(node: Node): Node {
    const at = this.#at;
    const bounds = this.#bounds();
    if (bounds === undefined) return node;
    if (node.kind === 'assert') throw this.#error('repeats something that has no length', at);
    if (this.#peek() === '?') this.#at++;
    if (/^[*+?]/.test(this.#peek())) throw this.#error('repeats a repetition: put a group around it', this.#at);
    return { kind: 'repeat', node, ...bounds };
  }

  #bounds(): { readonly min: number; readonly max: number } | undefined {
    const sign = this.#peek();
    const simple = sign === '*' ? [0, Infinity] : sign === '+' ? [1, Infinity] : sign === '?' ? [0, 1] : undefined;
    if (simple !== undefined) {
      this.#at++;
      return { min: simple[0] ?? 0, max: simple[1] ?? 0 };
    }
    if (sign !== '{') return undefined;
    const match = /^\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (match === null) return undefined; // a brace that stands for itself
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === undefined ? Infinity : Number(match[3]);
    if (min > MAX_REPEAT || (max !== Infinity && (max > MAX_REPEAT || max < min))) {
      throw this.#error(`has a repetition that is not from 0 to ${MAX_REPEAT}, smaller number first`, this.#at);
    }
    this.#at += match[0].length;
    return { min, max };
  }

  #atom(): Node {
    const at = this.#at;
    const sign = this.#peek();
    this.#at++;
    switch (sign) {
      case '.':
        return { kind: 'set', ranges: ANY };
      case '^':
        return { kind: 'assert', assertion: 'line-start' };
      case '$':
        return { kind: 'assert', assertion: 'line-end' };
      case '(':
        return this.#group(at);
      case '[':
        return { kind: 'set', ranges: this.#class(at) };
      case '\\':
        return this.#escape(at);
      case '*':
      case '+':
      case '?':
        throw this.#error(`has a "${sign}" with nothing before it`, at);
      default:
        return { kind: 'set', ranges: single(sign.charCodeAt(0)) };
    }
  }

  #group(at: number): Node {
    if (this.#peek() === '?') {
      if (this.#source.charAt(this.#at + 1) !== ':') {
        throw this.#error('has a "(?…" that is not known here; only "(?:" is, and look-around is not offered', at);
      }
      this.#at += 2;
    }
    const node = this.#choice();
    if (this.#peek() !== ')') throw this.#error('has a "(" that is never closed', at);
    this.#at++;
    return node;
  }

  #escape(at: number): Node {
    const sign = this.#peek();
    if (sign === 'b' || sign === 'B') {
      this.#at++;
      return { kind: 'assert', assertion: sign === 'b' ? 'word-edge' : 'no-word-edge' };
    }
    return { kind: 'set', ranges: this.#escaped(at) };
  }

  /** What stands after a backslash, as a set. */
  #escaped(at: number): Ranges {
    const sign = this.#peek();
    this.#at++;
    if (sign === '') throw this.#error('ends with a "\\"', at);
    const known = CLASSES[sign.toLowerCase()];
    if (known !== undefined) return sign === sign.toLowerCase() ? known : invert(known);
    const control = CONTROLS[sign];
    if (control !== undefined) return single(control);
    if (/[A-Za-z0-9]/.test(sign)) throw this.#error(`has a "\\${sign}", which is not known here`, at);
    return single(sign.charCodeAt(0));
  }

  #class(at: number): Ranges {
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#source.length) throw this.#error('has a "[" that is never closed', at);
      const from = this.#member();
      const isRange = this.#peek() === '-' && this.#source.charAt(this.#at + 1) !== ']' && from.length === 1;
      if (!isRange || this.#at + 1 >= this.#source.length) {
        ranges.push(...from);
        continue;
      }
      const dash = this.#at++;
      const to = this.#member();
      const low = from[0]?.[0] ?? 0;
      const high = to[0]?.[1] ?? 0;
      if (from[0]?.[1] !== low || to.length !== 1 || to[0]?.[0] !== high || high < low) {
        throw this.#error('has a range that does not go from a character to a later one', dash);
      }
      ranges.push([low, high]);
    }
    this.#at++;
    // What a negated class keeps out is kept out in both cases.
    return negated ? invert(lowered(ranges)) : lowered(ranges);
  }

  #member(): Ranges {
    const at = this.#at;
    const sign = this.#peek();
    this.#at++;
    return sign === '\\' ? this.#escaped(at) : [[sign.charCodeAt(0), sign.charCodeAt(0)]];
  }
}

const single = (unit: number): Ranges => lowered([[unit, unit]]);

/** Larger ranges than this are scripts or everything, and hold both cases already. */
const SMALL_RANGE = 256;

/** The ranges and the small letters of their capitals: texts are read in lower case. */
const lowered = (ranges: Ranges): Ranges => {
  const out = [...ranges];
  for (const [first, last] of ranges) {
    if (last - first >= SMALL_RANGE) continue;
    for (let unit = first; unit <= last; unit++) {
      const char = String.fromCharCode(unit);
      const small = char.toLowerCase();
      if (small !== char && small.length === 1) out.push([small.charCodeAt(0), small.charCodeAt(0)]);
    }
  }
  return out;
};
