import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readBody } from '../../../src/forward/body.ts';

const request = (length?: number): PassThrough & IncomingMessage =>
  Object.assign(new PassThrough(), {
    headers: length === undefined ? {} : { 'content-length': String(length) },
  }) as unknown as PassThrough & IncomingMessage;

describe('reading a body', () => {
  it('gives all its pieces as one, nothing for nothing', async () => {
    const req = request();
    const body = readBody(req, 100, 1_000);
    req.write('ab');
    req.end('cd');
    expect((await body).toString()).toBe('abcd');
    const empty = request();
    empty.end();
    expect((await readBody(empty, 100, 1_000)).length).toBe(0);
  });

  it('takes a body of exactly the limit', async () => {
    const req = request(4);
    req.end('abcd');
    expect((await readBody(req, 4, 1_000)).length).toBe(4);
  });

  it('refuses a declared length over the limit without reading a byte', async () => {
    const req = request(5);
    await expect(readBody(req, 4, 1_000)).rejects.toMatchObject({ code: 'body_too_large' });
    expect(req.listenerCount('data')).toBe(0);
  });

  it('refuses an undeclared one as soon as it grows over the limit', async () => {
    const req = request();
    const body = readBody(req, 4, 1_000);
    req.write('abc');
    req.write('de');
    await expect(body).rejects.toMatchObject({ code: 'body_too_large', message: /limit of 4 bytes \(limits\.body\)/ });
  });

  it('ends with the client when it leaves in the middle', async () => {
    const req = request();
    const body = readBody(req, 100, 1_000);
    req.write('ab');
    req.destroy();
    await expect(body).rejects.toMatchObject({ code: 'bad_request' });
  });

  describe('from a slow client', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('waits as long as pieces keep coming, and refuses after one silence too long', async () => {
      const req = request();
      const body = readBody(req, 100, 1_000);
      const outcome = body.catch((error: unknown) => error);
      for (let i = 0; i < 5; i++) {
        vi.advanceTimersByTime(900);
        req.write('x');
        await new Promise((resolve) => setImmediate(resolve));
      }
      vi.advanceTimersByTime(1_000);
      expect(await outcome).toMatchObject({ code: 'request_timeout' });
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
