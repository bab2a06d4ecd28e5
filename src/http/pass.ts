import type { IncomingMessage } from 'node:http';
import { Runner } from '../backends/backend.ts';
import { modelKey } from '../core/model-name.ts';
import type { HeldAnswer } from '../forward/attempt.ts';
import { readBody } from '../forward/body.ts';
import { classifyStatus, routeMissing, type Failure } from '../forward/classify.ts';
import { requestHeaders } from '../forward/headers.ts';
import { leastLoaded } from '../routing/least-loaded.ts';
import { passthroughModel, readWishes, withModel, type NamedModel } from './ask.ts';
import { mayPin } from './candidates.ts';
import type { Exchange } from './exchange.ts';
import { failureError, noBackend } from './failover.ts';
import { segmentAfter } from './methods.ts';
import type { HandlerParts } from './parts.ts';
import type { Target } from './targets.ts';

const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** http-proxy takes away the framing of a body of these whose length is not declared, so such a one is read first. */
const NEEDS_LENGTH = new Set(['DELETE', 'OPTIONS']);
/** A body of a route that the proxy does not know is held up to this length, so that another backend can be tried. */
const HELD_BYTES = 1024 * 1024;

const isChunked = (req: IncomingMessage): boolean => req.headers['transfer-encoding'] !== undefined;
const lengthOf = (req: IncomingMessage): number => Number(req.headers['content-length'] ?? 0);
const hasBody = (req: IncomingMessage): boolean => isChunked(req) || lengthOf(req) !== 0;

