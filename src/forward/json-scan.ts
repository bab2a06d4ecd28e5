/**
 * Reads a JSON request body where it lies: no object tree, only the byte spans of the values that routing needs.
 *
 * The rules are those of the server that will parse the same bytes (Go's encoding/json behind gin's ShouldBindJSON,
 * Ollama server/routes.go at v0.33): the first JSON value counts and what follows it is ignored; object keys match
 * without case and the last duplicate wins. Error texts are Go's, because clients show them to people.
 *
 * One liberty: raw control characters inside long strings pass unseen. The backend, which reads every byte, refuses
 * those itself; skipping from quote to quote is what keeps a 20 MB image body off the event loop.
 */
export type JsonType = 'string' | 'number' | 'object' | 'array' | 'boolean' | 'null';

/** The bytes `[start, end)` of one value. Strings include their quotes. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly type: JsonType;
}

/** Thrown by the scanner for text that Go would refuse; the message is Go's own. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Go's decoder gives up at this depth (encoding/json maxNestingDepth). */
const MAX_DEPTH = 10_000;
/** Below this depth brackets are only matched, without recursion: a hostile body must not exhaust our stack. */
const RECURSION_DEPTH = 200;
/** Strings shorter than this are checked byte by byte for raw control characters. */
const CHECKED_STRING = 512;

const unexpectedEnd = (): JsonSyntaxError => new JsonSyntaxError('unexpected EOF');

