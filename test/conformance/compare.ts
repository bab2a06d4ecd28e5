import type { Heard } from './exchange.ts';

/** Headers that belong to one connection, or that the proxy adds by its own contract. */
const OWN = /^(date|connection|keep-alive|x-request-id|x-task-router-.*)$/;

/** Members that name one moment, one run or one connection: their type is compared, and whether they are there. */
const VOLATILE =
  /^(created_at|created|completed_at|expires_at|modified_at|.*_duration|id|item_id|response_id|call_id|request_id|timings)$/;

/** What a model says, which a real one may say otherwise the next time. */
const WORDS =
  /^(response|content|thinking|reasoning|text|output_text|delta|embedding|embeddings|context|logprobs|arguments|eval_count|completion_tokens|output_tokens|total_tokens|finish_reason|stop_reason|done_reason|prompt_eval_cached_count|cached_tokens|cache_read_input_tokens)$/;

/** Lists of the pool, which may hold more than the list of one server. */
const LISTS = /^(models|data)$/;

export interface Strictness {
  /** Real models: their words are compared by type. */
  readonly words: boolean;
  /** This case is compared by shape alone. */
  readonly shape: boolean;
}

const typed = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;

const steady = (value: unknown, name: string, how: Strictness): unknown => {
  if (VOLATILE.test(name)) return typed(value);
  if (how.words && WORDS.test(name) && typeof value !== 'object') return typed(value);
  if (Array.isArray(value)) {
    // Which models a pool has, and has loaded, is another question than how a list looks.
    if (how.shape && LISTS.test(name))
      return how.words ? 'a list' : value.slice(0, 1).map((item) => steady(item, '', how));
    if (how.words && WORDS.test(name)) return 'a list';
    return value.map((item) => steady(item, '', how));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, steady(inner, key, how)]));
  }
  return how.shape && name !== 'error' ? typed(value) : value;
};

const parsed = (text: string, how: Strictness): unknown => {
  try {
    return steady(JSON.parse(text), '', how);
  } catch {
    return text;
  }
};

/** Pieces of one kind in a row count once: how many there are is the model's affair. */
const collapsed = (items: readonly unknown[], how: Strictness): readonly unknown[] => {
  if (!how.words && !how.shape) return items;
  const kept: unknown[] = [];
  let last = '';
  for (const item of items) {
    const kind = JSON.stringify(item);
    if (kind !== last) kept.push(item);
    last = kind;
  }
  return kept;
};

const bodyOf = (type: string, body: string, how: Strictness): unknown => {
  if (type.startsWith('application/x-ndjson')) {
    const lines = body.split('\n');
    return {
      lines: collapsed(
        lines.slice(0, -1).map((line) => parsed(line, how)),
        how,
      ),
      rest: lines.at(-1),
    };
  }
  if (type.startsWith('text/event-stream')) {
    const events = body
      .split('\n\n')
      .map((event) =>
        event.split('\n').map((line) => (line.startsWith('data: {') ? parsed(line.slice(6), how) : line)),
      );
    return collapsed(events, how);
  }
  if (type.startsWith('application/json')) return { value: parsed(body, how), newline: body.endsWith('\n') };
  return body;
};

const isLength = (value: string, body: string): string =>
  Number(value) === Buffer.byteLength(body) ? 'that of the body' : `${value}, not that of the body`;

/** What of an answer must be the same from a server and through the proxy. */
export const essence = ({ status, headers, body, complete }: Heard, how: Strictness): object => {
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  return {
    status,
    complete,
    headers: headers
      .filter(([name]) => !OWN.test(name))
      // How long a body is depends on its volatile members, and so may whether its length is told.
      .filter(([name]) => !how.shape || (name !== 'content-length' && name !== 'transfer-encoding'))
      // How long it is depends on its volatile members; it must be true all the same.
      .map(([name, value]) => [name, name === 'content-length' && body !== '' ? isLength(value, body) : value]),
    body: bodyOf(type, body, how),
  };
};
