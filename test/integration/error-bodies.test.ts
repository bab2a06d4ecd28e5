import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { call } from '../support/http-call.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const LIMIT = 64 * 1024;

let sim: SimServer;
let proxy: TestProxy;
let lonely: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001 });
  proxy = await startProxy({
    backends: [{ name: 'one', url: sim.url }],
    config: `limits: { body: 64KiB, header: 8KiB }`,
  });
  lonely = await startProxy({ backends: [{ name: 'gone', url: 'http://127.0.0.1:9' }] });
});
afterAll(async () => {
  await Promise.all([proxy.stop(), lonely.stop()]);
  await sim.close();
});

const ROUTES = [
  '/api/chat',
  '/api/generate',
  '/api/embed',
  '/api/embeddings',
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
] as const;

type Body = Readonly<Record<string, unknown>>;
/** Without what differs from run to run. */
const steady = (text: string): unknown => {
  const { request_id: _id, total_duration: _total, load_duration: _load, ...rest } = JSON.parse(text) as Body;
  return rest;
};

describe('a refusal of the proxy reads as if the server had made it', () => {
  const valid = { messages: [{ role: 'user', content: 'x' }], prompt: 'x', input: 'x', max_tokens: 5 };
  const cases: readonly (readonly [string, unknown])[] = [
    ['no JSON', 'hello'],
    ['broken JSON', '{"model": "llama3.2:3b", "messages": ['],
    ['JSON that stops in a string', '{"model": "llama3'],
    ['a list', '[]'],
    ['an empty body', ''],
    ['a body of blanks', ' \n'],
    ['no model', valid],
    ['an empty model', { ...valid, model: '' }],
    ['null for a model', { ...valid, model: null }],
    ['an unknown model', { ...valid, model: 'nobody:1b' }],
    ['a number for a model', { ...valid, model: 42 }],
    ['an object for a model', { ...valid, model: {} }],
    ['text for stream', { ...valid, model: 'nomic-embed-text', stream: 'yes' }],
  ];
  const all = ROUTES.flatMap((path) => cases.map(([what, body]) => [path, what, body] as const));
  /** Routes of /v1 that end in the handlers of /api/generate and /api/embed, as real servers have it. */
  const borrowed = (path: string, body: unknown): boolean =>
    /completions$|embeddings$/.test(path) &&
    path.startsWith('/v1/') &&
    !path.includes('chat') &&
    typeof body === 'object' &&
    !Array.isArray(body) &&
    !(body as { readonly model?: unknown }).model;
  it.each(all.filter(([path, , body]) => !borrowed(path, body)))('%s: %s', async (path, what, body) => {
    const direct = await call(sim.url + path, { body });
    const proxied = await proxy.call(path, { body });
    expect(proxied.status).toBe(direct.status);
    expect(proxied.headers['content-type']?.split(';')[0]).toBe(direct.headers['content-type']?.split(';')[0]);
    expect(steady(proxied.body)).toEqual(steady(direct.body));
    // Embeddings have no such field, so there the text is not looked at.
    if (!(what === 'text for stream' && path.includes('embed'))) expect(direct.status).toBeGreaterThanOrEqual(400);
  });
});

describe('a missing model', () => {
  it.each(['/v1/completions', '/v1/embeddings'])(
    'is looked up on %s as on the native route behind it',
    async (path) => {
      const answer = await proxy.call(path, { body: { prompt: 'x', input: 'x' } });
      expect(answer.status).toBe(404);
      expect(JSON.parse(answer.body)).toEqual({
        error: { message: "model '' not found", type: 'not_found_error', param: null, code: null },
      });
    },
  );
});

/** The same message in the shape of each dialect. */
const shapes = (message: unknown, openaiType: string, anthropicType: string, code: string | null) =>
  [
    ['/api/chat', { error: message }],
    ['/v1/chat/completions', { error: { message, type: openaiType, param: null, code } }],
    [
      '/v1/messages',
      { type: 'error', error: { type: anthropicType, message }, request_id: expect.stringMatching(/^[\w-]+$/) },
    ],
  ] as const;

