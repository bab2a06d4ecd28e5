import type { Ask } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse, streamHeaders } from './dialect.ts';
import { EVENT_STREAM, type Exchange } from './exchange.ts';
import { numberField, type Fields } from './go-fields.ts';
import { goJson } from './go-json.ts';
import type { AnswerSink, Final, ToolCall } from './run-ask.ts';

let lastId = 0;

const newId = (prefix: string): string => `${prefix}_${(++lastId).toString(16).padStart(24, '0')}`;

const seconds = (): number => Math.floor(Date.now() / 1000);

/** What a response object echoes of its request; the lists are in the order of Go's struct. */
const echo = (fields: Fields): Record<string, unknown> => ({
  tools: fields['tools'] ?? [],
  tool_choice: fields['tool_choice'] ?? 'auto',
  truncation: fields['truncation'] ?? 'disabled',
  parallel_tool_calls: fields['parallel_tool_calls'] ?? true,
  text: fields['text'] ?? { format: { type: 'text' } },
  top_p: fields['top_p'] ?? 1,
  presence_penalty: fields['presence_penalty'] ?? 0,
  frequency_penalty: fields['frequency_penalty'] ?? 0,
  top_logprobs: fields['top_logprobs'] ?? 0,
  temperature: fields['temperature'] ?? 1,
  reasoning: fields['reasoning'] ?? null,
});

const tail = (fields: Fields): Record<string, unknown> => ({
  max_output_tokens: numberField(fields, 'max_output_tokens') ?? null,
  max_tool_calls: null,
  store: false,
  background: false,
  service_tier: 'default',
  metadata: fields['metadata'] ?? {},
  safety_identifier: null,
  prompt_cache_key: fields['prompt_cache_key'] ?? null,
});

const textPart = (text: string): Record<string, unknown> => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs: [],
});

const messageItem = (id: string, text: string): Record<string, unknown> => ({
  id,
  type: 'message',
  status: 'completed',
  role: 'assistant',
  content: [textPart(text)],
});

const callItem = (call: ToolCall): Record<string, unknown> => ({
  id: `fc_${call.id}`,
  type: 'function_call',
  status: 'completed',
  call_id: call.id,
  name: call.name,
  arguments: JSON.stringify(call.arguments),
});

const reasoningItem = (id: string, text: string): Record<string, unknown> => ({
  id,
  type: 'reasoning',
  summary: [{ type: 'summary_text', text }],
});

const usageOf = (context: SimContext, final: Final): Record<string, unknown> => {
  const { promptTokens, outputTokens, cachedTokens } = final.timings;
  return {
    input_tokens: promptTokens,
    output_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    input_tokens_details: { cached_tokens: context.features.cachedCount ? cachedTokens : 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  };
};

/** Objects in stream events come from Go maps, whose keys are written in order. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
};

/** `/v1/responses`: one object, or the events of one message. */
export const responsesSink = (context: SimContext, exchange: Exchange, ask: Ask, fields: Fields): AnswerSink => {
  const id = newId('resp');
  const itemId = newId('msg');
  const createdAt = seconds();
  let sequence = 0;
  let outputIndex = 0;
  let reasoning: string | undefined;
  let messageOpen = false;

  const object = (status: string, output: readonly unknown[], usage: unknown): Record<string, unknown> => ({
    id,
    object: 'response',
    created_at: createdAt,
    completed_at: status === 'completed' ? seconds() : null,
    status,
    incomplete_details: null,
    model: ask.model,
    previous_response_id: null,
    instructions: fields['instructions'] ?? null,
    output,
    error: null,
    ...echo(fields),
    usage,
    ...tail(fields),
  });
  const event = (type: string, extra: object): void => {
    const body = sorted({ ...extra, sequence_number: sequence, type });
    sequence += 1;
    exchange.record(`event: ${type}\ndata: ${goJson(body)}\n\n`, EVENT_STREAM, streamHeaders('responses', true));
  };
  const begin = (): void => {
    if (sequence > 0) return;
    event('response.created', { response: object('in_progress', [], null) });
    event('response.in_progress', { response: object('in_progress', [], null) });
  };
  const closeReasoning = (): void => {
    if (reasoning === undefined) return;
    event('response.output_item.done', { output_index: outputIndex, item: reasoningItem(`rs_${itemId}`, reasoning) });
    outputIndex += 1;
    reasoning = undefined;
  };
  const place = (): Record<string, unknown> => ({ item_id: itemId, output_index: outputIndex, content_index: 0 });
  const openMessage = (): void => {
    if (messageOpen) return;
    messageOpen = true;
    const item = { id: itemId, type: 'message', status: 'in_progress', role: 'assistant', content: [] };
    event('response.output_item.added', { output_index: outputIndex, item });
    event('response.content_part.added', { ...place(), part: textPart('') });
  };
  const output = (final: Final): readonly unknown[] => [
    ...(final.thinking === '' ? [] : [reasoningItem(`rs_${itemId}`, final.thinking)]),
    ...(final.calls.length === 0 ? [messageItem(itemId, final.text)] : final.calls.map(callItem)),
  ];

  return {
    fail: (status, message) => refuse(exchange, status, message, ask.stream),
    piece(piece) {
      begin();
      if (piece.kind === 'thinking') {
        if (reasoning === undefined) {
          event('response.output_item.added', {
            output_index: outputIndex,
            item: { id: `rs_${itemId}`, type: 'reasoning', summary: [] },
          });
          reasoning = '';
        }
        reasoning += piece.text;
        const where = { item_id: `rs_${itemId}`, output_index: outputIndex, summary_index: 0 };
        event('response.reasoning_summary_text.delta', { ...where, delta: piece.text });
        return;
      }
      closeReasoning();
      if (piece.kind === 'text') {
        openMessage();
        event('response.output_text.delta', { ...place(), delta: piece.text, logprobs: [] });
        return;
      }
      for (const call of piece.calls) {
        const item = callItem(call);
        event('response.output_item.added', {
          output_index: outputIndex,
          item: { ...item, status: 'in_progress', arguments: '' },
        });
        const where = { item_id: item['id'], output_index: outputIndex };
        event('response.function_call_arguments.delta', { ...where, delta: item['arguments'] });
        event('response.function_call_arguments.done', { ...where, arguments: item['arguments'] });
        event('response.output_item.done', { output_index: outputIndex, item });
        outputIndex += 1;
      }
    },
    done(final) {
      const whole = object('completed', output(final), usageOf(context, final));
      if (!ask.stream) {
        exchange.line(200, whole);
        return;
      }
      begin();
      closeReasoning();
      if (final.calls.length === 0) {
        openMessage();
        event('response.output_text.done', { ...place(), text: final.text, logprobs: [] });
        event('response.content_part.done', { ...place(), part: textPart(final.text) });
        event('response.output_item.done', { output_index: outputIndex, item: messageItem(itemId, final.text) });
      }
      event('response.completed', { response: whole });
      exchange.end();
    },
  };
};
