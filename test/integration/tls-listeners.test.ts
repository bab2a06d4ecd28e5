import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificate, type Certificate } from '../support/certificates.ts';
import { heldText, startHeld, type HeldBackend } from '../support/held-backend.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { secureCall } from '../support/secure.ts';
import { textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';
const HOUR_MS = 3_600_000;

const ca = makeCertificate({ names: ['a CA of our own'], ca: true });
const first = makeCertificate({ names: ['127.0.0.1', 'first.example'], by: ca });
const second = makeCertificate({ names: ['127.0.0.1', 'second.example'], by: ca });
const client = makeCertificate({ names: ['somebody'], by: ca });

let server: HeldBackend;
let folder: string;
let file: string;
let proxy: TestProxy;
beforeAll(async () => {
  server = await startHeld(MODEL);
});
beforeEach(async () => {
  server.release();
  folder = await mkdtemp(join(tmpdir(), 'router-https-'));
  file = join(folder, 'router.yaml');
});
afterEach(() => rm(folder, { recursive: true }));
afterAll(() => server.close());

const put = async ({ cert, key }: Certificate): Promise<void> => {
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
};

const write = (lines: readonly string[]): Promise<void> => {
  const backends = `backends: ${JSON.stringify([{ name: 'box', url: server.url, slots: 100 }])}`;
  return writeFile(file, ['listen: 127.0.0.1:0', backends, 'health: { timeout: 20s }', ...lines].join('\n'));
};

const start = async (...lines: readonly string[]): Promise<string> => {
  await write(lines);
  proxy = await startProxy({ file });
  const { app } = proxy;
  onTestFinished(() => app.kill());
  return `https://127.0.0.1:${proxy.port}`;
};

const paths = (more = ''): string =>
  `{ cert: ${JSON.stringify(join(folder, 'cert.pem'))}, key: ${JSON.stringify(join(folder, 'key.pem'))}${more} }`;
const OPEN_ADMIN = 'admin: { listen: "127.0.0.1:0" }';
const trusted = { ca: ca.cert };

/** Sends text over TLS and gives back what came until the end. */
const say = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let heard = '';
    const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(url).port), ...trusted });
    socket.setEncoding('utf8').on('data', (more: string) => void (heard += more));
    socket.once('error', reject).once('close', () => resolve(heard));
    socket.once('secureConnect', () => socket.write(text));
  });

/** Names in the certificate that a new connection is shown. */
const shown = (url: string): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(url).port), ...trusted }, () => {
      const { subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      resolve(subjectaltname);
    });
    socket.once('error', reject);
  });

const chat = { model: MODEL, messages: [{ role: 'user', content: 'a story' }] };