describe('an error of the proxy alone has the shape of the API that was called', () => {
  const text = `the request body is larger than the limit of ${LIMIT} bytes (limits.body)`;
  const big = JSON.stringify({ model: 'llama3.2:3b', prompt: 'x'.repeat(LIMIT) });
  const tooBig = shapes(text, 'api_error', 'invalid_request_error', 'body_too_large');

  it.each(tooBig)('a body too large by its own account, on %s', async (path, shape) => {
    const answer = await proxy.call(path, { body: big });
    expect(answer.status).toBe(413);
    expect(answer.headers).toMatchObject({ 'x-task-router-error': 'body_too_large', connection: 'close' });
    expect(JSON.parse(answer.body)).toEqual(shape);
  });

  it.each(tooBig)('a body too large that never said how long it is, on %s', async (path, shape) => {
    const chunked = { 'transfer-encoding': 'chunked' };
    const answer = await proxy.call(path, { body: big, headers: chunked });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toEqual(shape);
  });

  it.each(['/api/chat', '/v1/chat/completions', '/v1/messages'])(
    'a body of exactly the limit passes on %s',
    async (path) => {
      const frame = JSON.stringify({ model: 'nobody:1b', prompt: '' });
      const body = frame.replace('""', `"${'x'.repeat(LIMIT - frame.length)}"`);
      expect(Buffer.byteLength(body)).toBe(LIMIT);
      expect((await proxy.call(path, { body })).status).toBe(404);
    },
  );

  it.each(
    shapes(
      expect.stringMatching(/^header x-task-router-priority: /),
      'invalid_request_error',
      'invalid_request_error',
      null,
    ),
  )('a wrong header of ours, on %s', async (path, shape) => {
    const answer = await proxy.call(path, { body: {}, headers: { 'x-task-router-priority': 'now' } });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual(shape);
  });

  it.each(
    shapes(
      expect.stringMatching(/^no backend is up \(gone: .*ECONNREFUSED/),
      'api_error',
      'overloaded_error',
      'no_backend',
    ),
  )('no server that is up, with a time to come back, on %s', async (path, shape) => {
    const answer = await lonely.call(path, { body: { model: 'llama3.2:3b' } });
    expect(answer.status).toBe(503);
    expect(answer.headers['x-task-router-error']).toBe('no_backend');
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(JSON.parse(answer.body)).toEqual(shape);
  });

  it('no server that is up, for a request that runs no model', async () => {
    const answer = await lonely.call('/api/show', { body: { model: 'llama3.2:3b' } });
    expect(answer.status).toBe(503);
    expect(answer.headers['x-task-router-error']).toBe('no_backend');
    expect(answer.body).toMatch(/^\{"error":".*gone: down: .*ECONNREFUSED/);
  });

  it('headers too large', async () => {
    const answer = await proxy.call('/api/chat', { body: {}, headers: { 'x-long': 'x'.repeat(9 * 1024) } });
    expect(answer.status).toBe(431);
    expect(answer.headers).toMatchObject({
      'x-task-router-error': 'headers_too_large',
      'x-request-id': expect.stringMatching(/^[\da-f-]{36}$/),
    });
    expect(JSON.parse(answer.body)).toEqual({ error: expect.stringContaining('Too Large') });
  });

  describe('a client that is too slow', () => {
    let hasty: TestProxy;
    beforeAll(async () => {
      const config = 'limits: { head_timeout: 200ms, body_idle_timeout: 200ms }';
      hasty = await startProxy({ backends: [{ name: 'one', url: sim.url }], config });
    });
    afterAll(() => hasty.stop());

    /** Sends a part of a request and gives all that comes back until the connection ends. */
    const sendPart = (part: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let text = '';
        const socket = connect(hasty.port, '127.0.0.1', () => socket.write(part));
        socket.setEncoding('utf8').on('data', (more: string) => void (text += more));
        socket.once('error', reject).once('close', () => resolve(text));
      });

    it('with its head gets 408', async () => {
      expect(await sendPart('POST /api/chat HTTP/1.1\r\nHost: localhost\r\n')).toMatch(
        /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*\r\nx-task-router-error: request_timeout\r\n[\s\S]*\{"error":/,
      );
    });

    it.each(shapes('no byte of the request body for 200 ms', 'api_error', 'api_error', 'request_timeout'))(
      'with its body gets 408 on %s',
      async (path, shape) => {
        const text = await sendPart(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"mod`);
        const [head = '', body = ''] = text.split('\r\n\r\n');
        expect(head).toMatch(/^HTTP\/1\.1 408 [\s\S]*\r\nx-task-router-error: request_timeout/);
        expect(head).toMatch(/\r\nconnection: close/i);
        expect(JSON.parse(body)).toEqual(shape);
      },
    );
  });
});
