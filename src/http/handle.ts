import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorText, ProxyError } from '../core/errors.ts';
import { answerError } from './answers.ts';
import { ClientLeft, Exchange } from './exchange.ts';
import { Inference } from './infer.ts';
import type { HandlerParts } from './parts.ts';
import { Pass } from './pass.ts';
import { routeOf } from './routes.ts';

/** The door of the proxy listener: every request goes in here and every request ends and is recorded here. */
export class Handler {
  readonly #parts: HandlerParts;
  readonly #inference: Inference;
  readonly #pass: Pass;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#inference = new Inference(parts);
    this.#pass = new Pass(parts);
  }

  /** Serves one request; never throws and never leaves one without an end. */
  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = pathOf(req.url ?? '/');
    const route = routeOf(req.method ?? 'GET', path);
    const exchange = new Exchange(req, res, route, path, this.#parts.clock);
    try {
      await (route.forwarder === 'inference' ? this.#inference : this.#pass).serve(exchange);
    } catch (error) {
      if (!exchange.left && !(error instanceof ClientLeft)) answerError(exchange, this.#asProxyError(exchange, error));
    }
    this.#parts.recorder.request(exchange.record());
  }

  /** Called at a steady beat of `limits.stream_idle_timeout`, given in ms. */
  sweep(idleMs: number): void {
    this.#inference.sweep(idleMs);
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

const pathOf = (url: string): string => {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
};
