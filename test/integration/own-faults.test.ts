import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Listener } from '../../src/http/server.ts';
import { startChild } from '../support/child.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { call } from '../support/http-call.ts';
import { startProxy } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';

let server: HeldBackend;
let folder: string;
beforeAll(async () => {
  server = await startHeld(MODEL);
  folder = await mkdtemp(join(tmpdir(), 'router-faults-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** A process in which whoever answers a request with the header `x-boom` runs into a bug. */
const HOOK = `
import http from 'node:http';
const { writeHead } = http.ServerResponse.prototype;
http.ServerResponse.prototype.writeHead = function (...args) {
  if (this.req.headers['x-boom'] !== undefined && this.boomed !== true) {
    this.boomed = true;
    throw new Error('a bug of our own');
  }
  return writeHead.apply(this, args);
};
`;

describe('a fault of the proxy itself', () => {
  it(
    'in one request of a running process ends that request, and no stream beside it',
    { timeout: 60_000 },
    async () => {
      const hook = join(folder, 'hook.mjs');
      await writeFile(hook, HOOK);
      const args = ['serve', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--backend', server.url];
      const child = startChild(args, { NODE_OPTIONS: `--import=${pathToFileURL(hook).href}` });
      onTestFinished(async () => {
        child.signal('SIGKILL');
        await child.ended;
      });
      const [, proxy = '', admin = ''] = await child.says(/^proxy (http:\/\/\S+)\nadmin (http:\/\/\S+)\n/);
      await child.says(/"event":"backend-up"/);
      server.hold();
      const streams = startStreams(proxy, MODEL, 3);
      await streams.started;
      const headers = { 'x-boom': '1' };
      const bad = [`${proxy}/api/version`, `${proxy}/api/tags`, `${admin}/healthz`];
      for (const url of bad) expect([url, (await call(url, { headers })).status]).toEqual([url, 500]);
      // Where a backend had been asked, it is its answer that could not be handed on.
      expect((await call(`${proxy}/nowhere`, { headers })).status).toBe(502);
      const asked = await call(`${proxy}/api/embed`, { headers, body: { model: MODEL, input: 'x' } });
      // A prompt is tried again, which goes well.
      expect(asked).toMatchObject({ status: 200, complete: true });
      await child.says(/a bug of our own/);
      expect(streams.ended()).toBe(0);
      server.release();
      expect((await streams.answers).map(textOf)).toEqual(expectedTexts(3));
      child.signal('SIGTERM');
      expect(await child.ended).toEqual({ code: 0, signal: null });
    },
  );

  it('is not made by a backend with a status that no answer may have', async () => {
    const known: Readonly<Record<string, string>> = {
      '/api/version': '{"version":"0.32.15"}',
      '/api/tags': `{"models":[{"name":"${MODEL}","size":1,"digest":"d"}]}`,
      '/api/ps': '{"models":[]}',
    };
    const odd = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (request: Buffer) => {
        const body = known[/^\S+ (\S+)/.exec(request.toString('latin1'))?.[1] ?? ''];
        const text = body ?? '{}';
        const status = body === undefined ? '000 Odd' : '200 OK';
        socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      });
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const { port } = odd.address() as net.AddressInfo;
    const proxy = await startProxy({ backends: [{ name: 'odd', url: `http://127.0.0.1:${port}` }] });
    onTestFinished(async () => {
      await proxy.stop();
      odd.close();
    });
    for (const path of ['/api/show', '/api/generate', '/api/embed', '/nowhere']) {
      const { status } = await proxy.call(path, { body: { model: MODEL, prompt: 'x', input: 'x' } });
      expect([path, status]).toEqual([path, 502]);
    }
  });

  it.each<[string, (req: IncomingMessage, res: ServerResponse) => Promise<void>, number]>([
    [
      'thrown at once',
      () => {
        throw new Error('a bug');
      },
      500,
    ],
    ['thrown later', () => Promise.reject(new Error('a bug')), 500],
    [
      'thrown in the middle of an answer',
      (_req, res) => {
        res.writeHead(200);
        res.write('half of it');
        return Promise.reject(new Error('a bug'));
      },
      200,
    ],
  ])('%s by a handler reaches its client and the log, and nobody else', async (_when, fail, status) => {
    const faults: unknown[] = [];
    const listener = new Listener({
      address: { host: '127.0.0.1', port: 0 },
      headerBytes: 1024,
      connections: 10,
      headTimeoutMs: 10_000,
      handle(req, res) {
        if (req.url === '/boom') return fail(req, res);
        res.end('well');
        return Promise.resolve();
      },
      fault: (error, { url }) => void faults.push([String(error), url]),
    });
    onTestFinished(() => listener.destroy());
    const { port } = await listener.listen();
    const answer = await call(`http://127.0.0.1:${port}/boom`);
    expect(answer).toMatchObject({ status, complete: status === 500 });
    if (status === 500) expect(answer.headers['x-task-router-error']).toBe('internal');
    expect(faults).toEqual([['Error: a bug', '/boom']]);
    expect((await call(`http://127.0.0.1:${port}/`)).body).toBe('well');
  });
});
