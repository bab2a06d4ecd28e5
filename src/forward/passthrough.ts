import type http from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import httpProxy from 'http-proxy';
import type { Clock } from '../core/clock.ts';
import { Agents } from './agents.ts';
import { PassthroughRun, type PassthroughInput } from './passthrough-run.ts';

const toObject = (flat: readonly string[]): Record<string, string | string[]> => {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = (flat[i] ?? '').toLowerCase();
    const value = flat[i + 1] ?? '';
    const known = headers[name];
    headers[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return headers;
};

/**
 * Forwards a request that runs no model, byte for byte, through http-proxy. That library does not notice a client that
 * leaves (it listens to an event that no longer fires once the body was read) nor a backend that dies in mid-answer,
 * so both are watched by the run.
 */
export class Passthrough {
  readonly #clock: Clock;
  /** How addresses are reached. */
  readonly agents = new Agents();
  readonly #proxy = httpProxy.createProxyServer({ changeOrigin: true, toProxy: true, prependPath: false, xfwd: false });
  readonly #active = new Set<PassthroughRun>();

  /** http-proxy has one event for all requests; this finds the run that it is about. */
  readonly #runs = new WeakMap<IncomingMessage, PassthroughRun>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#proxy.on('proxyReq', (proxyReq, req) => this.#runs.get(req)?.sent(proxyReq));
    this.#proxy.on('proxyRes', (answer, req) => this.#runs.get(req)?.answered(answer));
  }

  /** Starts the forwarding; how it ends is told by the run's `done`. */
  run(input: PassthroughInput): PassthroughRun {
    const { req, body } = input;
    // http-proxy sends `req.headers`; ours are the filtered ones, with the framing of what is really sent.
    const headers = toObject(input.headers);
    const length = body === undefined ? req.headers['content-length'] : String(body.length);
    const chunked = body === undefined && req.headers['transfer-encoding'] !== undefined;
    if (length !== undefined && !(length === '0' && body !== undefined)) headers['content-length'] = length;
    else if (chunked) headers['transfer-encoding'] = 'chunked';
    req.headers = headers;
    const repeatable = body !== undefined || ((length ?? '0') === '0' && !chunked);
    const run = new PassthroughRun(input, repeatable, {
      clock: this.#clock,
      send: (one, again) => this.#send(one, again),
      ended: (one) => this.#active.delete(one),
    });
    this.#runs.set(req, run);
    this.#active.add(run);
    run.start();
    return run;
  }

  #send(run: PassthroughRun, alone: boolean): void {
    const { req, res, origin, path, body } = run.input;
    const { kept, once } = this.agents.of(origin);
    const agent: http.Agent = alone ? once : kept;
    // http-proxy takes the path from the request (and would mangle the query of a target's path).
    const { url } = req;
    req.url = path;
    this.#proxy.web(
      req,
      res,
      {
        target: origin,
        agent,
        // The answer is judged before it is relayed, and its headers pass as they were written.
        selfHandleResponse: true,
        ...(body === undefined ? {} : { buffer: Readable.from(body.length > 0 ? [body] : []) }),
      },
      (error) => run.failed(error),
    );
    if (url !== undefined) req.url = url;
  }

  /** Called at a steady beat, several times within `idleMs`: ends what a backend has fallen silent on for so long. */
  sweep(idleMs: number): void {
    const at = this.#clock.now();
    for (const run of this.#active) run.sweep(at, idleMs);
  }

  close(): void {
    this.agents.close();
  }
}
