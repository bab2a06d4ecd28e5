import type { Dialect, Usage } from '../core/types.ts';

/**
 * Judges a streamed answer by its own words without reading it: the bytes pass untouched, only the beginning of each
 * stream (is the first line an error?) and its last records (is it whole, what did it cost?) are parsed.
 */

/** The most that is kept of the end of a stream; also Ollama's own limit for one line (llm/server.go). */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;
/** How many of the last pieces that hold a record's boundary are kept: `[DONE]`, the usage chunk, the finish chunk. */
const KEPT_GROUPS = 4;

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

/** Data lines of the events in a piece of an SSE stream, with the event names. */
const sseEvents = (text: string): readonly { readonly event: string; readonly data: string }[] => {
  const events: { event: string; data: string }[] = [];
  for (const block of text.split(/\r?\n\r?\n/)) {
    let event = '';
    const data: string[] = [];
    for (const line of block.split(/\r?\n/)) {
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
  for (const { event, data } of sseEvents(text)) {
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

/** Keeps the last records of a passing stream, by reference: no byte is copied while the stream runs. */
export class StreamTail {
  readonly #separator: string;
  readonly #dialect: Dialect;
  #groups: Buffer[][] = [];
  #bytes = 0;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#separator = dialect === 'native' ? '\n' : '\n\n';
  }

  push(chunk: Buffer): void {
    const last = this.#groups.at(-1);
    // A piece with a boundary in it starts a group: what came before it ended in an earlier or in this very piece.
    if (last === undefined || chunk.includes(this.#separator)) this.#groups.push([chunk]);
    else last.push(chunk);
    this.#bytes += chunk.length;
    while (this.#groups.length > KEPT_GROUPS || (this.#bytes > MAX_KEPT_BYTES && this.#groups.length > 1)) {
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
}

/**
 * Looks at the beginning of a stream: `error` with its text when the first record is one, `fine` when the first record
 * is complete and is none, `more` when the first record is not complete yet.
 */
export const firstRecord = (
  dialect: Dialect,
  head: Buffer,
): { readonly kind: 'more' | 'fine' } | { readonly kind: 'error'; readonly message: string } => {
  const separator = dialect === 'native' ? '\n' : '\n\n';
  const end = head.indexOf(separator);
  if (end === -1) return { kind: 'more' };
  const text = head.toString('utf8', 0, end);
  const record = parse(dialect === 'native' ? text : (sseEvents(text)[0]?.data ?? ''));
  const message = errorOf(record);
  return message === undefined ? { kind: 'fine' } : { kind: 'error', message };
};

/** Numbers of an answer that came as one JSON value; a long one (embeddings) is read only at its end. */
export const wholeAnswer = (dialect: Dialect, body: Buffer): { readonly valid: boolean; readonly usage?: Usage } => {
  const MAX_PARSED = 256 * 1024;
  if (body.length > MAX_PARSED) {
    const tail = body.toString('latin1', body.length - 2048);
    const tokens = /"prompt_(?:eval_count|tokens)":\s*(\d+)/.exec(tail)?.[1];
    if (tokens === undefined) return { valid: true };
    return { valid: true, usage: { ...nativeUsage({}), promptTokens: Number(tokens) } };
  }
  const record = parse(body.toString('utf8'));
  if (record === undefined) return { valid: false };
  const usage = dialect === 'native' ? nativeUsage(record) : usageObject(asObject(record['usage']));
  return usage === undefined ? { valid: true } : { valid: true, usage };
};

/** The text of an error answer's body, in any of the three shapes; '' when there is none. */
export const errorMessage = (body: Buffer): string => {
  const text = body.toString('utf8');
  return errorOf(parse(text)) ?? text.trim().slice(0, 500);
};
