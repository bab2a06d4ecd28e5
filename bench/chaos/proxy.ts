import { Gate, type GateSettings } from '../../src/admission/gate.ts';
import type { QueueOrder } from '../../src/admission/order.ts';
import type { Backend, Runner } from '../../src/backends/backend.ts';
import type { BreakerRules } from '../../src/backends/care.ts';
import { Recovery } from '../../src/backends/recovery.ts';
import { Registry } from '../../src/backends/registry.ts';
import type { BackendConfig } from '../../src/config/types.ts';
import { modelKey } from '../../src/core/model-name.ts';
import { BREAKER_DEFAULTS, type Log, type Outcome, type Strategy } from '../../src/core/types.ts';
import { Background } from '../../src/dispatch/background.ts';
import { Reserver, type Decision } from '../../src/dispatch/reserve.ts';
import { Facts } from '../../src/facts/facts.ts';
import { RetryBudget } from '../../src/forward/retry-budget.ts';
import { Poison } from '../../src/http/poison.ts';
import { RouteGaps } from '../../src/http/route-gaps.ts';
import { Learned } from '../../src/results/learned.ts';
import { createStrategy } from '../../src/routing/index.ts';
import type { Chance } from './chance.ts';
import { Looks } from './looks.ts';
import type { Plan } from './plans.ts';
import type { ProxyTime } from './proxy-time.ts';
import type { ChaosServer, Failure } from './server.ts';

/** As the proxy's beats. */
const PULSE_MS = 250;
const HEALTH = { unhealthyAfter: 3, healthyAfter: 1, intervalMs: 5_000 };
const RETRY_BUDGET = 0.2;

const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Whoever wants to know what the proxy decides. */
export interface Watcher {
  decided(decision: Decision): void;
  /** A request goes to a runner in spite of its breaker. */
  panicked(): void;
  /** A place was taken by the proxy itself, or given back. */
  own(runner: Runner, taken: boolean): void;
  note(text: string): void;
}

/**
 * The parts of the proxy that decide, wired as the proxy wires them, without sockets: registry, breakers, recovery,
 * facts, queue, reserver, retries and placement are its own objects.
 */
export class ChaosProxy {
  readonly time: ProxyTime;
  readonly facts = new Facts();
  readonly gate: Gate;
  readonly registry: Registry;
  readonly reserver: Reserver;
  readonly retries = new RetryBudget(RETRY_BUDGET);
  readonly poison = new Poison();
  readonly gaps = new RouteGaps();
  readonly learned = new Learned();
  readonly chance: Chance;
  strategy: Strategy;
  settings: { maxWaiting: number; maxWaitMs: number; shed: boolean; order: QueueOrder };
  breaker: BreakerRules = { ...BREAKER_DEFAULTS, adaptive: true };
  /** Something was promised or kept: whoever awaits it has to run before time goes on. */
  stirred = false;
  readonly #servers: ReadonlyMap<string, ChaosServer>;
  readonly #looks = new Map<string, Looks>();
  readonly #background: Background;
  readonly #recovery: Recovery;
  readonly #watcher: Watcher;
  readonly #placement: boolean;

