import type { JsonType, Span } from './json-scan.ts';

/**
 * Walks over an answer full of vectors by its structure alone: brackets, quotes and commas are checked, and a list of
 * numbers is stepped over at the speed of a byte search, because such an answer has megabytes of them and every stream
 * that the process serves waits meanwhile. Keys are compared as they are written, since a server writes them one way.
 */

/** Thrown for a text whose structure is not that of JSON. */
export class NoJson extends Error {
  override readonly name = 'NoJson';
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** An answer has three levels; the bound keeps a hostile one off the stack. */
const MAX_DEPTH = 32;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

const skipSpace = (text: Buffer, from: number): number => {
  let i = from;
  while (isSpace(text[i])) i++;
  return i;
};

const stringEnd = (text: Buffer, start: number): number => {
  for (let quote = text.indexOf(QUOTE, start + 1); quote !== -1; quote = text.indexOf(QUOTE, quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
  throw new NoJson('a string has no end');
};

/** The end of a list of numbers or words; undefined when there is anything else in it. */
const flatEnd = (text: Buffer, start: number): number | undefined => {
  const close = text.indexOf(CLOSE_BRACKET, start);
  if (close === -1) throw new NoJson('an array has no end');
  const inside = text.subarray(start + 1, close);
  const flat = !inside.includes(OPEN_BRACKET) && !inside.includes(QUOTE) && !inside.includes(OPEN_BRACE);
  return flat ? close + 1 : undefined;
};

/** Steps through what stands between two brackets. @param one reads what begins here and gives its end */
const eachPart = (text: Buffer, start: number, closer: number, one: (at: number) => number): number => {
  let i = skipSpace(text, start + 1);
  if (text[i] === closer) return i + 1;
  for (;;) {
    i = skipSpace(text, one(i));
    if (text[i] === closer) return i + 1;
    if (text[i] !== COMMA) throw new NoJson('a comma is missing');
    i = skipSpace(text, i + 1);
  }
};

const eachMember = (text: Buffer, start: number, depth: number, onMember: (key: string, value: Span) => void): number =>
  eachPart(text, start, CLOSE_BRACE, (at) => {
    if (text[at] !== QUOTE) throw new NoJson('a key is missing');
    const keyEnd = stringEnd(text, at);
    const colon = skipSpace(text, keyEnd);
    if (text[colon] !== COLON) throw new NoJson('a colon is missing');
    const value = valueAt(text, skipSpace(text, colon + 1), depth);
    onMember(text.toString('latin1', at + 1, keyEnd - 1), value);
    return value.end;
  });

const valueAt = (text: Buffer, start: number, depth: number): Span => {
  if (depth > MAX_DEPTH) throw new NoJson('too deep');
  switch (text[start]) {
    case QUOTE:
      return { start, end: stringEnd(text, start), type: 'string' };
    case OPEN_BRACKET: {
      const nested = (): number => eachPart(text, start, CLOSE_BRACKET, (at) => valueAt(text, at, depth + 1).end);
      return { start, end: flatEnd(text, start) ?? nested(), type: 'array' };
    }
    case OPEN_BRACE:
      return { start, end: eachMember(text, start, depth + 1, () => {}), type: 'object' };
    default:
      return wordAt(text, start);
  }
};

const WORDS: Readonly<Record<string, JsonType>> = { true: 'boolean', false: 'boolean', null: 'null' };

const wordAt = (text: Buffer, start: number): Span => {
  let end = start;
  while (end < text.length && !isSpace(text[end]) && !',]}'.includes(String.fromCharCode(text[end] ?? 0))) end++;
  const word = text.toString('latin1', start, end);
  const type = WORDS[word] ?? (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(word) ? 'number' : undefined);
  if (type === undefined) throw new NoJson('a value is missing');
  return { start, end, type };
};

/** The members of the object that begins here, space aside. @throws NoJson */
export const walkMembers = (text: Buffer, from: number): ReadonlyMap<string, Span> => {
  const start = skipSpace(text, from);
  if (text[start] !== OPEN_BRACE) throw new NoJson('no object');
  const members = new Map<string, Span>();
  eachMember(text, start, 1, (key, value) => members.set(key, value));
  return members;
};

/** The items of an array. @throws NoJson */
export const walkItems = (text: Buffer, { start }: Span): readonly Span[] => {
  const items: Span[] = [];
  eachPart(text, start, CLOSE_BRACKET, (at) => {
    const item = valueAt(text, at, 1);
    items.push(item);
    return item.end;
  });
  return items;
};
