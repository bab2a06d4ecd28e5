import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { makeCertificate } from '../support/certificates.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { startTlsFront } from '../support/secure.ts';

const MODEL = 'llama3.2:3b';
const DAY_MS = 24 * 3_600_000;

const ca = makeCertificate({ names: ['a CA of our own'], ca: true });
const other = makeCertificate({ names: ['a CA of somebody else'], ca: true });
const here = makeCertificate({ names: ['127.0.0.1'], by: ca });
const ours = makeCertificate({ names: ['the router'], by: ca });

let sim: SimServer;
let folder: string;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 });
  folder = await mkdtemp(join(tmpdir(), 'router-tls-'));
});
afterAll(async () => {
  await sim.close();
  await rm(folder, { recursive: true });
});

const start = async (url: string, settings: object | undefined): Promise<TestProxy> => {
  const backends = [{ name: 'box', url, ...(settings === undefined ? {} : { tls: settings }) }];
  const file = join(folder, 'router.yaml');
  const rest = ['listen: 127.0.0.1:0', 'admin: { listen: "127.0.0.1:0" }', 'health: { timeout: 20s }'];
  await writeFile(file, [...rest, `backends: ${JSON.stringify(backends)}`].join('\n'));
  const proxy = await startProxy({ file });
  onTestFinished(() => proxy.stop());
  return proxy;
};

const box = async (proxy: TestProxy) => (await proxy.admin('GET', 'backends/box')).body;

describe('a backend behind TLS', () => {
  it('is trusted by the CA that is named for it: by probes, prompts, plain calls, and loads in the background', async () => {
    const proxy = await start(await startTlsFront(sim.url, here), { ca: ca.cert });
    expect(await box(proxy)).toMatchObject({ health: 'up' });
    const chat = await proxy.call('/api/chat', {
      body: { model: MODEL, messages: [{ role: 'user', content: 'hello' }] },
    });
    expect([chat.status, chat.complete]).toEqual([200, true]);
    expect(chat.body).toContain('"done":true');
    const show = await proxy.call('/api/show', { body: { model: MODEL } });
    expect([show.status, show.headers['x-task-router-backend']]).toEqual([200, 'box']);
    expect((await proxy.call('/api/embed', { body: { model: 'nobody:1b', input: 'x' } })).status).toBe(404);
  });

  it('is asked for by the name of its certificate where that is not in its URL', async () => {
    const named = makeCertificate({ names: ['gpu-1.internal'], by: ca });
    const asked: string[] = [];
    const url = await startTlsFront(sim.url, {
      ...named,
      SNICallback: (name, done) => {
        asked.push(name);
        done(null);
      },
    });
    const proxy = await start(url, { ca: ca.cert, server_name: 'gpu-1.internal' });
    expect(await box(proxy)).toMatchObject({ health: 'up' });
    expect((await proxy.call('/api/show', { body: { model: MODEL } })).status).toBe(200);
    expect(new Set(asked)).toEqual(new Set(['gpu-1.internal']));
  });

  it('sees a certificate of ours where it wants one', async () => {
    const url = await startTlsFront(sim.url, { ...here, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    const proxy = await start(url, { ca: ca.cert, cert: ours.cert, key: ours.key });
    expect(await box(proxy)).toMatchObject({ health: 'up' });
    for (const path of ['/api/show', '/api/generate']) {
      expect((await proxy.call(path, { body: { model: MODEL, prompt: 'x' } })).status).toBe(200);
    }
  });

  it('is not looked at when told so, which is said in the log', async () => {
    const proxy = await start(await startTlsFront(sim.url, here), { insecure_skip_verify: true });
    expect(await box(proxy)).toMatchObject({ health: 'up' });
    expect((await proxy.call('/api/show', { body: { model: MODEL } })).status).toBe(200);
    expect(proxy.log.events('backend-insecure')).toHaveLength(1);
  });

  const named = makeCertificate({ names: ['gpu-1.internal'], by: ca });
  const expired = makeCertificate({ names: ['127.0.0.1'], by: ca, from: -2 * DAY_MS, until: -DAY_MS });
  const early = makeCertificate({ names: ['127.0.0.1'], by: ca, from: DAY_MS, until: 2 * DAY_MS });
  const selfSigned = makeCertificate({ names: ['127.0.0.1'] });
  it.each<[string, object, object | undefined, RegExp]>([
    ['of a CA that nobody knows', here, undefined, /backends\[\]\.tls\.ca.*\(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)$/],
    ['of another CA', here, { ca: other.cert }, /backends\[\]\.tls\.ca.*\(UNABLE_TO_[A-Z_]+\)$/],
    ['that is signed by itself', selfSigned, undefined, /signed by itself.*tls\.ca.*\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/],
    ['that has expired', expired, { ca: ca.cert }, /^its certificate has expired: renew it.*\(CERT_HAS_EXPIRED\)$/],
    ['that is not valid yet', early, { ca: ca.cert }, /not valid yet.*clocks.*\(CERT_NOT_YET_VALID\)$/],
    ['for another name', named, { ca: ca.cert }, /tls\.server_name.*\(ERR_TLS_CERT_ALTNAME_INVALID\)$/],
  ])('with a certificate %s is down, with the reason and what to do', async (_what, shows, settings, why) => {
    const proxy = await start(await startTlsFront(sim.url, shows), settings);
    expect(await box(proxy)).toMatchObject({ health: 'down', lastError: expect.stringMatching(why) });
    const [down] = proxy.log.events('backend-down');
    expect(down?.fields['why']).toMatch(why);
  });

  it('that wants a certificate of ours, or speaks no TLS at all, is down with what to do', async () => {
    const wants = await startTlsFront(sim.url, { ...here, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    expect(await box(await start(wants, { ca: ca.cert }))).toMatchObject({
      health: 'down',
      lastError: expect.stringMatching(/if it wants a certificate of ours, set backends\[\]\.tls\.cert and key$/),
    });
    const plain = await start(sim.url.replace('http:', 'https:'), { ca: ca.cert });
    expect(await box(plain)).toMatchObject({
      health: 'down',
      lastError: expect.stringMatching(/does not speak TLS on this port: write http:/),
    });
  });

  it('is recognised anew when the file of its CA is replaced, and what was there holds when that is bad', async () => {
    const file = join(folder, 'ca.pem');
    await writeFile(file, other.cert);
    const proxy = await start(await startTlsFront(sim.url, here), { ca: file });
    expect(await box(proxy)).toMatchObject({ health: 'down' });
    await writeFile(file, ca.cert);
    await proxy.log.event('certificates-renewed');
    await vi.waitFor(async () => expect(await box(proxy)).toMatchObject({ health: 'up' }), 10_000);
    await writeFile(file, 'nothing of the kind');
    const { fields } = await proxy.log.event('certificates-failed');
    expect(fields['issues']).toEqual([
      expect.objectContaining({
        path: 'backends.box.tls.ca',
        message: expect.stringContaining('holds nothing in PEM form'),
      }),
    ]);
    const refused = await proxy.admin('POST', 'config/reload');
    expect([refused.status, refused.body]).toEqual([
      422,
      expect.objectContaining({ issues: [expect.objectContaining({ path: 'backends.box.tls.ca' })] }),
    ]);
    expect((await proxy.call('/api/show', { body: { model: MODEL } })).status).toBe(200);
  });
});
