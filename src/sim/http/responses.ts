import { messageSegment, toolSegments, type Ask, type ChatMessage } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import { arrayField, boolField, foldKeys, stringField, type FieldSpec, type Fields } from './go-fields.ts';
import { findModel, systemOf } from './native.ts';
import { readMessage, readV1, readV1Model, v1Ask, v1Format } from './openai-ask.ts';
import { responsesSink } from './responses-sink.ts';
import { runAsk } from './run-ask.ts';

const SPEC: FieldSpec = {
  model: ['model', 'string', 'string'],
  stream: ['stream', 'bool', 'bool'],
  instructions: ['instructions', 'string', 'string'],
  max_output_tokens: ['max_output_tokens', 'int', 'int'],
  tools: ['tools', 'array', '[]openai.ResponsesTool'],
};

const item = (value: unknown): ChatMessage => {
  const fields = foldKeys(value);
  const type = stringField(fields, 'type');
  if (type === 'function_call') {
    const call = `${stringField(fields, 'name')}(${stringField(fields, 'arguments')})`;
    return { role: 'assistant', content: '', images: [], extra: call };
  }
  if (type === 'function_call_output') {
    return { role: 'tool', content: stringField(fields, 'output'), images: [], extra: '' };
  }
  return readMessage(value);
};

const conversationOf = (fields: Fields): readonly ChatMessage[] => {
  const { input } = fields;
  const plain = (role: string, content: string): ChatMessage => ({ role, content, images: [], extra: '' });
  const turns = typeof input === 'string' ? [plain('user', input)] : arrayField(fields, 'input').map(item);
  const instructions = stringField(fields, 'instructions');
  return instructions === '' ? turns : [plain('system', instructions), ...turns];
};

/** `POST /v1/responses`. */
export const responses = (context: SimContext, exchange: Exchange): void => {
  const fields = readV1(exchange, 'openai.ResponsesRequest', SPEC);
  if (fields === undefined) return;
  const stream = boolField(fields, 'stream') ?? false;
  const name = readV1Model(exchange, fields, stream);
  if (name === undefined) return;
  if (fields['previous_response_id'] !== undefined || fields['conversation'] !== undefined) {
    refuse(exchange, 400, 'previous_response_id and conversation are not supported', stream);
    return;
  }
  const model = findModel(context, exchange, name, stream);
  if (model === undefined) return;
  const conversation = conversationOf(fields);
  const tools = arrayField(fields, 'tools');
  const ask: Ask = {
    ...v1Ask(fields, {
      route: 'chat',
      model: name,
      prompt: [...toolSegments(tools), ...systemOf(model, conversation), ...conversation.map(messageSegment)],
      lastUser: conversation.findLast((turn) => turn.role === 'user')?.content ?? '',
    }),
    format: v1Format(foldKeys(fields['text'])['format']),
  };
  runAsk(context, exchange, ask, model, responsesSink(context, exchange, ask, fields));
};
