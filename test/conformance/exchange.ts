import http from 'node:http';
import https from 'node:https';
import type { Case } from './cases.ts';

/** An answer as it came, with everything that a client can hold on to. */
export interface Heard {
  readonly status: number;
  /** `name: value` in lower case names, sorted; repeats apart. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The message came to its proper end. */
  readonly complete: boolean;
}

const piecesOf = (body: Buffer, count: number): readonly Buffer[] => {
  const size = Math.max(1, Math.ceil(body.length / count));
  return Array.from({ length: Math.ceil(body.length / size) }, (_, i) => body.subarray(i * size, (i + 1) * size));
};

/** Sends a case to a server, on a connection of its own. */
export const send = (base: string, { method, path, body, headers, chunks }: Case): Promise<Heard> =>
  new Promise((resolve, reject) => {
    const { protocol, hostname, port, host, pathname } = new URL(base);
    const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const framing =
      bytes === undefined
        ? {}
        : chunks === undefined
          ? { 'content-length': bytes.length }
          : { 'transfer-encoding': 'chunked' };
    const request = (protocol === 'https:' ? https : http).request({
      method,
      hostname: hostname.replaceAll(/[[\]]/g, ''),
      port,
      path: pathname.replace(/\/$/, '') + path,
      agent: false,
      headers: { host, ...framing, ...headers },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      request.off('error', reject);
      request.on('error', () => {});
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', () => {});
      response.once('close', () => {
        const raw = response.rawHeaders;
        const pairs = Array.from({ length: raw.length / 2 }, (_, i) => {
          return [(raw[i * 2] ?? '').toLowerCase(), raw[i * 2 + 1] ?? ''] as const;
        });
        resolve({
          status: response.statusCode ?? 0,
          headers: pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
          body: Buffer.concat(pieces).toString('utf8'),
          complete: response.complete,
        });
      });
    });
    const pieces = bytes === undefined ? [] : piecesOf(bytes, chunks ?? 1);
    for (const piece of pieces) request.write(piece);
    request.end();
  });
