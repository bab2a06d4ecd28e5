import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorText, ProxyError } from '../core/errors.ts';
import { RELAY_BUFFER_BYTES } from '../forward/attempt.ts';
import type { ExplainAnswer } from '../results/decisions.ts';
import { answerBare, answerError, redirect } from './answers.ts';
import { ClientStreams } from './client-streams.ts';
import { ClientLeft, Exchange } from './exchange.ts';
import { explainRequest } from './explain.ts';
import { judgeFront } from './front.ts';
import { Inference } from './infer.ts';
import { methodsOf } from './methods.ts';
import type { HandlerParts } from './parts.ts';
import { Pass } from './pass.ts';
import { Changes } from './pool/changes.ts';
import { Fanout } from './pool/fanout.ts';
import { Reads } from './pool/reads.ts';
import { readTarget, withoutDots, type RequestTarget } from './request-target.ts';
import { routeOf } from './routes.ts';
import { SlowReaders } from './slow-readers.ts';
import { tracedRequest } from './traced.ts';

/** The door of the proxy listener: every request goes in here and every request ends and is recorded here. */
export class Handler {
  readonly #parts: HandlerParts;
  readonly #inference: Inference;
  readonly #pass: Pass;
  readonly #reads: Reads;
  readonly #changes: Changes;
  readonly #fanout: Fanout;
  readonly #clients = new ClientStreams();
  readonly #readers = new SlowReaders();
  /** When those who are looked at once in `limits.stream_idle_timeout` were. */
  #sweptAt: number;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#sweptAt = parts.clock.now();
    this.#pass = new Pass(parts);
    this.#reads = new Reads(parts);
    this.#fanout = new Fanout(parts);
    this.#inference = new Inference(parts, this.#fanout);
    this.#changes = new Changes(parts, this.#fanout);
  }

  /** Serves one request; never throws and never leaves one without an end. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = readTarget(req.url ?? '/');
    req.url = target.raw;
    const route = routeOf(req.method ?? 'GET', target.path);
    const exchange = new Exchange(req, res, route, target.path, this.#parts.clock);
    this.#watchReader(exchange);
    let leave: (() => void) | undefined;
    try {
      if (!this.#answeredAtDoor(exchange, target)) {
        this.#parts.keys.enter(exchange);
        if (route.forwarder === 'inference') leave = this.#enterClient(exchange);
        await this.#serve(exchange);
      }
    } catch (error) {
      if (!exchange.left && !(error instanceof ClientLeft)) answerError(exchange, this.#asProxyError(exchange, error));
    }
    leave?.();
    const record = exchange.record();
    this.#parts.keys.leave(exchange, record);
    this.#parts.recorder.request(record);
    this.#parts.trace()?.add(exchange.startedAt, (atMs) => tracedRequest(exchange, record, atMs));
  }

  #serve(exchange: Exchange): Promise<void> {
    const { forwarder, read, change } = exchange.route;
    if (forwarder === 'inference') return this.#inference.serve(exchange);
    if (change !== undefined) return this.#changes.serve(exchange, change);
    return read === undefined ? this.#pass.serve(exchange) : this.#reads.serve(exchange, read);
  }

  #enterClient({ req }: Exchange): () => void {
    return this.#clients.enter(req.socket.remoteAddress ?? '', this.#parts.settings().streamsPerClient);
  }

  #watchReader({ res, route, id }: Exchange): void {
    // What runs no model passes through a pipe, which pauses as soon as the response asks for it.
    const fullBytes = route.forwarder === 'inference' ? RELAY_BUFFER_BYTES : res.writableHighWaterMark;
    this.#readers.watch(res, fullBytes, (waitingBytes) => {
      const fields = { event: 'slow-reader', requestId: id, waitingBytes };
      this.#parts.log.info(fields, 'a client read nothing of its answer for limits.write_idle_timeout: given up');
    });
  }

  /** What is answered without looking at the route: unclean paths, foreign pages, preflights. */
  #answeredAtDoor(exchange: Exchange, target: RequestTarget): boolean {
    const { req } = exchange;
    if (target.raw === '*') {
      // About the server as a whole: Go's answers before any handler (net/http globalOptionsHandler).
      answerBare(exchange, 200, ['content-length', '0']);
      return true;
    }
    const clean = withoutDots(target);
    if (clean !== undefined) {
      redirect(exchange, clean);
      return true;
    }
    const verdict = judgeFront(req, this.#parts.settings().front, methodsOf(target.path));
    if (verdict.kind === 'pass') {
      exchange.frontHeaders = verdict.headers;
      return false;
    }
    if (verdict.status === 403) exchange.error = 'forbidden';
    answerBare(exchange, verdict.status, verdict.headers);
    return true;
  }

  /** Ranks the backends for a request without sending it. @throws ProxyError as `explainRequest` */
  explain(body: Buffer): ExplainAnswer {
    return explainRequest(this.#parts, body);
  }

  /** Called at a steady beat, several times within `limits.stream_idle_timeout`, which is given in ms. */
  sweep(idleMs: number): void {
    const at = this.#parts.clock.now();
    this.#inference.sweep(at, idleMs);
    if (at - this.#sweptAt < idleMs) return;
    this.#sweptAt = at;
    this.#fanout.sweep(idleMs);
  }

  /** Called at a steady beat of a quarter of `limits.write_idle_timeout`: gives up clients that do not read. */
  lookAtReaders(): void {
    this.#readers.look();
  }

  /** A backend does not answer its probes any more. */
  backendLost(backend: string): void {
    this.#fanout.serverLost(backend);
  }

  #asProxyError(exchange: Exchange, error: unknown): ProxyError {
    if (error instanceof ProxyError) return error;
    this.#parts.log.error(
      { requestId: exchange.id, error: errorText(error), stack: error instanceof Error ? error.stack : undefined },
      'a request hit a fault of the proxy itself',
    );
    return new ProxyError('internal', 'the proxy failed to handle this request; its log says why', { cause: error });
  }
}
