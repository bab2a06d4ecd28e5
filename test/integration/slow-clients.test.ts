import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRawScene } from '../support/raw-scene.ts';
import type { Script } from '../support/scripted-backend.ts';
import { ask, early, native, never, whole } from '../support/scripts.ts';

const POST = 'POST /api/experimental/web_search HTTP/1.1\r\nHost: localhost\r\nx-request-id: r1\r\n';
const CHAT = JSON.stringify(ask(false));
const chat = (id: string): string =>
  `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nx-request-id: ${id}\r\nContent-Length: ${CHAT.length}\r\n\r\n${CHAT}`;

describe('a client that is slow with the head of its request', () => {
  it.each([
    ['sends nothing at all', []],
    ['sends a bit now and then', ['GET /api/ta', 'gs HTTP/1.1\r\nHost: loc', 'alhost\r\nX-A', ': 1\r\n']],
    ['never ends its headers', ['GET /api/tags HTTP/1.1\r\nHost: localhost\r\n', 'X-0: 1\r\n', 'X-1: 1\r\n']],
  ])('gets a 408 and the end when it %s', async (_what, pieces) => {
    const scene = await startRawScene({ config: 'limits: { head_timeout: 200ms }' });
    const client = scene.connect();
    await client.send(...pieces);
    await client.closed;
    expect(client.answers().map(({ status, headers }) => [status, headers.get('x-task-router-error')])).toEqual([
      [408, 'request_timeout'],
    ]);
    expect(scene.backend.requests).toEqual([]);
  });

  it('does not keep others from being served', async () => {
    const scene = await startRawScene();
    const slow = Array.from({ length: 50 }, () => scene.connect());
    for (const client of slow) await client.send('GET /v9/x HTTP/1.1\r\nX-Slow: ');
    expect((await scene.proxy.call('/v9/y')).status).toBe(200);
  });
});

describe('a client that falls silent in the middle of a body that passes through', () => {
  const CONFIG = { config: 'limits: { body_idle_timeout: 200ms }' };

  it.each([
    ['with a length', POST, 'Content-Length: 2000000\r\n\r\nabc'],
    ['in chunks', POST, 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    [
      'of a file',
      `POST /api/blobs/sha256:${'0'.repeat(64)} HTTP/1.1\r\nHost: localhost\r\nx-request-id: r1\r\n`,
      'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    ],
  ])('gets a 408, and the backend is let go of and not blamed: %s', async (_how, head, body) => {
    const faulty = await startFaulty(2, CONFIG);
    faulty.at(0).otherwise = early(never);
    faulty.at(1).otherwise = early(never);
    const client = new RawClient(faulty.proxy.port);
    await client.send(head + body);
    await client.closed;
    expect(client.answers()).toMatchObject([{ status: 408, complete: true }]);
    expect(client.answers()[0]?.headers.get('x-task-router-error')).toBe('request_timeout');
    const calls = [...faulty.at(0).calls, ...faulty.at(1).calls];
    expect(calls.length).toBe(1);
    await calls[0]?.closed;
    expect(await faulty.ended('r1')).toMatchObject({ status: 408, error: 'request_timeout' });
    for (const i of [0, 1]) expect(await faulty.view(i)).toMatchObject({ inflight: 0, breaker: 'closed' });
  });

  it('is not taken for silent while it sends a byte now and then', async () => {
    const scene = await startRawScene({ config: 'limits: { body_idle_timeout: 1s }' });
    const client = scene.connect();
    await client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    // Three times the limit in all.
    for (let i = 0; i < 30; i++) {
      await client.send('1\r\nx\r\n');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await client.send('0\r\n\r\n');
    expect((await client.until(1)).map(({ status }) => status)).toEqual([200]);
    expect(scene.backend.requests[0]?.body.length).toBe(30);
  });
});

/** Writes without end, as fast as it is taken. */
const endless: Script = async ({ res }) => {
  res.writeHead(200, { 'content-type': native.type });
  const line = native.token('x'.repeat(64 * 1024));
  while (!res.destroyed) {
    if (res.write(line)) await new Promise((resolve) => setImmediate(resolve));
    else {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          res.off('drain', done).off('close', done);
          resolve();
        };
        res.on('drain', done).on('close', done);
      });
    }
  }
};

/** Sends a request and gives its answer unread. */
const openUnread = async ({ proxy }: Faulty, path: string, body: object | undefined): Promise<IncomingMessage> => {
  const req = http.request(proxy.url + path, {
    agent: false,
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-request-id': 'r1' },
  });
  req.on('error', () => {});
  req.end(body === undefined ? undefined : JSON.stringify(body));
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  res.on('error', () => {});
  return res;
};