/** Go's quoteChar: how a syntax error shows the offending byte. */
const quoted = (byte: number): string => {
  if (byte === 0x27) return String.raw`'\''`;
  if (byte === QUOTE) return `'"'`;
  const named: Record<number, string> = { 7: 'a', 8: 'b', 9: 't', 10: 'n', 11: 'v', 12: 'f', 13: 'r', 92: '\\' };
  const escape = named[byte];
  if (escape !== undefined) return `'\\${escape}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  return `'${String.fromCharCode(byte)}'`;
};

const bad = (byte: number, where: string): JsonSyntaxError =>
  new JsonSyntaxError(`invalid character ${quoted(byte)} ${where}`);

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);

/** The next byte that is not white space, or -1 at the end. */
const skipSpace = (text: Buffer, from: number): number => {
  for (let i = from; i < text.length; i++) {
    if (!isSpace(text[i] ?? 0)) return i;
  }
  return -1;
};

const checkEscapes = (text: Buffer, start: number, end: number): void => {
  for (let i = start; i < end; i++) {
    const byte = text[i] ?? 0;
    if (byte < 0x20) throw bad(byte, 'in string literal');
    if (byte !== BACKSLASH) continue;
    const escape = text[++i] ?? 0;
    if (escape === 0x75) {
      for (let k = 1; k <= 4; k++) {
        const hex = text[i + k] ?? 0;
        if (!isHex(hex)) throw bad(hex, String.raw`in \u hexadecimal character escape`);
      }
      i += 4;
    } else if (!'"\\/bfnrt'.includes(String.fromCharCode(escape))) {
      throw bad(escape, 'in string escape code');
    }
  }
};

/** `from` is the opening quote; gives the index after the closing one. */
const skipString = (text: Buffer, from: number): number => {
  // Most strings are short and plain: found and checked in one go.
  const near = Math.min(text.length, from + CHECKED_STRING);
  for (let i = from + 1; i < near; i++) {
    const byte = text[i] ?? 0;
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH || byte < 0x20) break;
  }
  for (let quote = text.indexOf(QUOTE, from + 1); quote !== -1; quote = text.indexOf(QUOTE, quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) {
      if (quote - from < CHECKED_STRING) checkEscapes(text, from + 1, quote);
      return quote + 1;
    }
  }
  throw unexpectedEnd();
};

const LITERALS: Record<number, { readonly word: string; readonly type: JsonType }> = {
  0x74: { word: 'true', type: 'boolean' },
  0x66: { word: 'false', type: 'boolean' },
  0x6e: { word: 'null', type: 'null' },
};

const skipLiteral = (text: Buffer, from: number, word: string): number => {
  for (let k = 1; k < word.length; k++) {
    const byte = text[from + k];
    if (byte === undefined) throw unexpectedEnd();
    if (byte !== word.charCodeAt(k)) throw bad(byte, `in literal ${word} (expecting ${quoted(word.charCodeAt(k))})`);
  }
  return from + word.length;
};

const skipDigits = (text: Buffer, from: number, where: string): number => {
  const first = text[from];
  if (first === undefined) throw unexpectedEnd();
  if (!isDigit(first)) throw bad(first, where);
  let i = from + 1;
  while (isDigit(text[i] ?? 0)) i++;
  return i;
};

const skipNumber = (text: Buffer, from: number): number => {
  let i = from;
  if (text[i] === 0x2d) i++;
  i = text[i] === 0x30 ? i + 1 : skipDigits(text, i, 'in numeric literal');
  if (text[i] === 0x2e) i = skipDigits(text, i + 1, 'after decimal point in numeric literal');
  if (text[i] === 0x65 || text[i] === 0x45) {
    i++;
    if (text[i] === 0x2b || text[i] === 0x2d) i++;
    i = skipDigits(text, i, 'in exponent of numeric literal');
  }
  return i;
};

/** Walks over an object or array by matching brackets alone; gives the index after the closing one. */
const skipNested = (text: Buffer, start: number, depth: number): number => {
  const closers: number[] = [];
  for (let i = start; i < text.length; i++) {
    const byte = text[i] ?? 0;
    if (byte === QUOTE) {
      i = skipString(text, i) - 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      closers.push(byte + 2);
      if (depth + closers.length > MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth');
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (closers.pop() !== byte) throw bad(byte, 'looking for beginning of value');
      if (closers.length === 0) return i + 1;
    }
  }
  throw unexpectedEnd();
};

/** Called for each member of an object; the key still has its quotes and escapes. */
type OnMember = (key: Span, value: Span) => void;

class Scanner {
  readonly #text: Buffer;
  /** Where the last value began, and what it was. */
  #start = 0;
  #type: JsonType = 'null';

  constructor(text: Buffer) {
    this.#text = text;
  }

  value(from: number, depth: number): Span {
    const end = this.#end(from, depth);
    return { start: this.#start, end, type: this.#type };
  }

  /** Makes no object, because all but a few values are only passed by. */
  #end(from: number, depth: number): number {
    const text = this.#text;
    const start = skipSpace(text, from);
    if (start === -1) throw unexpectedEnd();
    const first = text[start] ?? 0;
    if (first === QUOTE) return this.#was(start, 'string', skipString(text, start));
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      const type = first === OPEN_BRACE ? 'object' : 'array';
      if (depth >= RECURSION_DEPTH) return this.#was(start, type, skipNested(text, start, depth));
      return this.#was(start, type, type === 'object' ? this.object(start, depth + 1) : this.array(start, depth + 1));
    }
    const literal = LITERALS[first];
    if (literal !== undefined) return this.#was(start, literal.type, skipLiteral(text, start, literal.word));
    if (first === 0x2d || isDigit(first)) return this.#was(start, 'number', skipNumber(text, start));
    throw bad(first, 'looking for beginning of value');
  }

  #was(start: number, type: JsonType, end: number): number {
    this.#start = start;
    this.#type = type;
    return end;
  }

  /** `start` is the opening brace; gives the index after the closing one. */
  object(start: number, depth: number, onMember?: OnMember): number {
    const text = this.#text;
    let i = this.#next(start + 1);
    if (text[i] === CLOSE_BRACE) return i + 1;
    for (;;) {
      if (text[i] !== QUOTE) throw bad(text[i] ?? 0, 'looking for beginning of object key string');
      const keyStart = i;
      const keyEnd = skipString(text, i);
      i = this.#next(keyEnd);
      if (text[i] !== COLON) throw bad(text[i] ?? 0, 'after object key');
      const end = this.#end(i + 1, depth);
      if (onMember !== undefined) {
        onMember({ start: keyStart, end: keyEnd, type: 'string' }, { start: this.#start, end, type: this.#type });
      }
      i = this.#next(end);
      if (text[i] === CLOSE_BRACE) return i + 1;
      if (text[i] !== COMMA) throw bad(text[i] ?? 0, 'after object key:value pair');
      i = this.#next(i + 1);
    }
  }

  /** `start` is the opening bracket; gives the index after the closing one. */
  array(start: number, depth: number, onItem?: (item: Span) => void): number {
    const text = this.#text;
    let i = this.#next(start + 1);
    if (text[i] === CLOSE_BRACKET) return i + 1;
    for (;;) {
      const end = this.#end(i, depth);
      onItem?.({ start: this.#start, end, type: this.#type });
      i = this.#next(end);
      if (text[i] === CLOSE_BRACKET) return i + 1;
      if (text[i] !== COMMA) throw bad(text[i] ?? 0, 'after array element');
      i++;
    }
  }

  #next(from: number): number {
    const i = skipSpace(this.#text, from);
    if (i === -1) throw unexpectedEnd();
    return i;
  }
}

/**
 * A key as Go compares it (encoding/json foldName): without case, where U+017F folds to `s` and U+212A (Kelvin) to `k`.
 */
export const foldKey = (key: string): string => key.toLowerCase().replaceAll('ſ', 's').replaceAll('\u212A', 'k');

/** The text of a string value. */
export const decodeString = (text: Buffer, span: Span): string => {
  const raw = text.toString('utf8', span.start + 1, span.end - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    // A raw control character, which JSON.parse refuses and the backend will too.
    return raw;
  }
};

const isPlainKey = (text: Buffer, { start, end }: Span): boolean => {
  for (let i = start + 1; i < end - 1; i++) {
    const byte = text[i] ?? 0;
    if (!((byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || isDigit(byte))) return false;
  }
  return true;
};

const keyName = (text: Buffer, key: Span): string =>
  isPlainKey(text, key) ? text.toString('latin1', key.start + 1, key.end - 1) : foldKey(decodeString(text, key));

/** Members of one object by folded key; of duplicates the last one, `null` counts as absent, as Go has it. */
export type Members = ReadonlyMap<string, Span>;

const collect = (text: Buffer, start: number, depth: number): Members => {
  const members = new Map<string, Span>();
  new Scanner(text).object(start, depth, (key, value) => {
    // Go leaves the field as it was when the value is null, so an earlier duplicate stays.
    if (value.type !== 'null') members.set(keyName(text, key), value);
  });
  return members;
};

/**
 * The depth at which a value is taken to lie that was scanned before: deeper than any that is looked into really lies,
 * so that a second look never checks what the first one only skipped, and thus never throws.
 */
const SECOND_LOOK_DEPTH = 16;

/** The members of an object value inside a text that was scanned before. */
export const membersOf = (text: Buffer, span: Span): Members => collect(text, span.start, SECOND_LOOK_DEPTH);

/** Whether an array value inside a text that was scanned before has no items. */
export const isEmptyArray = (text: Buffer, span: Span): boolean =>
  text[skipSpace(text, span.start + 1)] === CLOSE_BRACKET;

/** The items of an array value inside a text that was scanned before. */
export const itemsOf = (text: Buffer, span: Span): readonly Span[] => {
  const items: Span[] = [];
  new Scanner(text).array(span.start, SECOND_LOOK_DEPTH, (item) => items.push(item));
  return items;
};

const GO_TYPE: Record<JsonType, string> = {
  string: 'string',
  number: 'number',
  object: 'object',
  array: 'array',
  boolean: 'bool',
  null: 'null',
};

/** The JSON type in the words of Go's UnmarshalTypeError. */
export const goType = (span: Span): string => GO_TYPE[span.type];

/**
 * Scans a whole request body and gives the members of its top-level object (none for a literal `null`, as in Go).
 * @param goStruct the struct that Go would read it into, named in the error when the body is no object
 * @throws JsonSyntaxError in Go's words; for an empty body its message is `EOF`.
 */
export const scanBody = (text: Buffer, goStruct = 'api.Request'): Members => {
  const start = skipSpace(text, 0);
  if (start === -1) throw new JsonSyntaxError('EOF');
  if (text[start] === OPEN_BRACE) return collect(text, start, 1);
  const value = new Scanner(text).value(start, 0);
  if (value.type === 'null') return new Map();
  throw new JsonSyntaxError(`json: cannot unmarshal ${goType(value)} into Go value of type ${goStruct}`);
};
