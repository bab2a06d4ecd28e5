import type { Ask, ChatMessage } from './ask.ts';
import { refuse, refuseBody } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import {
  arrayField,
  boolField,
  foldKeys,
  numberField,
  readFields,
  stringField,
  type FieldSpec,
  type Fields,
} from './go-fields.ts';
import { decodeGoJson } from './go-json.ts';

/** The text of a message's content, a string or a list of parts, and its pictures. */
export const readContent = (content: unknown): Pick<ChatMessage, 'content' | 'images'> => {
  if (typeof content === 'string') return { content, images: [] };
  const texts: string[] = [];
  const images: string[] = [];
  for (const part of Array.isArray(content) ? content : []) {
    const fields = foldKeys(part);
    const text = fields['text'] ?? fields['thinking'];
    if (typeof text === 'string') texts.push(text);
    const url = fields['image_url'];
    if (typeof url === 'string') images.push(url);
    else if (url !== undefined) images.push(stringField(foldKeys(url), 'url'));
    const source = fields['source'];
    if (source !== undefined) images.push(stringField(foldKeys(source), 'data'));
    const inner = fields['content'];
    if (inner !== undefined) texts.push(readContent(inner).content);
    const call = fields['input'];
    if (call !== undefined) texts.push(JSON.stringify(call));
  }
  return { content: texts.join(''), images };
};

/** One message of any `/v1` dialect. */
export const readMessage = (message: unknown): ChatMessage => {
  const fields = foldKeys(message);
  const calls = arrayField(fields, 'tool_calls');
  return {
    role: stringField(fields, 'role') || 'user',
    ...readContent(fields['content']),
    extra: calls.length > 0 ? JSON.stringify(calls) : '',
  };
};

/** The fields of a `/v1` body, or undefined after the refusal was sent. */
export const readV1 = (exchange: Exchange, struct: string, spec: FieldSpec): Fields | undefined => {
  const decoded = decodeGoJson(exchange.body);
  const read = decoded.ok ? readFields(decoded.value, struct, spec) : decoded;
  if (!read.ok) {
    refuseBody(exchange, read.error);
    return undefined;
  }
  return read.fields;
};

/**
 * `model` of a `/v1` body, or undefined after the refusal was sent. Chats are asked for a name; completions end in the
 * handler of `/api/generate`, which looks the empty one up.
 */
export const readV1Model = (
  exchange: Exchange,
  fields: Fields,
  stream: boolean,
  lookUp = false,
): string | undefined => {
  const name = stringField(fields, 'model');
  if (name.trim() !== '') return name;
  if (lookUp) refuse(exchange, 404, "model '' not found", stream);
  else refuse(exchange, 400, 'model is required', stream);
  return undefined;
};

const NUMBERS: Readonly<Record<string, string>> = {
  seed: 'seed',
  temperature: 'temperature',
  top_p: 'top_p',
  max_tokens: 'num_predict',
  max_completion_tokens: 'num_predict',
  max_output_tokens: 'num_predict',
};

/** The native options that a `/v1` body can express; it cannot say anything about the runner. */
export const v1Options = (fields: Fields): Fields => {
  const options: Record<string, unknown> = {};
  for (const [from, to] of Object.entries(NUMBERS)) {
    const value = numberField(fields, from);
    if (value !== undefined) options[to] = value;
  }
  const stop = fields['stop'] ?? fields['stop_sequences'];
  if (typeof stop === 'string') options['stop'] = [stop];
  if (Array.isArray(stop)) options['stop'] = stop.map(String);
  return options;
};

/** `response_format` or `text.format` as the native `format`. */
export const v1Format = (value: unknown): unknown => {
  const fields = foldKeys(value);
  if (fields['type'] === 'json_object') return 'json';
  if (fields['type'] !== 'json_schema') return undefined;
  return fields['schema'] ?? foldKeys(fields['json_schema'])['schema'] ?? 'json';
};

/** `reasoning_effort` or `reasoning.effort` as the native `think`. */
export const v1Think = (fields: Fields): unknown => {
  const effort = stringField(fields, 'reasoning_effort') || stringField(foldKeys(fields['reasoning']), 'effort');
  if (effort === '') return undefined;
  return effort === 'none' ? false : effort;
};

/** The parts of an Ask that are the same for every `/v1` dialect. */
export const v1Ask = (fields: Fields, rest: Pick<Ask, 'route' | 'model' | 'prompt' | 'lastUser'>): Ask => ({
  stream: boolField(fields, 'stream') ?? false,
  options: v1Options(fields),
  keepAliveMs: undefined,
  format: undefined,
  tools: arrayField(fields, 'tools'),
  think: v1Think(fields),
  thinkSoftly: false,
  logprobs: false,
  topLogprobs: 0,
  suffix: stringField(fields, 'suffix') !== '',
  ...rest,
});
