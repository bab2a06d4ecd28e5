import type http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import httpProxy from 'http-proxy';
import type { Clock } from '../core/clock.ts';
import { errorText, ProxyError } from '../core/errors.ts';
import type { Outcome, Phase } from '../core/types.ts';
import type { AttemptEnd, HeldAnswer } from './attempt.ts';
import { Agents } from './agents.ts';
import { classifyError, type Failure } from './classify.ts';
import { responseHeaders } from './headers.ts';
import { CLOSING_MS, isClosed } from './reuse.ts';
import { watchUpload } from './upload-watch.ts';

export interface PassthroughInput {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** `http://host:port` of the backend. */
  readonly origin: string;
  /** Path and query as they go out, prefix included. */
  readonly path: string;
  /** What goes out, flat name-value list, framing aside. */
  readonly headers: readonly string[];
  /** The body if it was read already; otherwise it is piped from the client. */
  readonly body: Buffer | undefined;
  /** Headers of ours for the client, flat name-value list. */
  readonly ownHeaders: () => readonly string[];
  /** Called with the head of the answer; with a failure the answer is read whole and not sent. */
  readonly refused?: (status: number, contentType: string | undefined) => Failure | undefined;
  /** Longest silence of the client while its body is piped, in ms. */
  readonly bodyIdleMs: number;
}

export interface PassthroughRun {
  readonly done: Promise<AttemptEnd>;
  /** What the client did wrong in the middle of its body, if that ended the run. */
  clientFault(): ProxyError | undefined;
  /** Stops the backend at once. */
  clientLeft(): void;
}

interface Hooks {
  request(proxyReq: http.ClientRequest): void;
  answered(answer: IncomingMessage): void;
}

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

/** A refusal is one sentence; more of it is not kept. */
const MAX_HELD_BYTES = 64 * 1024;

/** An answer that is not sent, read to its end; undefined when it was too long or was cut off. */
const readHeld = async (answer: IncomingMessage): Promise<Buffer | undefined> => {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > MAX_HELD_BYTES) return undefined;
      pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
};

/** How long a client may go on sending a body that nobody wants any more, so that it can read its answer in peace. */
const LINGER_MS = 1_000;

/**
 * The answer came before the whole body had gone to the backend (a blob that exists already): what is still coming is
 * thrown away for a while, then the connection is ended. Ending it at once could reset the answer away.
 */
const stopUpload = ({ req, res }: PassthroughInput, upstream: http.ClientRequest | undefined): void => {
  req.unpipe();
  upstream?.destroy();
  req.resume();
  const linger = (): void => {
    const timer = setTimeout(() => req.socket.destroy(), LINGER_MS);
    req.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  };
  if (res.writableFinished) linger();
  else res.once('finish', linger);
};

/** A complete answer as an outcome; an error of the backend's own is told as one, but no breaker steps on it. */
const answeredWith = (status: number, firstByteMs: number, totalMs: number): Outcome => {
  if (status < 400) return { kind: 'served', status, firstByteMs, totalMs, usage: undefined };
  if (status < 500) return { kind: 'client-error', status, totalMs };
  const message = `answered ${status}`;
  return { kind: 'backend-failed', phase: 'body', reason: 'status-5xx', blame: 'none', message, totalMs };
};

/**
 * Forwards a request that runs no model, byte for byte, through http-proxy. That library does not notice a client that
 * leaves (it listens to an event that no longer fires once the body was read) nor a backend that dies in mid-answer,
 * so both are watched here.
 */
export class Passthrough {
  readonly #clock: Clock;
  /** How addresses are reached. */
  readonly agents = new Agents();
  readonly #proxy = httpProxy.createProxyServer({ changeOrigin: true, toProxy: true, prependPath: false, xfwd: false });

