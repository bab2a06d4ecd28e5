import { Gate, type GateSettings } from '../../src/admission/gate.ts';
import type { Entrant } from '../../src/admission/entrant.ts';
import type { LoadedModel, Runner } from '../../src/backends/backend.ts';
import { Registry } from '../../src/backends/registry.ts';
import type { BackendConfig } from '../../src/config/types.ts';
import {
  BREAKER_DEFAULTS,
  type CandidateStats,
  type Outcome,
  type Strategy,
  type TaskFacts,
} from '../../src/core/types.ts';
import { Reserver, type Place, type Wish } from '../../src/dispatch/reserve.ts';
import { crowdOf, type Tier } from '../../src/dispatch/shortlist.ts';
import { Facts } from '../../src/facts/facts.ts';
import { Learned } from '../../src/results/learned.ts';
import { nominalLatencyMs } from '../../src/results/recorder.ts';
import { createStrategy } from '../../src/routing/index.ts';
import { toldParts, type Asked, type Told } from './oracle.ts';
import { Placed } from './placed.ts';
import type { AttemptEnd, ResidentView, ServerInfo, SimPolicy, WorldView } from './policy.ts';
import { Taught } from './taught.ts';
import type { SimJob } from './workload.ts';

/** Attempts per request, as the proxy's default. */
const MAX_ATTEMPTS = 3;
/** As in the proxy. */
const PULSE_MS = 250;

export interface OursOptions {
  /** Name in tables. */
  readonly name: string;
  readonly strategy: string;
  /** Facts that are told instead of learned. */
  readonly told?: readonly Told[];
  readonly gate?: Partial<GateSettings>;
  /** Copies of models are loaded in the background, as the proxy does by default. */
  readonly placement?: boolean;
  /** Attempts that a request gets; default: the proxy's own. */
  readonly attempts?: number;
  /** Looks at every server for every decision, however many there are: what the shortlist of the proxy costs shows by it. */
  readonly scansAll?: boolean;
}

interface Open {
  readonly job: SimJob;
  readonly since: number;
  /** Who chooses for it. */
  readonly strategy: Strategy;
  readonly tried: Set<string>;
  attempts: number;
  place: Place | undefined;
  entrant: Entrant | undefined;
  leave: (() => void) | undefined;
}

/**
 * The router itself: registry, breakers, facts, queue and strategy are the objects that the proxy is made of; only the
 * sockets are replaced by simulated servers.
 */
export const ours = (options: OursOptions): SimPolicy => new Ours(options);

class Ours implements SimPolicy {
  readonly name: string;
  readonly #options: OursOptions;
  readonly #open = new Map<string, Open>();
  #world: WorldView | undefined;
  #registry: Registry | undefined;
  #gate: Gate | undefined;
  #facts: Facts | undefined;
  #reserver: Reserver | undefined;
  #taught: Taught | undefined;
  readonly #learned = new Learned();
  readonly #asked: Asked = { job: undefined };

  constructor(options: OursOptions) {
    this.name = options.name;
    this.#options = options;
  }

