import { errorRules, type ErrorCode } from '../core/errors.ts';
import type { Dialect } from '../core/types.ts';

/** `type` of an OpenAI error by status, as Ollama's own /v1 layer chooses it (openai/openai.go, NewError). */
const openaiType = (status: number): string =>
  status === 400 ? 'invalid_request_error' : status === 404 ? 'not_found_error' : 'api_error';

/** `type` of an Anthropic error by status, as Ollama chooses it (anthropic/anthropic.go, NewError). */
const anthropicType = (status: number): string => {
  switch (status) {
    case 400:
    case 413:
    case 431:
      return 'invalid_request_error';
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 429:
      return 'rate_limit_error';
    case 503:
    case 529:
      return 'overloaded_error';
    default:
      return 'api_error';
  }
};

const errorObject = (dialect: Dialect, status: number, message: string, code: ErrorCode | null): object => {
  switch (dialect) {
    case 'native':
      return { error: message };
    case 'openai':
      return { error: { message, type: openaiType(status), param: null, code } };
    case 'anthropic':
      return { type: 'error', error: { type: anthropicType(status), message } };
  }
};

/**
 * The body of a refusal or failure in the shape of the API that was called.
 * @param afterParsing false = Ollama's middleware would have written it while it parsed the request
 */
export const errorBody = (
  dialect: Dialect,
  code: ErrorCode,
  message: string,
  requestId: string,
  afterParsing = true,
): string => {
  const { status } = errorRules[code];
  // These two stand for a refusal that Ollama would make itself, and its errors leave `code` null (openai/openai.go).
  const asOllama = code === 'model_not_found' || code === 'bad_request';
  const body = errorObject(dialect, status, message, asOllama ? null : code);
  const withId = dialect === 'anthropic' ? { ...body, request_id: requestId } : body;
  // The newline is that of Go's encoder, which the later layer writes with (middleware/openai.go, writeError).
  return dialect === 'native' || !afterParsing ? JSON.stringify(withId) : `${JSON.stringify(withId)}\n`;
};

/**
 * What a stream whose head is out gets instead of its end: the dialect's own error event.
 * @param status the one that the answer would have had; it chooses the error's type
 */
export const inBandError = (
  dialect: Dialect,
  message: string,
  code: ErrorCode | null = 'backend_failed',
  status = code === null ? 500 : errorRules[code].status,
): string => {
  const body = JSON.stringify(errorObject(dialect, status, message, code));
  switch (dialect) {
    case 'native':
      return `${body}\n`;
    case 'openai':
      return `data: ${body}\n\n`;
    case 'anthropic':
      return `event: error\ndata: ${body}\n\n`;
  }
};

/** The content type that Ollama gives errors on this dialect. */
export const errorContentType = (dialect: Dialect, afterParsing = true): string =>
  dialect === 'native' || !afterParsing ? 'application/json; charset=utf-8' : 'application/json';