describe('HTTPS', () => {
  it('is spoken on each listener that has a certificate, HTTP/1.1 alone, and plain HTTP is not answered there', async () => {
    await put(first);
    const url = await start(
      `tls: ${paths()}`,
      `admin: { listen: "127.0.0.1:0", tls: ${paths()} }`,
      `metrics: { listen: "127.0.0.1:0", tls: ${paths()} }`,
    );
    const answer = await secureCall(`${url}/api/chat`, { ...trusted, body: chat });
    expect(textOf(answer)).toBe(heldText('a story'));
    const admin = proxy.adminUrl.replace('http:', 'https:');
    expect((await secureCall(`${admin}/healthz`, trusted)).status).toBe(200);
    const strategy = { ...trusted, method: 'PUT', body: { strategy: 'random' } };
    expect((await secureCall(`${admin}/admin/v1/strategy`, strategy)).status).toBe(200);
    const metrics = (proxy.metricsUrl ?? '').replace('http:', 'https:');
    expect((await secureCall(`${metrics}/metrics`, trusted)).body).toContain('task_router_build_info');

    for (const each of [url, admin, metrics]) {
      const plain = await new Promise<string>((resolve) => {
        let heard = '';
        const socket = net.connect(Number(new URL(each).port), '127.0.0.1', () =>
          socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
        );
        socket.on('data', (more) => void (heard += more.toString('latin1'))).on('error', () => {});
        socket.once('close', () => resolve(heard));
      });
      expect(plain).not.toContain('HTTP/1.1');
      await expect(secureCall(`${each}/`, { ...trusted, maxVersion: 'TLSv1.1' })).rejects.toThrow(/./);
      await expect(
        new Promise((resolve, reject) => {
          const socket = tls.connect({
            port: Number(new URL(each).port),
            host: '127.0.0.1',
            ...trusted,
            ALPNProtocols: ['h2'],
          });
          socket
            .once('secureConnect', resolve)
            .once('error', reject)
            .once('close', () => reject(new Error('closed')));
        }),
      ).rejects.toThrow(/./);
    }
  });

  it('is held to the same strictness as plain HTTP', async () => {
    await put(first);
    const url = await start(OPEN_ADMIN, `tls: ${paths()}`);
    const both =
      'POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    for (const text of [both, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'hello\r\n\r\n']) {
      const heard = await say(url, text);
      expect(heard).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(heard).toMatch(/\r\nx-task-router-error: bad_request\r\n/i);
      expect(heard).toMatch(/\r\nconnection: close\r\n/i);
      expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
  });

  it('with client_ca is for those alone who show a certificate of it', async () => {
    await put(first);
    const url = await start(OPEN_ADMIN, `tls: ${paths(`, client_ca: ${JSON.stringify(ca.cert)}`)}`);
    const known = { ...trusted, cert: client.cert, key: client.key };
    expect((await secureCall(`${url}/api/version`, known)).status).toBe(200);
    const stranger = makeCertificate({ names: ['nobody'] });
    for (const shows of [{}, { cert: stranger.cert, key: stranger.key }]) {
      await expect(secureCall(`${url}/api/version`, { ...trusted, ...shows })).rejects.toThrow(/./);
    }
    expect((await secureCall(`${url}/api/version`, known)).status).toBe(200);
  });

  it('shows a renewed certificate to new connections while old ones go on, and keeps the one it has when the next is bad', async () => {
    server.hold();
    await put(first);
    const url = await start(OPEN_ADMIN, `tls: ${paths()}`);
    expect(await shown(url)).toContain('first.example');
    let begun: () => void = () => {};
    const began = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const stream = secureCall(`${url}/api/chat`, { ...trusted, body: chat, onData: () => begun() });
    await began;

    await put(second);
    await proxy.log.event('certificates-renewed');
    expect(await shown(url)).toContain('second.example');
    await writeFile(join(folder, 'key.pem'), first.key);
    const { fields, level } = await proxy.log.event('certificates-failed');
    expect([level, fields['issues']]).toEqual([
      'error',
      [
        expect.objectContaining({
          path: 'tls.key',
          message: expect.stringContaining('is not the key of the certificate'),
        }),
      ],
    ]);
    expect(await shown(url)).toContain('second.example');
    expect(JSON.stringify(proxy.log.lines)).not.toContain('PRIVATE KEY');

    // The same by hand, where the whole reload is refused.
    const refused = await proxy.admin('POST', 'config/reload');
    expect([refused.status, refused.body]).toMatchObject([422, { issues: [{ path: 'tls.key' }] }]);
    server.release();
    expect(textOf(await stream)).toBe(heldText('a story'));
  });

  it('is looked at anew by a reload, which says what only a start can change', async () => {
    await put(first);
    const url = await start(OPEN_ADMIN, `tls: ${paths()}`);
    await write([OPEN_ADMIN, `tls: ${JSON.stringify({ cert: second.cert, key: second.key })}`]);
    const { body } = await proxy.admin('POST', 'config/reload');
    expect(JSON.stringify(body)).not.toContain('PRIVATE KEY');
    expect(await shown(url)).toContain('second.example');
    expect(JSON.stringify((await proxy.admin('GET', 'config')).body)).not.toContain('PRIVATE KEY');
    await write([OPEN_ADMIN]);
    await proxy.admin('POST', 'config/reload');
    expect((await proxy.log.event('restart-needed')).fields['keys']).toEqual(['tls']);
    expect(await shown(url)).toContain('second.example');
  });

  it('warns of a certificate that has expired', async () => {
    await put(makeCertificate({ names: ['127.0.0.1'], by: ca, from: -3 * HOUR_MS, until: -HOUR_MS }));
    await start(OPEN_ADMIN, `tls: ${paths()}`);
    expect(proxy.log.events('certificate')).toMatchObject([{ level: 'warn', fields: { listener: 'proxy' } }]);
  });

  it('is not begun with files that cannot be used: all of them are named, and nothing stays open', async () => {
    await put(first);
    await write([
      OPEN_ADMIN,
      'tls: { cert: /no/such/cert.pem, key: /no/such/key.pem }',
      `metrics: { listen: "127.0.0.1:0", tls: ${JSON.stringify({ cert: first.cert, key: second.key })} }`,
    ]);
    await expect(startProxy({ file })).rejects.toMatchObject({
      issues: [
        { path: 'tls.cert', message: '"/no/such/cert.pem" cannot be read: there is no such file' },
        { path: 'tls.key', message: '"/no/such/key.pem" cannot be read: there is no such file' },
        { path: 'metrics.tls.key', message: expect.stringContaining('is not the key of the certificate') },
      ],
    });
  });

  it('ends with the process even where a handshake was never finished', async () => {
    await put(first);
    const url = await start(OPEN_ADMIN, `tls: ${paths()}`);
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    // The listener has it once it answers others.
    await vi.waitFor(async () => expect((await secureCall(`${url}/api/version`, trusted)).status).toBe(200));
    const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
    await proxy.app.kill();
    await closed;
  });
});
