import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { judgeFront, type FrontSettings } from '../../../src/http/front.ts';
import { methodsOf } from '../../../src/http/methods.ts';
import { methodsOf as methodsOfServer } from '../../../src/sim/http/routes.ts';

const settings: FrontSettings = {
  loopback: true,
  hostname: 'my-machine',
  origins: ['https://chat.example.com', 'https://*.corp.example', 'chrome-extension://*'],
  local: true,
  headers: [],
  exposeHeaders: [],
  maxAgeMs: 43_200_000,
};

const judge = (
  headers: Readonly<Record<string, string>>,
  method = 'GET',
  more: Partial<FrontSettings> = {},
  methods: readonly string[] = ['GET'],
) => judgeFront({ method, headers } as unknown as IncomingMessage, { ...settings, ...more }, methods);

describe('the Host of a request', () => {
  it.each([
    '',
    'localhost',
    'localhost:11435',
    'LocalHost:80',
    'my-machine:11435',
    'MY-MACHINE',
    'app.localhost',
    'ollama.local',
    'svc.internal:80',
    '127.0.0.1:11435',
    '127.8.8.8',
    '10.0.0.3',
    '172.31.0.1',
    '192.168.4.4:1',
    '0.0.0.0:11435',
    '[::1]:11435',
    '[fd00::1]',
  ])('may be %s on loopback', (host) => {
    expect(judge({ host })).toEqual({ kind: 'pass', headers: [] });
  });

  it.each(['evil.example', 'localhost.evil.example', '172.32.0.1', '8.8.8.8:80', 'notlocal', '[2001:db8::1]:80'])(
    'may not be %s on loopback',
    (host) => {
      expect(judge({ host })).toMatchObject({ kind: 'answer', status: 403 });
    },
  );

  it('may be any on an address that other machines reach', () => {
    expect(judge({ host: 'evil.example' }, 'GET', { loopback: false })).toEqual({ kind: 'pass', headers: [] });
  });

  it('answers OPTIONS where it is a name, and lets it pass where it is an address', () => {
    expect(judge({ host: 'localhost:1' }, 'OPTIONS')).toEqual({
      kind: 'answer',
      status: 204,
      headers: ['allow', 'GET'],
    });
    expect(judge({ host: '127.0.0.1:1' }, 'OPTIONS').kind).toBe('pass');
    expect(judge({ host: 'localhost' }, 'OPTIONS', { loopback: false }).kind).toBe('pass');
  });
});

describe('the Origin of a request', () => {
  const host = '127.0.0.1:11435';

  it.each([
    'http://localhost',
    'https://localhost:3000',
    'http://127.0.0.1:8080',
    'https://0.0.0.0',
    'app://obsidian.md',
    'file://x',
    'tauri://localhost',
    'vscode-webview://abc',
    'vscode-file://vscode-app',
    'https://chat.example.com',
    'https://a.b.corp.example',
    'chrome-extension://abcdef',
  ])('%s may call and is told so', (origin) => {
    expect(judge({ host, origin })).toEqual({
      kind: 'pass',
      headers: ['access-control-allow-origin', origin, 'vary', 'Origin'],
    });
  });

  it.each([
    'https://evil.example',
    'http://localhost.evil.example',
    'http://chat.example.com',
    'https://corp.example',
    'https://x.corp.example.evil',
    'http://localhost:3000.evil.example',
    'null',
  ])('%s is refused, whatever the method', (origin) => {
    for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD']) {
      expect(judge({ host, origin }, method, {}, [method])).toEqual({
        kind: 'answer',
        status: 403,
        headers: ['content-length', '0'],
      });
    }
  });

  it('of the proxy itself is nothing special', () => {
    for (const origin of [`http://${host}`, `https://${host}`]) {
      expect(judge({ host, origin })).toEqual({ kind: 'pass', headers: [] });
    }
  });

  it('may be any when the configuration says *', () => {
    expect(judge({ host, origin: 'null' }, 'GET', { origins: ['*'] }).kind).toBe('pass');
  });

  it('gets its preflight answered, with the methods of the route where it asks with another', () => {
    const verdict = judge({ host, origin: 'http://localhost:3000' }, 'OPTIONS', {}, ['HEAD', 'GET']);
    expect(verdict).toMatchObject({ kind: 'answer', status: 204 });
    const { headers } = verdict;
    expect(headers[headers.indexOf('allow') + 1]).toBe('HEAD, GET');
    expect(headers[headers.indexOf('access-control-max-age') + 1]).toBe('43200');
    expect(headers.filter((name) => name === 'vary')).toHaveLength(3);
    expect(judge({ host, origin: 'http://localhost' }, 'OPTIONS', {}, []).headers).not.toContain('allow');
  });

  it('is told what it may read even where the Host is refused', () => {
    const verdict = judge({ host: 'evil.example', origin: 'http://localhost' });
    expect(verdict).toMatchObject({ kind: 'answer', status: 403 });
    expect(verdict.headers).toContain('access-control-allow-origin');
  });
});

describe('the methods of a path', () => {
  it.each([
    ...['/', '/api/version', '/api/status', '/api/tags', '/api/ps', '/api/show', '/api/generate', '/api/chat'],
    ...['/api/embed', '/api/embeddings', '/api/pull', '/api/push', '/api/create', '/api/copy', '/api/delete'],
    ...['/api/blobs/sha256:00', '/api/blobs/', '/api/blobs/a/b', '/api/me', '/api/signout', '/api/user/keys/k'],
    ...['/api/experimental/web_search', '/api/experimental/web_fetch', '/api/experimental/model-recommendations'],
    ...['/v1/models', '/v1/models/m', '/v1/models/a/b', '/v1/chat/completions', '/v1/completions', '/v1/embeddings'],
    ...['/v1/responses', '/v1/messages', '/v1/messages/count_tokens', '/v1/audio/transcriptions', '/nosuch', ''],
  ])('%s are those of a server', (path) => {
    expect(methodsOf(path)).toEqual(methodsOfServer(path));
  });
});
