import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dashboardPaths } from '../../src/http/dashboard/files.ts';
import { call } from '../support/http-call.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const TOKEN = 'a-long-and-secret-word';

let proxy: TestProxy;
let guarded: TestProxy;
beforeAll(async () => {
  proxy = await startProxy();
  guarded = await startProxy({ token: TOKEN });
});
afterAll(() => Promise.all([proxy.stop(), guarded.stop()]));

/** The status of a request whose target is written as it is. */
const statusOf = (port: number, target: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    });
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(text.split(' ', 2)[1] ?? ''));
  });

describe('the files of the dashboard', () => {
  it('come with their type, a tag, and a policy that lets nothing in from elsewhere', async () => {
    for (const path of dashboardPaths()) {
      const { status, headers, body } = await call(proxy.adminUrl + path);
      expect([path, status]).toEqual([path, 200]);
      expect(Number(headers['content-length'])).toBe(Buffer.byteLength(body));
      expect(headers).toMatchObject({
        'content-type': expect.stringMatching(/^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/),
        etag: expect.stringMatching(/^"[\w-]{22}"$/),
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache',
      });
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
    }
  });

  it('are not sent again to who has them', async () => {
    const first = await call(`${proxy.adminUrl}/`);
    const headers = { 'if-none-match': `"other", W/${first.headers.etag}` };
    const again = await call(`${proxy.adminUrl}/`, { headers });
    expect([again.status, again.body, again.headers.etag]).toEqual([304, '', first.headers.etag]);
    const other = await call(`${proxy.adminUrl}/`, { headers: { 'if-none-match': '"other"' } });
    expect([other.status, other.body]).toEqual([200, first.body]);
  });

  it('answer HEAD without a body, and refuse to be written', async () => {
    const head = await call(`${proxy.adminUrl}/`, { method: 'HEAD' });
    expect([head.status, head.body, Number(head.headers['content-length']) > 0]).toEqual([200, '', true]);
    const put = await call(`${proxy.adminUrl}/dashboard/app.js`, { method: 'PUT', body: 'x' });
    expect([put.status, put.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    '/dashboard/../../package.json',
    '/dashboard/..%2f..%2fpackage.json',
    '/dashboard/%2e%2e/%2e%2e/package.json',
    '/dashboard/....//files.ts',
    '/dashboard/files.ts',
    '/dashboard/files.js',
    '/dashboard/app.js/',
    '/dashboard/app.js%00.css',
    '/dashboard/',
    '//etc/passwd',
    '/../../../../etc/passwd',
    '/dashboard\\..\\files.ts',
    '/DASHBOARD/app.js',
  ])('are all there is: %s is nothing', async (target) => {
    expect(await statusOf(Number(new URL(proxy.adminUrl).port), target)).toBe('404');
  });

  it('are all that the page asks for, and all that are there', async () => {
    const folder = fileURLToPath(new URL('../../src/http/dashboard', import.meta.url));
    const files = (await readdir(folder)).filter((name) => !name.endsWith('.ts'));
    const served = dashboardPaths().map((path) => (path === '/' ? 'index.html' : path.replace('/dashboard/', '')));
    expect(files.toSorted()).toEqual(served.toSorted());
    const texts = await Promise.all(files.map((name) => readFile(`${folder}/${name}`, 'utf8')));
    const asked = texts.flatMap((text) =>
      Array.from(text.matchAll(/(?:from '\.\/|(?:src|href)="dashboard\/)([\w.-]+)['"]/g), ([, name]) => name),
    );
    expect(asked.filter((name) => name === undefined || !served.includes(name))).toEqual([]);
    const html = texts[files.indexOf('index.html')] ?? '';
    // Nothing that a policy without unsafe-inline would stop.
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
    expect(texts.join('\n')).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });

  it('come without the token, since nobody can send one with an address, and hold nothing', async () => {
    for (const path of dashboardPaths()) {
      const answer = await call(guarded.adminUrl + path, { headers: { host: 'router.example' } });
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.body).not.toContain(TOKEN);
    }
    for (const path of ['/admin/v1/events', '/admin/v1/series', '/admin/v1/openapi.json']) {
      expect((await call(guarded.adminUrl + path)).status).toBe(401);
    }
  });

  it.each<[string, Record<string, string>, number]>([
    [
      'a link on another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      200,
    ],
    [
      'a frame on another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      403,
    ],
    [
      'a script of another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
      403,
    ],
    [
      'another name for this machine',
      { host: 'evil.example', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      403,
    ],
  ])('without a token, %s gets %i', async (_what, headers, status) => {
    expect((await call(`${proxy.adminUrl}/`, { headers })).status).toBe(status);
    if (headers['sec-fetch-site'] !== undefined) {
      expect((await call(`${proxy.adminUrl}/admin/v1/strategy`, { headers })).status).toBe(403);
    }
  });
});
