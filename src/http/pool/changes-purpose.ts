import { decodeString, isEmptyArray, type Members, type Span } from '../../forward/json-scan.ts';

/** What a native inference request is for: an answer, or only to have its model in memory, or out of it. */
export type Purpose = 'answer' | 'load' | 'unload';

/** The member whose emptiness turns a request into one that loads (Ollama server/routes.go at v0.33). */
const CONTENT: Readonly<Record<string, string>> = {
  '/api/generate': 'prompt',
  '/api/chat': 'messages',
  '/api/embed': 'input',
  '/api/embeddings': 'prompt',
};

/** Zero as Go writes a duration: `0`, `0s`, `0h0.0m`, with or without a sign. */
const ZERO_DURATION = /^[+-]?(?:0|(?:(?:0+\.?0*|\.0+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

const isZero = (body: Buffer, span: Span): boolean => {
  if (span.type === 'number') return Number(body.toString('latin1', span.start, span.end)) === 0;
  return span.type === 'string' && ZERO_DURATION.test(decodeString(body, span));
};

const isEmpty = (body: Buffer, span: Span | undefined): boolean => {
  if (span === undefined) return true;
  if (span.type === 'string') return span.end - span.start === 2;
  return span.type === 'array' && isEmptyArray(body, span);
};

/** Reads it from a body that was scanned. The `/v1` routes can neither load nor unload without an answer. */
export const purposeOf = (path: string, body: Buffer, members: Members): Purpose => {
  const content = CONTENT[path];
  if (content === undefined || !isEmpty(body, members.get(content))) return 'answer';
  const keepAlive = members.get('keep_alive');
  return keepAlive !== undefined && isZero(body, keepAlive) ? 'unload' : 'load';
};
