import type { SimModel } from '../model/models.ts';
import type { Segment } from '../model/prompt.ts';
import { messageSegment, optionProblem, rawSegment, toolSegments, type Ask, type ChatMessage } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse, refuseBody } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import { readKeepAlive } from './go-duration.ts';
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
import { nativeSink, sendLoaded } from './native-sink.ts';
import { BUSY, runAsk, runLoad } from './run-ask.ts';

const common: FieldSpec = {
  model: ['model', 'string', 'string'],
  stream: ['stream', 'bool', 'bool'],
  options: ['options', 'object', 'map[string]interface {}'],
  logprobs: ['logprobs', 'bool', 'bool'],
  top_logprobs: ['top_logprobs', 'int', 'int'],
};

const CHAT: FieldSpec = {
  ...common,
  messages: ['messages', 'array', '[]api.Message'],
  tools: ['tools', 'array', 'api.Tools'],
};

const GENERATE: FieldSpec = {
  ...common,
  prompt: ['prompt', 'string', 'string'],
  suffix: ['suffix', 'string', 'string'],
  system: ['system', 'string', 'string'],
  template: ['template', 'string', 'string'],
  context: ['context', 'array', '[]int'],
  raw: ['raw', 'bool', 'bool'],
  images: ['images', 'array', '[]api.ImageData'],
};

const MESSAGE: FieldSpec = {
  role: ['messages.role', 'string', 'string'],
  content: ['messages.content', 'string', 'string'],
  images: ['messages.images', 'array', '[]api.ImageData'],
};

/** The fields of a native body, or undefined after the refusal was sent. */
export const readNative = (exchange: Exchange, struct: string, spec: FieldSpec): Fields | undefined => {
  const decoded = decodeGoJson(exchange.body);
  if (!decoded.ok) {
    refuseBody(exchange, decoded.error);
    return undefined;
  }
  const read = readFields(decoded.value, struct, spec);
  if (!read.ok) {
    refuseBody(exchange, read.error);
    return undefined;
  }
  return read.fields;
};

/** `keep_alive` in ms, or null after the refusal was sent. */
export const readNativeKeepAlive = (exchange: Exchange, fields: Fields): number | undefined | null => {
  const keepAlive = readKeepAlive(fields['keep_alive']);
  if (keepAlive.ok) return keepAlive.ms;
  refuseBody(exchange, keepAlive.error);
  return null;
};

const isCloudName = (name: string): boolean => /(?::|-)cloud$/i.test(name.trim());

/** The installed model, or undefined after Ollama's refusal for this route was sent. */
export const findModel = (
  context: SimContext,
  exchange: Exchange,
  name: string,
  stream: boolean,
  notFound = `model '${name}' not found`,
): SimModel | undefined => {
  if (isCloudName(name)) {
    refuse(exchange, 403, 'ollama cloud is disabled: remote inference is unavailable', stream);
    return undefined;
  }
  const model = name.trim() === '' ? undefined : context.library.find(name);
  if (model === undefined) refuse(exchange, 404, notFound, stream);
  return model;
};

const readMessages = (exchange: Exchange, messages: readonly unknown[]): readonly ChatMessage[] | undefined => {
  const rendered: ChatMessage[] = [];
  for (const message of messages) {
    const read = readFields(message, 'api.ChatRequest', MESSAGE);
    if (!read.ok) {
      refuseBody(exchange, read.error);
      return undefined;
    }
    const { fields } = read;
    const calls = arrayField(fields, 'tool_calls');
    rendered.push({
      role: stringField(fields, 'role'),
      content: stringField(fields, 'content'),
      images: arrayField(fields, 'images').map(String),
      extra: calls.length > 0 ? JSON.stringify(calls) : '',
    });
  }
  return rendered;
};

const askOf = (fields: Fields, rest: Pick<Ask, 'route' | 'prompt' | 'lastUser' | 'keepAliveMs' | 'suffix'>): Ask => ({
  ...rest,
  model: stringField(fields, 'model'),
  stream: boolField(fields, 'stream') ?? true,
  options: foldKeys(fields['options']),
  format: fields['format'],
  tools: arrayField(fields, 'tools'),
  think: fields['think'],
  thinkSoftly: false,
  logprobs: boolField(fields, 'logprobs') ?? false,
  topLogprobs: numberField(fields, 'top_logprobs') ?? 0,
});

