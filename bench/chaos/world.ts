import { seededRng } from '../../src/core/rng.ts';
import { STRATEGY_NAMES, createStrategy } from '../../src/routing/index.ts';
import { VirtualTime } from '../../src/sim/model/scheduler.ts';
import { chanceOf, type Chance } from './chance.ts';
import { Checker, type Told } from './checker.ts';
import { Journal } from './journal.ts';
import { FAULT_KINDS, type Fault, type FaultKind } from './mishaps.ts';
import { askOf, planOf, type Plan } from './plans.ts';
import { ChaosProxy } from './proxy.ts';
import { ProxyTime } from './proxy-time.ts';
import { Request } from './request.ts';
import { ChaosServer } from './server.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** How many arrive. */
  readonly requests: number;
  /** Keeps a digest of everything that happens. */
  readonly exact?: boolean;
  /** Told of jumps of wall time, by so many ms; nothing may depend on it. */
  readonly wall?: (jumpMs: number) => void;
}

export interface ChaosResult extends Told {
  readonly seed: number;
  /** Mishaps by kind. */
  readonly mishaps: ReadonlyMap<string, number>;
  /** ms of virtual time. */
  readonly spanMs: number;
  readonly digest: number;
  /** What did not hold, with what happened last; undefined = everything held. */
  readonly broken: { readonly what: string; readonly last: readonly string[] } | undefined;
}

/**
 * Time for everything to come to its end once all is mended. A server may still hang for reasons of its own (loads that
 * wait for a model which others keep in memory), so then all are started anew; whoever is still there after the same time
 * again waits for ever.
 */
const CALM_MS = 1_800_000;
/** Longer than any model stays in memory once nothing runs on it. */
const FORGOTTEN_MS = 600_000;
const SWEEP_MS = 1_000;

