import { seededRng, type Rng } from '../../core/rng.ts';
import { hash32 } from './hash.ts';

const WORDS = (
  'the a each every one small plain stable quiet early next shared local answer value server request queue line model ' +
  'cache result test function module reader writer index table branch copy path step note word number list order point ' +
  'keeps returns checks moves holds finds reads writes counts opens closes joins splits carries follows starts ends ' +
  'slowly first then again before after while because so when where with without under over between near from into'
).split(' ');

/** How long an answer is when the request sets no limit: a number, or an even draw from `[least, most]`. */
export type OutputLength = number | readonly [number, number];

export interface TextRequest {
  /** All of the prompt; the same prompt and seed give the same answer. */
  readonly prompt: string;
  readonly seed: number;
  readonly length: OutputLength;
  /** `num_predict` / `max_tokens`; undefined or ≤ 0 = no limit. */
  readonly limit: number | undefined;
  readonly stop: readonly string[];
  /** `json`, a JSON schema, or undefined for free text. */
  readonly format: unknown;
}

export interface GeneratedText {
  /** One piece per token. */
  readonly pieces: readonly string[];
  readonly reason: 'stop' | 'length';
}

const pick = (rng: Rng, from: readonly string[]): string => from[Math.floor(rng.next() * from.length)] ?? '';

/** Draws the length of an answer, ≥ 1. */
export const drawLength = (length: OutputLength, rng: Rng): number => {
  if (typeof length === 'number') return Math.max(1, Math.round(length));
  const [least, most] = length;
  return Math.max(1, Math.floor(least + rng.next() * (most - least + 1)));
};

/** Plain sentences of `count` tokens: a word, or a full stop after every dozen. */
export const prose = (count: number, rng: Rng): string[] => {
  const pieces: string[] = [];
  let inSentence = 0;
  while (pieces.length < count) {
    if (inSentence === 12) {
      pieces.push('.');
      inSentence = 0;
      continue;
    }
    const word = pick(rng, WORDS);
    const shown = inSentence === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : word;
    pieces.push(pieces.length === 0 ? shown : ` ${shown}`);
    inSentence += 1;
  }
  return pieces;
};

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

/** A value that satisfies the usual parts of a JSON schema: type, properties, items, enum, const. */
export const valueForSchema = (schema: unknown, rng: Rng, depth = 0): unknown => {
  const constant = field(schema, 'const');
  if (constant !== undefined) return constant;
  const choices = field(schema, 'enum');
  if (Array.isArray(choices) && choices.length > 0) return choices[Math.floor(rng.next() * choices.length)];
  const properties = field(schema, 'properties');
  const type = field(schema, 'type') ?? (properties === undefined ? 'string' : 'object');
  switch (type) {
    case 'object': {
      if (typeof properties !== 'object' || properties === null || depth > 8) return {};
      const entries = Object.entries(properties).map(([key, inner]) => [key, valueForSchema(inner, rng, depth + 1)]);
      return Object.fromEntries(entries) as unknown;
    }
    case 'array':
      return depth > 8 ? [] : [valueForSchema(field(schema, 'items'), rng, depth + 1)];
    case 'integer':
      return Math.floor(rng.next() * 100);
    case 'number':
      return Math.floor(rng.next() * 1000) / 10;
    case 'boolean':
      return rng.next() < 0.5;
    case 'null':
      return null;
    default:
      return pick(rng, WORDS);
  }
};

/** Text cut into pieces of up to four characters, as a tokenizer would. */
const cut = (text: string): string[] => text.match(/[\s\S]{1,4}/g) ?? [];

const untilStop = (pieces: readonly string[], stop: readonly string[]): readonly string[] => {
  const whole = pieces.join('');
  const ends = stop.filter((word) => word !== '').map((word) => whole.indexOf(word));
  const end = Math.min(...ends.filter((index) => index >= 0), Number.POSITIVE_INFINITY);
  if (end === Number.POSITIVE_INFINITY) return pieces;
  const kept: string[] = [];
  let length = 0;
  for (const piece of pieces) {
    if (length >= end) break;
    kept.push(piece.slice(0, end - length));
    length += piece.length;
  }
  return kept;
};

/** Makes the answer to a prompt: words without meaning, or JSON of the asked shape. */
export const generateText = (request: TextRequest): GeneratedText => {
  const rng = seededRng(hash32(request.prompt, request.seed));
  const length = drawLength(request.length, rng);
  const { format, limit } = request;
  const json =
    format === undefined
      ? undefined
      : format === 'json'
        ? { answer: pick(rng, WORDS), sure: true }
        : valueForSchema(format, rng);
  const natural = json === undefined ? prose(length, rng) : cut(JSON.stringify(json));
  const wanted = untilStop(natural, request.stop);
  if (limit === undefined || limit <= 0 || wanted.length <= limit) return { pieces: wanted, reason: 'stop' };
  return { pieces: wanted.slice(0, limit), reason: 'length' };
};
