import { messageSegment, toolSegments, type Ask } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse, refuseBody, streamHeaders } from './dialect.ts';
import { EVENT_STREAM, type Exchange } from './exchange.ts';
import { arrayField, boolField, foldKeys, numberField, stringField, type FieldSpec, type Fields } from './go-fields.ts';
import { goJson } from './go-json.ts';
import { findModel, systemOf } from './native.ts';
import { readContent, readMessage, readV1, v1Ask } from './openai-ask.ts';
import { runAsk, type AnswerSink, type Final } from './run-ask.ts';

const SPEC: FieldSpec = {
  model: ['model', 'string', 'string'],
  messages: ['messages', 'array', '[]anthropic.MessageParam'],
  max_tokens: ['max_tokens', 'int', 'int'],
  stream: ['stream', 'bool', 'bool'],
  tools: ['tools', 'array', '[]anthropic.Tool'],
};

let lastId = 0;

const messageId = (): string => `msg_${(++lastId).toString(16).padStart(24, '0')}`;

const stopReason = (final: Final): string => {
  if (final.calls.length > 0) return 'tool_use';
  return final.reason === 'length' ? 'max_tokens' : 'end_turn';
};

const usage = (context: SimContext, final: Final): Record<string, unknown> => ({
  input_tokens: final.timings.promptTokens,
  output_tokens: final.timings.outputTokens,
  ...(context.features.cachedCount ? { cache_read_input_tokens: final.timings.cachedTokens } : {}),
});

/** Ollama's own guess before the prompt is read: characters over four. */
const estimate = (ask: Ask): number =>
  Math.floor(ask.prompt.reduce((sum, segment) => sum + segment.text.length, 0) / 4);

type BlockKind = 'text' | 'thinking';

const streamSink = (context: SimContext, exchange: Exchange, ask: Ask): Pick<AnswerSink, 'piece' | 'done'> => {
  const id = messageId();
  let index = 0;
  let open: BlockKind | undefined;
  let started = false;
  const event = (type: string, fields: object): void => {
    exchange.record(
      `event: ${type}\ndata: ${goJson({ type, ...fields })}\n\n`,
      EVENT_STREAM,
      streamHeaders('anthropic', true),
    );
  };
  const begin = (): void => {
    if (started) return;
    started = true;
    const message = { id, type: 'message', role: 'assistant', model: ask.model, content: [] };
    event('message_start', { message: { ...message, usage: { input_tokens: estimate(ask), output_tokens: 0 } } });
  };
  const close = (): void => {
    if (open === undefined) return;
    event('content_block_stop', { index });
    index += 1;
    open = undefined;
  };
  const switchTo = (kind: BlockKind): void => {
    begin();
    if (open === kind) return;
    close();
    open = kind;
    event('content_block_start', { index, content_block: { type: kind, [kind]: '' } });
  };
  return {
    piece(piece) {
      if (piece.kind === 'tools') {
        begin();
        close();
        for (const call of piece.calls) {
          event('content_block_start', {
            index,
            content_block: { type: 'tool_use', id: call.id, name: call.name, input: {} },
          });
          const json = { type: 'input_json_delta', partial_json: JSON.stringify(call.arguments) };
          event('content_block_delta', { index, delta: json });
          event('content_block_stop', { index });
          index += 1;
        }
        return;
      }
      switchTo(piece.kind);
      event('content_block_delta', { index, delta: { type: `${piece.kind}_delta`, [piece.kind]: piece.text } });
    },
    done(final) {
      begin();
      close();
      event('message_delta', { delta: { stop_reason: stopReason(final) }, usage: usage(context, final) });
      event('message_stop', {});
      exchange.end();
    },
  };
};

const contentOf = (final: Final): readonly unknown[] => [
  ...(final.thinking === '' ? [] : [{ type: 'thinking', thinking: final.thinking }]),
  ...(final.text === '' ? [] : [{ type: 'text', text: final.text }]),
  ...final.calls.map((call) => ({ type: 'tool_use', id: call.id, name: call.name, input: call.arguments })),
];

const sink = (context: SimContext, exchange: Exchange, ask: Ask): AnswerSink => {
  const fail: AnswerSink['fail'] = (status, message) => refuse(exchange, status, message, ask.stream);
  if (ask.stream) return { fail, ...streamSink(context, exchange, ask) };
  return {
    fail,
    piece() {
      // Nothing leaves before the end.
    },
    done: (final) =>
      exchange.line(200, {
        id: messageId(),
        type: 'message',
        role: 'assistant',
        model: ask.model,
        content: contentOf(final),
        stop_reason: stopReason(final),
        usage: usage(context, final),
      }),
  };
};

const thinkOf = (fields: Fields): unknown => {
  const type = stringField(foldKeys(fields['thinking']), 'type');
  if (type === '') return undefined;
  return type !== 'disabled';
};

/** `POST /v1/messages`. */
export const messages = (context: SimContext, exchange: Exchange): void => {
  const fields = readV1(exchange, 'anthropic.MessagesRequest', SPEC);
  if (fields === undefined) return;
  const stream = boolField(fields, 'stream') ?? false;
  const name = stringField(fields, 'model');
  if (name.trim() === '') {
    refuseBody(exchange, 'model is required');
    return;
  }
  if ((numberField(fields, 'max_tokens') ?? 0) <= 0) {
    refuseBody(exchange, 'max_tokens is required and must be positive');
    return;
  }
  const turns = arrayField(fields, 'messages').map(readMessage);
  if (turns.length === 0) {
    refuseBody(exchange, 'messages is required');
    return;
  }
  const model = findModel(context, exchange, name, stream);
  if (model === undefined) return;
  const system = readContent(fields['system']);
  const conversation = system.content === '' ? turns : [{ role: 'system', ...system, extra: '' }, ...turns];
  const ask: Ask = {
    ...v1Ask(fields, {
      route: 'chat',
      model: name,
      prompt: [
        ...toolSegments(arrayField(fields, 'tools')),
        ...systemOf(model, conversation),
        ...conversation.map(messageSegment),
      ],
      lastUser: turns.findLast((turn) => turn.role === 'user')?.content ?? '',
    }),
    think: thinkOf(fields),
    thinkSoftly: true,
  };
  runAsk(context, exchange, ask, model, sink(context, exchange, ask));
};
