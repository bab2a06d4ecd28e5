import type { Entrant } from '../../src/admission/entrant.ts';
import { Gate } from '../../src/admission/gate.ts';
import type { LoadedModel, Runner } from '../../src/backends/backend.ts';
import { Registry, type Lease } from '../../src/backends/registry.ts';
import { ManualClock } from '../../src/core/clock.ts';
import type { Demand, PrefixMark } from '../../src/core/demand.ts';
import { DEFAULT_SHAPE } from '../../src/core/demand.ts';
import { seededRng, type Rng } from '../../src/core/rng.ts';
import { BREAKER_DEFAULTS, type CandidateStats, type Outcome, type Strategy } from '../../src/core/types.ts';
import { keeper } from '../../src/dispatch/keep.ts';
import { Reserver, type Place, type Wish } from '../../src/dispatch/reserve.ts';
import { Facts } from '../../src/facts/facts.ts';
import { places, type Wanted } from '../../src/http/candidates.ts';
import { nothingTried } from '../../src/http/failover.ts';
import { RouteGaps } from '../../src/http/route-gaps.ts';
import { Decisions } from '../../src/results/decisions.ts';
import { Learned } from '../../src/results/learned.ts';

/** Models of the pool. The first one is on every server, so that a decision for it has the whole pool before it. */
const MODELS = 16;
/** Model that nobody but the first three servers has: those who wait for it wait whatever else happens. */
const RARE = 'rare:latest';
const RARE_HOLDERS = 3;
/** Memory of every server: two or three of the models fit at a time. */
const VRAM_BYTES = 24e9;
/** ms that a request takes, about. */
const SERVICE_MS = 8_000;
/** Applications, each with a system prompt of its own that all of its requests begin with. */
const APPS = 12;
const MARKS_PER_PROMPT = 24;
const PROMPT_BYTES = 12_000;
/** ms between two looks at a server. */
const LOOK_EVERY_MS = 5_000;

/** What one step took, in µs; undefined = it did not happen. */
export interface StepTimes {
  readonly release: number;
  readonly arrival: number;
  readonly look: number | undefined;
}

interface Running {
  readonly place: Place;
  readonly demand: Demand;
  readonly at: number;
}

const modelName = (index: number): string => `m${index}:latest`;

/**
 * The parts of the proxy that decide, put together as the proxy does, over a pool of any size that is at work: servers
 * with two to eight models and one to four slots, requests under way everywhere and a queue that keeps its length.
 */
export class DecisionPool {
  /** µs of every single ask for a place since it was last emptied. */
  readonly asks: number[] = [];
  readonly #hosts: number;
  readonly #rng: Rng;
  readonly #clock = new ManualClock(1_000_000);
  readonly #facts = new Facts();
  readonly #learned = new Learned();
  readonly #gaps = new RouteGaps();
  readonly #registry: Registry;
  readonly #gate: Gate;
  readonly #reserver: Reserver;
  readonly #strategy: Strategy;
  readonly #running: Running[] = [];
  /** Places that were taken and whose answer has not begun. */
  readonly #fresh: Lease[] = [];
  readonly #slots: number;
  readonly #now: () => number;
  #requests = 0;
  #looked = 0;
  #lookDue = 0;

