import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createProbe } from '../../../src/forward/probe.ts';
import type { Seen } from '../../../src/backends/backend.ts';
import type { Probe } from '../../../src/backends/prober.ts';

const answers =
  (byPath: Readonly<Record<string, unknown>>, status = 200): RequestListener =>
  (req, res) => {
    const answer = byPath[req.url ?? ''];
    res.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  };

const probeOf = async (listener: RequestListener, pathPrefix = ''): Promise<Probe> => {
  const server = http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const probe = createProbe({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pathPrefix,
    headers: { authorization: 'Bearer secret' },
  });
  onTestFinished(() => {
    probe.close();
    server.closeAllConnections();
    server.close();
  });
  return probe;
};

const look = async (listener: RequestListener, timeoutMs = 5_000, pathPrefix = ''): Promise<Seen> =>
  (await probeOf(listener, pathPrefix)).look(timeoutMs, false);

describe('a look at a backend', () => {
  it('finds its version, what it has and what is loaded', async () => {
    const seen = await look(
      answers({
        '/api/version': { version: '0.32.15' },
        '/api/tags': { models: [{ name: 'm:latest', digest: 'd', size: 5 }, { name: '' }, 'nonsense'] },
        '/api/ps': { models: [{ name: 'm:latest', size: 9, size_vram: 8, context_length: 4096 }] },
      }),
    );
    expect(seen).toMatchObject({
      up: true,
      version: '0.32.15',
      installed: [{ name: 'm:latest', digest: 'd', sizeBytes: 5 }],
      loaded: [{ name: 'm:latest', sizeBytes: 9, vramBytes: 8, contextLength: 4096 }],
    });
  });

  it('asks in brief without what is installed, as long as it knows that', async () => {
    const asked: (string | undefined)[] = [];
    const lists = answers({
      '/api/version': { version: '1' },
      '/api/tags': { models: [{ name: 'm:latest', digest: 'd', size: 5 }] },
      '/api/ps': { models: [] },
    });
    const probe = await probeOf((req, res) => {
      asked.push(req.url);
      lists(req, res);
    });
    const first = await probe.look(5_000, true);
    const second = await probe.look(5_000, true);
    expect(second).toEqual(first);
    expect(asked).toEqual(['/api/version', '/api/tags', '/api/ps', '/api/version', '/api/ps']);
  });

  it('takes null for an empty list, as Go writes it', async () => {
    const seen = await look(
      answers({ '/api/version': {}, '/api/tags': { models: null }, '/api/ps': { models: null } }),
    );
    expect(seen).toEqual({ up: true, version: '', installed: [], loaded: [] });
  });

  it('goes through the path prefix with the headers of the backend', async () => {
    const asked: (string | undefined)[] = [];
    await look(
      (req, res) => {
        asked.push(req.url, req.headers.authorization);
        res.end('{}');
      },
      5_000,
      '/behind/it',
    );
    expect(asked).toEqual(['version', 'tags', 'ps'].flatMap((what) => [`/behind/it/api/${what}`, 'Bearer secret']));
  });

  it.each([
    ['another status', answers({ '/api/version': {} }, 502), '/api/version answered 502'],
    ['no JSON', answers({ '/api/version': '<html>' }), '/api/version answered no JSON; is this an Ollama server?'],
    ['silence', () => {}, 'no answer to a probe within 50 ms'],
  ] as const)('calls it down for %s, with the reason', async (_what, listener, error) => {
    expect(await look(listener, 50)).toEqual({ up: false, error });
  });

  it('calls it down when the connection breaks', async () => {
    expect(await look((req) => req.socket.resetAndDestroy())).toMatchObject({ up: false });
  });
});
