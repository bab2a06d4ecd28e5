import { ProxyError } from '../core/errors.ts';
import type { Blame, FailureReason, Phase } from '../core/types.ts';
import { connectionText, tlsAdvice } from './tls-errors.ts';

/** What went wrong with one attempt, and what that means: who is to blame and whether another backend may try. */
export interface Failure {
  readonly reason: FailureReason;
  readonly blame: Blame;
  /** Safe to repeat elsewhere, as far as the cause goes; the phase is judged apart. */
  readonly retryable: boolean;
  readonly message: string;
}

/**
 * Errors that Ollama answers with 500 although the request is at fault (server/routes.go, llm/server.go at v0.33):
 * wrong types in `options`, a bad `format`, a chat template that cannot digest the messages.
 */
const CLIENT_FAULT_500 = [/^option "/, /^invalid format/, /^template: /, /^invalid options: /];

/** How gin says that it has no such path, or not with this method: plain text, and nothing that a handler wrote. */
export const routeMissing = (status: number): Failure => ({
  reason: 'route-missing',
  blame: 'none',
  retryable: true,
  message: `answered ${status}: it has no such route`,
});

const GIN_SAYS = /^(404 page not found|405 method not allowed)$/;

/** How a status line from a backend is to be taken: handed to the client as it is, or treated as a failure. */
export const classifyStatus = (status: number, message: string): Failure | 'answer' => {
  if (status === 503) {
    return { reason: 'overloaded', blame: 'none', retryable: true, message: `answered 503: ${message}` };
  }
  if ((status === 404 || status === 405) && GIN_SAYS.test(message)) return routeMissing(status);
  if (status === 404 && /not found/.test(message)) {
    return { reason: 'model-missing', blame: 'none', retryable: true, message: `answered 404: ${message}` };
  }
  if (status < 500 || status === 501) return 'answer';
  if (CLIENT_FAULT_500.some((pattern) => pattern.test(message))) return 'answer';
  return { reason: 'status-5xx', blame: 'model', retryable: true, message: `answered ${status}: ${message}` };
};

/** Words of Ollama's refusals, with the capability in `/api/tags` that they speak of (server/images.go, Capabilities). */
const CAPABILITY: Readonly<Record<string, string>> = {
  chat: 'completion',
  generate: 'completion',
  completion: 'completion',
  tools: 'tools',
  thinking: 'thinking',
  insert: 'insert',
  vision: 'vision',
  images: 'vision',
  audio: 'audio',
  embeddings: 'embedding',
  embedding: 'embedding',
};

/** The capability for lack of which an answer refuses the request; undefined when it is about something else. */
export const lackedCapability = (status: number, message: string): string | undefined =>
  status === 400 ? CAPABILITY[/does not support (\w+)/.exec(message)?.[1] ?? ''] : undefined;

/** An answer that another server would not give. */
export const unsupported = (status: number, message: string): Failure => ({
  reason: 'unsupported',
  blame: 'none',
  retryable: true,
  message: `answered ${status}: ${message}`,
});

/**
 * A backend that hangs: it takes connections and answers looks, and sends nothing. Another one may do better as long as
 * the client has seen no byte.
 */
export const stalled = (silentMs: number, limitMs: number, atFirst: boolean): Failure => ({
  reason: 'stall',
  blame: 'model',
  retryable: true,
  message: `stalled: ${atFirst ? 'no byte of answer' : 'nothing more'} for ${Math.round(silentMs / 1000)} s, where ${Math.round(limitMs / 1000)} s are more than it ever needs (retry.stall_guard)`,
});

const codeOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
};

const PARSE_ERRORS = /^(HPE_|UND_ERR_(HTTP_PARSER|HEADERS_OVERFLOW|RES_CONTENT_LENGTH|RESPONSE))/;

/** undici's parse errors mostly carry no code, only their name; http's carry `HPE_…`. */
const isParseError = (error: unknown, code: string): boolean =>
  PARSE_ERRORS.test(code) || (error instanceof Error && error.name === 'HTTPParserError');

/**
 * How an error of the connection is to be taken. The error alone does not say whether the head was out (undici names
 * a reset before and after it alike), so the phase comes from the attempt.
 */
export const classifyError = (error: unknown, phase: Phase): Failure => {
  // The client's own body broke off while it was being sent: that says nothing about the backend.
  if (error instanceof ProxyError) {
    return { reason: 'timeout', blame: 'none', retryable: false, message: error.message };
  }
  const code = codeOf(error);
  const words = connectionText(error);
  const text = tlsAdvice(error) ?? (code === '' ? words : `${words} (${code})`);
  if (phase === 'connect') return { reason: 'connect', blame: 'backend', retryable: true, message: `connect: ${text}` };
  if (isParseError(error, code)) {
    return { reason: 'bad-answer', blame: 'model', retryable: true, message: `answered no valid HTTP: ${text}` };
  }
  const before = phase === 'head' || phase === 'first-byte';
  return {
    reason: before ? 'reset' : 'cut-stream',
    blame: before ? 'backend' : 'model',
    retryable: true,
    message: before ? `closed the connection before its answer: ${text}` : `died in mid-answer: ${text}`,
  };
};
