import { Runner } from '../backends/backend.ts';
import type { Lease } from '../backends/registry.ts';
import { ProxyError } from '../core/errors.ts';
import { modelKey } from '../core/model-name.ts';
import type { RequestFacts } from '../core/types.ts';
import { Attempt, type AttemptEnd } from '../forward/attempt.ts';
import { readBody } from '../forward/body.ts';
import type { Failure } from '../forward/classify.ts';
import { requestHeaders } from '../forward/headers.ts';
import { readAsk, readWishes, withModel, type Ask } from './ask.ts';
import type { Exchange } from './exchange.ts';
import { costsBudget, failureError, noBackend, nothingTried, type FailedAttempt, type Tried } from './failover.ts';
import type { HandlerParts, HandlerSettings } from './parts.ts';
import { modelNotFoundText } from './routes.ts';
import type { Target, Tiers } from './targets.ts';

/** A place on a backend, taken. */
interface Place {
  readonly lease: Lease;
  readonly target: Target;
  readonly why: string;
}

/** What is asked for, ready to be routed. */
interface Job {
  readonly facts: RequestFacts;
  readonly ask: Ask;
  readonly tiers: Tiers;
  readonly settings: HandlerSettings;
}

/** The data path of a request that runs a model: understand → reserve → attempt → (fail over) → answered. */
export class Inference {
  readonly #parts: HandlerParts;
  readonly #active = new Set<Attempt>();

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Called at a steady beat of `limits.stream_idle_timeout`, given in ms. */
  sweep(idleMs: number): void {
    for (const attempt of this.#active) attempt.sweep(idleMs);
  }

  /** Serves one request. @throws ProxyError when it is refused or every attempt failed; ClientLeft while it waited */
  async serve(exchange: Exchange): Promise<void> {
    const { gate, clock } = this.#parts;
    const job = await this.#understand(exchange);
    const { facts, tiers, settings } = job;
    this.#parts.retries.request(clock.now());
    const tried = nothingTried();
    for (;;) {
      const waitFrom = clock.now();
      const place = await gate.enter(
        facts,
        () => this.#reserve(job, tried, exchange.attempts.length),
        exchange.leaving,
        tried.last !== undefined,
      );
      exchange.queueMs += clock.now() - waitFrom;
      const end = await this.#attempt(exchange, job, place);
      if (end.kind !== 'failed') return;
      const { runner } = place.lease;
      this.#parts.suspect(runner.backendId);
      tried.last = { backend: runner.backendId, failure: end.failure };
      // Whether anybody is left comes first: asking whether a retry is allowed spends budget.
      const remain = this.#othersRemain(tried, runner, end.failure, tiers, exchange.attempts.length);
      if (!remain || !this.#mayRetry(exchange, end.failure, settings.maxAttempts, facts)) {
        this.#giveUp(exchange, end, runner.backendId);
        return;
      }
    }
  }

  // ---- understand ----

  async #understand(exchange: Exchange): Promise<Job> {
    const settings = this.#parts.settings();
    const { req, route, path } = exchange;
    const wishes = readWishes(req.headers);
    exchange.explain = wishes.explain;
    const body = await readBody(req, settings.bodyBytes, settings.bodyIdleMs);
    const ask = readAsk(route, path, req.headers, body);
    exchange.model = ask.model;
    exchange.strategy = settings.strategy.name;
    if (wishes.category === undefined) {
      const verdict = this.#parts.categorizer.categorize(ask.prompt());
      exchange.category = verdict.category;
      exchange.categoryWhy = verdict.why;
    } else {
      exchange.category = wishes.category;
      exchange.categoryWhy = 'given by the client';
    }
    const { category } = exchange;
    const tiers = settings.targets.tiers(ask.model, category);
    await this.#ensureKnown(tiers, path, ask.model);
    const facts: RequestFacts = {
      id: exchange.id,
      category,
      model: modelKey(ask.model),
      affinityKey: ask.affinityKey,
      endpoint: route.endpoint,
      dialect: route.dialect,
      stream: ask.stream,
      priority: wishes.priority,
      deadline: exchange.startedAt + wishes.deadlineMs,
    };
    return { facts, ask, tiers, settings };
  }

