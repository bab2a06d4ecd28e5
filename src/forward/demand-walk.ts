import { decodeString } from './json-scan.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Four quotes side by side, for looking at four bytes at once. */
const QUOTES = 0x22222222;
/** How far to look by fours before asking the runtime, whose search is faster over long ways but slow to begin. */
const NEAR_BYTES = 192;

/** Keys that come with every message: recognised in place, without making a string. */
const COMMON_KEYS = ['role', 'content', 'type', 'text'].map((name) => ({ name, bytes: Buffer.from(name) }));

/** Called for each member: the key without its quotes, `[keyFrom, keyTo)`, and its value `[from, to)`. */
export type OnMember = (keyFrom: number, keyTo: number, from: number, to: number) => void;

/**
 * Walks once more over JSON that `scanBody` accepted, without making an object for each value: a chat history is walked
 * for every request. It checks nothing and throws nothing; over text that is no JSON it goes to some end.
 */
export class JsonWalk {
  readonly text: Buffer;
  readonly #view: DataView;

  constructor(text: Buffer) {
    this.text = text;
    this.#view = new DataView(text.buffer, text.byteOffset, text.byteLength);
  }

  /** `from` is the value's first byte; gives the index after its last. */
  valueEnd(from: number): number {
    const { text } = this;
    const first = text[from];
    if (first === QUOTE) return this.#stringEnd(from);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) return this.#nestedEnd(from);
    let i = from;
    for (; i < text.length; i++) {
      const byte = text[i] ?? 0;
      if (byte <= 0x20 || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
    }
    return i;
  }

  /**
   * Goes through an array, `from` its opening bracket, and gives the index after the closing one.
   * @param onItem told where an item begins; gives the index after it (`valueEnd` if it is not interested)
   */
  items(from: number, onItem: (from: number) => number): number {
    let i = this.#skip(from + 1);
    while (i < this.text.length && this.text[i] !== CLOSE_BRACKET) i = this.#skip(Math.max(onItem(i), i + 1));
    return Math.min(i + 1, this.text.length);
  }

  /** Goes through an object, `from` its opening brace, and gives the index after the closing one. */
  members(from: number, onMember: OnMember): number {
    const { text } = this;
    let i = this.#skip(from + 1);
    while (text[i] === QUOTE) {
      const keyEnd = this.#stringEnd(i);
      const value = this.#skip(keyEnd);
      const end = this.valueEnd(value);
      onMember(i + 1, keyEnd - 1, value, end);
      i = this.#skip(end);
    }
    return Math.min(i + 1, text.length);
  }

  /** A key as it is written, escapes undone. */
  exactKey(from: number, to: number): string {
    for (const { name, bytes } of COMMON_KEYS) {
      if (bytes.length !== to - from) continue;
      let i = 0;
      while (i < bytes.length && bytes[i] === this.text[from + i]) i++;
      if (i === bytes.length) return name;
    }
    return decodeString(this.text, { start: from - 1, end: to + 1, type: 'string' });
  }

  /** Over white space, commas and colons. */
  #skip(from: number): number {
    let i = from;
    for (; i < this.text.length; i++) {
      const byte = this.text[i] ?? 0;
      if (byte > 0x20 && byte !== COMMA && byte !== 0x3a) break;
    }
    return i;
  }

  #nestedEnd(from: number): number {
    const { text } = this;
    let depth = 0;
    for (let i = from; i < text.length; i++) {
      const byte = text[i] ?? 0;
      if (byte === QUOTE) i = this.#stringEnd(i) - 1;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return i + 1;
    }
    return text.length;
  }

  #stringEnd(from: number): number {
    const { text } = this;
    const view = this.#view;
    const last = text.length - 3;
    let i = from + 1;
    let near = Math.min(i + NEAR_BYTES, last);
    for (;;) {
      if (i < near) {
        const differs = view.getInt32(i, true) ^ QUOTES;
        // The lowest byte that is zero gets its top bit (Mycroft's test; bytes above it may be marked by its borrow).
        const found = (differs - 0x01010101) & ~differs & 0x80808080;
        if (found === 0) {
          i += 4;
          continue;
        }
        i += (31 - Math.clz32(found & -found)) >> 3;
      } else {
        i = text.indexOf(QUOTE, i);
        if (i === -1) return text.length;
      }
      if (view.getUint8(i - 1) !== BACKSLASH || this.#isEscaped(i - 1)) return i + 1;
      i++;
      near = Math.min(i + NEAR_BYTES, last);
    }
  }

  /** Whether the backslash at `at` is itself escaped, so that what follows it is not. */
  #isEscaped(at: number): boolean {
    let slashes = 1;
    while (this.text[at - slashes] === BACKSLASH) slashes++;
    return slashes % 2 === 0;
  }
}
