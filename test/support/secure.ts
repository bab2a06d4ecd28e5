import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import type { Answer } from './http-call.ts';

export interface SecureOptions extends tls.ConnectionOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly onData?: (chunk: Buffer) => void;
}

/** One HTTPS request on a connection of its own. */
export const secureCall = (url: string, { method, body, onData, ...options }: SecureOptions = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const req = https.request(url, {
      ...options,
      agent: false,
      method: method ?? (sent === undefined ? 'GET' : 'POST'),
    });
    req.once('error', reject);
    req.once('response', (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        onData?.(chunk);
      });
      res.on('error', () => {});
      res.once('close', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, complete: res.complete }),
      );
    });
    req.end(sent);
  });

/** TLS in front of a server that speaks none; ends with the test. @returns its URL, by address */
export const startTlsFront = async (target: string, options: tls.TlsOptions): Promise<string> => {
  const { port: behind } = new URL(target);
  const sockets = new Set<net.Socket>();
  const server = tls.createServer(options, (socket) => {
    const inner = net.connect(Number(behind), '127.0.0.1');
    for (const one of [socket, inner]) {
      sockets.add(one);
      one.on('error', () => one.destroy());
    }
    socket.pipe(inner).pipe(socket);
    socket.once('close', () => inner.destroy());
    inner.once('close', () => socket.destroy());
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
