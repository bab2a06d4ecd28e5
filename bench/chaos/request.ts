import type { Entrant } from '../../src/admission/entrant.ts';
import type { ErrorCode, ProxyError } from '../../src/core/errors.ts';
import type { Demand } from '../../src/core/demand.ts';
import type { Outcome } from '../../src/core/types.ts';
import type { Place, Wish } from '../../src/dispatch/reserve.ts';
import { Crowd } from '../../src/dispatch/shortlist.ts';
import { LEAST_GAP_MS } from '../../src/backends/patience.ts';
import { candidates, places, type Wanted } from '../../src/http/candidates.ts';
import { costsBudget, noBackend, nothingTried } from '../../src/http/failover.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';
import type { Timings } from '../../src/sim/model/job.ts';
import type { Ask } from './plans.ts';
import { demandOf, promptOf } from './prompts.ts';
import type { ChaosProxy } from './proxy.ts';
import type { ChaosServer, Failure } from './server.ts';

/** As the proxy's default. */
export const MOST_ATTEMPTS = 3;

/**
 * How a request ended: whole; broken off after its first byte; every attempt failed before it; its client left; turned
 * away by the queue or for lack of a server; out of its own time.
 */
export type End = 'served' | 'cut' | 'failed' | 'left' | 'refused' | 'late';

/** Whoever watches requests. */
export interface RequestWatcher {
  waits(request: Request, yes: boolean): void;
  sent(request: Request, place: Place): void;
  /** Its attempt is over, and its place is about to be given back. */
  back(request: Request, place: Place): void;
  /** @param code what its client is told where it is told an error before the first byte */
  ended(request: Request, end: End, code: ErrorCode | undefined): void;
  note(text: string): void;
}

const CODE_OF: Readonly<Record<string, ErrorCode>> = {
  overloaded: 'no_backend',
  deadline: 'deadline_exceeded',
  timeout: 'backend_timeout',
};

/** An answer that comes in one piece has no head before its end: what breaks it off comes before any byte of it. */
const beforeTheHead = (failure: Failure): Failure => {
  if (failure.reason === 'cut-stream') return { reason: 'reset', phase: 'head', blame: 'backend' };
  return failure.phase === 'body' ? { ...failure, reason: 'status-5xx', phase: 'head' } : failure;
};

/** One request from its arrival to its end, tried and tried again by the rules of the proxy's data path. */
export class Request {
  readonly ask: Ask;
  readonly since: number;
  readonly demand: Demand;
  readonly tried = nothingTried();
  readonly attempts: { readonly backend: string; readonly outcome: Outcome }[] = [];
  readonly ends: End[] = [];
  readonly deadline: number;
  /** Where it is, while it is somewhere. */
  place: Place | undefined;
  waitsSince: number | undefined;
  /** The longest wait that it came in with. */
  mostWaitMs = Infinity;
  waitedMs = 0;
  /** Why it is not tried again although somebody is left; undefined where nobody was. */
  stop: 'attempts' | 'budget' | 'poison' | 'deadline' | 'touched' | undefined;
  bytesSeen = false;
  readonly #prompt: readonly Segment[];
  readonly #body: Buffer;
  readonly #wanted: Wanted;
  readonly #proxy: ChaosProxy;
  readonly #servers: ReadonlyMap<string, ChaosServer>;
  readonly #watcher: RequestWatcher;
  #leave = (): void => {};
  #cancel = (): void => {};
  #cancelDeadline = (): void => {};
  #entrant: Entrant | undefined;
  #sentAt = 0;
  #begunAt: number | undefined;
  #movedAt = 0;