  start(world: WorldView): void {
    const clock = { now: () => world.now() };
    const { told } = this.#options;
    const facts = new Facts(told && toldParts(world, this.#asked, new Set(told)));
    const gate = new Gate(
      clock,
      (ms, run) => world.at(world.now() + ms, run),
      {
        maxWaiting: 100_000,
        maxWaitMs: 86_400_000,
        classWeights: { interactive: 8, normal: 3, batch: 1 },
        hooks: {
          walkBegins: (lane) => facts.walkBegins(lane),
          mayStart: (lane, host) => facts.mayStart(lane, host, clock.now()),
        },
        shed: false,
        ...this.#options.gate,
      },
      world.rng,
    );
    const registry = new Registry({
      clock,
      facts,
      statsOf: (id): CandidateStats => this.#learned.of(id),
      forget: (id) => this.#learned.forget(id),
      breaker: BREAKER_DEFAULTS,
      health: { unhealthyAfter: 3, healthyAfter: 1 },
      events: {
        released: ({ backendId }) => gate.pump(undefined, backendId),
        loaded: ({ backendId }) => gate.pump(undefined, backendId),
        looked: (backend) => gate.poke(undefined, backend),
        breakerChanged: (_backend, _model, _from, to) => {
          if (to === 'open') this.#taught?.breakerOpened();
          gate.pump();
        },
        healthChanged: () => gate.pump(),
        modelsChanged: () => gate.pump(),
      },
    });
    registry.apply(world.servers.map(configOf));
    // What is on disk is known before the first request, as after the proxy's first look.
    for (const server of world.servers) registry.observe(server.id, seenOf(server, [], server.version, world.now()));
    this.#world = world;
    this.#facts = facts;
    this.#gate = gate;
    this.#registry = registry;
    const taught = new Taught(createStrategy(this.#options.strategy), world, () => gate.size);
    this.#taught = taught;
    this.#reserver = new Reserver({
      registry,
      facts,
      clock,
      rng: world.rng,
      queue: () => ({ waiting: gate.size, hosts: world.servers.length }),
      decided: (decision) => taught.decided(decision),
    });
    if (this.#options.placement === true) new Placed({ world, registry, facts, gate }).start();
    this.#pulse(world, gate);
  }

  /** Asks those who wait again although nothing happened, as the proxy does. */
  #pulse(world: WorldView, gate: Gate): void {
    gate.poke();
    world.at(world.now() + PULSE_MS, () => this.#pulse(world, gate));
  }

  arrive(job: SimJob): void {
    const world = started(this.#world);
    started(this.#facts).arrived(job.model, world.now());
    const open: Open = {
      job,
      since: world.now(),
      strategy: started(this.#taught).chooser(factsOf(job)),
      tried: new Set(),
      attempts: 0,
      place: undefined,
      entrant: undefined,
      leave: undefined,
    };
    this.#open.set(job.id, open);
    this.#enter(open);
  }

  firstToken(job: SimJob): void {
    this.#open.get(job.id)?.place?.lease.began();
  }

  ended(job: SimJob, serverId: string | undefined, result: AttemptEnd): void {
    const open = this.#open.get(job.id);
    if (open === undefined) return;
    if (serverId === undefined || open.place === undefined) {
      open.leave?.();
      this.#open.delete(job.id);
      return;
    }
    const { lease, runner } = open.place;
    open.place = undefined;
    const outcome = outcomeOf(result);
    const over = result.kind !== 'failed' || result.phase === 'body';
    if (over) this.#open.delete(job.id);
    if (over) started(this.#taught).ended(open.strategy, job, open.since, result);
    this.#learn(runner, open, outcome);
    lease.end(outcome);
    if (over) return;
    open.tried.add(serverId);
    if (open.attempts < (this.#options.attempts ?? MAX_ATTEMPTS)) this.#enter(open);
    else this.#refuse(open, `every attempt failed: ${result.kind === 'failed' ? result.reason : ''}`);
  }

  polled(serverId: string, residents: readonly ResidentView[] | 'down', version: string): void {
    const world = started(this.#world);
    const server = world.servers.find(({ id }) => id === serverId);
    if (server === undefined) return;
    const seen =
      residents === 'down'
        ? { up: false as const, error: 'no answer' }
        : seenOf(server, residents, version, world.now());
    started(this.#registry).observe(serverId, seen);
  }

  #enter(open: Open): void {
    const { job } = open;
    const facts = started(this.#facts);
    const returning = open.attempts > 0;
    const wish: Wish = {
      id: job.id,
      model: job.model,
      facts: factsOf(job),
      demand: job.demand,
      streams: true,
      strategy: open.strategy,
      since: open.since,
      attempt: open.attempts + 1,
      asked: 0,
    };
    const entrant: Entrant = {
      id: job.id,
      lane: job.model,
      priority: job.priority,
      tenant: job.tenant,
      tenantWeight: 1,
      deadline: Infinity,
      bytes: job.demand.promptBytes,
      estimateMs: facts.serviceMs(started(this.#world).now()),
      promptTokens: job.demand.promptBytes / 4,
      returning,
    };
    open.entrant = entrant;
    open.leave = started(this.#gate).enter(
      entrant,
      () => {
        this.#asked.job = job;
        const start = started(this.#reserver).reserve(wish, [this.#tierOf(open)]);
        this.#asked.job = undefined;
        return start;
      },
      {
        started: (place) => {
          open.place = place;
          open.attempts++;
          started(this.#world).send(job, place.runner.backendId);
        },
        refused: (error) => this.#refuse(open, error.message),
      },
    );
  }

  #tierOf({ job: { model }, tried }: Open): Tier {
    const registry = started(this.#registry);
    const isLeft = ({ backendId }: Runner): boolean => !tried.has(backendId);
    const crowd =
      this.#options.scansAll === true ? undefined : crowdOf(registry, [model], isLeft, started(this.#world).rng);
    if (crowd !== undefined) return crowd;
    const { runners } = registry.eligible(model);
    const left = runners.filter(isLeft);
    return left.length > 0 ? left : runners;
  }

  #refuse(open: Open, why: string): void {
    this.#open.delete(open.job.id);
    started(this.#taught).ended(open.strategy, open.job, open.since, undefined);
    started(this.#world).refuse(open.job, why);
  }

  #learn(runner: Runner, { job, entrant }: Open, outcome: Outcome): void {
    const at = started(this.#world).now();
    const gate = started(this.#gate);
    if (outcome.kind === 'served') {
      const result = { category: job.category, success: true, latencyMs: nominalLatencyMs(outcome) };
      this.#learned.record(runner.id, result, at);
      const { promptTokens = 0, outputTokens = 0 } = outcome.usage ?? {};
      if (entrant !== undefined) gate.settle(entrant, { promptTokens, outputTokens });
      return;
    }
    if (entrant !== undefined) gate.settle(entrant, undefined);
    if (outcome.kind === 'backend-failed') {
      this.#learned.record(runner.id, { category: job.category, success: false }, at);
    }
  }
}

const factsOf = ({ category, model, session }: SimJob): TaskFacts => ({ category, model, affinityKey: session });

const started = <T>(part: T | undefined): T => {
  if (part === undefined) throw new Error('the policy was used before start()');
  return part;
};

const configOf = ({ id, slots }: ServerInfo): BackendConfig => ({
  name: id,
  url: new URL(`http://${id}.invalid`),
  weight: 1,
  slots: slots ?? 'auto',
  zone: 'default',
  tags: [],
  headers: {},
  vramBytes: 'auto',
});

const seenOf = (server: ServerInfo, residents: readonly ResidentView[], version: string, now: number) => ({
  up: true as const,
  version,
  installed: Array.from(server.models, ([name, sizeBytes]) => ({ name, digest: name, sizeBytes, entry: {} })),
  loaded: residents.map((each): LoadedModel => ({
    name: each.model,
    sizeBytes: each.sizeBytes,
    vramBytes: each.sizeVramBytes,
    contextLength: each.contextLength,
    digest: each.model,
    expiresInMs: each.expiresAt - now,
    entry: {},
  })),
});

const outcomeOf = (result: AttemptEnd): Outcome => {
  switch (result.kind) {
    case 'served': {
      const { usage, firstTokenMs, totalMs } = result;
      return { kind: 'served', status: 200, firstByteMs: firstTokenMs, totalMs, usage };
    }
    case 'failed': {
      const { reason, phase, ms } = result;
      const blame = reason === 'overloaded' ? 'none' : reason === 'connect' || reason === 'reset' ? 'backend' : 'model';
      return { kind: 'backend-failed', phase, blame, reason, message: reason, totalMs: ms };
    }
    case 'left':
      return { kind: 'client-left', phase: 'head', totalMs: result.ms };
  }
};
