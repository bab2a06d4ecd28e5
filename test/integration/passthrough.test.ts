import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Answer } from '../support/http-call.ts';
import { startFaulty, type Faulty } from '../support/faulty.ts';
import { startProxy } from '../support/proxy.ts';
import { ScriptedBackend, type Call } from '../support/scripted-backend.ts';
import { ask, early, native, never, pieces, push, raw, resetAtOnce, whole } from '../support/scripts.ts';
import { heldBytes } from '../support/live-memory.ts';

const lastCall = (faulty: Faulty): Call => {
  const call = faulty.at(0).calls.at(-1);
  if (call === undefined) throw new Error('the backend was not called');
  return call;
};

/** Sends a body in pieces and without its length, and reads the answer. */
const sendChunked = async (url: string, method: string, chunks: readonly Buffer[]): Promise<Answer> => {
  const req = http.request(url, { method, agent: false, headers: { 'transfer-encoding': 'chunked' } });
  for (const chunk of chunks) req.write(chunk);
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of res as AsyncIterable<Buffer>) parts.push(part);
  const { statusCode: status = 0, headers, complete } = res;
  return { status, headers, complete, body: Buffer.concat(parts).toString('utf8') };
};

/** A spelling that no JSON writer gives back: what arrives like this was not written anew. */
const ODD_BODY = '{ "Model" :"m", "stream":false,"messages": [ ],"x":1.0e2, "s":"\\u003c\\/" , "prompt":"ä🙂" }\n \n';

describe.each([
  ['an inference request', '/api/chat?trace=a//b&x=%7B1%7D'],
  ['a request that runs no model', '/api/show?trace=a//b&x=%7B1%7D'],
])('%s', (_name, path) => {
  it('arrives byte for byte, with its length, at the path of the backend', async () => {
    const faulty = await startFaulty(1, { prefix: '/behind/it', otherwise: whole(200, native.whole('ok')) });
    await faulty.proxy.call(path, { body: ODD_BODY });
    expect(lastCall(faulty).body().toString('utf8')).toBe(ODD_BODY);
    expect(lastCall(faulty).path).toBe(`/behind/it${path}`);
    expect(lastCall(faulty).headers).toMatchObject({
      'content-length': String(Buffer.byteLength(ODD_BODY)),
      host: new URL(faulty.at(0).url).host,
    });
  });

  it('gets a length on its way when the client sent none, so that the backend notices a leaving client', async () => {
    const faulty = await startFaulty(1, { otherwise: whole(200, native.whole('ok')) });
    const bytes = Buffer.from(ODD_BODY);
    await sendChunked(faulty.proxy.url + path, 'POST', [bytes.subarray(0, 5), bytes.subarray(5)]);
    expect(lastCall(faulty).body()).toEqual(bytes);
    expect(lastCall(faulty).headers['content-length']).toBe(String(bytes.length));
    expect(lastCall(faulty).headers['transfer-encoding']).toBeUndefined();
  });

  it('loses what belongs to one connection and to the proxy, and keeps the rest with its repeats', async () => {
    const faulty = await startFaulty(1, { otherwise: whole(200, native.whole('ok')) });
    await faulty.proxy.call(path, {
      body: ODD_BODY,
      headers: {
        connection: ['close, x-hop', 'x-hop-too'],
        'x-hop': '1',
        'x-hop-too': '1',
        'keep-alive': 'timeout=5',
        'proxy-authorization': 'Basic x',
        te: 'trailers',
        origin: 'http://localhost:3000',
        'x-task-router-session': 's',
        'x-task-router-anything': 'x',
        'X-Kept': ['one', 'two'],
        'User-Agent': 'GitHubCopilotChat/1',
      },
    });
    const { headers, rawHeaders } = lastCall(faulty);
    expect(headers).toMatchObject({ 'x-kept': 'one, two', 'user-agent': 'GitHubCopilotChat/1' });
    const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    for (const gone of ['x-hop', 'x-hop-too', 'keep-alive', 'proxy-authorization', 'te', 'origin']) {
      expect(names).not.toContain(gone);
    }
    expect(names.filter((name) => name.startsWith('x-task-router'))).toEqual([]);
    expect(headers.connection).not.toContain('x-hop');
  });

  it('brings back the headers of the answer with their repeats, and none that are forged or of one connection', async () => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(
      whole(200, native.whole('ok'), {
        'Set-Cookie': ['a=1', 'b=2'],
        'X-Kept': ['one', 'two'],
        connection: 'keep-alive, x-hop',
        'x-hop': '1',
        'keep-alive': 'timeout=1',
        'x-task-router-backend': 'forged',
        'x-task-router-error': 'forged',
        'x-request-id': 'forged',
      }),
    );
    const { headers } = await faulty.proxy.call(path, { body: ODD_BODY, headers: { 'x-request-id': 'mine' } });
    expect(headers).toMatchObject({
      'set-cookie': ['a=1', 'b=2'],
      'x-kept': 'one, two',
      'x-request-id': 'mine',
      'x-task-router-backend': 'b0',
    });
    for (const gone of ['x-hop', 'x-task-router-error']) expect(headers[gone]).toBeUndefined();
    expect(headers['keep-alive']).not.toBe('timeout=1');
  });

  it.each(['close', 'keep-alive'])('leaves the connection as the client wants it: %s', async (connection) => {
    const faulty = await startFaulty(1, { otherwise: whole(200, native.whole('ok')) });
    const { headers } = await faulty.proxy.call(path, { body: ODD_BODY, headers: { connection } });
    expect(headers.connection).toBe(connection);
  });
});