  /**
   * @param busyShare of the slots of each server that requests are put on before anything is measured
   * @param now µs, by which steps are timed
   */
  constructor(hosts: number, strategy: Strategy, busyShare: number, now: () => number) {
    this.#now = now;
    this.#hosts = hosts;
    this.#strategy = strategy;
    this.#rng = seededRng(hosts);
    const facts = this.#facts;
    const clock = this.#clock;
    const rng = this.#rng;
    this.#gate = new Gate(
      clock,
      () => () => {},
      {
        maxWaiting: 1_000_000,
        maxWaitMs: 86_400_000,
        classWeights: { interactive: 8, normal: 3, batch: 1 },
        hooks: {
          walkBegins: (lane) => facts.walkBegins(lane),
          mayStart: (lane, host) => facts.mayStart(lane, host, clock.now()),
        },
        shed: false,
      },
      rng,
    );
    const gate = this.#gate;
    this.#registry = new Registry({
      clock,
      facts,
      statsOf: (id): CandidateStats => this.#learned.of(id),
      forget: () => {},
      breaker: BREAKER_DEFAULTS,
      health: { unhealthyAfter: 3, healthyAfter: 1 },
      events: {
        released: ({ backendId }) => gate.pump(undefined, backendId),
        loaded: ({ backendId }) => gate.pump(undefined, backendId),
        looked: (backend) => gate.poke(undefined, backend),
        breakerChanged: () => gate.pump(),
        healthChanged: () => {},
        modelsChanged: () => {},
      },
    });
    this.#reserver = new Reserver({
      registry: this.#registry,
      facts,
      clock,
      rng,
      queue: () => ({ waiting: gate.size, hosts: this.#registry.upCount }),
      decided: keeper(new Decisions(1_000), () => 0),
    });
    this.#slots = this.#build();
    this.#occupy(busyShare);
  }

  get waiting(): number {
    return this.#gate.size;
  }

  get running(): number {
    return this.#running.length;
  }

  /** Lets requests in until so many wait. @param rare for the model that is on three servers only */
  fillQueue(waiting: number, rare: boolean): void {
    for (let tries = 0; this.#gate.size < waiting && tries < 20 * this.#slots + 10 * waiting; tries++) {
      this.#enter(rare ? RARE : this.#popular());
    }
  }

  /** One request ends and another one arrives, a moment later; every now and then a server is looked at. */
  step(): StepTimes {
    for (const lease of this.#fresh.splice(0)) lease.began();
    this.#clock.advance(SERVICE_MS / this.#slots);
    const ended = this.#takeRunning();
    const outcome = this.#outcome(ended);
    this.#learned.record(
      ended.place.runner.id,
      { category: 'coding', success: outcome.kind === 'served', latencyMs: SERVICE_MS },
      this.#clock.now(),
    );
    let from = this.#now();
    ended.place.lease.end(outcome);
    const release = this.#now() - from;
    const model = this.#popular();
    from = this.#now();
    this.#enter(model);
    const arrival = this.#now() - from;
    const due = this.#clock.now() - this.#lookDue >= LOOK_EVERY_MS / this.#hosts;
    if (!due) return { release, arrival, look: undefined };
    this.#lookDue = this.#clock.now();
    const id = `s${this.#looked++ % this.#hosts}`;
    from = this.#now();
    this.#look(id);
    return { release, arrival, look: this.#now() - from };
  }

  // ---- the pool ----

  #build(): number {
    let slots = 0;
    const configs = Array.from({ length: this.#hosts }, (_, i) => {
      const own = 1 + Math.floor(4 * this.#rng.next());
      slots += own;
      return {
        name: `s${i}`,
        url: new URL(`http://s${i}.invalid:11434`),
        weight: 1,
        slots: own,
        zone: 'default',
        tags: [],
        headers: {},
        vramBytes: VRAM_BYTES,
      };
    });
    this.#registry.apply(configs);
    for (let i = 0; i < this.#hosts; i++) this.#install(i);
    return slots;
  }

  #install(index: number): void {
    const names = [modelName(0)];
    const count = 2 + Math.floor(7 * this.#rng.next());
    while (names.length < count) {
      const name = modelName(this.#popularIndex());
      if (!names.includes(name)) names.push(name);
    }
    if (index < RARE_HOLDERS) names.push(RARE);
    const installed = names.map((name) => ({ name, digest: `d-${name}`, sizeBytes: sizeOf(name), entry: {} }));
    const resident = [names[Math.floor(names.length * this.#rng.next())] ?? modelName(0)];
    if (index < RARE_HOLDERS) resident[0] = RARE;
    const loaded = resident.map((name) => loadedModel(name));
    this.#registry.observe(`s${index}`, { up: true, version: '0.33.0', installed, loaded });
  }

  /** Puts requests on the slots of the models that are in memory. */
  #occupy(share: number): void {
    for (let i = 0; i < this.#hosts; i++) {
      const backend = this.#registry.get(`s${i}`);
      if (backend === undefined) continue;
      for (const model of backend.loaded.keys()) {
        const runner = backend.runners.get(model);
        if (runner !== undefined) this.#putOn(runner, model === RARE ? 1 : share);
      }
    }
  }

  #putOn(runner: Runner, share: number): void {
    const at = this.#clock.now();
    const places = runner.facts?.slots.limit(at) ?? 1;
    for (let n = 0; n < places; n++) {
      if (this.#rng.next() >= share) continue;
      const demand = this.#demand();
      const expected = {
        waitMs: 0,
        loadMs: 0,
        prefillMs: 1_000,
        decodeMs: SERVICE_MS,
        slowdown: 1,
        excess: 0.5,
        promptTokens: PROMPT_BYTES / 4,
        cachedTokens: 0,
        claim: undefined,
      };
      const lease = this.#registry.tryAcquire(runner, { demand, streams: true, expected, room: false });
      if (lease === undefined) return;
      lease.began();
      this.#running.push({ place: { lease, runner, why: '', tier: 0 }, demand, at });
    }
  }

  #look(id: string): void {
    const backend = this.#registry.get(id);
    if (backend === undefined) return;
    const { residency } = this.#facts.host(id);
    const loaded = residency
      .list(this.#clock.now())
      .flatMap(({ model, loading }) => (loading ? [] : [loadedModel(model)]));
    this.#registry.observe(id, { up: true, version: '0.33.0', installed: [...backend.installed.values()], loaded });
  }

  // ---- requests ----

  #enter(model: string): void {
    const demand = this.#demand();
    const at = this.#clock.now();
    const id = `r${this.#requests++}`;
    this.#facts.arrived(model, at);
    const wish: Wish = {
      id,
      model,
      facts: { category: 'coding', model, affinityKey: undefined },
      demand,
      streams: true,
      strategy: this.#strategy,
      since: at,
      attempt: 1,
      asked: 0,
    };
    const wanted: Wanted = { tiers: [[{ key: model, name: model }]], method: 'POST', path: '/api/chat' };
    const entrant: Entrant = {
      id,
      lane: model,
      priority: 'normal',
      tenant: `t${this.#requests % 50}`,
      tenantWeight: 1,
      deadline: Infinity,
      bytes: PROMPT_BYTES,
      estimateMs: SERVICE_MS,
      promptTokens: PROMPT_BYTES / 4,
      returning: false,
    };
    const tried = nothingTried();
    this.#gate.enter(
      entrant,
      () => {
        const from = this.#now();
        const start = this.#reserver.reserve(wish, places(this.#registry, this.#gaps, wanted, tried, this.#rng));
        this.asks.push(this.#now() - from);
        return start;
      },
      {
        started: (place) => {
          this.#fresh.push(place.lease);
          this.#running.push({ place, demand, at: this.#clock.now() });
        },
        refused: (error) => {
          throw error;
        },
      },
    );
  }

  #takeRunning(): Running {
    const pick = Math.floor(this.#running.length * this.#rng.next());
    const [ended, last] = [this.#running[pick], this.#running.pop()];
    if (ended === undefined || last === undefined) throw new Error('nothing is under way');
    if (ended !== last) this.#running[pick] = last;
    return ended;
  }

  #outcome({ demand, at }: Running): Outcome {
    const totalMs = Math.max(50, this.#clock.now() - at);
    const usage = {
      promptTokens: demand.promptBytes / 4,
      outputTokens: 50 + Math.floor(300 * this.#rng.next()),
      cachedTokens: undefined,
      loadMs: 0,
      prefillMs: 0.3 * totalMs,
      decodeMs: 0.7 * totalMs,
    };
    return { kind: 'served', status: 200, firstByteMs: 0.3 * totalMs, totalMs, usage };
  }

  /** Half of the requests continue one of as many conversations as there are slots, the others begin one. */
  #demand(): Demand {
    const app = Math.floor(APPS * this.#rng.next() ** 2);
    const conversation = Math.floor(2 * this.#slots * this.#rng.next());
    const marks: PrefixMark[] = [];
    for (let i = 1; i <= MARKS_PER_PROMPT; i++) {
      const bytes = (i * PROMPT_BYTES) / MARKS_PER_PROMPT;
      const own = i <= 6 ? app : APPS + APPS * conversation + app;
      marks.push({ hash: own * 1_000 + i, bytes });
    }
    return {
      kind: 'completion',
      shape: DEFAULT_SHAPE,
      promptBytes: PROMPT_BYTES,
      outputLimit: undefined,
      marks,
      app: `a${app}`,
    };
  }

  #popular(): string {
    return modelName(this.#popularIndex());
  }

  /** By Zipf's law, about: each model is wanted in proportion to 1/rank. */
  #popularIndex(): number {
    return Math.min(MODELS - 1, Math.floor((MODELS + 1) ** this.#rng.next()) - 1);
  }
}

const sizeOf = (name: string): number => 3e9 + 1e9 * (name.length + (name.charCodeAt(1) % 8));

const loadedModel = (name: string): LoadedModel => ({
  name,
  sizeBytes: sizeOf(name),
  vramBytes: sizeOf(name),
  contextLength: 8_192,
  digest: `d-${name}`,
  expiresInMs: 300_000,
  entry: {},
});
