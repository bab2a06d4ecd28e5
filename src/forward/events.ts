import type { Dialect, Usage } from '../core/types.ts';

/**
 * Judges a streamed answer by its own words without reading it: the bytes pass untouched, only the beginning of each
 * stream (is the first line an error?) and its last records (is it whole, what did it cost?) are parsed.
 */

/** The most that is kept of the end of a stream; also Ollama's own limit for one line (llm/server.go). */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;
/** How many of the last records are read: `[DONE]`, the usage chunk, the finish chunk, and one to spare. */
const READ_RECORDS = 4;
/** The numbers of an answer stand in its last few hundred bytes. */
const NUMBERS_BYTES = 2048;

export interface StreamEnd {
  /** The dialect's own last record was there. */
  readonly complete: boolean;
  /** An error that the backend wrote into the stream. */
  readonly error: string | undefined;
  readonly usage: Usage | undefined;
}

const ms = (nanoseconds: unknown): number | undefined =>
  typeof nanoseconds === 'number' && nanoseconds >= 0 ? nanoseconds / 1e6 : undefined;
const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;

type Json = Readonly<Record<string, unknown>>;
const asObject = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
const parse = (text: string): Json | undefined => {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** Numbers of a native final record (`api/types.go` Metrics); durations there are nanoseconds. */
const nativeUsage = (record: Json): Usage => ({
  promptTokens: count(record['prompt_eval_count']),
  outputTokens: count(record['eval_count']),
  cachedTokens: count(record['prompt_eval_cached_count']),
  loadMs: ms(record['load_duration']),
  prefillMs: ms(record['prompt_eval_duration']),
  decodeMs: ms(record['eval_duration']),
});

/** Numbers of an OpenAI or Anthropic `usage` object. */
const usageObject = (usage: Json | undefined): Usage | undefined =>
  usage && {
    promptTokens: count(usage['prompt_tokens'] ?? usage['input_tokens']),
    outputTokens: count(usage['completion_tokens'] ?? usage['output_tokens']),
    cachedTokens: count(
      asObject(usage['prompt_tokens_details'])?.['cached_tokens'] ?? usage['cache_read_input_tokens'],
    ),
    loadMs: undefined,
    prefillMs: undefined,
    decodeMs: undefined,
  };

/** The message of an `error` member, whichever shape it has. */
const errorOf = (record: Json | undefined): string | undefined => {
  const error = record?.['error'];
  if (typeof error === 'string') return error;
  const message = asObject(error)?.['message'];
  return typeof message === 'string' ? message : error === undefined || error === null ? undefined : 'unknown error';
};

/** Whether what was sent so far ends with a whole record; `ending` is its last three bytes. */
export const endsWhole = (dialect: Dialect, ending: string): boolean =>
  dialect === 'native' ? ending.endsWith('\n') : /\n\r?\n$/.test(ending);

/** Where the record that `head` begins with ends, -1 if it does not yet. A record of SSE ends with a blank line. */
const recordEnd = (dialect: Dialect, head: Buffer | string): number => {
  const bare = head.indexOf(dialect === 'native' ? '\n' : '\n\n');
  if (dialect === 'native') return bare;
  const crlf = head.indexOf('\n\r\n');
  return bare === -1 || (crlf !== -1 && crlf < bare) ? crlf : bare;
};

/** Data lines of the events in a piece of an SSE stream, with the event names. */
const sseEvents = (text: string): readonly { readonly event: string; readonly data: string }[] => {
  const events: { event: string; data: string }[] = [];
  for (const block of text.split(/\n\r?\n/)) {
    let event = '';
    const data: string[] = [];
    for (const line of block.replaceAll('\r', '').split('\n')) {
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line.startsWith('event:')) event = line.slice(6).trim();
    }
    if (data.length > 0) events.push({ event, data: data.join('\n') });
  }
  return events;
};

const STOP_EVENTS = new Set(['message_stop', 'response.completed', 'response.incomplete']);

const sseEnd = (text: string): StreamEnd => {
  let complete = false;
  let error: string | undefined;
  let usage: Usage | undefined;
  for (const { event, data } of sseEvents(text).slice(-READ_RECORDS)) {
    if (data === '[DONE]' || STOP_EVENTS.has(event)) complete = true;
    if (data === '[DONE]') continue;
    const record = parse(data);
    error ??= errorOf(record);
    const found = usageObject(asObject(record?.['usage']) ?? asObject(asObject(record?.['response'])?.['usage']));
    if (found !== undefined) usage = found;
  }
  return { complete: complete && error === undefined, error, usage };
};

const nativeEnd = (text: string): StreamEnd => {
  const line = text.trimEnd();
  const record = parse(line.slice(line.lastIndexOf('\n') + 1));
  const error = errorOf(record);
  const complete = record?.['done'] === true && error === undefined;
  return { complete, error, usage: complete && record ? nativeUsage(record) : undefined };
};

/** Line breaks of a record as Ollama writes them: a line, `data:` and a blank one, and one more with `event:`. */
const LINES: Readonly<Record<Dialect, number>> = { native: 1, openai: 2, anthropic: 3 };
const LINE_BREAK = 0x0a;

/**
 * Keeps the last records of a passing stream, by reference: no byte is copied while the stream runs. How the network
 * cut the bytes makes no difference to the verdict.
 */