describe('headers of a backend', () => {
  it('are sent to that backend alone, over the client’s own', async () => {
    const backends = await Promise.all(
      ['a', 'b'].map((name) => new ScriptedBackend(name, { otherwise: whole(200, native.whole('ok')) }).listen()),
    );
    const dir = await mkdtemp(join(tmpdir(), 'router-'));
    const file = join(dir, 'router.yaml');
    const listed = backends.map(({ name, url }) => ({
      name,
      url,
      headers: name === 'a' ? { Authorization: 'Bearer for-a' } : {},
    }));
    await writeFile(
      file,
      `listen: 127.0.0.1:0\nadmin: { listen: "127.0.0.1:0" }\nrouting: { strategy: round-robin }\nbackends: ${JSON.stringify(listed)}\n`,
    );
    const proxy = await startProxy({ file });
    onTestFinished(async () => {
      await proxy.stop();
      for (const backend of backends) await backend.refuse();
      await rm(dir, { recursive: true });
    });
    const headers = { authorization: 'Bearer of-the-client' };
    for (let i = 0; i < 2; i++) await proxy.call('/api/chat', { body: ask(false), headers });
    expect(backends.map(({ calls }) => calls.map((call) => call.headers.authorization))).toEqual([
      ['Bearer for-a'],
      ['Bearer of-the-client'],
    ]);
  });
});

