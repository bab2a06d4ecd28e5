import { DEFAULT_SHAPE, type RunnerShape } from '../core/demand.ts';
import type { Dialect } from '../core/types.ts';
import type { JsonWalk } from './demand-walk.ts';
import type { Members, Span } from './json-scan.ts';

/**
 * The options that a runner is loaded with, besides `num_ctx` (Ollama api/types.go, `Runner`, v0.33). Their names count
 * to the letter: unlike members of the request they are looked up in a map (`Options.FromMap`).
 */
const RUNNER_OPTIONS: ReadonlySet<string> = new Set([
  'draft_num_predict',
  'main_gpu',
  'num_batch',
  'num_gpu',
  'num_thread',
  'use_mmap',
]);

/** Members of a `/v1` body that bound the answer: chat and completions, newer chat clients, Responses; Anthropic's is the first. */
const OUTPUT_LIMITS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'];

/** Longer than any number that counts something. */
const MAX_NUMBER_LENGTH = 32;

/** What the options of a request say about its runner and its answer. */
export interface DemandOptions {
  readonly shape: RunnerShape;
  /** Tokens, > 0; undefined = no bound. */
  readonly outputLimit: number | undefined;
}

/** A whole number, fractions cut off as Go's conversion does; undefined for everything else, which the backend refuses. */
const integerAt = (body: Buffer, from: number, to: number): number | undefined => {
  const first = body[from] ?? 0;
  if (to - from > MAX_NUMBER_LENGTH || !(first === 0x2d || (first >= 0x30 && first <= 0x39))) return undefined;
  const value = Math.trunc(Number(body.toString('latin1', from, to)));
  // `+ 0` because -0 is 0 to a server.
  return Number.isSafeInteger(value) ? value + 0 : undefined;
};

const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 ? value : undefined;

const readNative = (walk: JsonWalk, members: Members): DemandOptions => {
  const { text } = walk;
  let runner: Map<string, string> | undefined;
  let numCtx: number | undefined;
  let outputLimit: number | undefined;
  const options = members.get('options');
  if (options?.type === 'object') {
    walk.members(options.start, (keyFrom, keyTo, from, to) => {
      const key = walk.exactKey(keyFrom, keyTo);
      // Of duplicates the last one counts, `null` and all: the map forgets the earlier ones.
      if (key === 'num_ctx') numCtx = positive(integerAt(text, from, to));
      else if (key === 'num_predict') outputLimit = positive(integerAt(text, from, to));
      else if (RUNNER_OPTIONS.has(key)) {
        const value = key === 'use_mmap' ? booleanAt(text, from) : integerAt(text, from, to);
        if (value === undefined) runner?.delete(key);
        else (runner ??= new Map()).set(key, String(value));
      }
    });
  }
  // A member of the request, and yet the runner is loaded with it; absent is true (server/routes.go).
  const shift = members.get('shift');
  if (shift !== undefined && booleanAt(text, shift.start) === false) (runner ??= new Map()).set('shift', 'false');
  if (runner === undefined && numCtx === undefined) return { shape: DEFAULT_SHAPE, outputLimit };
  const rest = [...(runner ?? [])].map(([name, value]) => `${name}=${value}`);
  return { shape: { numCtx, rest: rest.sort().join(',') }, outputLimit };
};

const booleanAt = (text: Buffer, from: number): boolean | undefined =>
  text[from] === 0x74 ? true : text[from] === 0x66 ? false : undefined;

const limitAt = (body: Buffer, span: Span | undefined): number => {
  const limit = span === undefined ? undefined : positive(integerAt(body, span.start, span.end));
  return limit ?? Infinity;
};

/** Reads them from a body that was scanned. Only native requests can say anything about the runner. */
export const readOptions = (walk: JsonWalk, members: Members, dialect: Dialect): DemandOptions => {
  if (dialect === 'native') return readNative(walk, members);
  const limit = Math.min(...OUTPUT_LIMITS.map((name) => limitAt(walk.text, members.get(name))));
  return { shape: DEFAULT_SHAPE, outputLimit: limit === Infinity ? undefined : limit };
};