/** Everything that was promised to whoever awaits it is done before time goes on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One seed: a pool, those who ask it, and everything that happens to them. The same seed goes the same way. */
class World {
  readonly #options: ChaosOptions;
  readonly #vt = new VirtualTime();
  readonly #time = new ProxyTime(this.#vt);
  readonly #journal: Journal;
  readonly #plan: Plan;
  readonly #servers: ReadonlyMap<string, ChaosServer>;
  readonly #checker: Checker;
  readonly #proxy: ChaosProxy;
  /** Each has its own, so that what one decides shifts no other. */
  readonly #traffic: Chance;
  readonly #mishaps: Chance;
  #arrived = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
    const chance = (stream: number): Chance => chanceOf(seededRng(Math.imul(options.seed, 0x9e3779b1) + stream));
    this.#journal = new Journal(options.exact === true);
    this.#plan = planOf(chance(1), options.requests);
    this.#traffic = chance(2);
    this.#mishaps = chance(3);
    const network = chance(4);
    this.#servers = new Map(
      this.#plan.servers.map((plan) => [plan.id, new ChaosServer(plan, this.#vt, this.#time, network)]),
    );
    this.#checker = new Checker(this.#servers, this.#journal, () => this.#vt.now());
    this.#proxy = new ChaosProxy(this.#plan, this.#servers, this.#time, chance(5), this.#checker);
    this.#checker.watch(this.#proxy);
  }

  async result(): Promise<ChaosResult> {
    let broken: ChaosResult['broken'];
    try {
      await this.#play();
    } catch (error) {
      const what =
        error instanceof Error
          ? error.name === 'Broken'
            ? error.message
            : (error.stack ?? error.message)
          : String(error);
      broken = { what: `at ${this.#vt.now().toFixed(1)} ms: ${what}`, last: this.#journal.last() };
    }
    return {
      ...this.#checker.told,
      seed: this.#options.seed,
      mishaps: this.#journal.counts,
      spanMs: this.#vt.now(),
      digest: this.#journal.digest,
      broken,
    };
  }

  async #play(): Promise<void> {
    this.#proxy.start();
    this.#sweep();
    this.#nextArrival();
    this.#nextMishap();
    await this.#until(() => this.#arrived >= this.#plan.requests, Infinity);
    this.#mendAll();
    const { open } = this.#checker;
    for (let again = 0; again < 2; again++) {
      await this.#until(() => open.size === 0, this.#vt.now() + CALM_MS);
      if (open.size > 0) this.#restartAll();
    }
    this.#proxy.stop();
    if (!this.#checker.idle) this.#restartAll();
    await this.#until(() => this.#checker.idle, this.#vt.now() + CALM_MS);
    await this.#until(() => false, this.#vt.now() + FORGOTTEN_MS);
    this.#checker.atRest(this.#time.now() + FORGOTTEN_MS);
  }

  async #until(over: () => boolean, limitMs: number): Promise<void> {
    while (!over()) {
      const next = this.#vt.next();
      if (next === undefined || next > limitMs) return;
      this.#vt.run(next);
      while (this.#proxy.stirred) {
        this.#proxy.stirred = false;
        await settled();
      }
      this.#checker.check();
    }
  }

  #in(ms: number, run: () => void): void {
    this.#vt.at(this.#vt.now() + ms, run);
  }

  #sweep(): void {
    for (const request of this.#checker.open) {
      const server = this.#servers.get(request.place?.runner.backendId ?? '');
      if (server !== undefined) request.sweep(server.flows);
    }
    this.#time.schedule(SWEEP_MS, () => this.#sweep());
  }

  // ---- traffic ----

  #nextArrival(): void {
    const { burst, rate, requests } = this.#plan;
    this.#in(this.#traffic.about((1_000 * burst) / rate), () => {
      for (let i = 0; i < burst && this.#arrived < requests; i++) this.#arrive();
      if (this.#arrived < requests) this.#nextArrival();
    });
  }

  #arrive(): void {
    const ask = askOf(this.#traffic, this.#plan, this.#arrived++);
    this.#time.reach(() => {
      const request = new Request(ask, this.#proxy, this.#servers, this.#checker);
      this.#checker.arrived(request);
      this.#checker.note(`${request.name} comes for ${ask.model.name}`);
      request.arrive();
      const { patienceMs } = ask;
      if (patienceMs !== undefined) this.#in(patienceMs, () => this.#time.reach(() => request.leaves()));
    });
  }

  // ---- mishaps ----

  #nextMishap(): void {
    this.#in(this.#mishaps.about(this.#plan.calmMs), () => {
      if (this.#arrived >= this.#plan.requests) return;
      this.#mishap();
      this.#nextMishap();
    });
  }

  #mishap(): void {
    const chance = this.#mishaps;
    const server = chance.one([...this.#servers.values()]);
    const kind = chance.next();
    if (kind < 0.5) this.#fault(server);
    else if (kind < 0.62) this.#reload(server);
    else if (kind < 0.7) this.#outOfService(server);
    else if (kind < 0.76) this.#remove(server);
    else if (kind < 0.8) this.#switch();
    else if (kind < 0.84) this.#stop();
    else if (kind < 0.87) this.#wall();
    else if (kind < 0.89) this.#recover(server);
    else if (kind < 0.92) this.#leave();
    else if (kind < 0.99) this.#foreign(server);
    else this.#powerCut();
  }

  #happens(kind: string, text = ''): void {
    this.#journal.count(kind);
    this.#checker.note(`${kind} ${text}`);
  }

  #fault(server: ChaosServer): void {
    const chance = this.#mishaps;
    const fault = faultOf(chance, server, chance.one(FAULT_KINDS));
    const lasts = chance.spread(200, 180_000);
    if (server.faults.has(fault.kind)) return;
    this.#happens(fault.kind, `at ${server.id} for ${lasts.toFixed(0)} ms`);
    server.begin(fault);
    this.#in(lasts, () => {
      this.#checker.note(`${fault.kind} at ${server.id} is over`);
      server.mend(fault.kind);
    });
  }

  #reload(server: ChaosServer): void {
    const chance = this.#mishaps;
    const proxy = this.#proxy;
    const changes: (() => void)[] = [];
    const maybe = (probability: number, change: () => void): void => {
      if (chance.yes(probability)) changes.push(change);
    };
    const weight = chance.one([0.5, 1, 3]);
    const maxWaiting = chance.one([8, 64, 200, 2_000]);
    const maxWaitMs = chance.one([5_000, 60_000, 300_000]);
    maybe(0.5, () => (server.told = !server.told));
    maybe(0.5, () => (server.weight = weight));
    maybe(0.3, () => (proxy.settings.maxWaiting = maxWaiting));
    maybe(0.3, () => (proxy.settings.maxWaitMs = maxWaitMs));
    maybe(0.3, () => (proxy.settings.shed = !proxy.settings.shed));
    maybe(0.3, () => (proxy.settings.order = proxy.settings.order === 'fifo' ? 'sjf' : 'fifo'));
    maybe(0.2, () => (proxy.breaker = { ...proxy.breaker, adaptive: proxy.breaker.adaptive !== true }));
    this.#happens('reload', server.id);
    this.#time.reach(() => {
      for (const change of changes) change();
      proxy.reload();
    });
  }

  #outOfService(server: ChaosServer): void {
    const chance = this.#mishaps;
    const drain = chance.yes(0.5);
    this.#happens(drain ? 'drain' : 'disable', server.id);
    const set = (out: boolean): void => {
      const { registry, gate } = this.#proxy;
      if (drain) registry.setDraining(server.id, out);
      else registry.setEnabled(server.id, !out);
      gate.pump();
    };
    this.#time.reach(() => set(true));
    this.#in(chance.spread(500, 120_000), () => this.#time.reach(() => set(false)));
  }

  #remove(server: ChaosServer): void {
    if (!server.configured) return;
    this.#happens('remove', server.id);
    const set = (configured: boolean): void => {
      server.configured = configured;
      this.#proxy.reload();
    };
    this.#time.reach(() => set(false));
    this.#in(this.#mishaps.spread(200, 120_000), () => {
      this.#happens('add', server.id);
      this.#time.reach(() => set(true));
    });
  }

  #switch(): void {
    const name = this.#mishaps.one(STRATEGY_NAMES);
    this.#happens('strategy switch', name);
    this.#time.reach(() => {
      this.#proxy.strategy = createStrategy(name);
    });
  }

  #stop(): void {
    const counts = this.#mishaps.yes(0.5);
    const ms = this.#mishaps.spread(50, 90_000);
    this.#happens(counts ? 'proxy stopped' : 'proxy suspended', `for ${ms.toFixed(0)} ms`);
    this.#time.stop(ms, counts, () => this.#checker.note('the proxy goes on'));
  }

  #wall(): void {
    const jump = this.#mishaps.spread(100, 1e9) * (this.#mishaps.yes(0.5) ? 1 : -1);
    this.#happens('wall clock jump');
    this.#options.wall?.(jump);
  }

  #recover(server: ChaosServer): void {
    this.#happens('recovered by hand', server.id);
    this.#time.reach(() => {
      this.#proxy.registry.recover(server.id);
      this.#proxy.gate.pump();
    });
  }

  #leave(): void {
    const leaving = [...this.#checker.open].filter(() => this.#mishaps.yes(0.3));
    this.#happens('clients leave', String(leaving.length));
    this.#time.reach(() => {
      for (const request of leaving) request.leaves();
    });
  }

  /** Somebody asks a server directly. */
  #foreign(server: ChaosServer): void {
    const chance = this.#mishaps;
    const model = chance.one(server.plan.models);
    this.#happens('foreign request', `${model.name} at ${server.id}`);
    const unloads = chance.yes(0.2);
    const embeds = !model.capabilities.includes('completion');
    const job = {
      model,
      kind: unloads ? ('load' as const) : embeds ? ('embedding' as const) : ('completion' as const),
      prompt: [{ text: `foreign ${this.#vt.now()}`, tokens: 300 }],
      outputTokens: unloads || embeds ? 0 : 200,
      numCtx: chance.one([undefined, 2_048]),
      keepAliveMs: unloads ? 0 : chance.one([undefined, 1_000, Infinity]),
      poison: false,
    };
    server.send(job, { firstToken: () => {}, done: () => {}, failed: () => {} });
  }

  #powerCut(): void {
    this.#happens('power cut');
    const lasts = this.#mishaps.spread(500, 60_000);
    for (const server of this.#servers.values()) {
      if (server.faults.has('kill')) continue;
      server.begin({ kind: 'kill' });
      this.#in(lasts, () => server.mend('kill'));
    }
  }

  #restartAll(): void {
    this.#checker.note('all servers are started anew');
    for (const server of this.#servers.values()) {
      server.begin({ kind: 'kill' });
      server.mend('kill');
    }
  }

  #mendAll(): void {
    this.#checker.note('everything is mended');
    const { registry, gate } = this.#proxy;
    for (const server of this.#servers.values()) {
      server.configured = true;
      for (const kind of [...server.faults.keys()]) server.mend(kind);
    }
    this.#time.reach(() => {
      this.#proxy.reload();
      for (const id of this.#servers.keys()) {
        registry.setDraining(id, false);
        registry.setEnabled(id, true);
      }
      gate.pump();
    });
  }
}

const faultOf = (chance: Chance, server: ChaosServer, kind: FaultKind): Fault => {
  switch (kind) {
    case 'slow':
      return { kind, factor: chance.spread(2, 20) };
    case 'error-line':
      return { kind, first: chance.yes(0.5) };
    case 'hung-runner':
    case 'deleted':
      return { kind, model: chance.one(server.plan.models) };
    default:
      return { kind };
  }
};

/** Plays one seed to its end, or until a promise is broken. */
export const chaos = (options: ChaosOptions): Promise<ChaosResult> => new World(options).result();