describe('requests that run no model', () => {
  it.each([
    ['POST', '/api/show', { model: 'only-on-b1' }],
    ['POST', '/api/show', { model: '', name: 'Only-On-B1:latest' }],
    ['POST', '/api/copy', { source: 'only-on-b1', destination: 'copy' }],
    ['DELETE', '/api/delete', { model: 'only-on-b1' }],
  ])('go to a backend that has the model: %s %s', async (method, path, body) => {
    const faulty = await startFaulty(2, { modelsOf: [['m'], ['m', 'only-on-b1']], otherwise: whole(200, '') });
    expect((await faulty.proxy.call(path, { method, body })).status).toBe(200);
    const [call] = faulty.at(1).calls;
    expect([call?.method, call?.path, call?.body().toString()]).toEqual([method, path, JSON.stringify(body)]);
    expect(faulty.at(0).calls).toEqual([]);
  });

  it('are answered by any backend when nobody has the model, in the backend’s words', async () => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(whole(404, { error: "model 'x' not found" }));
    const answer = await faulty.proxy.call('/api/show', { body: { model: 'x' } });
    expect([answer.status, answer.body]).toEqual([404, '{"error":"model \'x\' not found"}']);
  });

  it.each(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])('pass to paths that are not known yet: %s', async (method) => {
    const faulty = await startFaulty(1, { otherwise: whole(418, 'tea', { 'content-type': 'text/plain' }) });
    const answer = await faulty.proxy.call('/v9/brand-new?a=b', { method });
    expect([answer.status, answer.body]).toEqual([418, 'tea']);
    expect([lastCall(faulty).method, lastCall(faulty).path]).toEqual([method, '/v9/brand-new?a=b']);
  });

  it('count as the mistake of the client when the backend knows no such route', async () => {
    const faulty = await startFaulty(1, {
      otherwise: whole(404, '404 page not found', { 'content-type': 'text/plain' }),
    });
    const answer = await faulty.proxy.call('/v9/nowhere', { headers: { 'x-request-id': 'lost' } });
    expect([answer.status, answer.body]).toEqual([404, '404 page not found']);
    const { body } = await faulty.proxy.admin('GET', 'decisions/lost');
    expect(body).toMatchObject({ outcome: 'client-error', status: 404 });
  });

  it('answer HEAD with the length that GET would have and no body', async () => {
    const faulty = await startFaulty(1, { otherwise: whole(200, 'Ollama is running') });
    const answer = await faulty.proxy.call('/v9/thing', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '', complete: true, headers: { 'content-length': '17' } });
    expect(lastCall(faulty).method).toBe('HEAD');
  });

  it.each(['DELETE', 'OPTIONS', 'PUT', 'POST', 'PATCH'])(
    'keep a chunked body a body, so that nothing can be smuggled behind it: %s',
    async (method) => {
      const faulty = await startFaulty(1, { otherwise: whole(200, '{}') });
      const body = Buffer.from('GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n');
      expect((await sendChunked(`${faulty.proxy.url}/v9/things`, method, [body])).status).toBe(200);
      await faulty.proxy.call('/v9/after');
      expect(faulty.at(0).calls.map(({ path }) => path)).toEqual(['/v9/things', '/v9/after']);
      expect(faulty.at(0).calls[0]?.body()).toEqual(body);
    },
  );

  it('stream an upload of 50 MB through with flat memory', async () => {
    const faulty = await startFaulty(1, { otherwise: whole(201, '') });
    const piece = randomBytes(1024 * 1024);
    const hash = createHash('sha256');
    const req = http.request(`${faulty.proxy.url}/api/experimental/web_search`, {
      method: 'POST',
      agent: false,
    });
    const answered = once(req, 'response') as Promise<[IncomingMessage]>;
    const before = heldBytes();
    let most = 0;
    for (let i = 0; i < 50; i++) {
      hash.update(piece);
      if (!req.write(piece)) await once(req, 'drain');
      most = Math.max(most, heldBytes() - before);
    }
    req.end();
    const [res] = await answered;
    res.resume();
    expect(res.statusCode).toBe(201);
    expect(lastCall(faulty).digest()).toBe(hash.digest('hex'));
    // The scripted backend, in this very process, keeps up to 4 MiB.
    expect(most).toBeLessThan(40 * 1024 * 1024);
  });

  it('hand on an answer that comes before the upload is over, and end the upload', async () => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(
      early((call) => {
        // As Go does it: the answer, then no more reading, and the end of the connection only later.
        call.req.pause();
        call.res.writeHead(200, { connection: 'close', 'content-length': 2 });
        call.res.write('ok');
      }),
    );
    const req = http.request(`${faulty.proxy.url}/api/experimental/web_search`, {
      method: 'POST',
      agent: false,
      headers: { 'content-length': 100 * 1024 * 1024, 'x-request-id': 'r1' },
    });
    const closed = new Promise((resolve) => req.once('close', resolve));
    req.on('error', () => {});
    req.write(Buffer.alloc(512 * 1024));
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of res as AsyncIterable<Buffer>) body += chunk.toString();
    expect([res.statusCode, body, res.complete]).toEqual([200, 'ok', true]);
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'served', status: 200 });
    // The client goes on sending what nobody wants any more, until the connection is ended under it.
    const more = setInterval(() => req.write(Buffer.alloc(64 * 1024)), 1);
    await closed;
    clearInterval(more);
  });

  it('show the client that a backend died in mid-answer', async () => {
    const faulty = await startFaulty(2);
    faulty.at(0).next(pieces(native.type, ['{"status":"pulling"}\n'], 'fin'));
    const answer = await faulty.proxy.call('/v9/stream', { body: { model: 'x' }, headers: { 'x-request-id': 'r1' } });
    expect(answer).toMatchObject({ status: 200, complete: false, body: '{"status":"pulling"}\n' });
    expect(await faulty.ended('r1')).toMatchObject({
      outcome: 'failed',
      attempts: [{ outcome: { reason: 'cut-stream' } }],
    });
    expect(faulty.at(1).calls).toEqual([]);
  });

  it.each([
    ['GET', '/api/status', undefined],
    ['HEAD', '/v9/thing', undefined],
    ['POST', '/api/show', { model: 'm' }],
  ])('go to the next backend when the first cannot be reached: %s %s', async (method, path, body) => {
    const faulty = await startFaulty(2, { otherwise: whole(200, '{}') });
    // Least loaded comes first: the one that must answer is made busy until both have been tried.
    await faulty.at(0).refuse();
    for (let i = 0; i < 3; i++) {
      const answer = await faulty.proxy.call(path, { method, body });
      expect([answer.status, answer.headers['x-task-router-backend']]).toEqual([200, 'b1']);
    }
    expect((await faulty.proxy.metrics()).get('task_router_retries_total{reason="connect"}')).toBeGreaterThan(0);
  });

  it('are not sent twice when their body is gone', async () => {
    const faulty = await startFaulty(2, { otherwise: resetAtOnce });
    const answer = await sendChunked(`${faulty.proxy.url}/api/experimental/web_search`, 'POST', [Buffer.from('{}')]);
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: expect.stringMatching(/^backend b\d closed the connection/),
    });
    expect(faulty.at(0).calls.length + faulty.at(1).calls.length).toBe(1);
  });

  it('are tried on a second backend when the first answers garbage', async () => {
    const faulty = await startFaulty(2, { otherwise: raw('no HTTP at all\r\n\r\n') });
    const answer = await faulty.proxy.call('/api/status');
    expect(answer.status).toBe(502);
    expect(answer.headers).toMatchObject({ 'x-task-router-error': 'backend_failed', 'x-task-router-attempts': '2' });
  });

  it('leave a backend that is silent for limits.stream_idle_timeout, for another one where there is one', async () => {
    const faulty = await startFaulty(2, { config: 'limits: { stream_idle_timeout: 100ms }', otherwise: never });
    const answer = await faulty.proxy.call('/api/status', { headers: { 'x-request-id': 'r1' } });
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([504, 'backend_timeout']);
    expect(await faulty.ended('r1')).toMatchObject({
      outcome: 'failed',
      attempts: [{ outcome: { reason: 'timeout', blame: 'none' } }, { outcome: { reason: 'timeout', blame: 'none' } }],
    });
    faulty.at(1).next(whole(200, 'here'));
    expect(await faulty.proxy.call('/api/status')).toMatchObject({ status: 200, body: 'here' });
  });

  it('are not cut while a line of progress comes now and then, however long they take', async () => {
    const faulty = await startFaulty(1, { config: 'limits: { stream_idle_timeout: 200ms }' });
    faulty.at(0).next(async (call) => {
      call.res.writeHead(200, { 'content-type': native.type });
      for (let i = 0; i < 10; i++) {
        await push(call, '{"status":"pulling"}\n');
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      call.res.end('{"status":"success"}\n');
    });
    const { complete, body } = await faulty.proxy.call('/v9/pull', { body: { model: 'x' } });
    expect([complete, body.split('\n').length]).toEqual([true, 12]);
  });

  it.each(['fin', 'reset'] as const)('go elsewhere when a backend dies behind its head: %s', async (ending) => {
    const faulty = await startFaulty(2, { otherwise: pieces('text/plain', [], ending) });
    const answer = await faulty.proxy.call('/api/status', { headers: { 'x-request-id': 'r1' } });
    expect([answer.status, answer.headers['x-task-router-attempts']]).toEqual([502, '2']);
    expect(await faulty.ended('r1')).toMatchObject({
      attempts: [{ outcome: { reason: 'reset', phase: 'first-byte' } }, { outcome: { reason: 'reset' } }],
    });
  });

  it('of which a part has gone get an error, not silence, when the backend dies behind its head', async () => {
    const faulty = await startFaulty(1, { otherwise: pieces('text/plain', [], 'fin') });
    const answer = await sendChunked(`${faulty.proxy.url}/api/experimental/web_search`, 'POST', [Buffer.from('{}')]);
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([502, 'backend_failed']);
  });

  it('are tried elsewhere when one backend says that it is busy, and told so when all do', async () => {
    const busy = whole(503, { error: 'server busy' });
    const faulty = await startFaulty(2, { otherwise: busy });
    expect(await faulty.proxy.call('/api/status')).toMatchObject({ status: 503, body: '{"error":"server busy"}' });
    faulty.at(1).next(whole(200, 'here'));
    expect(await faulty.proxy.call('/api/status')).toMatchObject({ status: 200, body: 'here' });
    expect((await faulty.proxy.metrics()).get('task_router_retries_total{reason="overloaded"}')).toBe(2);
  });

  it('end an upload that a backend takes nothing of any more', async () => {
    const faulty = await startFaulty(1, { config: 'limits: { stream_idle_timeout: 150ms, body_idle_timeout: 20s }' });
    faulty.at(0).next(early(({ req }) => void req.pause()));
    const req = http.request(`${faulty.proxy.url}/api/experimental/web_search`, {
      method: 'POST',
      agent: false,
      headers: { 'content-length': 100 * 1024 * 1024 },
    });
    req.on('error', () => {});
    req.write(Buffer.alloc(30 * 1024 * 1024));
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    expect([res.statusCode, res.headers['x-task-router-error']]).toEqual([504, 'backend_timeout']);
    req.destroy();
  });
});
