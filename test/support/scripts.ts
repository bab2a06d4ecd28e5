import type { Dialect } from '../../src/core/types.ts';
import { fin, reset, type Call, type Script } from './scripted-backend.ts';

/** Ready-made behaviour of a scripted backend. */

export type Ending = 'end' | 'fin' | 'reset' | 'stall';

const finish = (call: Call, ending: Ending): void => {
  if (ending === 'end') call.res.end();
  else if (ending === 'fin') fin(call);
  else if (ending === 'reset') reset(call);
};

/** Writes bytes and waits until they have left and the event loop has turned, so that they travel apart from the next. */
export const push = ({ res }: Call, bytes: string | Buffer): Promise<void> =>
  new Promise((resolve) => {
    res.write(bytes, () => setImmediate(resolve));
  });

/** An answer in one piece with its length. */
export const whole =
  (status: number, body: string | Buffer | object, headers: Readonly<Record<string, string | string[]>> = {}): Script =>
  ({ res }) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    res.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': bytes.length,
      ...headers,
    });
    res.end(bytes);
  };

/** A chunked answer, piece by piece. */
export const pieces =
  (type: string, chunks: readonly (string | Buffer)[], ending: Ending = 'end'): Script =>
  async (call) => {
    call.res.writeHead(200, { 'content-type': type });
    call.res.flushHeaders();
    for (const chunk of chunks) await push(call, chunk);
    finish(call, ending);
  };

/** Answers only once this has happened. */
export const once =
  (happened: Promise<unknown>, script: Script): Script =>
  async (call) => {
    await happened;
    await script(call);
  };

/** Takes the request and never answers. */
export const never: Script = () => {};

export const resetAtOnce: Script = (call) => reset(call);

/** Closes the connection without a byte, as a server that is being stopped does. */
export const finAtOnce: Script = (call) => fin(call);

/** Bytes in place of an answer, as they are, and then an end. */
export const raw =
  (bytes: string, ending: Ending = 'fin'): Script =>
  (call) => {
    call.res.socket?.write(bytes);
    finish(call, ending);
  };

export const garbage: Script = raw('\u0000\u0001this is no HTTP\r\n\r\n');

/** Promises more bytes than come. */
export const short = (type: string, declared: number, body: string): Script =>
  raw(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${declared}\r\n\r\n${body}`);

/** Interim answers first, then the script. */
export const interim =
  (script: Script): Script =>
  async (call) => {
    call.res.writeProcessing();
    call.res.writeEarlyHints({ link: '</style.css>; rel=preload' });
    await script(call);
  };

/** Does not wait for the request's body. */
export const early = (script: Script): Script => Object.assign((call: Call) => script(call), { early: true });

// ---- answers as Ollama gives them, by dialect ----

export const NDJSON = 'application/x-ndjson';
export const SSE = 'text/event-stream';

/** What one dialect looks like on the wire, as far as the tests of faults need it. */
export interface Speech {
  readonly dialect: Dialect;
  readonly path: string;
  readonly type: string;
  /** One record with a token in it. */
  token(text: string): string;
  /** The records that end a stream: 3 prompt tokens, 7 output tokens. */
  readonly last: string;
  /** A whole answer with the same numbers. */
  whole(text: string): object;
  /** The error as the first record of a stream. */
  error(message: string): string;
  /** The message of the in-band error that a cut stream ended with, undefined if it did not. */
  inBand(body: string): string | undefined;
}

const lastJson = (text: string | undefined): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(text ?? '') as Record<string, unknown>;
  } catch {
    return undefined;
  }
};
const messageOf = (value: unknown): string | undefined => {
  const message = (value as { readonly error?: { readonly message?: unknown } } | undefined)?.error?.message;
  return typeof message === 'string' ? message : undefined;
};
const sse = (data: object, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

export const native: Speech = {
  dialect: 'native',
  path: '/api/chat',
  type: NDJSON,
  token: (text) => `${JSON.stringify({ model: 'm', message: { role: 'assistant', content: text }, done: false })}\n`,
  last: `${JSON.stringify({ model: 'm', message: { role: 'assistant', content: '' }, done: true, prompt_eval_count: 3, eval_count: 7, load_duration: 2e6, prompt_eval_duration: 5e6, eval_duration: 70e6 })}\n`,
  whole: (text) => ({
    model: 'm',
    message: { role: 'assistant', content: text },
    done: true,
    prompt_eval_count: 3,
    eval_count: 7,
  }),
  error: (message) => `${JSON.stringify({ error: message })}\n`,
  inBand: (body) => {
    const error = lastJson(body.trimEnd().split('\n').at(-1))?.['error'];
    return body.endsWith('\n') && typeof error === 'string' ? error : undefined;
  },
};

export const openai: Speech = {
  dialect: 'openai',
  path: '/v1/chat/completions',
  type: SSE,
  token: (text) => sse({ id: 'chatcmpl-1', choices: [{ index: 0, delta: { content: text }, finish_reason: null }] }),
  last:
    sse({ id: 'chatcmpl-1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
    sse({ id: 'chatcmpl-1', choices: [], usage: { prompt_tokens: 3, completion_tokens: 7 } }) +
    'data: [DONE]\n\n',
  whole: (text) => ({
    id: 'chatcmpl-1',
    choices: [{ index: 0, message: { content: text } }],
    usage: { prompt_tokens: 3, completion_tokens: 7 },
  }),
  error: (message) => sse({ error: { message, type: 'api_error', param: null, code: null } }),
  inBand: (body) =>
    messageOf(
      lastJson(
        body
          .split('\n\n')
          .at(-2)
          ?.replace(/^data: /, ''),
      ),
    ),
};

export const anthropic: Speech = {
  dialect: 'anthropic',
  path: '/v1/messages',
  type: SSE,
  token: (text) => sse({ type: 'content_block_delta', delta: { type: 'text_delta', text } }, 'content_block_delta'),
  last:
    sse({ type: 'message_delta', usage: { input_tokens: 3, output_tokens: 7 } }, 'message_delta') +
    sse({ type: 'message_stop' }, 'message_stop'),
  whole: (text) => ({
    type: 'message',
    content: [{ type: 'text', text }],
    usage: { input_tokens: 3, output_tokens: 7 },
  }),
  error: (message) => sse({ type: 'error', error: { type: 'api_error', message } }, 'error'),
  inBand: (body) =>
    messageOf(
      lastJson(
        body
          .split('\n\n')
          .at(-2)
          ?.replace(/^event: error\ndata: /, ''),
      ),
    ),
};

export const SPEECHES: readonly Speech[] = [native, openai, anthropic];

/** A good answer to whatever was asked, as a stream or whole as the request says. */
export const good =
  (speech: Speech, text: string): Script =>
  async (call) => {
    const asked = JSON.parse(call.body().toString('utf8')) as { readonly stream?: boolean };
    if (asked.stream === true) await pieces(speech.type, [speech.token(text), speech.last])(call);
    else await whole(200, speech.whole(text))(call);
  };

/** A request for it. */
export const ask = (stream: boolean, more: object = {}): object => ({
  model: 'm',
  messages: [{ role: 'user', content: 'hello' }],
  max_tokens: 16,
  stream,
  ...more,
});
