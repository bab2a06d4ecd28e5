import { messageSegment, toolSegments, type Ask } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse, refuseBody } from './dialect.ts';
import { EVENT_STREAM, type Exchange } from './exchange.ts';
import { arrayField, boolField, foldKeys, stringField, type FieldSpec } from './go-fields.ts';
import { goJson } from './go-json.ts';
import { findModel, systemOf } from './native.ts';
import { readMessage, readV1, readV1Model, v1Ask, v1Format } from './openai-ask.ts';
import { runAsk, type AnswerSink, type Final, type Piece, type ToolCall } from './run-ask.ts';

const CHAT: FieldSpec = {
  model: ['model', 'string', 'string'],
  messages: ['messages', 'array', '[]openai.Message'],
  stream: ['stream', 'bool', 'bool'],
  stream_options: ['stream_options', 'object', 'openai.StreamOptions'],
  max_tokens: ['max_tokens', 'int', 'int'],
  tools: ['tools', 'array', '[]api.Tool'],
};

const TEXT: FieldSpec = {
  model: ['model', 'string', 'string'],
  prompt: ['prompt', 'string', 'string'],
  suffix: ['suffix', 'string', 'string'],
  stream: ['stream', 'bool', 'bool'],
  stream_options: ['stream_options', 'object', 'openai.StreamOptions'],
  max_tokens: ['max_tokens', 'int', 'int'],
};

/** Below 999, as Ollama draws it: not unique. */
const shortId = (): number => Math.floor(performance.now() * 1000) % 999;

const seconds = (): number => Math.floor(Date.now() / 1000);

const openAiCalls = (calls: readonly ToolCall[]): unknown =>
  calls.map((call, index) => ({
    id: call.id,
    index,
    type: 'function',
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));

const usageOf = (context: SimContext, final: Final): Record<string, unknown> => {
  const { promptTokens, outputTokens, cachedTokens } = final.timings;
  const cached = context.features.cachedCount ? { prompt_tokens_details: { cached_tokens: cachedTokens } } : {};
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    ...cached,
  };
};

const finishReason = (final: Final): string => (final.calls.length > 0 ? 'tool_calls' : final.reason);

const chatSink = (context: SimContext, exchange: Exchange, ask: Ask, includeUsage: boolean): AnswerSink => {
  const id = `chatcmpl-${shortId()}`;
  let started = false;
  const chunk = (choices: readonly unknown[], extra: object = {}): void => {
    const body = {
      id,
      object: 'chat.completion.chunk',
      created: seconds(),
      model: ask.model,
      system_fingerprint: 'fp_ollama',
      choices,
      ...extra,
    };
    exchange.record(`data: ${goJson(body)}\n\n`, EVENT_STREAM);
  };
  const delta = (piece: Piece): Record<string, unknown> => {
    if (piece.kind === 'text') return { content: piece.text };
    return piece.kind === 'thinking'
      ? { content: '', reasoning: piece.text }
      : { content: '', tool_calls: openAiCalls(piece.calls) };
  };
  return {
    fail: (status, message) => refuse(exchange, status, message, ask.stream),
    piece(piece) {
      // Older versions name the role in every chunk.
      const role = started && context.features.modern ? {} : { role: 'assistant' };
      started = true;
      chunk([{ index: 0, delta: { ...role, ...delta(piece) }, finish_reason: null }]);
    },
    done(final) {
      if (ask.stream) {
        const empty = context.features.modern ? {} : { role: 'assistant', content: '' };
        chunk([{ index: 0, delta: empty, finish_reason: finishReason(final) }]);
        if (includeUsage) chunk([], { usage: usageOf(context, final) });
        exchange.record('data: [DONE]\n\n', EVENT_STREAM);
        exchange.end();
        return;
      }
      const message = {
        role: 'assistant',
        content: final.text,
        ...(final.thinking === '' ? {} : { reasoning: final.thinking }),
        ...(final.calls.length === 0 ? {} : { tool_calls: openAiCalls(final.calls) }),
      };
      exchange.line(200, {
        id,
        object: 'chat.completion',
        created: seconds(),
        model: ask.model,
        system_fingerprint: 'fp_ollama',
        choices: [{ index: 0, message, finish_reason: finishReason(final) }],
        usage: usageOf(context, final),
      });
    },
  };
};

