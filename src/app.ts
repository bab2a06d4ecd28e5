import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { Gate, type GateSettings } from './admission/gate.ts';
import { Prober } from './backends/prober.ts';
import { Recovery } from './backends/recovery.ts';
import { Registry } from './backends/registry.ts';
import { isLoopback } from './config/listeners.ts';
import { configDiff, redactConfig } from './config/parse.ts';
import type { BackendConfig, Config, HostPort } from './config/types.ts';
import { systemClock, type Clock } from './core/clock.ts';
import { modelKey } from './core/model-name.ts';
import { systemRng, type Rng } from './core/rng.ts';
import type { Checked, Log } from './core/types.ts';
import { Background } from './dispatch/background.ts';
import { gateSettings } from './dispatch/gate-settings.ts';
import { keeper } from './dispatch/keep.ts';
import type { KeepAliveOrder } from './dispatch/place.ts';
import { Reserver } from './dispatch/reserve.ts';
import { SavedState } from './dispatch/saved-state.ts';
import { Facts } from './facts/facts.ts';
import { sendKeepAlive, type KeepAliveResult } from './forward/keep-alive.ts';
import { askOneToken } from './forward/one-token.ts';
import { Passthrough } from './forward/passthrough.ts';
import { Pools } from './forward/pools.ts';
import { PrefixHasher } from './forward/prefix-hash.ts';
import { createProbe } from './forward/probe.ts';
import { RetryBudget } from './forward/retry-budget.ts';
import { Admin } from './http/admin.ts';
import type { ReloadResult } from './http/control.ts';
import { Handler } from './http/handle.ts';
import { Operator } from './http/operator.ts';
import { RouteGaps } from './http/route-gaps.ts';
import { SkewWatch } from './http/pool/skew.ts';
import { Listener, type ListenerOptions } from './http/server.ts';
import { LOOKS } from './http/slow-readers.ts';
import { TargetTable } from './http/targets.ts';
import { Decisions } from './results/decisions.ts';
import { History } from './results/history.ts';
import { Learned } from './results/learned.ts';
import { Metrics } from './results/metrics.ts';
import { Recorder } from './results/recorder.ts';
import { TraceFile } from './results/trace-file.ts';
import { Keeper } from './state/keeper.ts';
import { openStore } from './state/open.ts';
import { createCategorizerChain, type CategorizerChain } from './tasks/index.ts';
import { productVersion } from './version.ts';

/** Requests that can be looked at afterwards. */
const HISTORY_SIZE = 1_000;
/**
 * Those who wait are asked again this often although nothing happened: an answer that overruns makes another server the
 * better choice, and a server that said it was full may have room again.
 */
const PULSE_MS = 250;
/** Answers under way are looked at this often, or more often where they may be silent for only a few seconds. */
const BEAT_MS = 1_000;
const BEATS_PER_IDLE = 4;

/** Keys that are read once, when the process starts. */
const AT_START =
  /^(listen|admin\.listen|metrics\.listen|trace\..*|logging\..*|state\..*|limits\.(header|connections|head_timeout|write_idle_timeout|stream_idle_timeout|drain_timeout))$/;

export interface AppOptions {
  readonly config: Config;
  /** Reads the configuration again, where there is a file to read. */
  readonly reread?: () => Promise<Checked<Config>>;
  readonly log: Log;
  readonly clock?: Clock;
  readonly rng?: Rng;
}

const schedule = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** The whole proxy: builds every part, wires them, and starts, reloads and stops them. */
export class App {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #reread: AppOptions['reread'];
  readonly #probers = new Map<string, Prober>();
  readonly #pools = new Pools();
  readonly #passthrough: Passthrough;
  readonly #retries: RetryBudget;
  readonly #registry: Registry;
  readonly #facts = new Facts();
  #hashKey: readonly [number, number] = [randomInt(2 ** 32), randomInt(2 ** 32)];
  #hasher = new PrefixHasher(this.#hashKey);
  readonly #reserver: Reserver;
  readonly #gate: Gate;
  readonly #metrics: Metrics;
  readonly #recorder: Recorder;
  readonly #operator: Operator;
  readonly #handler: Handler;
  readonly #skew: SkewWatch;
  readonly #background: Background;
  readonly #recovery: Recovery;
  readonly #saved: SavedState;
  readonly #keeper: Keeper;
  readonly #admin: Admin;
  readonly #listeners: Listener[] = [];
  /** What the address that clients come in by says; it stays as it was bound. */
  readonly #front: { readonly loopback: boolean; readonly hostname: string };
  /** The one that clients come in by; the others answer until it is empty. */
  #door: Listener | undefined;
  #config: Config;
  #targets: TargetTable;
  #beat: NodeJS.Timeout | undefined;
  #pulse: NodeJS.Timeout | undefined;
  #readerBeat: NodeJS.Timeout | undefined;
  #trace: TraceFile | undefined;
  #draining = false;

