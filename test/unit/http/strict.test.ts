import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { unfit } from '../../../src/http/strict.ts';

const HOST = ['Host', 'localhost'];

const request = (raw: readonly string[], more: object = {}): IncomingMessage => {
  const headers: Record<string, string> = {};
  // As Node parses these: of Host the first counts, codings are joined.
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const before = headers[name];
    headers[name] = before === undefined || name === 'host' ? (before ?? raw[i + 1] ?? '') : `${before}, ${raw[i + 1]}`;
  }
  return {
    httpVersion: '1.1',
    method: 'GET',
    url: '/',
    rawHeaders: raw,
    headers,
    ...more,
  } as unknown as IncomingMessage;
};

describe('a request that may be served', () => {
  it.each([
    [[...HOST]],
    [['HOST', '[::1]:11435']],
    [['Host', 'gpu_1.lan:80']],
    [['Host', '']],
    [[...HOST, 'Transfer-Encoding', 'Chunked']],
    [[...HOST, 'Expect', '100-Continue']],
  ])('has headers like %j', (raw) => {
    expect(unfit(request(raw))).toBeUndefined();
  });

  it('needs no Host in HTTP/1.0', () => {
    expect(unfit(request([], { httpVersion: '1.0' }))).toBeUndefined();
  });

  it.each([
    ['http://localhost/api/tags?x=1', '/api/tags?x=1', 'localhost'],
    ['HTTPS://[::1]:80', '/', '[::1]:80'],
    ['http://a?x', '/?x', 'a'],
  ])('is put into origin form, host and all: %s', (url, path, host) => {
    const req = request(['Host', 'other'], { url });
    expect(unfit(req)).toBeUndefined();
    expect([req.url, req.headers.host]).toEqual([path, host]);
  });
});

describe('a request that is in doubt', () => {
  it.each([
    [[], {}, 400],
    [[...HOST, ...HOST], {}, 400],
    [['Host', 'a/b'], {}, 400],
    [['Host', 'a@b'], {}, 400],
    [['Host', 'a:80:90'], {}, 400],
    [[...HOST, 'Transfer-Encoding', 'gzip, chunked'], {}, 400],
    [[...HOST, 'Transfer-Encoding', ''], {}, 400],
    [[...HOST, 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], {}, 400],
    [[...HOST, 'Transfer-Encoding', 'chunked'], { httpVersion: '1.0' }, 400],
    [[...HOST, 'Expect', 'x'], {}, 417],
    [HOST, { httpVersion: '2.0' }, 400],
    [HOST, { method: 'TRACE' }, 405],
    [HOST, { url: '*' }, 400],
    [HOST, { url: '/a#b' }, 400],
    [HOST, { url: 'ftp://a/b' }, 400],
    [HOST, { url: 'http://a:b@c/' }, 400],
    [HOST, { url: 'http:///x' }, 400],
  ])('is refused: %j %j', (raw, more, status) => {
    expect(unfit(request(raw, more))?.status).toBe(status);
  });
});
