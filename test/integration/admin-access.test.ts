import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { call } from '../support/http-call.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const TOKEN = 'a-long-and-secret-word';

let sim: SimServer;
let proxy: TestProxy;
let guarded: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, models: [MODEL] });
  const backends = [{ name: 'box-1', url: sim.url }];
  proxy = await startProxy({ backends, config: 'routing: { strategy: round-robin }' });
  guarded = await startProxy({ backends, token: TOKEN });
});
afterAll(async () => {
  await Promise.all([proxy.stop(), guarded.stop()]);
  await sim.close();
});

describe('who may use the admin listener', () => {
  const path = '/admin/v1/strategy';

  it.each<[string, Record<string, string>]>([
    ['without a token', {}],
    ['with another token', { authorization: 'Bearer something else' }],
    ['with a longer token', { authorization: `Bearer ${TOKEN}x` }],
    ['with an empty token', { authorization: 'Bearer ' }],
    ['with another scheme', { authorization: `Basic ${TOKEN}` }],
  ])('with a token set, nobody comes in %s', async (_how, headers) => {
    for (const each of [path, '/metrics', '/nothing']) {
      const answer = await call(guarded.adminUrl + each, { headers });
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.body)).toEqual({ error: expect.stringContaining('Authorization: Bearer TOKEN') });
      expect(answer.body).not.toContain(TOKEN);
    }
    const change = await call(guarded.adminUrl + path, { method: 'PUT', body: { strategy: 'random' }, headers });
    expect(change.status).toBe(401);
    expect((await guarded.admin('GET', 'strategy')).body).toMatchObject({ strategy: 'hybrid' });
  });

  it('with a token set, who has it comes in under any host name, and the log never shows it', async () => {
    const headers = { authorization: `bearer ${TOKEN}`, host: 'router.example:80', origin: 'https://ops.example' };
    const answer = await call(guarded.adminUrl + path, { method: 'PUT', body: { strategy: 'random' }, headers });
    expect(answer.status).toBe(200);
    expect(guarded.log.events('strategy-changed').at(-1)?.fields).toMatchObject({ who: '127.0.0.1 (token)' });
    expect(JSON.stringify(guarded.log.lines)).not.toContain(TOKEN);
  });

  it.each<[string, Record<string, string>]>([
    ['a foreign host', { host: 'evil.example' }],
    ['a foreign host with our port', { host: 'evil.example:11436' }],
    ['a host that only begins like ours', { host: 'localhost.evil.example' }],
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['an origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['an opaque origin', { origin: 'null' }],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
  ])('without a token, %s is refused', async (_what, headers) => {
    for (const each of [path, '/metrics', '/']) {
      const answer = await call(proxy.adminUrl + each, { headers });
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body)).toEqual({ error: expect.any(String) });
    }
    const change = await call(proxy.adminUrl + path, { method: 'PUT', body: { strategy: 'random' }, headers });
    expect(change.status).toBe(403);
    expect((await proxy.admin('GET', 'strategy')).body).toMatchObject({ strategy: 'round-robin' });
  });

  it.each(['localhost', 'LOCALHOST:80', '127.0.0.1:9', '127.8.9.1', '[::1]:11436', 'router.localhost'])(
    'without a token, this machine under the name %s comes in',
    async (host) => {
      for (const extra of [{}, { origin: `http://${host}` }, { 'sec-fetch-site': 'same-origin' }]) {
        expect((await call(proxy.adminUrl + path, { headers: { host, ...extra } })).status).toBe(200);
      }
    },
  );

  it('with a token set, the configuration shows it to nobody', async () => {
    const { body } = await guarded.admin('GET', 'config');
    expect(body).toMatchObject({ admin: { token: '[hidden]' }, routing: { strategy: 'hybrid' } });
    expect(JSON.stringify(body)).not.toContain(TOKEN);
  });
});

describe('health for machines', () => {
  it('is alive for everybody, token or not', async () => {
    const answer = await call(`${guarded.adminUrl}/healthz`, { headers: { host: 'probe.example' } });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { status: 'ok' }]);
  });

  it('is ready while a backend is up', async () => {
    const answer = await call(`${guarded.adminUrl}/readyz`, { headers: { host: 'probe.example' } });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { ready: true, reason: '1 backend up' }]);
  });

  it('is not ready while it drains, but goes on answering until the last client has its answer', async () => {
    const draining = await startProxy({ backends: [{ name: 'box-1', url: sim.url }] });
    sim.faults.set({ kind: 'stall', afterLines: 1, path: '/api/generate', count: 1 });
    const leaving = new AbortController();
    const started = new Promise<void>((resolve) => {
      const body = { model: MODEL, prompt: 'x' };
      draining.call('/api/generate', { body, onData: () => resolve(), signal: leaving.signal }).catch(() => {});
    });
    await started;
    const drained = draining.app.drain(60_000);
    const ready = await call(`${draining.adminUrl}/readyz`);
    const metrics = await call(`${draining.adminUrl}/metrics`);
    await expect(draining.call('/api/version')).rejects.toThrow('ECONNREFUSED');
    leaving.abort();
    expect([ready.status, JSON.parse(ready.body)]).toEqual([503, { ready: false, reason: 'draining' }]);
    expect(metrics.body).toContain('task_router_inflight_requests{backend="box-1"} 1');
    expect(await drained).toBe(true);
    await expect(call(`${draining.adminUrl}/readyz`)).rejects.toThrow('ECONNREFUSED');
  });

  it('is not ready when no backend is up, and alive all the same', async () => {
    const lonely = await startProxy({ backends: [{ name: 'gone', url: 'http://127.0.0.1:9' }] });
    const ready = await call(`${lonely.adminUrl}/readyz`);
    const alive = await call(`${lonely.adminUrl}/healthz`);
    await lonely.stop();
    expect([ready.status, JSON.parse(ready.body)]).toEqual([503, { ready: false, reason: 'no backend is up' }]);
    expect(alive.status).toBe(200);
  });
});