export class StreamTail {
  readonly #dialect: Dialect;
  #groups: Buffer[][] = [];
  #bytes = 0;
  #lines = 0;
  /** The last two bytes, since the end of a record may be cut in two. */
  #seam = '';

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** Records that have passed. */
  get records(): number {
    return Math.floor(this.#lines / LINES[this.#dialect]);
  }

  push(chunk: Buffer): void {
    const lines = this.#lines;
    for (let at = chunk.indexOf(LINE_BREAK); at !== -1; at = chunk.indexOf(LINE_BREAK, at + 1)) this.#lines++;
    const last = this.#groups.at(-1);
    // A piece in which a record ends starts a group: what came before it ended in an earlier or in this very piece.
    const ends = this.#dialect === 'native' ? this.#lines > lines : this.#endsRecord(chunk);
    if (last === undefined || ends) this.#begin(chunk);
    else last.push(chunk);
    this.#bytes += chunk.length;
    // One group more than the records that are read, because the record that ends in the first one is not whole.
    while (this.#bytes > MAX_KEPT_BYTES && this.#groups.length > 1) {
      for (const old of this.#groups.shift() ?? []) this.#bytes -= old.length;
    }
    if (this.#bytes > MAX_KEPT_BYTES) {
      this.#groups = [];
      this.#bytes = 0;
    }
  }

  end(): StreamEnd {
    const text = Buffer.concat(this.#groups.flat()).toString('utf8');
    return this.#dialect === 'native' ? nativeEnd(text) : sseEnd(text);
  }

  /** Begins a group; the oldest one makes room for it where there are enough. */
  #begin(chunk: Buffer): void {
    const oldest = this.#groups.length > READ_RECORDS ? this.#groups.shift() : undefined;
    if (oldest === undefined) {
      this.#groups.push([chunk]);
      return;
    }
    for (const old of oldest) this.#bytes -= old.length;
    oldest.length = 1;
    oldest[0] = chunk;
    this.#groups.push(oldest);
  }

  #endsRecord(chunk: Buffer): boolean {
    const before = this.#seam;
    this.#seam = (before + chunk.toString('latin1', Math.max(0, chunk.length - 2))).slice(-2);
    if (recordEnd(this.#dialect, chunk) !== -1) return true;
    const after = chunk.toString('latin1', 0, 2);
    return (before.endsWith('\n') && /^\r?\n/.test(after)) || (before === '\n\r' && after.startsWith('\n'));
  }
}

/**
 * Looks at the beginning of a stream: `error` with its text when the first record is one, `garbage` when it is nothing
 * that Ollama would send, `fine` when it is complete and neither, `more` when it is not complete yet.
 */
export const firstRecord = (
  dialect: Dialect,
  head: Buffer,
): { readonly kind: 'more' | 'fine' | 'garbage' } | { readonly kind: 'error'; readonly message: string } => {
  const end = recordEnd(dialect, head);
  if (end === -1) return { kind: 'more' };
  const text = head.toString('utf8', 0, end);
  const data = dialect === 'native' ? text : sseEvents(text)[0]?.data;
  // A comment, which SSE allows and Ollama never sends.
  if (data === undefined || data === '[DONE]') return { kind: 'fine' };
  const record = parse(data);
  if (record === undefined) return { kind: 'garbage' };
  const message = errorOf(record);
  return message === undefined ? { kind: 'fine' } : { kind: 'error', message };
};

/** An answer that came as one JSON value. */
export interface WholeAnswer {
  /** It is whole. */
  readonly valid: boolean;
  readonly usage?: Usage;
  /** It is no answer but an error, whatever its status says. */
  readonly error?: string;
}

/** Whether an answer that came as one JSON value is whole, and what it says of itself. */
export const wholeAnswer = (dialect: Dialect, body: Buffer): WholeAnswer => {
  const record = parse(body.toString('utf8'));
  if (record === undefined) return { valid: false };
  const error = errorOf(record);
  if (error !== undefined) return { valid: true, error };
  const usage = dialect === 'native' ? nativeUsage(record) : usageObject(asObject(record['usage']));
  return usage === undefined ? { valid: true } : { valid: true, usage };
};

/** Keeps the end of a passing JSON answer that is too long to be held (embeddings): its numbers stand there. */
export class AnswerTail {
  #pieces: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    for (let first = this.#pieces[0]; first !== undefined; first = this.#pieces[0]) {
      if (this.#bytes - first.length < NUMBERS_BYTES) return;
      this.#pieces.shift();
      this.#bytes -= first.length;
    }
  }

  usage(dialect: Dialect): Usage | undefined {
    const text = Buffer.concat(this.#pieces).toString('latin1').slice(-NUMBERS_BYTES);
    const numbers: Record<string, number> = {};
    // Inside a string the quotes around a name would be escaped, so this finds members only.
    for (const [, name, digits] of text.matchAll(/"(\w+)":\s*(\d+)(?=[,}\s])/g)) numbers[name ?? ''] = Number(digits);
    const usage = dialect === 'native' ? nativeUsage(numbers) : usageObject(numbers);
    return usage?.promptTokens === undefined && usage?.outputTokens === undefined ? undefined : usage;
  }
}

/** The text of an error answer's body, in any of the three shapes; '' when there is none. */
export const errorMessage = (body: Buffer): string => {
  const text = body.toString('utf8');
  return errorOf(parse(text)) ?? text.trim().slice(0, 500);
};
