import type { Entrant, Start } from '../admission/entrant.ts';
import type { Runner } from '../backends/backend.ts';
import type { Patience } from '../backends/patience.ts';
import type { Lease } from '../backends/registry.ts';
import { ProxyError } from '../core/errors.ts';
import type { Demand } from '../core/demand.ts';
import { isCloudName, modelKey } from '../core/model-name.ts';
import type { RequestFacts, Strategy } from '../core/types.ts';
import type { Place as Reserved, Wish } from '../dispatch/reserve.ts';
import { Crowd, type Tier } from '../dispatch/shortlist.ts';
import { Attempt, type AttemptEnd } from '../forward/attempt.ts';
import { classifyStatus, lackedCapability, unsupported, type Failure } from '../forward/classify.ts';
import { inBandError } from '../forward/dialect.ts';
import { errorMessage } from '../forward/events.ts';
import { askingForPlain, requestHeaders, withoutHeader } from '../forward/headers.ts';
import { endInBand } from '../forward/in-band.ts';
import { readWishes, type Ask } from './ask.ts';
import { candidates, mayPin, places, type Wanted } from './candidates.ts';
import { EmbedSplit } from './embed-split.ts';
import type { Exchange } from './exchange.ts';
import {
  costsBudget,
  failureError,
  noBackend,
  nothingTried,
  PASSED_ON,
  poisonError,
  type FailedAttempt,
  type Tried,
} from './failover.ts';
import { Filler } from './filler.ts';
import { Hedging } from './hedge.ts';
import { readIncoming, type Incoming } from './incoming.ts';
import type { HandlerParts, HandlerSettings } from './parts.ts';
import { Poison } from './poison.ts';
import type { Race } from './race.ts';
import { Unload } from './pool/changes-unload.ts';
import type { Fanout } from './pool/fanout.ts';
import { modelNotFoundText } from './routes.ts';
import type { Target, Tiers } from './targets.ts';

/** A place on a backend, taken, and the name under which that backend knows the model. */
interface Place extends Reserved {
  readonly target: Target;
}

/** What is asked for, ready to be routed. */
interface Job {
  readonly facts: RequestFacts;
  readonly demand: Demand;
  readonly incoming: Incoming;
  readonly wanted: Wanted;
  readonly settings: HandlerSettings;
  /** Who chooses for it, until it has ended. */
  readonly strategy: Strategy;
}

/** The data path of a request that runs a model: understand → reserve → attempt → (fail over) → answered. */
export class Inference {
  readonly #parts: HandlerParts;
  readonly #active = new Set<Attempt>();
  readonly #poison = new Poison();
  readonly #hedging: Hedging;
  readonly #unload: Unload;
  readonly #split: EmbedSplit;

  constructor(parts: HandlerParts, fanout: Fanout) {
    this.#parts = parts;
    this.#unload = new Unload(parts, fanout);
    this.#split = new EmbedSplit(parts);
    this.#hedging = new Hedging(parts);
  }

