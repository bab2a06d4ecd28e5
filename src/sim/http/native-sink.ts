import type { SimContext } from './context.ts';
import type { Ask } from './ask.ts';
import { NDJSON, type Exchange } from './exchange.ts';
import { goJson } from './go-json.ts';
import { errorBody } from './dialect.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { AnswerSink, Final, ToolCall } from './run-ask.ts';

/** UTC with nanoseconds, as Go prints it. */
export const goTime = (wallMs: number): string => `${new Date(wallMs).toISOString().slice(0, -1)}123456Z`;

/** Integer nanoseconds of wall time. */
export const wallNanos = (context: SimContext, modelMs: number): number =>
  Math.round(modelMs * context.timeScale * 1e6);

/** Leaves out what Go's `omitempty` leaves out. */
export const omitEmpty = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  );

const nativeCalls = (calls: readonly ToolCall[]): unknown =>
  calls.map((call, index) => ({ id: call.id, function: { index, name: call.name, arguments: call.arguments } }));

/** Token ids of a conversation, invented: as many as there are tokens. */
const contextIds = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => 1000 + ((index * 7919) % 30_000));

/** `/api/chat` and `/api/generate`: NDJSON lines, or one object. */
export const nativeSink = (context: SimContext, exchange: Exchange, ask: Ask, raw: boolean): AnswerSink => {
  const chat = ask.route === 'chat';
  const head = (): Record<string, unknown> => ({ model: ask.model, created_at: goTime(Date.now()) });
  const body = (text: string, thinking: string, calls: readonly ToolCall[]): Record<string, unknown> => {
    const extra = omitEmpty({ thinking, tool_calls: calls.length > 0 ? nativeCalls(calls) : undefined });
    return chat ? { message: { role: 'assistant', content: text, ...extra } } : { response: text, ...extra };
  };
  const logprobs = (pieces: readonly string[]): Record<string, unknown> =>
    ask.logprobs && pieces.length > 0 ? { logprobs: pieces.map((piece) => tokenLogprobs(piece, ask.topLogprobs)) } : {};

  const last = (final: Final, text: string, thinking: string, calls: readonly ToolCall[]): Record<string, unknown> => {
    const { timings } = final;
    const words = ask.stream ? {} : logprobs(final.pieces);
    const remembered = chat || raw ? {} : { context: contextIds(timings.promptTokens + timings.outputTokens) };
    const metrics = omitEmpty({
      total_duration: wallNanos(context, timings.totalMs),
      load_duration: Math.max(1, wallNanos(context, timings.loadMs)),
      prompt_eval_count: timings.promptTokens,
      prompt_eval_cached_count: context.features.cachedCount ? timings.cachedTokens : 0,
      prompt_eval_duration: Math.max(1, wallNanos(context, timings.prefillMs)),
      eval_count: timings.outputTokens,
      eval_duration: wallNanos(context, timings.decodeMs),
    });
    const end = { ...head(), ...body(text, thinking, calls), done: true, done_reason: final.reason };
    return chat ? { ...end, ...words, ...metrics } : { ...end, ...remembered, ...metrics, ...words };
  };

  return {
    fail(status, message, late = false) {
      const error = errorBody('native', status, message);
      if (late && ask.stream) exchange.chunkedError(status, error);
      else exchange.json(status, error);
    },
    piece(piece) {
      const text = piece.kind === 'text' ? piece.text : '';
      const line = {
        ...head(),
        ...body(text, piece.kind === 'thinking' ? piece.text : '', piece.kind === 'tools' ? piece.calls : []),
        done: false,
        ...logprobs(text === '' ? [] : [text]),
      };
      exchange.record(`${goJson(line)}\n`, NDJSON);
    },
    done(final) {
      if (!ask.stream) {
        exchange.json(200, last(final, final.text, final.thinking, final.calls));
        return;
      }
      exchange.record(`${goJson(last(final, '', '', []))}\n`, NDJSON);
      exchange.end();
    },
  };
};

/** The one object that answers a load or an unload, even where a stream was asked for. */
export const sendLoaded = (
  exchange: Exchange,
  route: 'chat' | 'generate',
  model: string,
  reason: 'load' | 'unload',
): void => {
  const content = route === 'chat' ? { message: { role: 'assistant', content: '' } } : { response: '' };
  exchange.json(200, { model, created_at: goTime(Date.now()), ...content, done: true, done_reason: reason });
};