  constructor(ask: Ask, proxy: ChaosProxy, servers: ReadonlyMap<string, ChaosServer>, watcher: RequestWatcher) {
    this.ask = ask;
    this.#proxy = proxy;
    this.#servers = servers;
    this.#watcher = watcher;
    this.since = proxy.time.now();
    this.deadline = this.since + ask.deadlineMs;
    this.#prompt = promptOf(ask);
    this.demand = demandOf(ask, this.#prompt);
    this.#body = Buffer.from(`request ${ask.number}`);
    const { name } = ask.model;
    this.#wanted = { tiers: [[{ key: name, name }]], method: 'POST', path: '/api/chat' };
  }

  get name(): string {
    return `r${this.ask.number}`;
  }

  get open(): boolean {
    return this.ends.length === 0;
  }

  /** It reaches the proxy. */
  arrive(): void {
    const { registry, facts, time, retries } = this.#proxy;
    const { name } = this.ask.model;
    if (registry.knows(name)) {
      facts.arrived(name, time.now());
      retries.request(time.now());
      this.#enter();
      return;
    }
    this.#proxy.refresh(() => {
      if (!this.open) return;
      if (!registry.knows(name)) {
        this.#over('refused', registry.upCount > 0 ? 'model_not_found' : 'no_backend');
        return;
      }
      facts.arrived(name, time.now());
      retries.request(time.now());
      this.#enter();
    });
  }

  /** Its client hangs up. */
  leaves(): void {
    if (!this.open) return;
    if (this.place === undefined) {
      this.#leave();
      this.#waited();
      this.#over('left', undefined);
      return;
    }
    this.#cancel();
    const phase = this.#begunAt === undefined ? 'head' : 'body';
    this.#back({ kind: 'client-left', phase, totalMs: this.#elapsed() });
    this.#over('left', undefined);
  }

  /**
   * Called at a steady beat of a second: gives up an answer that is silent for too long.
   * @param flows packets of its answer come
   */
  sweep(flows: boolean): void {
    if (this.place === undefined) return;
    const at = this.#proxy.time.now();
    const { lease } = this.place;
    if (this.#begunAt !== undefined && flows) {
      this.#movedAt = at;
      lease.moved();
      return;
    }
    const silentMs = at - this.#movedAt;
    if (silentMs < LEAST_GAP_MS) return;
    const patience = lease.patience();
    if (patience === undefined) return;
    if (silentMs < (this.#begunAt === undefined ? patience.firstMs : patience.gapMs)) return;
    this.#cancel();
    this.#watcher.note(`${this.name} stalls at ${this.place.runner.id}`);
    this.#failed({ reason: 'timeout', phase: this.#begunAt === undefined ? 'head' : 'body', blame: 'model' });
  }

  // ---- waiting ----

  #enter(): void {
    const { gate, time, facts, settings, reserver } = this.#proxy;
    const { ask, demand } = this;
    const at = time.now();
    const estimate = facts.estimate(ask.model.name, demand, at);
    const wish: Wish = {
      id: this.name,
      model: ask.model.name,
      facts: { category: 'unknown', model: ask.model.name, affinityKey: `${ask.session}` },
      demand,
      streams: ask.streams,
      strategy: this.#proxy.strategy,
      since: at,
      attempt: this.attempts.length + 1,
      asked: 0,
    };
    const entrant: Entrant = {
      id: this.name,
      lane: ask.model.name,
      priority: ask.priority,
      tenant: ask.tenant,
      tenantWeight: 1,
      deadline: this.deadline,
      bytes: demand.promptBytes,
      estimateMs: estimate.ms,
      promptTokens: estimate.promptTokens,
      returning: this.tried.last !== undefined,
    };
    this.#entrant = entrant;
    this.waitsSince = at;
    this.#watcher.waits(this, true);
    this.mostWaitMs = Math.min(settings.maxWaitMs, this.deadline - at);
    const leave = gate.enter(
      entrant,
      (last) => {
        const open = this.#places();
        if (open.some((tier) => tier instanceof Crowd || tier.length > 0)) return reserver.reserve(wish, open, last);
        throw noBackend('nobody is left');
      },
      {
        started: (place) => this.#send(place),
        refused: (error) => {
          this.#waited();
          this.#refused(error);
        },
      },
    );
    this.#leave = leave;
  }

  #places() {
    const { registry, gaps, chance } = this.#proxy;
    return places(registry, gaps, this.#wanted, this.tried, chance);
  }

  #refused(error: ProxyError): void {
    // Anything that the proxy did not mean to say is a fault of its own.
    if (error.code === 'internal') throw error.cause instanceof Error ? error.cause : error;
    const late = error.code === 'deadline_exceeded';
    // Whoever was tried before is told how that ended.
    const failed = error.code === 'no_backend' && this.tried.last !== undefined;
    this.#over(late ? 'late' : failed ? 'failed' : 'refused', error.code);
  }

  #waited(): void {
    if (this.waitsSince === undefined) return;
    this.waitedMs = Math.max(this.waitedMs, this.#proxy.time.now() - this.waitsSince);
    this.waitsSince = undefined;
    this.#watcher.waits(this, false);
  }

  // ---- an attempt ----

  #send(place: Place): void {
    const { time } = this.#proxy;
    this.#waited();
    const { ask } = this;
    const { lease, runner } = place;
    const server = this.#servers.get(runner.backendId);
    if (server === undefined) throw new Error(`${this.name} went to ${runner.backendId}, which never was there`);
    this.#watcher.sent(this, place);
    this.place = place;
    this.#sentAt = time.now();
    this.#movedAt = this.#sentAt;
    this.#begunAt = undefined;
    this.#cancel = server.send(
      {
        model: ask.model,
        kind: ask.outputTokens === 0 ? 'embedding' : 'completion',
        prompt: this.#prompt,
        outputTokens: ask.outputTokens,
        numCtx: lease.numCtx ?? ask.numCtx,
        keepAliveMs: undefined,
        poison: ask.poison,
      },
      {
        firstToken: () => {
          if (!ask.streams) return;
          this.#begunAt = time.now();
          this.#movedAt = this.#begunAt;
          this.bytesSeen = true;
          lease.began();
        },
        done: (timings) => this.#served(timings),
        failed: (failure) => this.#failed(failure),
      },
    );
    if (this.deadline !== Infinity) {
      this.#cancelDeadline = time.schedule(this.deadline - time.now(), () => {
        this.#cancel();
        const phase = this.#begunAt === undefined ? 'head' : 'body';
        this.#failed({ reason: 'deadline', phase, blame: 'none' });
      });
    }
  }

  #elapsed(): number {
    return this.#proxy.time.now() - this.#sentAt;
  }

  #served({ promptTokens, outputTokens, loadMs, prefillMs, decodeMs }: Timings): void {
    const totalMs = this.#elapsed();
    const firstByteMs = this.#begunAt === undefined ? totalMs : this.#begunAt - this.#sentAt;
    this.bytesSeen = true;
    this.place?.lease.began();
    const usage = { promptTokens, outputTokens, cachedTokens: undefined, loadMs, prefillMs, decodeMs };
    this.#back({ kind: 'served', status: 200, firstByteMs, totalMs, usage });
    this.#proxy.poison.answered(this.#body);
    this.#over('served', undefined);
  }

  #failed(failure: Failure): void {
    const runner = this.place?.runner;
    if (runner === undefined) throw new Error(`${this.name} failed where it is not`);
    const seen = this.#begunAt !== undefined;
    const { reason, phase, blame } = seen ? failure : beforeTheHead(failure);
    this.#back({ kind: 'backend-failed', phase, blame, reason, message: reason, totalMs: this.#elapsed() });
    if (seen) {
      this.#over('cut', undefined);
      return;
    }
    const { time, retries, poison } = this.#proxy;
    this.#proxy.suspect(runner.backendId);
    const retryable = reason !== 'deadline';
    const last = { reason, blame, retryable, message: reason };
    this.tried.last = { backend: runner.backendId, failure: last };
    const { tried, attempts } = this;
    const remain = (): boolean =>
      candidates(this.#proxy.registry, this.#proxy.gaps, this.#wanted, tried).some(({ length }) => length > 0);
    tried.runners.add(runner.id);
    if (blame === 'backend') tried.backends.add(runner.backendId);
    let left = remain();
    if (!left && reason === 'reset' && attempts.length <= 1) {
      tried.runners.delete(runner.id);
      tried.backends.delete(runner.backendId);
      left = remain();
    }
    const at = time.now();
    if (left && poison.failed(this.#body, attempts, at) !== undefined) this.stop = 'poison';
    else if (!retryable || at >= this.deadline) this.stop = 'deadline';
    else if (attempts.length >= MOST_ATTEMPTS) this.stop = 'attempts';
    else if (left && costsBudget(last) && !retries.take(at)) this.stop = 'budget';
    if (left && this.stop === undefined) {
      this.#enter();
      return;
    }
    this.#over(reason === 'deadline' ? 'late' : 'failed', CODE_OF[reason] ?? 'backend_failed');
  }

  /** Gives the place back with what came of it. */
  #back(outcome: Outcome): void {
    const { learned, gate, time } = this.#proxy;
    const { place } = this;
    if (place === undefined) throw new Error(`${this.name} gives back what it has not`);
    const { runner, lease } = place;
    this.#cancelDeadline();
    this.#watcher.back(this, place);
    this.place = undefined;
    this.attempts.push({ backend: runner.backendId, outcome });
    if (outcome.kind === 'served' || outcome.kind === 'backend-failed') {
      const success = outcome.kind === 'served';
      const latencyMs = success ? outcome.totalMs : undefined;
      learned.record(runner.id, { category: 'unknown', success, latencyMs }, time.now());
    }
    lease.end(outcome);
    const { promptTokens = 0, outputTokens = 0 } = outcome.kind === 'served' ? (outcome.usage ?? {}) : {};
    if (this.#entrant !== undefined) {
      gate.settle(this.#entrant, outcome.kind === 'served' ? { promptTokens, outputTokens } : undefined);
    }
  }

  #over(end: End, code: ErrorCode | undefined): void {
    this.ends.push(end);
    this.#watcher.ended(this, end, code);
  }
}
