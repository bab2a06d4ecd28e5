import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { startFaulty, type Faulty } from '../support/faulty.ts';
import type { Script } from '../support/scripted-backend.ts';
import { ask, native } from '../support/scripts.ts';

const MIB = 1024 * 1024;
const LINES = 1600;
/** One line of 64 KiB; all of them together are 100 MiB. */
const line = (n: number): string => native.token(`${n} `.padEnd(64 * 1024 - native.token('').length, 'x'));
/** The kernel's buffers on two connections take some MiB, the proxy one; 100 MiB without back-pressure. */
const BOUND_BYTES = 40 * MIB;

/** The response takes bytes again, or has ended. */
const drained = (res: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });

/** Writes it all, waiting whenever the connection asks to, and tells how much it could write so far. */
const flood = (): { readonly script: Script; readonly written: () => number; readonly digest: () => string } => {
  let written = 0;
  const hash = createHash('sha256');
  return {
    script: async ({ res }) => {
      res.writeHead(200, { 'content-type': native.type });
      for (let n = 0; n <= LINES; n++) {
        const text = n === LINES ? native.last : line(n);
        hash.update(text);
        written += text.length;
        if (!res.write(text)) await drained(res);
        if (res.destroyed) return;
      }
      res.end();
    },
    written: () => written,
    digest: () => hash.digest('hex'),
  };
};

/** Sends a request and gives its answer unread. */
const openUnread = async ({ proxy }: Faulty, path: string, body: object | undefined): Promise<IncomingMessage> => {
  const req = http.request(proxy.url + path, {
    agent: false,
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-request-id': 'r1' },
  });
  req.on('error', () => {});
  req.end(body === undefined ? undefined : JSON.stringify(body));
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return res;
};

/** Resolves when a count has stopped growing. */
const settled = async (count: () => number): Promise<number> => {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return count();
};

describe.each([
  ['an inference request', native.path, ask(true)],
  ['a request that runs no model', '/api/some/stream', undefined],
] as const)('a client of %s that stops reading', (_name, path, body) => {
  it('stops the backend after a bounded number of bytes, and gets every byte once it reads on', async () => {
    const faulty = await startFaulty(1);
    const { script, written, digest } = flood();
    faulty.at(0).next(script);
    const res = await openUnread(faulty, path, body);
    const stalledAt = await settled(written);
    expect(stalledAt).toBeGreaterThan(64 * 1024);
    expect(stalledAt).toBeLessThan(BOUND_BYTES);
    const hash = createHash('sha256');
    for await (const chunk of res as AsyncIterable<Buffer>) hash.update(chunk);
    expect(res.complete).toBe(true);
    expect(hash.digest('hex')).toBe(digest());
    expect((await faulty.ended('r1')).outcome).toBe('served');
  });

  it('ends the backend when it leaves instead', async () => {
    const faulty = await startFaulty(1);
    const { script, written } = flood();
    faulty.at(0).next(script);
    const res = await openUnread(faulty, path, body);
    await settled(written);
    res.destroy();
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect((await faulty.ended('r1')).outcome).toBe('client-left');
    expect((await faulty.view(0)).inflight).toBe(0);
  });
});