  /** http-proxy has one event for all requests; this finds the one that it is about. */
  readonly #hooks = new WeakMap<IncomingMessage, Hooks>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#proxy.on('proxyReq', (proxyReq, req) => this.#hooks.get(req)?.request(proxyReq));
    this.#proxy.on('proxyRes', (answer, req) => this.#hooks.get(req)?.answered(answer));
  }

  /** Starts the forwarding; the promise never rejects. `clientLeft` stops the backend at once. */
  run(input: PassthroughInput): PassthroughRun {
    const { req, res, origin, path, body, bodyIdleMs } = input;
    const startedAt = this.#clock.now();
    let upstream: http.ClientRequest | undefined;
    let sentAt = startedAt;
    let readBefore = 0;
    let again = false;
    let phase: Phase = 'connect';
    let firstByteMs = 0;
    let settle: (end: AttemptEnd) => void = () => {};
    let settled = false;
    let fault: ProxyError | undefined;
    let endWatch = (): void => {};
    let answer: IncomingMessage | undefined;
    const elapsed = (): number => this.#clock.now() - startedAt;
    const done = new Promise<AttemptEnd>((resolve) => {
      settle = (end) => {
        settled = true;
        endWatch();
        resolve(end);
      };
    });
    const fail = (failure: Failure, held?: HeldAnswer): void => {
      if (settled) return;
      const { reason, blame, message } = failure;
      const outcome: Outcome = { kind: 'backend-failed', phase, reason, blame, message, totalMs: elapsed() };
      if (!res.headersSent) {
        settle({ kind: 'failed', failure, outcome, answer: held });
        return;
      }
      settle({ kind: 'cut', outcome });
      res.destroy();
    };

    // http-proxy sends `req.headers`; ours are the filtered ones, with the framing of what is really sent.
    const headers = toObject(input.headers);
    const length = body === undefined ? req.headers['content-length'] : String(body.length);
    if (length !== undefined && !(length === '0' && body !== undefined)) headers['content-length'] = length;
    else if (body === undefined && req.headers['transfer-encoding'] !== undefined) {
      headers['transfer-encoding'] = 'chunked';
    }
    req.headers = headers;

    const { kept, once } = this.agents.of(origin);
    const repeatable =
      body !== undefined || ((length ?? '0') === '0' && req.headers['transfer-encoding'] === undefined);
    const request = (proxyReq: http.ClientRequest): void => {
      upstream = proxyReq;
      sentAt = this.#clock.now();
      readBefore = proxyReq.socket?.bytesRead ?? 0;
      // http-proxy makes one slash of several; what a path means is for the backend to say.
      proxyReq.path = path;
      // http-proxy tells of a request when it gets its socket, so that event has passed.
      const connected = (): void => {
        if (phase === 'connect') phase = 'head';
      };
      const secure = origin.startsWith('https:');
      if (proxyReq.socket?.connecting === true) proxyReq.socket.once(secure ? 'secureConnect' : 'connect', connected);
      else connected();
      // A switch of protocols that nobody asked for; Node tells of it by neither an answer nor an error.
      proxyReq.once('upgrade', (_answer, socket) => {
        socket.destroy();
        fail({ reason: 'bad-answer', blame: 'none', retryable: true, message: 'switched protocols unasked (101)' });
      });
      if (settled) proxyReq.destroy();
    };
    const relay = (incoming: IncomingMessage): void => {
      answer = incoming;
      phase = 'body';
      firstByteMs = elapsed();
      const status = incoming.statusCode ?? 0;
      const headers = responseHeaders(incoming.rawHeaders);
      const refusal = input.refused?.(status, incoming.headers['content-type']);
      if (refusal !== undefined) {
        void readHeld(incoming).then((body) => fail(refusal, body && { status, headers, body }));
        return;
      }
      res.writeHead(status, [...headers, ...input.ownHeaders()]);
      incoming.pipe(res);
      incoming.once('close', () => {
        if (incoming.complete) {
          if (settled) return;
          if (!req.complete) stopUpload(input, upstream);
          settle({ kind: 'answered', outcome: answeredWith(status, firstByteMs, elapsed()) });
          return;
        }
        fail({ reason: 'cut-stream', blame: 'none', retryable: false, message: 'died in mid-answer' });
      });
    };
    // It is called by a socket: what it throws, for a status that no answer may have say, would end the process.
    const answered = (incoming: IncomingMessage): void => {
      try {
        relay(incoming);
      } catch (error) {
        incoming.destroy();
        const message = `its answer cannot be handed on: ${errorText(error)}`;
        fail({ reason: 'bad-answer', blame: 'none', retryable: false, message });
      }
    };
    this.#hooks.set(req, { request, answered });
    // A kept connection that the server closed at the moment of its use (see reuse.ts).
    const wasClosing = (error: Error): boolean =>
      upstream?.reusedSocket === true &&
      answer === undefined &&
      (upstream.socket?.bytesRead ?? 0) <= readBefore &&
      isClosed(error) &&
      this.#clock.now() - sentAt < CLOSING_MS;
    const send = (agent: http.Agent): void => {
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
        (error) => {
          // What is wrong came behind a whole answer: that one is good, and its connection is not used again.
          if (answer?.complete === true) return;
          if (repeatable && !again && !settled && wasClosing(error)) {
            again = true;
            phase = 'connect';
            send(once);
          } else fail(classifyError(error, phase));
        },
      );
      if (url !== undefined) req.url = url;
    };
    // What cannot be sent twice goes where nothing went before.
    send(repeatable ? kept : once);
    if (body === undefined && !req.complete) {
      endWatch = watchUpload(
        req,
        bodyIdleMs,
        () => upstream,
        () => {
          fault = new ProxyError('request_timeout', `no byte of the request body for ${bodyIdleMs} ms`);
          fail(classifyError(fault, phase));
          upstream?.destroy();
        },
      );
    }
    return {
      done,
      clientFault: () => fault,
      clientLeft: () => {
        if (settled) return;
        settle({ kind: 'left', outcome: { kind: 'client-left', phase, totalMs: elapsed() } });
        upstream?.destroy();
      },
    };
  }

  close(): void {
    this.agents.close();
  }
}
