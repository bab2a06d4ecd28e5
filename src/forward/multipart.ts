/** Bytes of a form that are no file, up to which its fields are looked for; more is no form of an API client. */
const MAX_FIELD_BYTES = 1024 * 1024;
/** One part's head: two short headers. */
const MAX_HEAD_BYTES = 16 * 1024;

const DASH = 0x2d;
/** What may follow a delimiter: the rest of the last one, padding, the end of the line. Else it is another boundary's. */
const END_OF_DELIMITER = new Set([DASH, 0x20, 0x09, 0x0d]);

/** The bytes `[start, end)` of a field's value. */
export interface FieldSpan {
  readonly start: number;
  readonly end: number;
}

export type FieldSearch =
  /** Not there yet: more of the form must come. */
  | { readonly kind: 'more' }
  | { readonly kind: 'found'; readonly span: FieldSpan }
  /** The form has ended, or is none. */
  | { readonly kind: 'absent' }
  /** More than a megabyte of fields. */
  | { readonly kind: 'too-large' };

/** The boundary that a `multipart/form-data` content type names (RFC 2046 §5.1.1); undefined for any other type. */
export const formBoundary = (contentType: string | undefined): string | undefined => {
  if (contentType === undefined || !/^multipart\/form-data\s*(;|$)/i.test(contentType)) return undefined;
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
};

/** A parameter of a `Content-Disposition`; names and file names of API clients hold no escaped quotes. */
const parameter = (disposition: string, name: string): string | undefined => {
  const match = new RegExp(String.raw`;\s*${name}\*?=(?:"([^"]*)"|([^\s;]+))`, 'i').exec(disposition);
  return match === null ? undefined : (match[1] ?? match[2]);
};

/**
 * Looks for one field in a form that arrives piece by piece (RFC 7578). Files are passed over, whatever their size;
 * each byte is looked at once.
 */
export class FieldFinder {
  readonly #name: string;
  readonly #delimiter: Buffer;
  #at = 0;
  /** Where the value of the part under way began; undefined = a delimiter is looked for in front of the first part. */
  #part: { readonly wanted: boolean; readonly file: boolean; readonly start: number } | undefined;
  #fieldBytes = 0;

  constructor(boundary: string, name: string) {
    this.#name = name;
    this.#delimiter = Buffer.from(`--${boundary}`, 'latin1');
  }

  /** @param form everything that has arrived, from the first byte on; it only ever grows from call to call */
  look(form: Buffer): FieldSearch {
    for (;;) {
      const delimiter = this.#findDelimiter(form);
      if (delimiter === undefined) return this.#fieldBytesUpTo(form) > MAX_FIELD_BYTES ? TOO_LARGE : MORE;
      const end = Math.max(this.#part?.start ?? 0, delimiter - 2);
      if (this.#part?.wanted === true) return { kind: 'found', span: { start: this.#part.start, end } };
      const after = delimiter + this.#delimiter.length;
      if (form.length < after + 2) return this.#waitAt(delimiter);
      if (form[after] === DASH && form[after + 1] === DASH) return ABSENT;
      const headEnd = form.indexOf('\r\n\r\n', after);
      if (headEnd === -1 || headEnd - after > MAX_HEAD_BYTES) {
        return headEnd === -1 && form.length - after <= MAX_HEAD_BYTES ? this.#waitAt(delimiter) : ABSENT;
      }
      if (this.#part?.file === false) this.#fieldBytes += end - this.#part.start;
      this.#part = this.#readHead(form.toString('latin1', after, headEnd), headEnd + 4);
      this.#at = headEnd + 4;
      if (this.#fieldBytes > MAX_FIELD_BYTES) return TOO_LARGE;
    }
  }

  /** A delimiter begins a line; the value that it ends does not own the line break in front of it. */
  #findDelimiter(form: Buffer): number | undefined {
    for (;;) {
      const found = form.indexOf(this.#delimiter, this.#at);
      if (found === -1) {
        this.#at = Math.max(this.#at, form.length - this.#delimiter.length - 2);
        return undefined;
      }
      const begins = found === 0 || (form[found - 1] === 0x0a && form[found - 2] === 0x0d);
      if (begins && END_OF_DELIMITER.has(form[found + this.#delimiter.length] ?? DASH)) return found;
      this.#at = found + 1;
    }
  }

  #waitAt(delimiter: number): FieldSearch {
    this.#at = delimiter;
    return MORE;
  }

  #fieldBytesUpTo(form: Buffer): number {
    const part = this.#part;
    if (part === undefined) return form.length;
    return this.#fieldBytes + (part.file ? 0 : form.length - part.start);
  }

  #readHead(head: string, start: number): { wanted: boolean; file: boolean; start: number } {
    const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? '';
    const file = parameter(disposition, 'filename') !== undefined;
    return { wanted: !file && parameter(disposition, 'name') === this.#name, file, start };
  }
}

const MORE: FieldSearch = { kind: 'more' };
const ABSENT: FieldSearch = { kind: 'absent' };
const TOO_LARGE: FieldSearch = { kind: 'too-large' };
