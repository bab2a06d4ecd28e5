/** Bytes that Go's encoder escapes in every string, so that JSON can stand inside HTML (encoding/json, `HTMLEscape`). */
const HTML_SENSITIVE = /[<>&\u2028\u2029]/g;

/** JSON as Go writes it: key order as given, no blanks, `<`, `>`, `&` and the two line separators escaped. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(HTML_SENSITIVE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  /** `EOF` for an empty body, else the text of Go's error. */
  | { readonly ok: false; readonly error: string };

class GoSyntaxError extends Error {}

const quoteChar = (char: string): string => {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  // strconv.Quote knows no \u for what fits two digits.
  const code = char.charCodeAt(0);
  const named = '\u0007\b\t\n\u000b\f\r'.includes(char);
  if ((code < 0x20 && !named) || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`;
  if (char === '\u0007') return String.raw`'\a'`;
  if (char === '\u000b') return String.raw`'\v'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
};

/** Walks over one JSON value as Go's scanner does, to find its end and to fail in Go's words. */
class Scanner {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  skipBlank(): void {
    while (/[ \t\r\n]/.test(this.#text.charAt(this.position))) this.position += 1;
  }

  get atEnd(): boolean {
    return this.position >= this.#text.length;
  }

  value(): void {
    const char = this.#peek();
    if (char === '{') this.#object();
    else if (char === '[') this.#array();
    else if (char === '"') this.#string();
    else if (char === 't') this.#literal('true');
    else if (char === 'f') this.#literal('false');
    else if (char === 'n') this.#literal('null');
    else if (char === '-' || /\d/.test(char)) this.#number();
    else this.#fail(char, 'looking for beginning of value');
  }

  #peek(): string {
    this.skipBlank();
    return this.#next();
  }

  #next(): string {
    if (this.atEnd) throw new GoSyntaxError('unexpected EOF');
    return String.fromCodePoint(this.#text.codePointAt(this.position) ?? 0);
  }

  #fail(char: string, where: string): never {
    throw new GoSyntaxError(`invalid character ${quoteChar(char)} ${where}`);
  }

  #object(): void {
    this.position += 1;
    if (this.#peek() === '}') {
      this.position += 1;
      return;
    }
    for (;;) {
      const key = this.#peek();
      if (key !== '"') this.#fail(key, 'looking for beginning of object key string');
      this.#string();
      const colon = this.#peek();
      if (colon !== ':') this.#fail(colon, 'after object key');
      this.position += 1;
      this.value();
      const next = this.#peek();
      this.position += 1;
      if (next === '}') return;
      if (next !== ',') this.#fail(next, 'after object key:value pair');
    }
  }

  #array(): void {
    this.position += 1;
    if (this.#peek() === ']') {
      this.position += 1;
      return;
    }
    for (;;) {
      this.value();
      const next = this.#peek();
      this.position += 1;
      if (next === ']') return;
      if (next !== ',') this.#fail(next, 'after array element');
    }
  }

  #string(): void {
    this.position += 1;
    for (;;) {
      const char = this.#next();
      this.position += char.length;
      if (char === '"') return;
      if (char < ' ') this.#fail(char, 'in string literal');
      if (char !== '\\') continue;
      const escape = this.#next();
      this.position += 1;
      if (escape === 'u') this.#hex();
      else if (!'"\\/bfnrt'.includes(escape)) this.#fail(escape, 'in string escape code');
    }
  }

  #hex(): void {
    for (let digit = 0; digit < 4; digit += 1) {
      const char = this.#next();
      if (!/[\da-fA-F]/.test(char)) this.#fail(char, 'in \\u hexadecimal character escape');
      this.position += 1;
    }
  }

  #literal(word: string): void {
    for (let index = 0; index < word.length; index += 1) {
      const char = this.#next();
      const wanted = word.charAt(index);
      if (char !== wanted) this.#fail(char, `in literal ${word} (expecting '${wanted}')`);
      this.position += 1;
    }
  }

  #number(): void {
    if (this.#next() === '-') this.position += 1;
    this.#digits('in numeric literal', true);
    if (this.#text.charAt(this.position) === '.') {
      this.position += 1;
      this.#digits('after decimal point in numeric literal', false);
    }
    if (/[eE]/.test(this.#text.charAt(this.position))) {
      this.position += 1;
      if (/[+-]/.test(this.#text.charAt(this.position))) this.position += 1;
      this.#digits('in exponent of numeric literal', false);
    }
  }

  #digits(where: string, integerPart: boolean): void {
    const first = this.#next();
    if (!/\d/.test(first)) this.#fail(first, where);
    this.position += 1;
    if (integerPart && first === '0') return;
    while (/\d/.test(this.#text.charAt(this.position))) this.position += 1;
  }
}

/**
 * Decodes the first JSON value of a body as Go's `json.Decoder` does: what follows it is ignored, duplicate keys are
 * won by the last, errors are told in Go's words.
 */
export const decodeGoJson = (body: Buffer): Decoded => {
  const text = body.toString('utf8');
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return decodeFirst(text);
  }
};

/** The slow way, for bodies that are more or less than one JSON value. */
const decodeFirst = (text: string): Decoded => {
  const scanner = new Scanner(text);
  try {
    scanner.skipBlank();
    if (scanner.atEnd) return { ok: false, error: 'EOF' };
    scanner.value();
    return { ok: true, value: JSON.parse(text.slice(0, scanner.position)) as unknown };
  } catch (error) {
    if (error instanceof GoSyntaxError) return { ok: false, error: error.message };
    throw error;
  }
};