/** What is sent, and to whom. */
interface Errand {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Undefined = it is piped from the client. */
  readonly body: Buffer | undefined;
  /** It can be sent again. */
  readonly replayable: boolean;
  readonly runners: readonly Runner[];
  /** The model that stands in for the one the client named, where it does. */
  readonly resolved: Target | undefined;
  /** A model was named and these backends list it: one that says no may be behind the times. */
  readonly known: boolean;
}

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
    // Category and the like mean nothing here, but a pin that was not obeyed could delete from the wrong server.
    const { explain, pin } = readWishes(exchange.req.headers, exchange.visit, this.#parts.settings().categories);
    exchange.explain = explain;
    const errand = await this.#understand(exchange, pin);
    const { maxAttempts } = this.#parts.settings();
    let counted = 0;
    let held: HeldAnswer | undefined;
    let last: { readonly backend: string; readonly failure: Failure } | undefined;
    for (const { runner, why } of this.#order(exchange, errand)) {
      const end = await this.#attempt(exchange, errand, runner, why);
      if (end === undefined) continue;
      if (end.kind !== 'failed') return;
      const { failure, answer } = end;
      last = { backend: runner.backendId, failure };
      held = answer;
      if (answer === undefined) this.#parts.suspect(runner.backendId);
      // A server without the route has cost nothing, and there may be many of an old version.
      if (failure.reason !== 'route-missing') counted++;
      if (!errand.replayable || exchange.left || counted >= maxAttempts) break;
    }
    if (held !== undefined) {
      exchange.res.writeHead(held.status, [...held.headers, ...exchange.ownHeaders()]);
      exchange.res.end(held.body);
      return;
    }
    if (last !== undefined) throw failureError(last.backend, last.failure, exchange.attempts.length);
    throw noBackend('no backend can take the request now');
  }

  // ---- understand ----

  async #understand(exchange: Exchange, pin: string | undefined): Promise<Errand> {
    const { registry } = this.#parts;
    const { req, route, path } = exchange;
    const method = req.method ?? 'GET';
    const body = await this.#body(exchange);
    const inPath = route.modelAfter === undefined ? undefined : segmentAfter(route.modelAfter, path);
    const inBody = body === undefined ? undefined : passthroughModel(route, body);
    exchange.model = inPath ?? inBody?.model;
    if (exchange.model === undefined && hasBody(req)) this.#parts.keys.mustOwn(exchange, undefined);
    mayPin(registry, pin, 'answer');
    const target = exchange.model === undefined ? undefined : await this.#target(exchange, exchange.model);
    // Nobody has the model: any backend says so in the right words.
    const known = target !== undefined && registry.eligibleForPassthrough(target.key).known;
    const { runners: able, obstacles } = registry.eligibleForPassthrough(known ? target.key : undefined);
    const runners = pin === undefined ? able : able.filter(({ backendId }) => backendId === pin);
    if (runners.length === 0) {
      const reasons = obstacles.map(({ backend, why }) => `${backend}: ${why}`).join('; ');
      throw noBackend(reasons === '' ? 'no backend is configured' : `no backend can take the request now (${reasons})`);
    }
    const resolved = known && route.resolves && target.key !== modelKey(exchange.model ?? '') ? target : undefined;
    const pathToo = resolved !== undefined && route.modelAfter !== undefined;
    return {
      method,
      path: pathToo ? `${route.modelAfter}${encodeURIComponent(resolved.name)}` : (req.url ?? '/'),
      body: renamed(body, inBody, resolved),
      replayable: body !== undefined || (BODILESS.has(method) && !hasBody(req)),
      runners,
      resolved,
      known,
    };
  }

  /** Reads the body where something is to be found in it, or where holding it allows a second try. */
  async #body({ req, route }: Exchange): Promise<Buffer | undefined> {
    const { bodyBytes, bodyIdleMs } = this.#parts.settings();
    const length = lengthOf(req);
    const small = length > 0 && length <= HELD_BYTES;
    const chunked = isChunked(req) && NEEDS_LENGTH.has(req.method ?? '');
    const reads = small || chunked || (!route.unknown && route.modelIn.length > 0);
    return reads ? readBody(req, bodyBytes, bodyIdleMs) : undefined;
  }

  /** The first model that a name stands for and that somebody has. Before none has, the backends are asked again. */
  async #target(exchange: Exchange, name: string): Promise<Target> {
    const { registry, refreshModels, keys } = this.#parts;
    const targets = keys.narrow(exchange, name, this.#parts.settings().targets.tiers(name, 'unknown')).flat();
    const find = (): Target | undefined => targets.find(({ key }) => registry.models().has(key));
    const found = find();
    if (found !== undefined) return found;
    await refreshModels();
    return find() ?? targets[0] ?? { key: modelKey(name), name };
  }

  // ---- ask ----

  /** Who is asked, in order. Servers that lack the route are asked, one of them, only when all do. */
  #order({ route, path }: Exchange, { method, runners }: Errand): readonly { runner: Runner; why: string }[] {
    const { clock, rng, gaps } = this.#parts;
    if (route.pinned) return runners.map((runner) => ({ runner, why: 'the account of one server is meant' }));
    const able = runners.filter(({ backend }) => !gaps.lacks(backend, method, path));
    const facts = { category: '', model: '', affinityKey: undefined };
    const ranking = this.#strategy.rank(facts, able.length > 0 ? able : runners, { at: clock.now(), rng });
    const order = ranking
      .all()
      .flatMap(({ candidate, why }) => (candidate instanceof Runner ? [{ runner: candidate, why }] : []));
    return able.length > 0 ? order : order.slice(0, 1);
  }

  /**
   * @returns undefined when the backend has become unable to take it in the meantime
   * @throws ProxyError `request_timeout` when the client fell silent in the middle of its body
   */
  async #attempt(exchange: Exchange, errand: Errand, runner: Runner, why: string) {
    const lease = this.#parts.registry.tryAcquire(runner);
    if (lease === undefined) return undefined;
    const { backend } = runner;
    const { req, res } = exchange;
    const { resolved } = errand;
    exchange.begin({ backend: backend.id, model: resolved?.name ?? '', why, rewritten: resolved !== undefined });
    const run = this.#parts.passthrough.run({
      req,
      res,
      origin: backend.config.url.origin,
      path: backend.pathPrefix + errand.path,
      headers: requestHeaders(req.rawHeaders, exchange.id, backend.config.headers),
      body: errand.body,
      ownHeaders: exchange.ownHeaders,
      bodyIdleMs: this.#parts.settings().bodyIdleMs,
      refused: (status, type) => this.#refused(exchange, errand, runner, status, type),
    });
    exchange.onLeave(() => run.clientLeft());
    const end = await run.done;
    exchange.attempts.push({ backend: backend.id, model: '', why, outcome: end.outcome });
    lease.end(end.outcome);
    const fault = run.clientFault();
    if (fault !== undefined) throw fault;
    return end;
  }

  /** Whether an answer means that another backend is to be asked. */
  #refused(
    { path }: Exchange,
    { method, known, replayable }: Errand,
    { backend }: Runner,
    status: number,
    type: string | undefined,
  ): Failure | undefined {
    if (status === 503 && replayable) {
      const verdict = classifyStatus(status, 'it is busy');
      return verdict === 'answer' ? undefined : verdict;
    }
    if (status !== 404 && status !== 405) return undefined;
    if (type?.startsWith('text/plain') === true) {
      this.#parts.gaps.learn(backend, method, path);
      return replayable ? routeMissing(status) : undefined;
    }
    if (status !== 404 || !known || !replayable) return undefined;
    return { reason: 'model-missing', blame: 'none', retryable: true, message: 'answered 404: it has no such model' };
  }
}

const renamed = (
  body: Buffer | undefined,
  named: NamedModel | undefined,
  resolved: Target | undefined,
): Buffer | undefined =>
  body !== undefined && named !== undefined && resolved !== undefined
    ? withModel(body, named.span, resolved.name)
    : body;
