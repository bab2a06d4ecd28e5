import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorText, ProxyError } from '../core/errors.ts';
import type { ExplainAnswer } from '../results/decisions.ts';
import { answerBare, answerError, redirect } from './answers.ts';
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
import { tracedRequest } from './traced.ts';

/** The door of the proxy listener: every request goes in here and every request ends and is recorded here. */
export class Handler {
  readonly #parts: HandlerParts;
  readonly #inference: Inference;
  readonly #pass: Pass;
  readonly #reads: Reads;
  readonly #changes: Changes;
  readonly #fanout: Fanout;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
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
    try {
      if (!this.#answeredAtDoor(exchange, target)) await this.#serve(exchange);
    } catch (error) {
      if (!exchange.left && !(error instanceof ClientLeft)) answerError(exchange, this.#asProxyError(exchange, error));
    }
    const record = exchange.record();
    this.#parts.recorder.request(record);
    this.#parts.trace()?.add(exchange.startedAt, (atMs) => tracedRequest(exchange, record, atMs));
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { forwarder, read, change } = exchange.route;
    if (forwarder === 'inference') await this.#inference.serve(exchange);
    else if (change !== undefined) await this.#changes.serve(exchange, change);
    else if (read === undefined) await this.#pass.serve(exchange);
    else await this.#reads.serve(exchange, read);
  }

  /** What is answered without looking at the route: unclean paths, foreign pages, preflights. */
  #answeredAtDoor(exchange: Exchange, target: RequestTarget): boolean {
    const { req } = exchange;
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

  /** Called at a steady beat of `limits.stream_idle_timeout`, given in ms. */
  sweep(idleMs: number): void {
    this.#inference.sweep(idleMs);
    this.#fanout.sweep(idleMs);
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