const run = (
  context: SimContext,
  exchange: Exchange,
  ask: Ask,
  model: SimModel,
  empty: boolean,
  raw: boolean,
): void => {
  if (empty && ask.keepAliveMs === 0) {
    context.machine.unload(model);
    sendLoaded(exchange, ask.route, ask.model, 'unload');
    return;
  }
  if (ask.topLogprobs < 0 || ask.topLogprobs > 20) {
    refuse(exchange, 400, 'top_logprobs must be between 0 and 20');
    return;
  }
  if (!empty) {
    runAsk(context, exchange, ask, model, nativeSink(context, exchange, ask, raw));
    return;
  }
  const badOption = optionProblem(ask.options);
  if (!model.capabilities.includes('completion')) {
    refuse(exchange, 400, `"${ask.model}" does not support ${ask.route}`);
  } else if (badOption !== undefined) {
    refuse(exchange, 500, badOption);
  } else {
    runLoad(context, exchange, ask, model, (end) => {
      if (end.kind === 'busy') refuse(exchange, 503, BUSY);
      if (end.kind === 'done') sendLoaded(exchange, ask.route, ask.model, 'load');
    });
  }
};

/** `POST /api/chat`. */
export const chat = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.ChatRequest', CHAT);
  if (fields === undefined) return;
  const keepAliveMs = readNativeKeepAlive(exchange, fields);
  if (keepAliveMs === null) return;
  const messages = readMessages(exchange, arrayField(fields, 'messages'));
  if (messages === undefined) return;
  const name = stringField(fields, 'model');
  if (name.trim() === '') {
    refuse(exchange, 400, 'model is required');
    return;
  }
  const model = findModel(context, exchange, name, false);
  if (model === undefined) return;
  const tools = toolSegments(arrayField(fields, 'tools'));
  const ask = askOf(fields, {
    route: 'chat',
    prompt: [...tools, ...systemOf(model, messages), ...messages.map(messageSegment)],
    lastUser: messages.findLast((message) => message.role === 'user')?.content ?? '',
    keepAliveMs,
    suffix: false,
  });
  run(context, exchange, ask, model, messages.length === 0, false);
};

/** A model's own system text stands where the conversation brings none. */
export const systemOf = (model: SimModel, messages: readonly ChatMessage[]): readonly Segment[] =>
  model.system === '' || messages[0]?.role === 'system'
    ? []
    : [messageSegment({ role: 'system', content: model.system, images: [], extra: '' })];

const generatePrompt = (fields: Fields, model: SimModel): readonly Segment[] => {
  const prompt = stringField(fields, 'prompt') + stringField(fields, 'suffix');
  if (boolField(fields, 'raw') === true) return [rawSegment(prompt)];
  const system = stringField(fields, 'system') || model.system;
  const earlier = arrayField(fields, 'context');
  const images = arrayField(fields, 'images').map(String);
  return [
    ...(earlier.length === 0 ? [] : [{ text: `context:${earlier.join()}`, tokens: earlier.length }]),
    ...(system === '' ? [] : [messageSegment({ role: 'system', content: system, images: [], extra: '' })]),
    messageSegment({ role: 'user', content: prompt, images, extra: '' }),
  ];
};

/** `POST /api/generate`. */
export const generate = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.GenerateRequest', GENERATE);
  if (fields === undefined) return;
  const keepAliveMs = readNativeKeepAlive(exchange, fields);
  if (keepAliveMs === null) return;
  const model = findModel(context, exchange, stringField(fields, 'model'), false);
  if (model === undefined) return;
  const raw = boolField(fields, 'raw') ?? false;
  const templated = ['template', 'system'].some((key) => stringField(fields, key) !== '');
  if (raw && (templated || arrayField(fields, 'context').length > 0)) {
    refuse(exchange, 400, 'raw mode does not support template, system, or context');
    return;
  }
  const prompt = stringField(fields, 'prompt');
  const ask = askOf(fields, {
    route: 'generate',
    prompt: generatePrompt(fields, model),
    lastUser: prompt,
    keepAliveMs,
    suffix: stringField(fields, 'suffix') !== '',
  });
  run(context, exchange, ask, model, prompt === '', raw);
};
