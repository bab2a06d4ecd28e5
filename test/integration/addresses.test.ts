import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type LookupFunction } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { call } from '../support/http-call.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';
const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
const DAY_MS = 24 * 3_600_000;

let first: HeldBackend;
let sim: SimServer;
let folder: string;
beforeAll(async () => {
  first = await startHeld(MODEL);
  sim = await startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 });
  folder = await mkdtemp(join(tmpdir(), 'router-addresses-'));
});
afterAll(async () => {
  await Promise.all([first.close(), sim.close()]);
  await rm(folder, { recursive: true });
});

/** A server at an address that hands on to another one; ends with the test. @returns its port */
const standIn = async (host: string, port: number, target: string): Promise<number> => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    const inner = net.connect(Number(new URL(target).port), '127.0.0.1');
    for (const one of [socket, inner]) {
      sockets.add(one);
      one.on('error', () => one.destroy());
    }
    socket.pipe(inner).pipe(socket);
    socket.once('close', () => inner.destroy());
    inner.once('close', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as net.AddressInfo).port;
};

/** One name, which leads where `to` says. */
const resolver = (to: () => readonly string[]): LookupFunction => {
  return (_host, options, done) => {
    const all = to().map((address) => ({ address, family: net.isIP(address) }));
    if (options.all === true) done(null, all);
    else done(null, all[0]?.address ?? '', all[0]?.family ?? 4);
  };
};

const started = (proxy: TestProxy): TestProxy => {
  onTestFinished(() => proxy.stop());
  return proxy;
};

describe('a backend whose name leads elsewhere', () => {
  it('gets new requests at its new address, while what runs at the old one goes on', async () => {
    let at = '127.0.0.1';
    const port = await standIn('127.0.0.1', 0, first.url);
    await standIn('127.0.0.2', port, sim.url);
    const backends = [{ name: 'box', url: `http://gpu.localhost:${port}` }];
    const proxy = started(await startProxy({ backends, lookup: resolver(() => [at]) }));
    first.hold();
    const streams = startStreams(proxy.url, MODEL, 3);
    await streams.started;
    // Idle connections to the old address, which would be used again.
    expect((await proxy.call('/api/show', { body: { model: MODEL } })).body).not.toContain('model_info');

    await proxy.app.lookUp();
    at = '127.0.0.2';
    await proxy.app.lookUp();
    expect(proxy.log.events('backend-moved')).toMatchObject([
      { fields: { backend: 'box', host: 'gpu.localhost', from: ['127.0.0.1'], to: ['127.0.0.2'] } },
    ]);
    const body = { model: MODEL, messages: [{ role: 'user', content: 'x' }], stream: false };
    const asked = (): number => sim.state().requests.byRoute['POST /api/chat'] ?? 0;
    const before = asked();
    for (let i = 0; i < 3; i++) expect((await proxy.call('/api/chat', { body })).status).toBe(200);
    expect(asked() - before).toBe(3);
    expect((await proxy.call('/api/show', { body: { model: MODEL } })).body).toContain('model_info');
    first.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(3));
  });

  it('is reached at whichever of its addresses answers', async () => {
    const port = await standIn('127.0.0.2', 0, sim.url);
    const lookup = resolver(() => ['127.0.0.3', '127.0.0.2']);
    const proxy = started(
      await startProxy({ backends: [{ name: 'box', url: `http://gpu.localhost:${port}` }], lookup }),
    );
    for (const path of ['/api/show', '/api/generate']) {
      expect((await proxy.call(path, { body: { model: MODEL, prompt: 'x', stream: false } })).status).toBe(200);
    }
  });
});

describe.skipIf(!HAS_IPV6)('IPv6', () => {
  const start = async (listen: string, url: string, more = ''): Promise<TestProxy> => {
    const file = join(folder, 'router.yaml');
    const backends = `backends: [{ name: box, url: ${JSON.stringify(url)} }]`;
    await writeFile(file, [`listen: "${listen}"`, backends, 'health: { timeout: 20s }', more].join('\n'));
    return started(await startProxy({ file }));
  };

  it('is taken in the URL of a backend and in the addresses that are listened on', async () => {
    const port = await standIn('::1', 0, sim.url);
    const proxy = await start('[::1]:0', `http://[::1]:${port}`, 'admin: { listen: "[::1]:0" }');
    const url = `http://[::1]:${proxy.port}`;
    for (const path of ['/api/show', '/api/generate']) {
      const { status } = await call(url + path, { body: { model: MODEL, prompt: 'x', stream: false } });
      expect([path, status]).toEqual([path, 200]);
    }
    const admin = `http://[::1]:${new URL(proxy.adminUrl).port}`;
    expect((await call(`${admin}/admin/v1/health`)).status).toBe(200);
    // Names that lead here through a page in a browser are refused on this loopback address too.
    expect((await call(`${url}/api/version`, { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await call(`${admin}/admin/v1/health`, { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  it('on all addresses takes IPv4 as well', async () => {
    const proxy = await start('[::]:0', sim.url, 'admin: { listen: "127.0.0.1:0" }');
    for (const host of ['127.0.0.1', '[::1]']) {
      expect((await call(`http://${host}:${proxy.port}/api/version`)).status).toBe(200);
    }
  });
});

describe('a wall clock that jumps', () => {
  afterEach(() => vi.useRealTimers());

  it('by a day or by years, either way, changes nothing for streams, breakers, waits or health', async () => {
    first.hold();
    const backends = [
      { name: 'held', url: first.url, slots: 3 },
      { name: 'broken', url: sim.url },
    ];
    const config =
      'circuit_breaker: { failure_threshold: 1, timeout: 1h }\nrouting: { strategy: round-robin }\nqueue: { max_wait: 20s }';
    const proxy = started(await startProxy({ backends, config }));
    sim.faults.set({ kind: 'status', status: 500 });
    onTestFinished(() => sim.faults.clear());
    const body = { model: MODEL, messages: [{ role: 'user', content: 'x' }] };
    const streams = startStreams(proxy.url, MODEL, 2);
    await streams.started;
    for (let i = 0; i < 6; i++) await proxy.call('/api/generate', { body: { model: MODEL, prompt: 'x' } });
    const breaker = async () => (await proxy.admin('GET', 'backends/broken')).body;
    expect(JSON.stringify(await breaker())).toContain('"breaker":"open"');
    await proxy.admin('PATCH', 'backends/broken', { enabled: false });
    const last = startStreams(proxy.url, MODEL, 1);
    await last.started;
    const waiting = proxy.call('/api/chat', { body });

    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'] });
    for (const jump of [DAY_MS, -DAY_MS, 3_650 * DAY_MS, -3_650 * DAY_MS]) {
      vi.setSystemTime(now + jump);
      await proxy.app.probed();
      expect((await proxy.admin('GET', 'queue')).body).toMatchObject({ waiting: { normal: 1 } });
      expect(JSON.stringify(await breaker())).toContain('"breaker":"open"');
      expect(streams.ended()).toBe(0);
    }
    expect(proxy.log.events('backend-down')).toEqual([]);
    first.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(2));
    expect((await last.answers).map(textOf)).toEqual(expectedTexts(1));
    expect((await waiting).status).toBe(200);
  });
});