describe('a client that does not read its answer', () => {
  it.each([
    ['an inference request', native.path, ask(true)],
    ['a request that runs no model', '/v9/stream', undefined],
  ] as const)('is given up after limits.write_idle_timeout, and so is its backend: %s', async (_name, path, body) => {
    const faulty = await startFaulty(1, { config: 'limits: { write_idle_timeout: 400ms }' });
    faulty.at(0).next(endless);
    await openUnread(faulty, path, body);
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'client-left', status: 200 });
    expect(await faulty.view(0)).toMatchObject({ inflight: 0, breaker: 'closed' });
    const { fields } = await faulty.proxy.log.line(({ fields }) => fields['event'] === 'slow-reader');
    expect(fields).toMatchObject({ requestId: 'r1' });
    expect(fields['waitingBytes']).toBeGreaterThan(0);
  });

  it('is given up too when the answer is complete and waits for it', async () => {
    const faulty = await startFaulty(1, { config: 'limits: { write_idle_timeout: 400ms }' });
    const client = new RawClient(faulty.proxy.port);
    client.socket.pause();
    // No answer fills a buffer, but together they are more than the kernel takes.
    faulty.at(0).otherwise = whole(200, native.whole('x'.repeat(900 * 1024)));
    for (let i = 0; i < 30; i++) await client.send(chat(`r${i}`));
    await faulty.proxy.log.line(({ fields }) => fields['event'] === 'slow-reader');
    client.destroy();
    await until(async () => (await faulty.view(0)).inflight === 0);
  });
});

describe('limits.streams_per_client', () => {
  const CONFIG = { config: 'limits: { streams_per_client: 2 }', otherwise: never };

  it('refuses what is more with a 429 and Retry-After, and nothing that runs no model', async () => {
    const faulty = await startFaulty(1, CONFIG);
    const held = ['a', 'b'].map((id) =>
      faulty.proxy.call(native.path, { body: ask(false), headers: { 'x-request-id': id } }),
    );
    await faulty.at(0).call(1);
    const third = await faulty.proxy.call(native.path, { body: ask(false), headers: { 'x-request-id': 'c' } });
    expect(third).toMatchObject({
      status: 429,
      headers: { 'x-task-router-error': 'rate_limited', 'retry-after': '1', 'x-request-id': 'c' },
    });
    expect(JSON.parse(third.body)).toMatchObject({ error: expect.stringContaining('limits.streams_per_client') });
    expect(await faulty.ended('c')).toMatchObject({ outcome: 'refused', status: 429, attempts: [] });
    expect((await faulty.proxy.call('/api/tags')).status).toBe(200);
    for (const i of [0, 1]) {
      const call = await faulty.at(0).call(i);
      await call.received;
      await whole(200, native.whole('ok'))(call);
    }
    for (const { status } of await Promise.all(held)) expect(status).toBe(200);
    faulty.at(0).otherwise = whole(200, native.whole('ok'));
    expect((await faulty.proxy.call(native.path, { body: ask(false) })).status).toBe(200);
  });

  it('lets a client in again once it has left one of its requests', async () => {
    const faulty = await startFaulty(1, CONFIG);
    const clients = [0, 1].map(() => new RawClient(faulty.proxy.port));
    for (const [i, client] of clients.entries()) await client.send(chat(`r${i}`));
    await faulty.at(0).call(1);
    clients[0]?.destroy();
    await faulty.ended('r0');
    faulty.at(0).otherwise = whole(200, native.whole('ok'));
    expect((await faulty.proxy.call(native.path, { body: ask(false) })).status).toBe(200);
    clients[1]?.destroy();
  });
});

describe('limits.connections', () => {
  it('closes what is more at once, and serves those who are there', async () => {
    const scene = await startRawScene({ config: 'limits: { connections: 2 }' });
    const get = 'GET /v9/x HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const two = [scene.connect(), scene.connect()];
    for (const client of two) await (await client.send(get)).until(1);
    const third = scene.connect();
    await third.closed;
    expect(third.text).toBe('');
    for (const client of two) {
      expect((await (await client.send(get)).until(2)).map(({ status }) => status)).toEqual([200, 200]);
    }
    two[0]?.destroy();
    await two[0]?.closed;
    // The server learns of the end a moment later.
    await until(async () => {
      const next = scene.connect();
      await next.send(get);
      const answers = await next.until(1);
      next.destroy();
      return answers.length === 1;
    });
  });
});
