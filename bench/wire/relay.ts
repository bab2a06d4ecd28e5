import http, { type ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import { announce, KEEP_ALIVE_MS } from './listen.ts';

/**
 * The least that a proxy on node:http and undici can do: read the body, dispatch it, write back what comes. It decides
 * nothing, records nothing and survives no failure, so it is the floor for what the real one can cost.
 *
 * `tsx relay.ts BACKEND_URL`
 */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length']);

const travelling = (raw: readonly (Buffer | string)[]): string[] => {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]);
    if (!HOP_BY_HOP.has(name.toLowerCase())) out.push(name, String(raw[i + 1]));
  }
  return out;
};

class Relay implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#res.once('close', () => {
      if (!this.#res.writableFinished) controller.abort(new Error('the client has left'));
    });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const { rawHeaders } = controller;
    this.#res.writeHead(status, travelling(Array.isArray(rawHeaders) ? rawHeaders : []));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#res.write(chunk)) return;
    controller.pause();
    this.#res.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#res.end();
  }

  onResponseError(): void {
    this.#res.destroy();
  }
}

const pool = new Pool(process.argv[2] ?? '', {
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: KEEP_ALIVE_MS / 2,
  keepAliveMaxTimeout: KEEP_ALIVE_MS / 2,
});
const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    const headers = travelling(req.rawHeaders);
    const body = chunks.length === 0 ? null : Buffer.concat(chunks);
    pool.dispatch({ method: req.method ?? 'GET', path: req.url ?? '/', headers, body }, new Relay(res));
  });
});
announce(server);