const textSink = (context: SimContext, exchange: Exchange, ask: Ask, includeUsage: boolean): AnswerSink => {
  const id = `cmpl-${shortId()}`;
  const none = { usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } };
  const chunk = (choices: readonly unknown[], extra: object): void => {
    const body = {
      id,
      object: 'text_completion',
      created: seconds(),
      choices,
      model: ask.model,
      system_fingerprint: 'fp_ollama',
      ...extra,
    };
    exchange.record(`data: ${goJson(body)}\n\n`, EVENT_STREAM);
  };
  return {
    fail: (status, message) => refuse(exchange, status, message, ask.stream),
    piece(piece) {
      const text = piece.kind === 'text' ? piece.text : '';
      chunk([{ text, index: 0, finish_reason: null }], includeUsage ? none : {});
    },
    done(final) {
      if (ask.stream) {
        chunk([{ text: '', index: 0, finish_reason: final.reason }], includeUsage ? none : {});
        if (includeUsage) chunk([], { usage: usageOf(context, final) });
        exchange.record('data: [DONE]\n\n', EVENT_STREAM);
        exchange.end();
        return;
      }
      exchange.line(200, {
        id,
        object: 'text_completion',
        created: seconds(),
        model: ask.model,
        system_fingerprint: 'fp_ollama',
        choices: [{ text: final.text, index: 0, finish_reason: final.reason }],
        usage: usageOf(context, final),
      });
    },
  };
};

/** `POST /v1/chat/completions`. */
export const openAiChat = (context: SimContext, exchange: Exchange): void => {
  const fields = readV1(exchange, 'openai.ChatCompletionRequest', CHAT);
  if (fields === undefined) return;
  const stream = boolField(fields, 'stream') ?? false;
  const messages = arrayField(fields, 'messages').map(readMessage);
  if (messages.length === 0) {
    refuseBody(exchange, "[] is too short - 'messages'");
    return;
  }
  const name = readV1Model(exchange, fields, stream);
  if (name === undefined) return;
  const model = findModel(context, exchange, name, stream);
  if (model === undefined) return;
  const ask: Ask = {
    ...v1Ask(fields, {
      route: 'chat',
      model: name,
      prompt: [
        ...toolSegments(arrayField(fields, 'tools')),
        ...systemOf(model, messages),
        ...messages.map(messageSegment),
      ],
      lastUser: messages.findLast((message) => message.role === 'user')?.content ?? '',
    }),
    format: v1Format(fields['response_format']),
  };
  const includeUsage = boolField(foldKeys(fields['stream_options']), 'include_usage') ?? false;
  runAsk(context, exchange, ask, model, chatSink(context, exchange, ask, includeUsage));
};

/** `POST /v1/completions`. */
export const openAiCompletions = (context: SimContext, exchange: Exchange): void => {
  const fields = readV1(exchange, 'openai.CompletionRequest', TEXT);
  if (fields === undefined) return;
  const stream = boolField(fields, 'stream') ?? false;
  const name = readV1Model(exchange, fields, stream, true);
  if (name === undefined) return;
  const model = findModel(context, exchange, name, stream);
  if (model === undefined) return;
  const prompt = stringField(fields, 'prompt');
  const segment = messageSegment({
    role: 'user',
    content: prompt + stringField(fields, 'suffix'),
    images: [],
    extra: '',
  });
  const ask = v1Ask(fields, {
    route: 'generate',
    model: name,
    prompt: [...systemOf(model, []), segment],
    lastUser: prompt,
  });
  const includeUsage = boolField(foldKeys(fields['stream_options']), 'include_usage') ?? false;
  runAsk(context, exchange, ask, model, textSink(context, exchange, ask, includeUsage));
};