  /** Called at a steady beat of a second or less. @param idleMs `limits.stream_idle_timeout` */
  sweep(at: number, idleMs: number): void {
    for (const attempt of this.#active) attempt.sweep(at, idleMs);
    this.#split.sweep(at, idleMs);
  }

  /** Serves one request. @throws ProxyError when it is refused or every attempt failed; ClientLeft while it waited */
  async serve(exchange: Exchange): Promise<void> {
    const job = await this.#understand(exchange);
    const { facts, incoming, wanted, settings } = job;
    if (incoming.ask.purpose === 'unload') {
      await this.#unload.serve(exchange, incoming.ask, wanted.tiers.flat());
      return;
    }
    if (facts.endpoint === 'embed' && (await this.#split.serve(exchange, job))) return;
    const { keepaliveMs } = settings;
    const filler = facts.stream && keepaliveMs !== undefined ? new Filler(exchange, keepaliveMs) : undefined;
    try {
      await this.#tryAll(exchange, job);
    } finally {
      filler?.stop();
    }
  }

  /** One backend after the other, until one has answered or nobody is left. */
  async #tryAll(exchange: Exchange, job: Job): Promise<void> {
    const { gate, clock } = this.#parts;
    const { incoming, wanted } = job;
    this.#parts.retries.request(clock.now());
    this.#hedging.request();
    const tried = nothingTried();
    for (;;) {
      const waitFrom = clock.now();
      const wish = this.#wish(job, waitFrom, exchange.attempts.length + 1);
      const entrant = this.#entrant(exchange, job, tried);
      const granted = gate.wait(entrant, (last) => this.#reserve(job, tried, wish, last), exchange.leaving);
      const taken = granted instanceof Promise ? await granted : granted;
      exchange.queueMs += clock.now() - waitFrom;
      const hedgeMs = this.#hedging.afterMs(job, taken.lease, exchange.attempts.length);
      const { place, end } =
        hedgeMs === undefined
          ? { place: taken, end: await this.#attempt(exchange, job, taken, tried) }
          : await this.#hedging.run(job, taken, tried, hedgeMs, (to, race, hedge) =>
              this.#attempt(exchange, job, to, tried, race, hedge),
            );
      gate.settle(entrant, servedBy(end));
      if (end.kind !== 'failed') {
        if (end.kind === 'answered' && incoming.tail === undefined) this.#poison.answered(incoming.ask.body);
        return;
      }
      if (incoming.tail?.failure !== undefined) throw incoming.tail.failure;
      const { runner } = place.lease;
      if (end.failure.reason === 'route-missing') this.#parts.gaps.learn(runner.backend, wanted.method, wanted.path);
      else this.#parts.suspect(runner.backendId);
      tried.last = { backend: runner.backendId, failure: end.failure };
      // Whether anybody is left comes first: asking whether a retry is allowed spends budget.
      const remain = this.#othersRemain(tried, runner, end.failure, wanted, exchange.attempts.length);
      const poisoned = remain ? this.#poisoned(exchange, incoming) : undefined;
      if (poisoned !== undefined) throw poisonError(tried.last, poisoned);
      if (!remain || !this.#mayRetry(exchange, end.failure, job)) {
        this.#giveUp(exchange, end, runner.backendId);
        return;
      }
    }
  }

  // ---- understand ----

  async #understand(exchange: Exchange): Promise<Job> {
    const settings = this.#parts.settings();
    const { req, route, path } = exchange;
    const wishes = readWishes(req.headers, exchange.visit, settings.categories);
    exchange.explain = wishes.explain;
    const incoming = await readIncoming(exchange, settings);
    const { ask } = incoming;
    exchange.model = ask.model;
    exchange.stream = ask.stream;
    exchange.strategy = settings.strategy.name;
    if (wishes.category === undefined) {
      const { text, system } = ask.prompt();
      const verdict = this.#parts.categorizer.categorize({ text, system, path, headers: req.headers });
      exchange.category = verdict.category;
      exchange.categoryWhy = verdict.why;
    } else {
      exchange.category = wishes.category;
      exchange.categoryWhy = 'given by the client';
    }
    const { category } = exchange;
    const demand = ask.demand(category);
    const tiers = this.#parts.keys.admit(exchange, ask.model, settings.targets.tiers(ask.model, category), demand);
    mayPin(this.#parts.registry, wishes.pin, ask.purpose);
    if (!this.#known(tiers)) await this.#ensureKnown(tiers, path, ask.model);
    exchange.demand = demand;
    exchange.priority = wishes.priority;
    exchange.session = ask.affinityKey;
    const only = onlyOf(tiers);
    // Which of several models it will be shows when the first place is taken.
    if (only !== undefined && ask.purpose !== 'unload') this.#parts.facts.arrived(only.key, this.#parts.clock.now());
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
    const strategy = settings.strategy.forRequest?.(facts) ?? settings.strategy;
    if (strategy !== settings.strategy) exchange.arm = strategy.name;
    const wanted = { tiers, method: req.method ?? '', path, pin: wishes.pin };
    return { facts, demand, incoming, wanted, settings, strategy };
  }

  #known(tiers: Tiers): boolean {
    const { registry } = this.#parts;
    for (const tier of tiers) for (const { key } of tier) if (registry.knows(key)) return true;
    return false;
  }

  /** Before a model is called unknown the backends are asked again: somebody may have just pulled it. */
  async #ensureKnown(tiers: Tiers, path: string, asked: string): Promise<void> {
    const { registry, refreshModels } = this.#parts;
    await refreshModels();
    if (this.#known(tiers)) return;
    if (registry.inventoryKnown && registry.upCount > 0) {
      throw new ProxyError('model_not_found', modelNotFoundText(path, asked));
    }
    const down = registry.snapshots().map(({ name, lastError }) => `${name}: ${lastError ?? 'not probed yet'}`);
    throw noBackend(down.length === 0 ? 'no backend is configured' : `no backend is up (${down.join('; ')})`);
  }

  // ---- reserve ----

  /** The request as the queue knows it. */
  #entrant(exchange: Exchange, { facts, demand }: Job, tried: Tried): Entrant {
    const { clock, facts: known } = this.#parts;
    const estimate = known.estimate(facts.model, demand, clock.now());
    return {
      id: facts.id,
      lane: facts.model,
      priority: facts.priority,
      tenant: exchange.tenant,
      tenantWeight: 1,
      deadline: facts.deadline,
      bytes: demand.promptBytes,
      estimateMs: estimate.ms,
      promptTokens: estimate.promptTokens,
      returning: tried.last !== undefined,
    };
  }

  #wish({ facts, demand, incoming, strategy }: Job, since: number, attempt: number): Wish {
    const { id, stream: streams } = facts;
    return { id, model: incoming.ask.model, facts, demand, streams, strategy, since, attempt, asked: 0 };
  }

  /**
   * Takes a place in one tick: who is eligible, in which order, and whether waiting is better.
   * @throws ProxyError when nobody is eligible, so that waiting would be pointless
   */
  #reserve(job: Job, tried: Tried, wish: Wish, last: boolean): Start<Place> {
    const { clock, metrics, reserver } = this.#parts;
    const { strategy } = wish;
    const at = clock.now();
    const open = this.#places(job, tried);
    if (open.some((tier) => tier instanceof Crowd || tier.length > 0)) {
      const start = reserver.reserve(wish, open, last);
      metrics.decision(strategy.name, clock.now() - at);
      if (start.kind !== 'started') return start;
      const { lease, runner, why, tier } = start.value;
      const target = targetOf(runner, job.wanted.tiers[tier] ?? []);
      return { kind: 'started', value: { lease, runner, why, tier, target } };
    }
    if (tried.last !== undefined) throw failureError(tried.last.backend, tried.last.failure, wish.attempt - 1);
    throw noBackend(`no backend can take the request now (${this.#obstacles(job.wanted.tiers).join('; ')})`);
  }