  constructor(
    plan: Plan,
    servers: ReadonlyMap<string, ChaosServer>,
    time: ProxyTime,
    chance: Chance,
    watcher: Watcher,
  ) {
    this.time = time;
    this.chance = chance;
    this.#servers = servers;
    this.#watcher = watcher;
    this.#placement = plan.placement;
    this.strategy = createStrategy(plan.strategy);
    this.settings = { maxWaiting: plan.maxWaiting, maxWaitMs: plan.maxWaitMs, shed: plan.shed, order: 'fifo' };
    const { facts } = this;
    this.gate = new Gate(time, time.schedule, this.#gateSettings(), chance);
    this.registry = new Registry({
      clock: time,
      facts,
      statsOf: (id) => this.learned.of(id),
      forget: (id) => this.learned.forget(id),
      breaker: this.breaker,
      health: HEALTH,
      rng: chance,
      events: {
        released: ({ backendId }) => this.gate.pump(undefined, backendId),
        loaded: ({ backendId }) => this.gate.pump(undefined, backendId),
        looked: (backend) => {
          this.#background.looked(backend);
          this.gate.poke();
        },
        breakerChanged: (backend, model, from, to) => {
          watcher.note(`breaker ${backend}/${model ?? '*'} ${from}>${to}`);
          if (to !== 'open') this.gate.pump();
          else if (model !== undefined) this.learned.doubt(`${backend}/${model}`);
        },
        panicked: () => watcher.panicked(),
        healthChanged: (backend, up) => {
          watcher.note(`${backend} is ${up ? 'up' : 'down'}`);
          if (up) this.gate.pump();
        },
        modelsChanged: () => this.gate.pump(),
      },
    });
    this.reserver = new Reserver({
      registry: this.registry,
      facts,
      clock: time,
      rng: chance,
      queue: () => ({ waiting: this.gate.size, hosts: this.registry.upCount }),
      decided: (decision) => watcher.decided(decision),
    });
    this.#background = new Background(
      {
        registry: this.registry,
        facts,
        gate: this.gate,
        targets: (name) => [modelKey(name)],
        send: async ({ backend, model, shape, keepAliveMs, timeoutMs }) => {
          const outcome = await this.#own(backend, model, shape.numCtx, { keepAliveMs, timeoutMs, tokens: 0 });
          return { ok: outcome.kind === 'served', message: outcome.kind };
        },
        look: (backend) => this.#looks.get(backend)?.fresh(() => {}),
        clock: time,
        rng: chance,
        schedule: this.#stirring,
        log: SILENT_LOG,
      },
      { placement: { enabled: plan.placement, pin: {} }, backends: [] },
    );
    this.#recovery = new Recovery({
      registry: this.registry,
      clock: time,
      rng: chance,
      look: (backend) =>
        new Promise((resolve) => {
          const looks = this.#looks.get(backend);
          const done = (): void => {
            this.stirred = true;
            resolve();
          };
          if (looks === undefined) done();
          else looks.fresh(done);
        }),
      ask: ({ backend, model, shape, timeoutMs }) =>
        this.#own(backend, model, shape.numCtx, { keepAliveMs: undefined, timeoutMs, tokens: 1 }),
      schedule: this.#stirring,
      log: SILENT_LOG,
    });
  }

  start(): void {
    this.reload();
    this.#pulse();
    this.#background.start();
    this.#recovery.start();
  }

  /** Begins nothing of its own any more; what is under way ends by itself. */
  stop(): void {
    this.#background.stop();
    this.#recovery.stop();
  }

  /** Reads the configuration anew: what was added, removed, told or weighted since, and settings. */
  reload(): void {
    const kept = [...this.#servers.values()].filter(({ configured }) => configured);
    this.registry.configure(this.breaker, HEALTH);
    this.registry.apply(kept.map(configOf));
    this.gate.configure(this.#gateSettings());
    this.#background.configure({ placement: { enabled: this.#placement, pin: {} }, backends: kept.map(configOf) });
    for (const looks of this.#looks.values()) looks.stop();
    this.#looks.clear();
    for (const server of kept) {
      const looks = new Looks(server, this.time, this.chance, (seen, askedAt) =>
        this.registry.observe(server.id, seen, askedAt),
      );
      this.#looks.set(server.id, looks);
      looks.start();
    }
    this.gate.pump();
  }

  /** A request failed there: look at it soon. */
  suspect(backend: string): void {
    this.#looks.get(backend)?.now();
  }

  /** Looks at everybody, as before a model is called unknown. */
  refresh(done: () => void): void {
    let left = this.#looks.size;
    if (left === 0) done();
    for (const looks of this.#looks.values()) {
      looks.now(() => {
        left--;
        if (left === 0) done();
      });
    }
  }

  readonly #stirring = (ms: number, run: () => void): (() => void) =>
    this.time.schedule(ms, () => {
      this.stirred = true;
      run();
    });

  #gateSettings(): GateSettings {
    return {
      ...this.settings,
      classWeights: { interactive: 8, normal: 3, batch: 1 },
      hooks: {
        walkBegins: (lane) => this.facts.walkBegins(lane),
        mayStart: (lane, host) => this.facts.mayStart(lane, host, this.time.now()),
      },
    };
  }

  #pulse(): void {
    this.gate.poke();
    this.time.schedule(PULSE_MS, () => this.#pulse());
  }

  /** Sends a request of the proxy's own, whose place was taken already. */
  #own(
    backend: Backend,
    name: string,
    numCtx: number | undefined,
    how: { readonly keepAliveMs: number | undefined; readonly timeoutMs: number; readonly tokens: number },
  ): Promise<Outcome> {
    const server = this.#servers.get(backend.id);
    const runner = backend.runners.get(modelKey(name));
    const model = server?.plan.models.find((each) => each.name === name);
    if (server === undefined || runner === undefined || model === undefined) {
      throw new Error(`the proxy asked ${backend.id} for ${name}, which is not there`);
    }
    this.#watcher.own(runner, true);
    this.#watcher.note(`own request to ${backend.id} for ${name}, keep alive ${how.keepAliveMs}`);
    const sentAt = this.time.now();
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        cancelTimer();
        this.stirred = true;
        this.#watcher.own(runner, false);
        resolve(outcome);
      };
      const failed = ({ phase, blame, reason }: Failure): void => {
        const totalMs = this.time.now() - sentAt;
        end({ kind: 'backend-failed', phase, blame, reason, message: reason, totalMs });
      };
      const cancel = server.send(
        {
          model,
          kind: how.tokens === 0 || !model.capabilities.includes('completion') ? 'load' : 'completion',
          prompt: how.tokens === 0 ? [] : [{ text: 'probe', tokens: 1 }],
          outputTokens: how.tokens,
          numCtx,
          keepAliveMs: how.keepAliveMs,
          poison: false,
        },
        {
          firstToken: () => {},
          done: () => {
            const totalMs = this.time.now() - sentAt;
            end({ kind: 'served', status: 200, firstByteMs: totalMs, totalMs, usage: undefined });
          },
          failed,
        },
      );
      const cancelTimer = this.time.schedule(how.timeoutMs, () => {
        cancel();
        failed({ reason: 'timeout', phase: 'head', blame: 'model' });
      });
    });
  }
}

const configOf = ({ id, told, weight, plan }: ChaosServer): BackendConfig => ({
  name: id,
  url: new URL(`http://${id}.invalid`),
  weight,
  slots: told ? plan.slots : 'auto',
  zone: 'default',
  tags: [],
  headers: {},
  vramBytes: 'auto',
});
