import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import { native, openai, resetAtOnce, whole } from '../support/scripts.ts';
import { bomb, COMPRESSED, rawFrame } from '../support/zstd-frames.ts';
import { heldBytes } from '../support/live-memory.ts';

const AUTO = 'aliases: { auto: m }';

describe('a zstd body', () => {
  const zstd = (body: Buffer) => ({
    body,
    headers: { 'content-encoding': 'zstd', 'content-type': 'application/json' },
  });
  const named = (model: string): Buffer => rawFrame(Buffer.from(JSON.stringify({ model, input: 'hello' })));

  it('is read for routing and goes out as it came', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(200, openai.whole('ok')) });
    faulty.at(1).models = ['m', 'only-here'];
    await faulty.proxy.call('/api/tags');
    const body = named('only-here');
    const answer = await faulty.proxy.call('/v1/responses', zstd(body));
    expect([answer.status, answer.headers['x-task-router-backend']]).toEqual([200, 'b1']);
    const [call] = faulty.at(1).calls;
    expect(call?.body()).toEqual(body);
    expect(call?.headers).toMatchObject({ 'content-encoding': 'zstd', 'content-length': String(body.length) });
  });

  it('goes out decoded when its model was rewritten', async () => {
    const faulty = await startFaulty(1, { otherwise: whole(200, openai.whole('ok')), config: AUTO });
    const answer = await faulty.proxy.call('/v1/responses', zstd(COMPRESSED));
    expect([answer.status, answer.headers['x-task-router-model']]).toEqual([200, 'm']);
    const [call] = faulty.at(0).calls;
    expect(JSON.parse(call?.body().toString() ?? '')).toMatchObject({ model: 'm', stream: false });
    expect(call?.headers['content-encoding']).toBeUndefined();
    expect(call?.headers['content-length']).toBe(String(call?.bodyBytes()));
  });

  it('is refused as Ollama refuses it when it cannot be decoded', async () => {
    const faulty = await startFaulty(1);
    for (const body of [Buffer.from('{"model":"m"}'), COMPRESSED.subarray(0, 50)]) {
      const answer = await faulty.proxy.call('/v1/chat/completions', zstd(body));
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        400,
        {
          error: {
            message: 'failed to decompress zstd body',
            type: 'invalid_request_error',
            param: null,
            code: null,
          },
        },
      ]);
    }
    expect(faulty.at(0).calls).toEqual([]);
  });

  it('may not become more than 20 MiB, nor more than the limit of bodies', async () => {
    const faulty = await startFaulty(1);
    const answer = await faulty.proxy.call('/v1/messages', zstd(bomb(200)));
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([413, 'body_too_large']);
    const small = await startFaulty(1, { config: 'limits: { body: 64KiB }' });
    expect((await small.proxy.call('/v1/messages', zstd(bomb(1)))).status).toBe(413);
  });

  it('is nothing special on native routes, where Ollama decodes nothing', async () => {
    const faulty = await startFaulty(1);
    const answer = await faulty.proxy.call('/api/chat', zstd(named('m')));
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([400, 'bad_request']);
    expect(JSON.parse(answer.body)).toMatchObject({ error: expect.stringContaining('looking for beginning of value') });
  });
});