  /** Where it may go, tier by tier. A request that only loads its model is rare, and looks at everybody. */
  #places({ incoming: { ask }, wanted }: Job, tried: Tried): readonly Tier[] {
    const { registry, gaps, rng } = this.#parts;
    if (ask.purpose !== 'load') return places(registry, gaps, wanted, tried, rng);
    return candidates(registry, gaps, wanted, tried).map((tier) => this.#suited(tier));
  }

  /** A request that only loads its model goes where it is in memory already, if it is anywhere. */
  #suited(runners: readonly Runner[]): readonly Runner[] {
    const resident = runners.filter((runner) => runner.resident);
    return resident.length > 0 ? resident : runners;
  }

  #obstacles(tiers: Tiers): readonly string[] {
    return tiers.flat().flatMap(({ key, name }) => {
      const { known, obstacles } = this.#parts.registry.eligible(key);
      return known ? obstacles.map(({ backend, why }) => `${backend}: ${why}`) : [`no backend has ${name}`];
    });
  }

  // ---- attempt ----

  /** Sends the request to the backend whose place was taken, and gives the place back with what came of it. */
  async #attempt(
    exchange: Exchange,
    job: Job,
    place: Place,
    tried: Tried,
    race?: Race<Place>,
    hedge = false,
  ): Promise<AttemptEnd> {
    const { pools, clock, recorder } = this.#parts;
    const { facts, incoming } = job;
    const { lease, runner, target, why } = place;
    const { backend } = runner;
    const { req, res } = exchange;
    const rewritten = target.key !== facts.model;
    const current = { backend: backend.id, model: target.name, why, rewritten };
    const sentAt = clock.now();
    // What is sent beside another one is the request's attempt once it answers.
    if (!hedge) exchange.begin(current);
    if (exchange.attempts.length === 0 && onlyOf(job.wanted.tiers) === undefined) {
      this.#parts.facts.arrived(runner.model, clock.now());
    }
    const holdBack = incoming.ask.keepsAlive && runner.facts?.keepAliveUnsafe === true;
    if (holdBack) {
      lease.keepsDefault();
      this.#parts.metrics.keepAliveHeldBack(backend.id);
    }
    const { head, decoded } = incoming.outgoing(rewritten ? target.name : undefined, lease.numCtx, holdBack);
    if (lease.avoidedReload) this.#parts.metrics.reloadAvoided(runner.model);
    const attempt = new Attempt({
      dispatcher: pools.get({ id: backend.id, origin: backend.config.url.origin }),
      method: 'POST',
      path: backend.pathPrefix + (req.url ?? '/'),
      headers: [
        ...requestHeaders(
          decoded ? withoutHeader(req.rawHeaders, 'content-encoding') : req.rawHeaders,
          exchange.id,
          askingForPlain(backend.config.headers),
        ),
        ...lengthOf(req.headers['content-length'], incoming, head),
      ],
      body: incoming.tail === undefined ? head : incoming.tail.after(head),
      dialect: exchange.dialect,
      res,
      ownHeaders: exchange.ownHeaders,
      answering: () => {
        race?.answers(attempt);
        if (hedge) exchange.begin(current, sentAt);
        lease.began();
        exchange.filler?.giveWay();
      },
      judge: (status, message) => this.#judge(job, tried, place, status, message),
      patience: () => (job.settings.stallGuard ? patienceWith(lease, incoming.ask) : undefined),
      moved: () => lease.moved(),
      gaps: () => this.#parts.metrics.gaps(target.name, backend.id),
      clock,
    });
    this.#active.add(attempt);
    race?.enter(attempt);
    const whole = race ?? attempt;
    const done = attempt.run();
    exchange.onLeave(() => whole.clientLeft());
    const cancelDeadline = this.#onDeadline(facts, () => whole.deadlinePassed());
    const end = await done;
    exchange.streamed += attempt.records;
    cancelDeadline();
    this.#active.delete(attempt);
    recorder.attempt(runner.id, facts.category, end.outcome, clock.now());
    const cachedTokens = lease.end(end.outcome);
    const { foreseenFirstMs, evictions } = lease;
    const { outcome } = end;
    if (job.settings.hedgeMs !== undefined) this.#hedging.ended(lease, outcome);
    exchange.attempts.push({
      backend: backend.id,
      model: target.name,
      why,
      outcome,
      foreseenFirstMs,
      cachedTokens,
      evictions,
      ...(hedge ? { hedge } : {}),
    });
    return end;
  }

  #onDeadline(facts: RequestFacts, run: () => void): () => void {
    if (facts.deadline === Infinity) return () => {};
    const timer = setTimeout(run, Math.max(0, facts.deadline - this.#parts.clock.now()));
    return () => clearTimeout(timer);
  }

  // ---- fail over ----

  /** How an answer that is no success is to be taken: as the client's, or as one that somebody else may do better. */
  #judge(job: Job, tried: Tried, { lease, target }: Place, status: number, message: string): Failure | 'answer' {
    const verdict = classifyStatus(status, message);
    if (verdict !== 'answer') return verdict;
    const capability = lackedCapability(status, message);
    const refusedByCloud = (status === 401 || status === 403) && isCloudName(target.key);
    if (capability === undefined && !refusedByCloud) return 'answer';
    const { registry, gaps } = this.#parts;
    const next = { ...tried, runners: new Set([...tried.runners, lease.runner.id]), capability };
    if (candidates(registry, gaps, job.wanted, next).every(({ length }) => length === 0)) return 'answer';
    tried.capability = capability;
    return unsupported(status, message);
  }

  /** The backends that failed on this very request, where it is likely to be the cause. */
  #poisoned({ attempts }: Exchange, { tail, ask }: Incoming): readonly string[] | undefined {
    return tail === undefined ? this.#poison.failed(ask.body, attempts, this.#parts.clock.now()) : undefined;
  }

  #mayRetry(exchange: Exchange, failure: Failure, { facts, incoming, settings }: Job): boolean {
    const at = this.#parts.clock.now();
    if (!failure.retryable || exchange.left || incoming.tail?.touched === true || at >= facts.deadline) return false;
    // A server without the route has cost nothing, and there may be many of an old version.
    const counted = exchange.attempts.filter(
      ({ outcome }) => outcome.kind !== 'backend-failed' || outcome.reason !== 'route-missing',
    );
    if (counted.length >= settings.maxAttempts) return false;
    return !costsBudget(failure) || this.#parts.retries.take(at);
  }

  /** Notes who is not to be asked again, and says whether anybody is left. */
  #othersRemain(tried: Tried, runner: Runner, failure: Failure, wanted: Wanted, attempts: number): boolean {
    const remain = (): boolean =>
      candidates(this.#parts.registry, this.#parts.gaps, wanted, tried).some(({ length }) => length > 0);
    tried.runners.add(runner.id);
    if (failure.blame === 'backend') tried.backends.add(runner.backendId);
    if (remain()) return true;
    // A kept-alive connection that the backend closed at the moment of use says nothing about the backend, so one that
    // stands alone is asked once more.
    if (failure.reason !== 'reset' || attempts > 1) return false;
    tried.runners.delete(runner.id);
    tried.backends.delete(runner.backendId);
    return remain();
  }

  /** No attempt is left: the backend's own word where it is one for the client, else an error of ours. */
  #giveUp(exchange: Exchange, end: FailedAttempt, backend: string): void {
    const { failure, answer } = end;
    if (!PASSED_ON.has(failure.reason) || answer === undefined) {
      throw failureError(backend, failure, exchange.attempts.length);
    }
    const { res, dialect } = exchange;
    if (res.headersSent) {
      endInBand(res, inBandError(dialect, errorMessage(answer.body), null, answer.status));
      return;
    }
    res.writeHead(answer.status, [...answer.headers, ...exchange.ownHeaders()]);
    res.end(answer.body);
  }
}

