import type { JsonType } from '../../src/forward/json-scan.ts';

/**
 * A second, slow reading of a request body by the rules of Go's encoding/json, to compare the scanner with: grammar by
 * regular expressions over the bytes, one recursive function, nothing shared with the scanner.
 */
const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

interface Place {
  readonly start: number;
  readonly end: number;
  readonly type: JsonType;
}

class Refused extends Error {}

/** `onMember` gets the members of the value itself, not those further down; items of an array have no key. */
const readValue = (text: string, from: number, onMember?: (key: string | undefined, value: Place) => void): Place => {
  const take = (pattern: RegExp, at: number): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (pattern === STRING && found !== undefined && Array.from(found).some((each) => each < ' ')) throw new Refused();
    return found;
  };
  const skip = (at: number): number => at + (take(SPACE, at)?.length ?? 0);
  const start = skip(from);
  const scalars: readonly [RegExp, (word: string) => JsonType][] = [
    [STRING, () => 'string'],
    [NUMBER, () => 'number'],
    [WORD, (word) => (word === 'null' ? 'null' : 'boolean')],
  ];
  for (const [pattern, type] of scalars) {
    const word = take(pattern, start);
    if (word !== undefined) return { start, end: start + word.length, type: type(word) };
  }
  const open = text[start];
  if (open !== '{' && open !== '[') throw new Refused();
  const close = open === '{' ? '}' : ']';
  let at = skip(start + 1);
  const end = (): Place => ({ start, end: at + 1, type: open === '{' ? 'object' : 'array' });
  if (text[at] === close) return end();
  for (;;) {
    let key: string | undefined;
    if (open === '{') {
      key = take(STRING, skip(at));
      if (key === undefined) throw new Refused();
      at = skip(skip(at) + key.length);
      if (text[at] !== ':') throw new Refused();
      at++;
    }
    const value = readValue(text, at, undefined);
    onMember?.(key, value);
    at = skip(value.end);
    if (text[at] === close) return end();
    if (text[at] !== ',') throw new Refused();
    at++;
  }
};

/** Without case in ASCII, and the two characters beyond it that fold into ASCII. */
const fold = (key: string): string =>
  key
    .replaceAll(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32))
    .replaceAll('\u017F', 's')
    .replaceAll('\u212A', 'k');

/** The members of the object that a body begins with, by folded key; undefined if Go would refuse the body. */
export const readGoBody = (body: Buffer): ReadonlyMap<string, Place> | undefined => {
  const members = new Map<string, Place>();
  try {
    const value = readValue(body.toString('latin1'), 0, (raw, place) => {
      if (raw === undefined) return;
      const key = fold(String(JSON.parse(Buffer.from(raw, 'latin1').toString('utf8'))));
      if (place.type !== 'null') members.set(key, place);
    });
    return value.type === 'object' || value.type === 'null' ? members : undefined;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
};

/** The items of an array that is valid JSON, as bytes. */
export const readGoItems = (array: Buffer): readonly { readonly type: JsonType; readonly bytes: Buffer }[] => {
  const items: { type: JsonType; bytes: Buffer }[] = [];
  readValue(array.toString('latin1'), 0, (_key, { start, end, type }) => {
    items.push({ type, bytes: array.subarray(start, end) });
  });
  return items;
};
