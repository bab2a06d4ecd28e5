import type { RunnerOptions } from '../model/options.ts';
import { countTokens, IMAGE_TOKENS, MESSAGE_OVERHEAD_TOKENS, type Segment } from '../model/prompt.ts';
import { hash32 } from '../model/hash.ts';
import { isObject, type Fields } from './go-fields.ts';

/** An inference request in the simulator's own words, whichever dialect it came in. */
export interface Ask {
  readonly route: 'chat' | 'generate';
  /** As the client spelled it. */
  readonly model: string;
  readonly prompt: readonly Segment[];
  /** What the user said last: the word `tool:` in it asks for a tool call. */
  readonly lastUser: string;
  readonly stream: boolean;
  /** The native `options` object. */
  readonly options: Fields;
  /** ms of wall time, Infinity = for good, undefined = not said. */
  readonly keepAliveMs: number | undefined;
  readonly format: unknown;
  readonly tools: readonly unknown[];
  readonly think: unknown;
  /** An OpenAI or Anthropic client wants to think; models that cannot are let off. */
  readonly thinkSoftly: boolean;
  readonly logprobs: boolean;
  readonly topLogprobs: number;
  readonly suffix: boolean;
}

/** One message of a conversation, as the template renders it. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly images: readonly string[];
  /** Tool calls and the like, rendered behind the content. */
  readonly extra: string;
}

const imageMark = (image: string): string => `<image ${hash32(image).toString(16)}>`;

/** A message as a piece of prompt; system texts survive when the history is cut. */
export const messageSegment = (message: ChatMessage): Segment => {
  const text = `${message.role}: ${message.content}${message.images.map(imageMark).join('')}${message.extra}\n`;
  const tokens =
    countTokens(message.content + message.extra) + MESSAGE_OVERHEAD_TOKENS + message.images.length * IMAGE_TOKENS;
  return message.role === 'system' ? { text, tokens, pinned: true } : { text, tokens };
};

/** The tool list stands at the head of the prompt; any change in it loses all reuse. */
export const toolSegments = (tools: readonly unknown[]): readonly Segment[] => {
  if (tools.length === 0) return [];
  const text = JSON.stringify(tools);
  return [{ text, tokens: countTokens(text), pinned: true }];
};

export const rawSegment = (text: string): Segment => ({ text, tokens: Math.max(1, countTokens(text)) });

const INTEGERS = new Set(
  'num_ctx num_batch num_gpu main_gpu num_thread num_keep seed num_predict top_k repeat_last_n draft_num_predict'.split(
    ' ',
  ),
);
const FLOATS = new Set(
  'top_p min_p typical_p temperature repeat_penalty presence_penalty frequency_penalty'.split(' '),
);

/** Ollama's complaint about an option of the wrong type (`FromMap` in api/types.go); unknown options are ignored. */
export const optionProblem = (options: Fields): string | undefined => {
  for (const [key, value] of Object.entries(options)) {
    if (INTEGERS.has(key) && typeof value !== 'number') return `option "${key}" must be of type integer`;
    if (FLOATS.has(key) && typeof value !== 'number') return `option "${key}" must be of type float32`;
    if (key === 'use_mmap' && typeof value !== 'boolean') return `option "${key}" must be of type boolean`;
    if (key !== 'stop') continue;
    if (!Array.isArray(value)) return `option "${key}" must be of type array`;
    if (!value.every((word) => typeof word === 'string')) return `option "${key}" must be of an array of strings`;
  }
  return undefined;
};

/** The options that decide whether a loaded runner can be kept. */
export const runnerOptions = (options: Fields): RunnerOptions => {
  const number = (key: string): number | undefined => {
    const value = options[key];
    return typeof value === 'number' ? Math.trunc(value) : undefined;
  };
  const useMmap = options['use_mmap'];
  const wanted = {
    numCtx: number('num_ctx'),
    numBatch: number('num_batch'),
    numGpu: number('num_gpu'),
    mainGpu: number('main_gpu'),
    numThread: number('num_thread'),
    useMmap: typeof useMmap === 'boolean' ? useMmap : undefined,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
};

/** What is wrong with `format`, as the engine's wrapper says it; undefined if it is fine. */
export const formatProblem = (format: unknown): string | undefined => {
  if (format === undefined || format === '' || format === 'json' || isObject(format)) return undefined;
  return `invalid format: ${JSON.stringify(JSON.stringify(format))}; expected "json" or a valid JSON Schema object`;
};
