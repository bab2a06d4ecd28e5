import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './exchange.ts';
import { goJson } from './go-json.ts';

/** Which API a route speaks: decides how errors look and what a broken stream says. */
export type WireDialect = 'native' | 'openai-chat' | 'openai-text' | 'openai' | 'responses' | 'anthropic';

/** By path: everything outside `/v1` is native. */
export const dialectOf = (path: string): WireDialect => {
  if (!path.startsWith('/v1/')) return 'native';
  switch (path) {
    case '/v1/chat/completions':
      return 'openai-chat';
    case '/v1/completions':
      return 'openai-text';
    case '/v1/responses':
      return 'responses';
    case '/v1/messages':
      return 'anthropic';
    default:
      return 'openai';
  }
};

const openAiType = (status: number): string => {
  if (status === 400) return 'invalid_request_error';
  return status === 404 ? 'not_found_error' : 'api_error';
};

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  529: 'overloaded_error',
};

/** The error body of a dialect (openai/openai.go and anthropic/anthropic.go at v0.33). */
export const errorBody = (dialect: WireDialect, status: number, message: string): unknown => {
  if (dialect === 'native') return { error: message };
  if (dialect === 'anthropic') {
    return {
      type: 'error',
      error: { type: ANTHROPIC_TYPES[status] ?? 'api_error', message },
      request_id: `req_${Math.floor(performance.now() * 1000).toString(16)}`,
    };
  }
  return { error: { message, type: openAiType(status), param: null, code: null } };
};

/** `/v1/responses` and `/v1/messages` add these in stream mode, on their errors too. */
export const streamHeaders = (dialect: WireDialect, stream: boolean): OutgoingHttpHeaders =>
  stream && (dialect === 'responses' || dialect === 'anthropic')
    ? { 'Cache-Control': 'no-cache', Connection: 'keep-alive' }
    : {};

/** Refuses a request in its dialect; the body was understood. */
export const refuse = (exchange: Exchange, status: number, message: string, stream = false): void => {
  const body = errorBody(exchange.dialect, status, message);
  if (exchange.dialect === 'native') exchange.json(status, body);
  else exchange.line(status, body, streamHeaders(exchange.dialect, stream));
};

/** Refuses a body that could not be read: charset named and no newline, in all dialects. */
export const refuseBody = (exchange: Exchange, decodeError: string): void => {
  const message = decodeError === 'EOF' && exchange.dialect === 'native' ? 'missing request body' : decodeError;
  exchange.json(400, errorBody(exchange.dialect, 400, message));
};

/**
 * What a stream still says when its runner dies: native an error line; OpenAI one empty chunk without a model, since
 * the error line is read as a chunk; the other two nothing (seen on 0.24, middleware/openai.go at v0.33).
 */
export const inBandError = (dialect: WireDialect, message: string): string => {
  const created = Math.floor(Date.now() / 1000);
  switch (dialect) {
    case 'native':
      return `${goJson({ error: message })}\n`;
    case 'openai-chat':
      return `data: ${goJson({
        id: 'chatcmpl-0',
        object: 'chat.completion.chunk',
        created,
        model: '',
        system_fingerprint: 'fp_ollama',
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
      })}\n\n`;
    case 'openai-text':
      return `data: ${goJson({
        id: 'cmpl-0',
        object: 'text_completion',
        created,
        choices: [{ text: '', index: 0, finish_reason: null }],
        model: '',
        system_fingerprint: 'fp_ollama',
      })}\n\n`;
    default:
      return '';
  }
};