const BOUNDARY = 'xYzZy';
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const field = (name: string, value: string): string =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const fileHead = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n`;
const END = `\r\n--${BOUNDARY}--\r\n`;
const PATH = '/v1/audio/transcriptions';
const HEARD = whole(200, { text: 'hello' });

/** Sends the beginning of a form and waits with the rest. */
const openForm = (faulty: Faulty, headers: http.OutgoingHttpHeaders = {}) => {
  const req = http.request(faulty.proxy.url + PATH, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': TYPE, 'x-request-id': 'r1', ...headers },
  });
  const answer = (async () => {
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of res as AsyncIterable<Buffer>) text += piece.toString();
    return { status: res.statusCode, headers: res.headers, text };
  })();
  answer.catch(() => {});
  return { req, answer };
};

describe('a form with audio', () => {
  it('goes to a server that has the model it names, byte for byte', async () => {
    const faulty = await startFaulty(2, { otherwise: HEARD });
    faulty.at(1).models = ['m', 'whisper'];
    await faulty.proxy.call('/api/tags');
    const file = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 256));
    for (const [before, after] of [
      [field('model', 'whisper'), ''],
      ['', `\r\n${field('language', 'en')}${field('model', 'Whisper:latest')}`.replace(/\r\n$/, '')],
    ] as const) {
      const body = Buffer.concat([Buffer.from(before + fileHead), file, Buffer.from(after + END)]);
      const answer = await faulty.proxy.call(PATH, { body, headers: { 'content-type': TYPE } });
      expect([answer.status, answer.body, answer.headers['x-task-router-backend']]).toEqual([
        200,
        '{"text":"hello"}',
        'b1',
      ]);
      expect(faulty.at(1).calls.at(-1)?.body()).toEqual(body);
    }
  });

  it('is written anew only where the name stands, with a true length', async () => {
    const faulty = await startFaulty(1, { otherwise: HEARD, config: 'aliases: { "whisper-1": m }' });
    const body = `${field('language', 'en')}${field('model', 'whisper-1')}${fileHead}RIFF${END}`;
    const answer = await faulty.proxy.call(PATH, { body, headers: { 'content-type': TYPE } });
    expect([answer.status, answer.headers['x-task-router-model']]).toEqual([200, 'm']);
    const [call] = faulty.at(0).calls;
    expect(call?.body().toString()).toBe(body.replace('whisper-1', 'm'));
    expect(call?.headers['content-length']).toBe(String(body.length - 'whisper-1'.length + 1));
  });

  it('is tried elsewhere while its file has not begun to flow', async () => {
    const faulty = await startFaulty(2, { otherwise: HEARD });
    faulty.at(0).otherwise = resetAtOnce;
    const body = `${field('model', 'm')}${fileHead}RIFF${END}`;
    const answer = await faulty.proxy.call(PATH, { body, headers: { 'content-type': TYPE } });
    expect([answer.status, answer.headers['x-task-router-backend']]).toEqual([200, 'b1']);
  });

  it('flows through while it still arrives, and is not held', async () => {
    const faulty = await startFaulty(1, { otherwise: HEARD });
    const MiB = Buffer.alloc(1024 * 1024, 7);
    const head = `${field('model', 'm')}${fileHead}`;
    const length = head.length + 40 * MiB.length + END.length;
    const { req, answer } = openForm(faulty, { 'content-length': length });
    req.write(head);
    const call = await faulty.at(0).call(0);
    expect(call.headers['content-length']).toBe(String(length));
    const before = heldBytes();
    let most = 0;
    for (let i = 0; i < 40; i++) {
      if (!req.write(MiB)) await once(req, 'drain');
      most = Math.max(most, heldBytes() - before);
    }
    req.end(END);
    expect((await answer).status).toBe(200);
    expect(call.bodyBytes()).toBe(length);
    // The scripted backend, in this very process, keeps up to 4 MiB.
    expect(most).toBeLessThan(32 * 1024 * 1024);
  });

  it('is not sent twice once its file has begun to flow', async () => {
    const faulty = await startFaulty(2, { otherwise: HEARD });
    const { req, answer } = openForm(faulty);
    faulty.at(0).otherwise = resetAtOnce;
    req.write(`${field('model', 'm')}${fileHead}`);
    req.write(Buffer.alloc(2 * 1024 * 1024));
    req.end(END);
    expect(await answer).toMatchObject({ status: 502, headers: { 'x-task-router-error': 'backend_failed' } });
    expect(faulty.at(1).calls).toEqual([]);
  });

  it('takes a slot of its model like any request', async () => {
    const faulty = await startFaulty(1, { slots: 1, config: 'queue: { max_waiting: 0 }' });
    let go = (): void => {};
    faulty.at(0).otherwise = (call) => new Promise((resolve) => (go = () => resolve(HEARD(call))));
    const body = `${field('model', 'm')}${fileHead}RIFF${END}`;
    const first = faulty.proxy.call(PATH, { body, headers: { 'content-type': TYPE } });
    await faulty.at(0).call(0);
    const second = await faulty.proxy.call(PATH, { body, headers: { 'content-type': TYPE } });
    expect([second.status, second.headers['x-task-router-error']]).toEqual([503, 'queue_full']);
    await until(() => faulty.at(0).calls.length === 1);
    go();
    expect((await first).status).toBe(200);
  });

  it('stops the backend when the client leaves in the middle of it', async () => {
    const faulty = await startFaulty(1, { otherwise: HEARD });
    const { req } = openForm(faulty);
    req.on('error', () => {});
    req.write(`${field('model', 'm')}${fileHead}`);
    const call = await faulty.at(0).call(0);
    req.destroy();
    await call.hungUp;
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'client-left' });
    expect((await faulty.view(0)).breaker).toBe('closed');
  });

  it('is given up when the client falls silent in the middle of it, and nobody else is blamed', async () => {
    const faulty = await startFaulty(1, { otherwise: HEARD, config: 'limits: { body_idle_timeout: 150ms }' });
    const { req, answer } = openForm(faulty);
    req.write(`${field('model', 'm')}${fileHead}`);
    expect(await answer).toMatchObject({ status: 408, headers: { 'x-task-router-error': 'request_timeout' } });
    const view = await faulty.view(0);
    expect([view.breaker, view.inflight, view.models[0]?.breaker]).toEqual(['closed', 0, 'closed']);
  });

  it.each([
    ['no form', 'application/json', '{"model":"m"}', 400],
    ['no model', TYPE, `${field('language', 'en')}${fileHead}x${END}`, 400],
    ['a model that nobody has', TYPE, `${field('model', 'nobody')}${fileHead}x${END}`, 404],
    ['fields without end', TYPE, field('prompt', 'x'.repeat(1_200_000)), 413],
  ])('is refused: %s', async (_what, type, body, status) => {
    const faulty = await startFaulty(1, { otherwise: HEARD });
    const answer = await faulty.proxy.call(PATH, { body, headers: { 'content-type': type } });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { message: expect.any(String) } });
    expect(faulty.at(0).calls).toEqual([]);
  });

  it('must name its model within the limit of bodies when the file comes first', async () => {
    const faulty = await startFaulty(1, { otherwise: HEARD, config: 'limits: { body: 64KiB }' });
    const body = `${fileHead}${'x'.repeat(100_000)}\r\n${field('model', 'm')}${END}`;
    const answer = await faulty.proxy.call(PATH, { body, headers: { 'content-type': TYPE } });
    expect(answer.status).toBe(413);
    expect(answer.body).toContain('before the file');
  });
});

describe('a decision model', () => {
  it('is routed by its model like any other', async () => {
    const faulty = await startFaulty(1, { otherwise: whole(200, native.whole('ok')), config: AUTO });
    const answer = await faulty.proxy.call('/v1/systemone', { body: { model: 'auto', state: {}, questions: [] } });
    expect([answer.status, answer.headers['x-task-router-model']]).toEqual([200, 'm']);
  });
});