/** What an attempt took of the pool, for its tenant's account; undefined where nothing was served. */
const servedBy = ({ outcome }: AttemptEnd): { promptTokens: number; outputTokens: number } | undefined =>
  outcome.kind === 'served'
    ? { promptTokens: outcome.usage?.promptTokens ?? 0, outputTokens: outcome.usage?.outputTokens ?? 0 }
    : undefined;

const TOOLS = '"tools"';

/** Ollama holds tool calls back until they are whole, so that where there are tools a whole answer's silence is in order. */
const patienceWith = (lease: Lease, { body }: Ask): Patience | undefined => {
  const patience = lease.patience();
  return patience && { ...patience, gapMs: body.includes(TOOLS) ? patience.quietMs : patience.gapMs };
};

/** The model that is asked for, if it is one alone. */
const onlyOf = (tiers: Tiers): Target | undefined => {
  const [tier] = tiers;
  return tiers.length === 1 && tier?.length === 1 ? tier[0] : undefined;
};

const targetOf = ({ model }: Runner, tier: readonly Target[]): Target =>
  tier.find(({ key }) => key === model) ?? { key: model, name: model };

/** The length of a body whose rest is not here yet, where the client declared one: a known length stays known. */
const lengthOf = (declared: string | undefined, { ask, tail }: Incoming, head: Buffer): readonly string[] =>
  tail === undefined || declared === undefined
    ? []
    : ['content-length', String(Number(declared) + head.length - ask.body.length)];