  /** Before a model is called unknown the backends are asked again: somebody may have just pulled it. */
  async #ensureKnown(tiers: Tiers, path: string, asked: string): Promise<void> {
    const { registry, refreshModels } = this.#parts;
    const known = (): boolean => tiers.some((tier) => tier.some(({ key }) => registry.models().has(key)));
    if (known()) return;
    await refreshModels();
    if (known()) return;
    if (registry.inventoryKnown && registry.upCount > 0) {
      throw new ProxyError('model_not_found', modelNotFoundText(path, asked));
    }
    const down = registry.snapshots().map(({ name, lastError }) => `${name}: ${lastError ?? 'not probed yet'}`);
    throw noBackend(down.length === 0 ? 'no backend is configured' : `no backend is up (${down.join('; ')})`);
  }

  // ---- reserve ----

  /**
   * Takes a place in one tick: who is eligible, in which order, the first one with room. Undefined = all are full.
   * @throws ProxyError when nobody is eligible, so that waiting would be pointless
   */
  #reserve(job: Job, tried: Tried, attempts: number): Place | undefined {
    const { registry, clock, rng, metrics } = this.#parts;
    const { strategy } = job.settings;
    const at = clock.now();
    let full = false;
    for (const tier of job.tiers) {
      const runners = this.#candidates(tier, tried);
      const ranking = strategy.rank(job.facts, runners, { at, rng });
      for (let i = 0; i < ranking.size; i++) {
        const choice = ranking.at(i);
        if (!(choice?.candidate instanceof Runner)) break;
        const runner = choice.candidate;
        const why = choice.why;
        const lease = registry.tryAcquire(runner);
        if (lease === undefined) {
          full = true;
          continue;
        }
        // A failover does not advance a strategy's cursor: one request, one turn.
        if (tried.last === undefined) strategy.chosen?.(runner, runners);
        metrics.decision(strategy.name, clock.now() - at);
        return { lease, why, target: tier.find(({ key }) => key === runner.model) ?? targetOf(runner) };
      }
    }
    if (full) return undefined;
    if (tried.last !== undefined) throw failureError(tried.last.backend, tried.last.failure, attempts);
    throw noBackend(`no backend can take the request now (${this.#obstacles(job.tiers).join('; ')})`);
  }

  #candidates(tier: readonly Target[], tried: Tried): readonly Runner[] {
    const runners: Runner[] = [];
    for (const { key } of tier) {
      for (const runner of this.#parts.registry.eligible(key).runners) {
        if (!tried.runners.has(runner.id) && !tried.backends.has(runner.backendId)) runners.push(runner);
      }
    }
    return runners;
  }

  #obstacles(tiers: Tiers): readonly string[] {
    return tiers.flat().flatMap(({ key, name }) => {
      const { known, obstacles } = this.#parts.registry.eligible(key);
      return known ? obstacles.map(({ backend, why }) => `${backend}: ${why}`) : [`no backend has ${name}`];
    });
  }

  // ---- attempt ----

  /** Sends the request to the backend whose place was taken, and gives the place back with what came of it. */
  async #attempt(exchange: Exchange, { facts, ask }: Job, { lease, target, why }: Place): Promise<AttemptEnd> {
    const { pools, clock, recorder } = this.#parts;
    const { runner } = lease;
    const { backend } = runner;
    const { req, res } = exchange;
    const rewritten = target.key !== facts.model;
    exchange.begin({ backend: backend.id, model: target.name, why, rewritten });
    const attempt = new Attempt({
      dispatcher: pools.get({ id: backend.id, origin: backend.config.url.origin }),
      method: 'POST',
      path: backend.pathPrefix + (req.url ?? '/'),
      headers: requestHeaders(req.rawHeaders, exchange.id, {
        ...backend.config.headers,
        // Answers are judged by their bytes. Ollama compresses nothing itself, but hands this on to ollama.com.
        'accept-encoding': 'identity',
      }),
      body: rewritten ? withModel(ask.body, ask.modelSpan, target.name) : ask.body,
      dialect: exchange.dialect,
      res,
      ownHeaders: exchange.ownHeaders,
      clock,
    });
    this.#active.add(attempt);
    const done = attempt.run();
    exchange.onLeave(() => attempt.clientLeft());
    const cancelDeadline = this.#onDeadline(facts, () => attempt.deadlinePassed());
    const end = await done;
    cancelDeadline();
    this.#active.delete(attempt);
    exchange.attempts.push({ backend: backend.id, model: target.name, why, outcome: end.outcome });
    recorder.attempt(runner.id, facts.category, end.outcome, clock.now());
    lease.end(end.outcome);
    return end;
  }

  #onDeadline(facts: RequestFacts, run: () => void): () => void {
    if (facts.deadline === Infinity) return () => {};
    const timer = setTimeout(run, Math.max(0, facts.deadline - this.#parts.clock.now()));
    return () => clearTimeout(timer);
  }

  // ---- fail over ----

  #mayRetry(exchange: Exchange, failure: Failure, maxAttempts: number, facts: RequestFacts): boolean {
    const at = this.#parts.clock.now();
    if (!failure.retryable || exchange.left) return false;
    if (exchange.attempts.length >= maxAttempts || at >= facts.deadline) return false;
    return !costsBudget(failure) || this.#parts.retries.take(at);
  }

  /** Notes who is not to be asked again, and says whether anybody is left. */
  #othersRemain(tried: Tried, runner: Runner, failure: Failure, tiers: Tiers, attempts: number): boolean {
    tried.runners.add(runner.id);
    if (failure.blame === 'backend') tried.backends.add(runner.backendId);
    if (tiers.some((tier) => this.#candidates(tier, tried).length > 0)) return true;
    // A kept-alive connection that the backend closed at the moment of use says nothing about the backend, so one that
    // stands alone is asked once more.
    if (failure.reason !== 'reset' || attempts > 1) return false;
    tried.runners.delete(runner.id);
    tried.backends.delete(runner.backendId);
    return tiers.some((tier) => this.#candidates(tier, tried).length > 0);
  }

  /** No attempt is left: the backend's own word where it is one for the client, else an error of ours. */
  #giveUp(exchange: Exchange, end: FailedAttempt, backend: string): void {
    const { failure, answer } = end;
    if (failure.reason !== 'model-missing' || answer === undefined) {
      throw failureError(backend, failure, exchange.attempts.length);
    }
    exchange.res.writeHead(answer.status, [...answer.headers, ...exchange.ownHeaders()]);
    exchange.res.end(answer.body);
  }
}

const targetOf = (runner: Runner): Target => ({ key: runner.model, name: runner.model });