  constructor({ config, reread, log, clock = systemClock, rng = systemRng }: AppOptions) {
    this.#config = config;
    this.#reread = reread;
    this.#front = { loopback: isLoopback(config.listen.host), hostname: hostname().toLowerCase() };
    this.#log = log;
    this.#skew = new SkewWatch(log);
    this.#clock = clock;
    this.#rng = rng;
    this.#targets = new TargetTable(config.aliases, config.virtualModels);
    this.#retries = new RetryBudget(config.retry.budget);
    this.#passthrough = new Passthrough(clock);
    const learned = new Learned();
    const history = new History(HISTORY_SIZE);
    const decisions = new Decisions(HISTORY_SIZE);
    const categorizer = createCategorizerChain({ log });
    this.#gate = new Gate(clock, schedule, this.#gateSettings(config), rng);
    this.#registry = this.#createRegistry(learned);
    this.#reserver = new Reserver({
      registry: this.#registry,
      facts: this.#facts,
      clock,
      rng,
      queue: () => ({ waiting: this.#gate.size, hosts: this.#registry.upCount }),
      decided: keeper(decisions, () => Date.now()),
    });
    this.#metrics = new Metrics(
      {
        backends: () => this.#registry.snapshots(),
        queueDepth: (priority) => this.#gate.depth(priority),
        strategy: () => this.#operator.current.name,
        knownModel: (name) => this.#knownModel(name),
        digestSkew: () => this.#skew.current,
        placementActions: () => this.#background.actions,
        suspects: () => this.#background.suspects,
      },
      productVersion(),
    );
    this.#background = this.#createBackground();
    this.#recovery = this.#createRecovery();
    this.#recorder = new Recorder(learned, this.#metrics, history, decisions, log);
    this.#operator = this.#createOperator(history, decisions, categorizer);
    this.#handler = this.#createHandler(categorizer);
    this.#admin = new Admin(this.#operator, () => this.#config.admin.token, log);
    this.#saved = this.#createSavedState(learned);
    this.#keeper = new Keeper({
      store: openStore(config.state, log),
      capture: () => this.#saved.capture(),
      log,
      ended: (result) => this.#metrics.stateWritten(result),
    });
    this.#facts.numCtx = config.routing.numCtx;
    this.#registry.apply(config.backends);
  }

  // ---- building ----

  #createRegistry(learned: Learned): Registry {
    const log = this.#log;
    return new Registry({
      clock: this.#clock,
      facts: this.#facts,
      statsOf: (id) => learned.of(id),
      forget: (id) => this.#recorder.forget(id),
      breaker: this.#config.circuitBreaker,
      health: this.#config.health,
      rng: this.#rng,
      events: {
        released: () => {
          this.#keeper.touch();
          this.#gate.pump();
        },
        loaded: () => this.#gate.pump(),
        looked: (backend) => {
          this.#background.looked(backend);
          this.#gate.poke();
        },
        breakerChanged: (backend, model, from, to, why) => {
          this.#metrics.breakerChanged(to);
          this.#keeper.touch();
          const fields = { event: 'breaker-changed', backend, model, from, to, why };
          const message = `circuit breaker of ${backend}${model === undefined ? '' : ` for ${model}`}: ${from} → ${to}`;
          if (to === 'open') {
            if (model !== undefined) learned.doubt(`${backend}/${model}`);
            log.warn(fields, message);
          } else {
            log.info(fields, message);
            this.#gate.pump();
          }
        },
        suspected: (backend, model, why) => {
          const fields = { event: 'backend-hangs', backend, model, why };
          log.warn(
            fields,
            `${model} on ${backend} may be hanging (${why}): it is tried out before it gets more requests`,
          );
        },
        failsAlike: (model, reason, backends) => {
          const fields = { event: 'model-fails-alike', model, reason, backends };
          const message = `${model} fails in the same way (${reason}) on ${backends.join(', ')}: no backend is blamed for it`;
          log.warn(fields, message);
        },
        panicked: (model) => this.#metrics.panicked(model),
        healthChanged: (backend, up, why) => {
          const fields = { event: up ? 'backend-up' : 'backend-down', backend, why };
          if (up) log.info(fields, `backend ${backend} is up`);
          else log.warn(fields, `backend ${backend} is down: ${why}`);
          if (!up) this.#handler.backendLost(backend);
          if (up) this.#gate.pump();
        },
        modelsChanged: (backend) => {
          const count = this.#registry.get(backend)?.installed.size ?? 0;
          log.info({ event: 'models-changed', backend, count }, `backend ${backend} has ${count} models`);
          this.#checkDigests();
          // A model that was waited for may be here now.
          this.#gate.pump();
        },
      },
    });
  }

  /** Compares what all configured backends have, those that are down included: they may come back as they were. */
  #checkDigests(): void {
    this.#skew.update(
      this.#registry.ids().map((backend) => ({ backend, entries: this.#registry.get(backend)?.tags ?? [] })),
    );
  }

  #createOperator(history: History, decisions: Decisions, categorizer: CategorizerChain): Operator {
    return new Operator(
      {
        registry: this.#registry,
        gate: this.#gate,
        recorder: this.#recorder,
        history,
        decisions,
        facts: this.#facts,
        clock: this.#clock,
        explain: (body) => this.#handler.explain(body),
        placement: () => this.#background.report(),
        suspects: () => this.#background.suspects,
        metrics: this.#metrics,
        categorizer,
        log: this.#log,
        draining: () => this.#draining,
        config: () => redactConfig(this.#config),
        reload: (who) => this.reload(who),
        changed: () => this.#keeper.touch(),
      },
      this.#config.routing.strategy,
    );
  }

  #createSavedState(learned: Learned): SavedState {
    return new SavedState({
      registry: this.#registry,
      facts: this.#facts,
      learned,
      recorder: this.#recorder,
      clock: this.#clock,
      log: this.#log,
      strategy: {
        current: () => this.#operator.current.name,
        configured: () => this.#config.routing.strategy,
        restore: (name) => this.#operator.setStrategy(name, 'saved state'),
      },
      key: {
        get: () => this.#hashKey,
        set: (key) => {
          this.#hashKey = key;
          this.#hasher = new PrefixHasher(key);
        },
      },
    });
  }

  #createHandler(categorizer: CategorizerChain): Handler {
    return new Handler({
      settings: () => ({
        strategy: this.#operator.current,
        targets: this.#targets,
        maxAttempts: this.#config.retry.maxAttempts,
        stallGuard: this.#config.retry.stallGuard,
        bodyBytes: this.#config.limits.bodyBytes,
        bodyIdleMs: this.#config.limits.bodyIdleTimeoutMs,
        streamsPerClient: this.#config.limits.streamsPerClient,
        hasher: this.#hasher,
        keepaliveMs: this.#config.streaming.keepaliveMs,
        front: { ...this.#front, origins: this.#config.cors.origins },
        changes: this.#config.changes,
        embedSplit: this.#config.embeddings.split,
      }),
      registry: this.#registry,
      facts: this.#facts,
      reserver: this.#reserver,
      gate: this.#gate,
      categorizer,
      pools: this.#pools,
      passthrough: this.#passthrough,
      retries: this.#retries,
      gaps: new RouteGaps(),
      recorder: this.#recorder,
      metrics: this.#metrics,
      refreshModels: async () => {
        await Promise.all([...this.#probers.values()].map((prober) => prober.now()));
      },
      freshModels: async (backends = [...this.#probers.keys()]) => {
        await Promise.all(backends.flatMap((backend) => this.#probers.get(backend)?.fresh() ?? []));
      },
      suspect: (backend) => void this.#probers.get(backend)?.now(),
      trace: () => this.#trace,
      clock: this.#clock,
      rng: this.#rng,
      log: this.#log,
    });
  }

  #createBackground(): Background {
    return new Background(
      {
        registry: this.#registry,
        facts: this.#facts,
        gate: this.#gate,
        targets: (name) => (this.#targets.tiers(name, 'unknown')[0] ?? []).map(({ key }) => key),
        send: (order) => this.#sendKeepAlive(order),
        look: (backend) => void this.#probers.get(backend)?.fresh(),
        clock: this.#clock,
        rng: this.#rng,
        schedule,
        log: this.#log,
      },
      this.#config,
    );
  }

  #createRecovery(): Recovery {
    return new Recovery({
      registry: this.#registry,
      clock: this.#clock,
      rng: this.#rng,
      look: async (backend) => this.#probers.get(backend)?.fresh(),
      ask: ({ backend, ...order }) => {
        const { id, config, pathPrefix } = backend;
        const dispatcher = this.#pools.get({ id, origin: config.url.origin });
        return askOneToken({ dispatcher, pathPrefix, headers: config.headers, clock: this.#clock, ...order });
      },
      schedule,
      log: this.#log,
    });
  }

  #sendKeepAlive({ backend, ...order }: KeepAliveOrder): Promise<KeepAliveResult> {
    const { id, config, pathPrefix } = backend;
    const dispatcher = this.#pools.get({ id, origin: config.url.origin });
    return sendKeepAlive({ dispatcher, pathPrefix, headers: config.headers, ...order });
  }

  #gateSettings(config: Config): GateSettings {
    return { ...gateSettings(config), hooks: { walkBegins: (lane) => this.#facts.walkBegins(lane) } };
  }

  #knownModel(name: string): boolean {
    return this.#registry.models().has(modelKey(name)) || this.#targets.knows(name);
  }

  // ---- life ----

  /**
   * Opens the listeners and begins to probe.
   * @returns the addresses that were bound, which matters where port 0 was asked for
   * @throws the system's error when an address cannot be bound or the recording not be written; nothing is left open then
   */
  async start(): Promise<{
    readonly proxy: HostPort;
    readonly admin: HostPort;
    readonly metrics: HostPort | undefined;
  }> {
    const { listen, admin, metrics, limits, trace } = this.#config;
    try {
      if (trace.path !== undefined) {
        const { path, maxBytes } = trace;
        this.#trace = await TraceFile.begin({ path, maxBytes, at: this.#clock.now(), log: this.#log });
      }
      const saved = await this.#keeper.load();
      if (saved !== undefined) this.#saved.restore(saved.records, saved.awayMs);
      for (const backend of this.#config.backends) this.#probe(backend);
      const adminAt = await this.#listener(admin.listen, (req, res) => this.#admin.handle(req, res)).listen();
      const metricsAt =
        metrics.listen &&
        (await this.#listener(metrics.listen, (req, res) => this.#admin.handleMetricsOnly(req, res)).listen());
      this.#door = this.#listener(listen, (req, res) => this.#handler.handle(req, res));
      const proxyAt = await this.#door.listen();
      const idleMs = limits.streamIdleTimeoutMs;
      this.#beat = setInterval(() => this.#handler.sweep(idleMs), Math.min(BEAT_MS, idleMs / BEATS_PER_IDLE));
      this.#beat.unref();
      this.#readerBeat = setInterval(() => this.#handler.lookAtReaders(), limits.writeIdleTimeoutMs / LOOKS);
      this.#readerBeat.unref();
      this.#pulse = setInterval(() => this.#gate.poke(), PULSE_MS);
      this.#pulse.unref();
      this.#background.start();
      this.#recovery.start();
      this.#keeper.start();
      return { proxy: proxyAt, admin: adminAt, metrics: metricsAt };
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Resolves when every backend was looked at once. */
  async probed(): Promise<void> {
    await Promise.all([...this.#probers.values()].map((prober) => prober.now()));
  }

  #listener(address: HostPort, handle: ListenerOptions['handle']): Listener {
    const { headerBytes, connections, headTimeoutMs } = this.#config.limits;
    const listener = new Listener({ address, headerBytes, connections, headTimeoutMs, handle });
    this.#listeners.push(listener);
    return listener;
  }

  #probe(backend: BackendConfig): void {
    const prober = new Prober({
      backend: backend.name,
      probe: createProbe({
        origin: backend.url.origin,
        pathPrefix: backend.url.pathname === '/' ? '' : backend.url.pathname,
        headers: backend.headers,
      }),
      clock: this.#clock,
      rng: this.#rng,
      intervalMs: this.#config.health.intervalMs,
      timeoutMs: this.#config.health.timeoutMs,
      busy: () => (this.#registry.get(backend.name)?.inflight ?? 0) > 0,
      observe: (seen, askedAt) => this.#registry.observe(backend.name, seen, askedAt),
    });
    this.#probers.set(backend.name, prober);
    void prober.start();
  }

  /**
   * Takes over the configuration as it is written now, all or nothing: on any problem the old one holds whole.
   * Requests under way are not touched; learned values, breakers and counters of backends that stay are kept.
   */
  async reload(who: string): Promise<ReloadResult> {
    if (this.#reread === undefined) {
      const message = 'there is no configuration file to reload; start with --config FILE';
      return { ok: false, issues: [{ path: '', line: 0, column: 0, message }] };
    }
    const next = await this.#reread();
    if (!next.ok) {
      this.#metrics.reloaded('failed');
      this.#log.error({ event: 'reload-failed', who, issues: next.issues }, 'the configuration was not reloaded');
      return next;
    }
    const changes = configDiff(this.#config, next.value);
    this.#apply(next.value, who);
    this.#metrics.reloaded('applied');
    this.#log.info({ event: 'reloaded', who, changes }, `configuration reloaded: ${changes.length} changes`);
    const later = changes.map(({ path }) => path).filter((path) => AT_START.test(path));
    if (later.length > 0) {
      this.#log.warn({ event: 'restart-needed', keys: later }, `at the next start, not now: ${later.join(', ')}`);
    }
    return { ok: true, changes };
  }

  #apply(next: Config, who: string): void {
    const before = this.#config;
    this.#config = next;
    this.#targets = new TargetTable(next.aliases, next.virtualModels);
    this.#retries.configure(next.retry.budget);
    this.#facts.numCtx = next.routing.numCtx;
    this.#registry.configure(next.circuitBreaker, next.health);
    this.#registry.apply(next.backends);
    this.#checkDigests();
    this.#gate.configure(this.#gateSettings(next));
    this.#background.configure(next);
    // A strategy set by hand stays until the file itself asks for another one.
    if (next.routing.strategy !== before.routing.strategy) this.#operator.setStrategy(next.routing.strategy, who);
    for (const prober of this.#probers.values()) prober.stop();
    this.#probers.clear();
    for (const backend of next.backends) this.#probe(backend);
    this.#pools.keep(new Set(next.backends.map(({ name }) => name)));
    this.#gate.pump();
  }

  /**
   * Stops accepting clients, lets every request finish, then closes everything. Until then the admin listener goes on
   * telling that this process is not ready any more, and what it is still doing.
   * @param limitMs after this long what still runs is cut off
   * @returns whether everything finished by itself
   */
  async drain(limitMs: number): Promise<boolean> {
    this.#draining = true;
    this.#background.stop();
    const timedOut = new Promise<false>((resolve) => setTimeout(() => resolve(false), limitMs).unref());
    const drained = Promise.resolve(this.#door?.drain()).then(() => true);
    const clean = await Promise.race([drained, timedOut]);
    await this.kill();
    return clean;
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    clearInterval(this.#beat);
    clearInterval(this.#pulse);
    clearInterval(this.#readerBeat);
    this.#background.stop();
    this.#recovery.stop();
    for (const prober of this.#probers.values()) prober.stop();
    for (const listener of this.#listeners) listener.destroy();
    this.#passthrough.close();
    await this.#pools.destroy();
    await this.#trace?.close();
    await this.#keeper.stop();
  }

  /** Writes down now what was learned, in at most so many ms: for an end that nobody planned. */
  save(limitMs: number): Promise<void> {
    return this.#keeper.flush(limitMs);
  }
}
