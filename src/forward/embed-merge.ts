import type { Dialect, Usage } from '../core/types.ts';
import { NoJson, walkItems, walkMembers } from './embed-walk.ts';
import type { Span } from './json-scan.ts';

/** Bytes that take the place of others. */
export interface Edit {
  readonly span: Pick<Span, 'start' | 'end'>;
  readonly with: readonly Buffer[];
}

/** A text with some of its spans replaced, in pieces; nothing is copied. @param edits none overlaps another */
export const edited = (text: Buffer, edits: readonly Edit[]): readonly Buffer[] => {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const edit of [...edits].sort((a, b) => a.span.start - b.span.start)) {
    pieces.push(text.subarray(from, edit.span.start), ...edit.with);
    from = edit.span.end;
  }
  pieces.push(text.subarray(from));
  return pieces;
};

/** The vectors of one answer as the server wrote them, and where its numbers stand. */
export interface EmbedAnswer {
  readonly body: Buffer;
  /** The array that holds one item for each input. */
  readonly list: Span;
  readonly items: readonly Span[];
  /** On `/v1`: where each item says which one it is. */
  readonly indexes: readonly Span[];
  /** Where the counters of the whole answer stand, by name. */
  readonly numbers: ReadonlyMap<string, Span>;
}

/** What becomes of the counters: tokens are added up, of loads that ran side by side the longest was waited for. */
const SUMMED: readonly string[] = ['prompt_eval_count', 'prompt_tokens', 'total_tokens'];
const LARGEST = 'load_duration';
const WALL = 'total_duration';
const NUMBERS: ReadonlySet<string> = new Set([...SUMMED, LARGEST, WALL]);

const COMMA = Buffer.from(',');

const numbersIn = (members: ReadonlyMap<string, Span>): readonly (readonly [string, Span])[] =>
  [...members].filter(([name, span]) => NUMBERS.has(name) && span.type === 'number');

/**
 * Reads an answer of `/api/embed` (Ollama api/types.go, EmbedResponse) or `/v1/embeddings` (openai/openai.go,
 * EmbeddingList). O(bytes), and no number of a vector is read.
 * @param count how many inputs were sent; undefined is given unless there is one vector for each
 */
export const readEmbedAnswer = (dialect: Dialect, body: Buffer, count: number): EmbedAnswer | undefined => {
  try {
    const members = walkMembers(body, 0);
    const list = members.get(dialect === 'native' ? 'embeddings' : 'data');
    if (list?.type !== 'array') return undefined;
    const items = walkItems(body, list);
    if (items.length !== count) return undefined;
    if (dialect === 'native') {
      const vectors = items.every(({ type }) => type === 'array');
      return vectors ? { body, list, items, indexes: [], numbers: new Map(numbersIn(members)) } : undefined;
    }
    const indexes = items.flatMap((item) => indexOf(body, item) ?? []);
    if (indexes.length !== count) return undefined;
    const usage = members.get('usage');
    const numbers = new Map(usage?.type === 'object' ? numbersIn(walkMembers(body, usage.start)) : []);
    return { body, list, items, indexes, numbers };
  } catch (error) {
    if (error instanceof NoJson) return undefined;
    throw error;
  }
};

const indexOf = (body: Buffer, item: Span): Span | undefined => {
  if (item.type !== 'object') return undefined;
  const members = walkMembers(body, item.start);
  const index = members.get('index');
  return members.has('embedding') && index?.type === 'number' ? index : undefined;
};

const numberOf = ({ body, numbers }: EmbedAnswer, name: string): number | undefined => {
  const span = numbers.get(name);
  return span === undefined ? undefined : Number(body.toString('latin1', span.start, span.end));
};

/** What the counters of one answer say, or of several that ran side by side. */
export const embedUsage = (answers: readonly EmbedAnswer[]): Usage => {
  const loads = answers.flatMap((answer) => numberOf(answer, LARGEST) ?? []);
  const prompts = answers.flatMap(
    (answer) => numberOf(answer, 'prompt_eval_count') ?? numberOf(answer, 'prompt_tokens') ?? [],
  );
  return {
    promptTokens: prompts.length === 0 ? undefined : prompts.reduce((sum, count) => sum + count, 0),
    outputTokens: undefined,
    cachedTokens: undefined,
    loadMs: loads.length === 0 ? undefined : Math.max(...loads) / 1e6,
    prefillMs: undefined,
    decodeMs: undefined,
  };
};

/**
 * The answer that one server would have given to all inputs, in pieces: the members of one of the answers in its order
 * (of the fullest, because Ollama leaves counters of zero out), every vector in the bytes that its server wrote, `index`
 * counted through, tokens added up.
 * @param answers in the order of their inputs, at least one
 * @param totalNs ns that the whole took
 */
export const mergeEmbedAnswers = (answers: readonly EmbedAnswer[], totalNs: number): readonly Buffer[] => {
  const frame = answers.reduce((fullest, answer) => (answer.numbers.size > fullest.numbers.size ? answer : fullest));
  const edits: Edit[] = [{ span: frame.list, with: listOf(answers) }];
  for (const [name, span] of frame.numbers) {
    const values = answers.map((answer) => numberOf(answer, name) ?? 0);
    const value =
      name === WALL ? totalNs : name === LARGEST ? Math.max(...values) : values.reduce((sum, count) => sum + count, 0);
    edits.push({ span, with: [Buffer.from(String(value))] });
  }
  return edited(frame.body, edits);
};

/** The array with the items of all answers. */
const listOf = (answers: readonly EmbedAnswer[]): readonly Buffer[] => {
  const pieces: Buffer[] = [Buffer.from('[')];
  let count = 0;
  for (const { body, items, indexes } of answers) {
    const [first, last] = [items[0], items.at(-1)];
    if (first === undefined || last === undefined) continue;
    if (count > 0) pieces.push(COMMA);
    const renumbered = indexes.map((span, index) => ({
      span: { start: span.start - first.start, end: span.end - first.start },
      with: [Buffer.from(String(count + index))],
    }));
    pieces.push(...edited(body.subarray(first.start, last.end), renumbered));
    count += items.length;
  }
  pieces.push(Buffer.from(']'));
  return pieces;
};
