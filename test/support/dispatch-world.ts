import { expect } from 'vitest';
import type { Entrant } from '../../src/admission/entrant.ts';
import { Gate } from '../../src/admission/gate.ts';
import { Registry } from '../../src/backends/registry.ts';
import { ProxyError } from '../../src/core/errors.ts';
import { seededRng } from '../../src/core/rng.ts';
import { BREAKER_DEFAULTS, type Outcome, type PriorityClass, type Strategy } from '../../src/core/types.ts';
import { Reserver, type Place, type Wish } from '../../src/dispatch/reserve.ts';
import { Facts } from '../../src/facts/facts.ts';
import type { HostFacts } from '../../src/facts/host.ts';
import { Learned } from '../../src/results/learned.ts';
import { createStrategy } from '../../src/routing/index.ts';
import type { Timings } from '../../src/sim/model/job.ts';
import { VirtualTime } from '../../src/sim/model/scheduler.ts';
import { backendConfig } from './backend-pool.ts';
import { demandOf, promptOf, type Ask } from './dispatch-ask.ts';
import { DispatchServer, type ServerPlan } from './dispatch-server.ts';

const MAX_ATTEMPTS = 3;
/** As in the proxy. */
const PULSE_MS = 250;
const LOOK_MS = 2_000;
/** Longer than anything here may take: whoever still waits then waits for ever. */
const MAX_WAIT_MS = 86_400_000;

export type End = 'served' | 'cut' | 'failed' | 'left' | 'refused';

/** One request, from its arrival to its end. */
export interface Request {
  readonly number: number;
  readonly ask: Ask;
  readonly since: number;
  readonly tried: Set<string>;
  readonly ends: End[];
  attempts: number;
  wish: Wish | undefined;
  entrant: Entrant | undefined;
  leave: () => void;
  place: Place | undefined;
  cancel: () => void;
  /** When it was first seen waiting although somebody who is best for it was free. */
  heldSince: number | undefined;
}

/** The parts that the proxy routes with, put together as it does, before machines in virtual time. */
export class DispatchWorld {
  readonly clock = new VirtualTime();
  readonly facts = new Facts();
  readonly requests: Request[] = [];
  readonly servers: ReadonlyMap<string, DispatchServer>;
  readonly gate: Gate;
  readonly registry: Registry;
  /** Facts of every host that there ever was: those of removed ones are dropped with work under way. */
  readonly hosts = new Set<HostFacts>();
  /** Servers that are not configured now. */
  readonly removed = new Set<string>();
  /** What tenants were served, in tokens by weight. */
  readonly served = new Map<string, number>();
  strategy: Strategy;
  /** Told of each request that was sent. */
  onSent: (request: Request, place: Place) => void = () => {};
  readonly #rng = seededRng(5);
  readonly #learned = new Learned();
  readonly #reserver: Reserver;

