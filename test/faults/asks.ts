import { anthropic, native, openai, type Speech } from '../support/scripts.ts';
import type { Kind } from './faults.ts';

/** One request, and the good answer to it, in pieces. */
export interface Ask {
  readonly name: string;
  readonly kind: Kind;
  /** How it is spoken; errors of routes that run no model are native. */
  readonly speech: Speech;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** @param model the one that is asked for */
  body(model: string): string | undefined;
  readonly type: string;
  /** Three pieces or more. */
  readonly pieces: readonly string[];
  /** What stands in place of the first piece where that is no answer. */
  readonly garbage: string;
}

const generate: Speech = {
  ...native,
  path: '/api/generate',
  token: (text) => `${JSON.stringify({ model: 'm', response: text, done: false })}\n`,
  last: native.last.replace('"message":{"role":"assistant","content":""}', '"response":""'),
  whole: (text) => ({ model: 'm', response: text, done: true, prompt_eval_count: 3, eval_count: 7 }),
};

const inference = (name: string, speech: Speech, stream: boolean): Ask => {
  const whole = JSON.stringify(speech.whole('an answer'));
  const prompt =
    speech.path === '/api/generate' ? { prompt: 'hello' } : { messages: [{ role: 'user', content: 'hello' }] };
  return {
    name: `${name}, ${stream ? 'stream' : 'whole'}`,
    kind: stream ? 'stream' : 'whole',
    speech,
    method: 'POST',
    path: speech.path,
    body: (model) => JSON.stringify({ model, ...prompt, max_tokens: 16, options: { num_predict: 16 }, stream }),
    type: stream ? speech.type : 'application/json; charset=utf-8',
    pieces: stream
      ? [speech.token('one'), speech.token('two'), speech.last]
      : [whole.slice(0, 9), whole.slice(9, 20), whole.slice(20)],
    garbage: !stream ? '<html>' : speech.dialect === 'native' ? '<html>\n' : 'data: <html>\n\n',
  };
};

const other = (name: string, kind: Kind, method: 'GET' | 'POST', path: string, body: Ask['body']): Ask => ({
  name,
  kind,
  speech: native,
  method,
  path,
  body,
  type: 'application/json; charset=utf-8',
  pieces: ['{"license":"', 'some text', '"}'],
  garbage: '<html>',
});

/** Requests that name their model, so that each can have servers of its own. */
export const WITH_MODEL: readonly Ask[] = [
  ...[true, false].flatMap((stream) => [
    inference('/api/generate', generate, stream),
    inference('/api/chat', native, stream),
    inference('/v1/chat/completions', openai, stream),
    inference('/v1/messages', anthropic, stream),
  ]),
  other('POST /api/show', 'model named', 'POST', '/api/show', (model) => JSON.stringify({ model })),
  other('POST of an unknown path', 'model named', 'POST', '/api/v9', (model) => JSON.stringify({ model, a: 1 })),
];

/** Requests that any server may be asked. */
export const WITHOUT_MODEL: readonly Ask[] = [
  other('GET of an unknown path', 'no model', 'GET', '/api/v9', () => undefined),
  other('upload of a file', 'upload', 'POST', `/api/blobs/sha256:${'a'.repeat(64)}`, () => 'x'.repeat(4_000)),
];
