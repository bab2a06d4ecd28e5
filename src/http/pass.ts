import type { IncomingMessage } from 'node:http';
import { Runner } from '../backends/backend.ts';
import { ProxyError } from '../core/errors.ts';
import { modelKey } from '../core/model-name.ts';
import { readBody } from '../forward/body.ts';
import { requestHeaders } from '../forward/headers.ts';
import { leastLoaded } from '../routing/least-loaded.ts';
import { passthroughModel, readWishes, withModel } from './ask.ts';
import type { Exchange } from './exchange.ts';
import { failureError, noBackend } from './failover.ts';
import type { HandlerParts } from './parts.ts';
import type { Target } from './targets.ts';

const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** http-proxy takes away the framing of a body of these whose length is not declared, so such a one is read first. */
const NEEDS_LENGTH = new Set(['DELETE', 'OPTIONS']);

const isChunked = (req: IncomingMessage): boolean => req.headers['transfer-encoding'] !== undefined;
const hasBody = (req: IncomingMessage): boolean => isChunked(req) || (req.headers['content-length'] ?? '0') !== '0';

/** The data path of a request that runs no model: the same leases and the same recorder, another forwarder. */
export class Pass {
  readonly #parts: HandlerParts;
  /** Such requests are short and alike, so the least busy backend will do whatever the strategy is. */
  readonly #strategy = leastLoaded();

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Serves one request. @throws ProxyError when no backend can take it or all that may be asked failed */
  async serve(exchange: Exchange): Promise<void> {
    const { registry, clock, rng, passthrough } = this.#parts;
    const { req, res, route } = exchange;
    // Category and the like mean nothing here, but a pin that was not obeyed could delete from the wrong server.
    exchange.explain = readWishes(req.headers).explain;
    const settings = this.#parts.settings();
    const method = req.method ?? 'GET';
    const reads = route.modelIn.length > 0 || (NEEDS_LENGTH.has(method) && isChunked(req));
    const body = reads ? await readBody(req, settings.bodyBytes, settings.bodyIdleMs) : undefined;
    const named = body === undefined ? undefined : passthroughModel(route, body);
    exchange.model = named?.model;
    const target = named && this.#target(named.model);
    const key = target?.key;
    // Nobody has the model: any backend says so in the right words.
    const known = key !== undefined && registry.eligibleForPassthrough(key).known;
    const { runners, obstacles } = registry.eligibleForPassthrough(known ? key : undefined);
    if (runners.length === 0) {
      const reasons = obstacles.map(({ backend, why }) => `${backend}: ${why}`).join('; ');
      throw noBackend(reasons === '' ? 'no backend is configured' : `no backend can take the request now (${reasons})`);
    }
    const facts = { category: '', model: key ?? '', affinityKey: undefined };
    const ranking = this.#strategy.rank(facts, runners, { at: clock.now(), rng });
    const resolved = known && route.resolves && key !== modelKey(named?.model ?? '') ? target : undefined;
    const sent = body && named && resolved ? withModel(body, named.span, resolved.name) : body;
    const replayable = body !== undefined || (BODILESS.has(method) && !hasBody(req));
    for (const { candidate, why } of ranking.all()) {
      const lease = candidate instanceof Runner ? registry.tryAcquire(candidate) : undefined;
      if (lease === undefined) continue;
      const { backend } = lease.runner;
      exchange.begin({ backend: backend.id, model: resolved?.name ?? '', why, rewritten: resolved !== undefined });
      const run = passthrough.run({
        req,
        res,
        origin: backend.config.url.origin,
        path: backend.pathPrefix + (req.url ?? '/'),
        headers: requestHeaders(req.rawHeaders, exchange.id, backend.config.headers),
        body: sent,
        ownHeaders: exchange.ownHeaders,
      });
      exchange.onLeave(() => run.clientLeft());
      const end = await run.done;
      exchange.attempts.push({ backend: backend.id, model: '', why, outcome: end.outcome });
      lease.end(end.outcome);
      if (end.kind !== 'failed') return;
      this.#parts.suspect(backend.id);
      if (!replayable || exchange.left || exchange.attempts.length >= settings.maxAttempts) {
        throw failureError(backend.id, end.failure, exchange.attempts.length);
      }
    }
    const last = exchange.attempts.at(-1);
    if (last?.outcome.kind === 'backend-failed') {
      const { reason, blame, message } = last.outcome;
      throw failureError(last.backend, { reason, blame, message, retryable: false }, exchange.attempts.length);
    }
    throw new ProxyError('no_backend', 'no backend can take the request now', { retryAfterSeconds: 1 });
  }

  /** The first model that a name stands for and that somebody has. */
  #target(name: string): Target {
    const targets = this.#parts.settings().targets.tiers(name, 'unknown').flat();
    const found = targets.find(({ key }) => this.#parts.registry.models().has(key)) ?? targets[0];
    return found ?? { key: modelKey(name), name };
  }
}