  constructor(plans: readonly ServerPlan[], strategy: string) {
    const { clock, facts } = this;
    this.strategy = createStrategy(strategy);
    this.servers = new Map(plans.map((plan, i) => [`s${i}`, new DispatchServer(`s${i}`, plan, clock)]));
    this.gate = new Gate(
      clock,
      (ms, run) => clock.at(clock.now() + ms, run),
      {
        maxWaiting: 100_000,
        maxWaitMs: MAX_WAIT_MS,
        classWeights: { interactive: 8, normal: 3, batch: 1 },
        hooks: {
          walkBegins: (lane) => facts.walkBegins(lane),
          mayStart: (lane, host) => facts.mayStart(lane, host, clock.now()),
        },
        shed: false,
      },
      this.#rng,
    );
    this.registry = new Registry({
      clock,
      facts,
      statsOf: (id) => this.#learned.of(id),
      forget: (id) => this.#learned.forget(id),
      breaker: BREAKER_DEFAULTS,
      health: { unhealthyAfter: 2, healthyAfter: 1 },
      events: {
        released: ({ backendId }) => this.gate.pump(undefined, backendId),
        loaded: ({ backendId }) => this.gate.pump(undefined, backendId),
        looked: (backend) => this.gate.poke(undefined, backend),
        breakerChanged: () => this.gate.pump(),
        healthChanged: () => this.gate.pump(),
        modelsChanged: () => this.gate.pump(),
      },
    });
    this.#reserver = new Reserver({
      registry: this.registry,
      facts,
      clock,
      rng: this.#rng,
      queue: () => ({ waiting: this.gate.size, hosts: this.registry.upCount }),
    });
    this.reload();
    for (const id of this.servers.keys()) this.#watch(id);
    this.#pulse();
  }

  // ---- what happens ----

  arrive(ask: Ask): Request {
    const request: Request = {
      number: this.requests.length,
      ask,
      since: this.clock.now(),
      tried: new Set(),
      ends: [],
      attempts: 0,
      wish: undefined,
      entrant: undefined,
      leave: () => {},
      place: undefined,
      cancel: () => {},
      heldSince: undefined,
    };
    this.requests.push(request);
    this.facts.arrived(ask.model, this.clock.now());
    const { patienceMs } = ask;
    if (patienceMs !== undefined) this.clock.at(this.clock.now() + patienceMs, () => this.#leaves(request));
    this.#enter(request);
    return request;
  }

  switchTo(strategy: string): void {
    this.strategy = createStrategy(strategy);
  }

  /** Reads the configuration anew: what was removed, told or weighted since. */
  reload(): void {
    const kept = [...this.servers.values()].filter(({ id }) => !this.removed.has(id));
    this.registry.apply(
      kept.map(({ id, told, weight, plan }) => backendConfig(id, { slots: told ? plan.slots : 'auto', weight })),
    );
    for (const { id } of kept) this.hosts.add(this.facts.host(id));
    for (const { id } of kept) this.#look(id);
    this.gate.pump();
  }

  /** Plays until nobody has anything left to do, looking after every moment in which something happened. */
  play(untilMs: number, look: () => void): void {
    for (let next = this.clock.next(); next !== undefined && next <= untilMs; next = this.clock.next()) {
      this.clock.run(next);
      look();
    }
    this.clock.run(untilMs);
  }

  get open(): readonly Request[] {
    return this.requests.filter(({ ends }) => ends.length === 0);
  }

  get waiting(): readonly Request[] {
    return this.open.filter(({ place }) => place === undefined);
  }

  /** Requests of ours that are at a runner. */
  at(server: string, model: string): number {
    return this.open.filter(({ place }) => place?.runner.backendId === server && place.runner.model === model).length;
  }

  #pulse(): void {
    this.gate.poke();
    this.clock.at(this.clock.now() + PULSE_MS, () => this.#pulse());
  }

  #watch(id: string): void {
    this.#look(id);
    this.clock.at(this.clock.now() + LOOK_MS, () => this.#watch(id));
  }

  #look(id: string): void {
    const server = this.servers.get(id);
    if (server !== undefined && !this.removed.has(id)) this.registry.observe(id, server.seen());
  }

  // ---- one request ----

  #enter(request: Request): void {
    const { ask, number, attempts } = request;
    const demand = demandOf(ask);
    const facts = { category: 'unknown', model: ask.model, affinityKey: `${ask.session}` };
    const wish: Wish = {
      id: `r${number}`,
      model: ask.model,
      facts,
      demand,
      streams: ask.streams,
      strategy: this.strategy,
      since: this.clock.now(),
      attempt: attempts + 1,
      asked: 0,
    };
    const entrant: Entrant = {
      id: wish.id,
      lane: ask.model,
      priority: ask.priority,
      tenant: ask.tenant,
      tenantWeight: 1,
      deadline: Infinity,
      bytes: demand.promptBytes,
      estimateMs: this.facts.serviceMs(this.clock.now()),
      promptTokens: ask.promptTokens,
      returning: attempts > 0,
    };
    request.wish = wish;
    request.entrant = entrant;
    request.heldSince = undefined;
    request.leave = this.gate.enter(
      entrant,
      () => {
        const runners = this.candidates(request);
        if (runners.length === 0) throw new ProxyError('no_backend', 'nobody can take it');
        return this.#reserver.reserve(wish, [runners]);
      },
      {
        started: (place) => this.#send(request, place),
        refused: (error) => {
          // Anything else is a fault of ours.
          if (error.code !== 'no_backend') throw error;
          this.#over(request, 'refused');
        },
      },
    );
  }

  candidates({ ask, tried }: Request) {
    return this.registry.eligible(ask.model).runners.filter(({ backendId }) => !tried.has(backendId));
  }

  #send(request: Request, place: Place): void {
    expect(request.place, 'sent while it is under way').toBeUndefined();
    expect(request.ends, 'sent after its end').toEqual([]);
    const { ask } = request;
    const { lease, runner } = place;
    const server = this.servers.get(runner.backendId);
    if (server === undefined) throw new Error(`sent to ${runner.backendId}, which does not exist`);
    request.place = place;
    request.attempts++;
    this.onSent(request, place);
    const sentAt = this.clock.now();
    let begun = sentAt;
    request.cancel = server.send(ask.model, promptOf(ask), ask, {
      firstToken: () => {
        if (!ask.streams) return;
        begun = this.clock.now();
        lease.began();
      },
      done: (timings) => {
        lease.began();
        const totalMs = this.clock.now() - sentAt;
        const firstByteMs = ask.streams ? begun - sentAt : totalMs;
        this.#ended(request, { kind: 'served', status: 200, firstByteMs, totalMs, usage: usageOf(timings) });
      },
      failed: (reason, phase) => {
        const blame = reason === 'overloaded' ? 'none' : reason === 'error-line' ? 'model' : 'backend';
        const totalMs = this.clock.now() - sentAt;
        this.#ended(request, { kind: 'backend-failed', phase, blame, reason, message: reason, totalMs });
      },
    });
  }

  #ended(request: Request, outcome: Outcome): void {
    const { place, entrant, ask } = request;
    if (place === undefined || entrant === undefined) throw new Error('an attempt ended that was not under way');
    const { lease, runner } = place;
    const { backendId } = runner;
    request.place = undefined;
    const failed = outcome.kind === 'backend-failed';
    const again = failed && outcome.phase !== 'body' && request.attempts < MAX_ATTEMPTS;
    if (!again) {
      const cut = failed && outcome.phase === 'body';
      this.#over(request, outcome.kind === 'client-left' ? 'left' : cut ? 'cut' : failed ? 'failed' : 'served');
    }
    if (outcome.kind === 'served') {
      const { totalMs: latencyMs, usage } = outcome;
      this.#learned.record(runner.id, { category: 'unknown', success: true, latencyMs }, this.clock.now());
      const { promptTokens = 0, outputTokens = 0 } = usage ?? {};
      this.served.set(ask.tenant, (this.served.get(ask.tenant) ?? 0) + promptTokens + 2 * outputTokens);
    } else if (failed) {
      this.#learned.record(runner.id, { category: 'unknown', success: false }, this.clock.now());
    }
    lease.end(outcome);
    const { promptTokens = 0, outputTokens = 0 } = outcome.kind === 'served' ? (outcome.usage ?? {}) : {};
    this.gate.settle(entrant, outcome.kind === 'served' ? { promptTokens, outputTokens } : undefined);
    if (!failed) return;
    this.clock.at(this.clock.now(), () => this.#look(backendId));
    request.tried.add(backendId);
    if (again) this.#enter(request);
  }

  #leaves(request: Request): void {
    if (request.ends.length > 0) return;
    if (request.place === undefined) {
      request.leave();
      this.#over(request, 'left');
      return;
    }
    request.cancel();
    this.#ended(request, { kind: 'client-left', phase: 'body', totalMs: this.clock.now() - request.since });
  }

  #over(request: Request, end: End): void {
    request.ends.push(end);
  }
}

/** As a server tells it: what was cached is in the count, and nowhere told apart. */
const usageOf = ({ promptTokens, outputTokens, loadMs, prefillMs, decodeMs }: Timings) => ({
  promptTokens,
  outputTokens,
  cachedTokens: undefined,
  loadMs,
  prefillMs,
  decodeMs,
});

export const depthOf = (world: DispatchWorld): number => {
  const classes: readonly PriorityClass[] = ['interactive', 'normal', 'batch'];
  return classes.reduce((sum, each) => sum + world.gate.depth(each), 0);
};
