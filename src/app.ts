import { randomInt } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { hostname } from 'node:os';
import { Gate, type GateSettings } from './admission/gate.ts';
import { KeyRing } from './auth/key-ring.ts';
import { momentOf, type Moment } from './auth/ledger.ts';
import { Prober } from './backends/prober.ts';
import { Recovery } from './backends/recovery.ts';
import { Registry } from './backends/registry.ts';
import { isLoopback } from './config/listeners.ts';
import { BackendChanges } from './config/backend-changes.ts';
import { configDiff, redactConfig } from './config/parse.ts';
import { PemWatch, pemFilesOf } from './config/pem-files.ts';
import type { BackendConfig, Config } from './config/types.ts';
import { systemClock, type Clock } from './core/clock.ts';
import { modelKey } from './core/model-name.ts';
import { systemRng, type Rng } from './core/rng.ts';
import { TASK_CATEGORIES, type Checked, type Issue, type Log } from './core/types.ts';
import { Background } from './dispatch/background.ts';
import { gateSettings } from './dispatch/gate-settings.ts';
import { IllWatch } from './dispatch/ills.ts';
import { keeper } from './dispatch/keep.ts';
import { Learning } from './dispatch/learning.ts';
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
import { Ways, type LoadedWays } from './forward/ways.ts';
import { Admin } from './http/admin.ts';
import { BackendSet, tellDropped } from './http/backend-set.ts';
import type { ReloadResult } from './http/control.ts';
import { Desk } from './http/events/desk.ts';
import { Handler } from './http/handle.ts';
import { KeyCheck } from './http/key-check.ts';
import { Operator } from './http/operator.ts';
import type { HandlerSettings } from './http/parts.ts';
import { RouteGaps } from './http/route-gaps.ts';
import { SkewWatch } from './http/pool/skew.ts';
import { Listeners, loadCertificates, type Bound, type HandedSockets, type OpenSocket } from './http/listeners.ts';
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
import type { StateEntry } from './state/store.ts';
import { createCategorizerChain, CurrentChain, type CategorizerChain } from './tasks/index.ts';
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

/** How long a process that takes over sockets looks at its backends before it takes requests too, in ms. */
const FIRST_LOOK_MS = 5_000;
/**
 * How long connections without a request stay open once another process listens, in ms. A client that uses one within
 * that time is told that it was the last time; one that has not asked for so long finds it closed, as after a restart.
 */
const HANDED_IDLE_MS = 5_000;

/** Keys that are read once, when the process starts. */
const AT_START =
  /^(listen|admin\.listen|metrics\.listen|trace\..*|logging\..*|state\..*|limits\.(header|connections|head_timeout|write_idle_timeout|stream_idle_timeout|drain_timeout))$/;

export interface AppOptions {
  readonly config: Config;
  /** Reads the configuration again, where there is a file to read. */
  readonly reread?: () => Promise<Checked<Config>>;
  readonly log: Log;
  readonly clock?: Clock;
  /** ms since 1970, for calendar days and keys that expire. */
  readonly wall?: () => number;
  readonly rng?: Rng;
  /** Sockets that listen already, handed down to this process. */
  readonly handed?: HandedSockets;
  /** Resolves the names of backends; the system's unless given. */
  readonly lookup?: LookupFunction;
}

/** Certificates or keys that the configuration names and that cannot be used. */
export class UnusableFilesError extends Error {
  override readonly name = 'UnusableFilesError';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super(issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
    this.issues = issues;
  }
}

const schedule = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** The whole proxy: builds every part, wires them, and starts, reloads and stops them. */
export class App {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #rng: Rng;
  readonly #ring = new KeyRing();
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
  readonly #learning: Learning;
  readonly #gate: Gate;
  readonly #metrics: Metrics;
  readonly #recorder: Recorder;
  readonly #desk: Desk;
  readonly #operator: Operator;
  readonly #handler: Handler;
  readonly #categorizer: CurrentChain;
  readonly #skew: SkewWatch;
  readonly #background: Background;
  readonly #recovery: Recovery;
  readonly #ills: IllWatch;
  readonly #saved: SavedState;
  readonly #keeper: Keeper;
  readonly #admin: Admin;
  readonly #listeners: Listeners;
  readonly #ways: Ways;
  readonly #pems = new PemWatch(() => this.#renewCertificates());
  /** Backends that were added or taken away by hand, over those of the file. */
  readonly #changes = new BackendChanges();
  readonly #set: BackendSet;
  /** Whether sockets were handed down to this process. */
  readonly #succeeds: boolean;
  /** What the address that clients come in by says; it stays as it was bound. */
  #front: { readonly loopback: boolean; readonly hostname: string };
  /** As it is written. */
  #written: Config;
  /** As it is in force: as written, with what was changed by hand. */
  #config: Config;
  #targets: TargetTable;
  #settings: { readonly config: Config; readonly value: HandlerSettings } | undefined;
  #beat: NodeJS.Timeout | undefined;
  #pulse: NodeJS.Timeout | undefined;
  #readerBeat: NodeJS.Timeout | undefined;
  #trace: TraceFile | undefined;
  #draining = false;

  constructor(options: AppOptions) {
    const { config, reread, log, clock = systemClock, wall = Date.now, rng = systemRng, handed = {}, lookup } = options;
    this.#config = config;
    this.#written = config;
    this.#succeeds = Object.keys(handed).length > 0;
    this.#reread = reread;
    this.#front = { loopback: isLoopback(config.listen.host), hostname: hostname().toLowerCase() };
    this.#log = log;
    this.#skew = new SkewWatch(log);
    this.#clock = clock;
    this.#wall = wall;
    this.#ring.apply(config.auth.keys);
    this.#rng = rng;
    this.#targets = new TargetTable(config.aliases, config.virtualModels);
    this.#retries = new RetryBudget(config.retry.budget);
    this.#passthrough = new Passthrough(clock);
    this.#ways = this.#createWays(lookup);
    this.#set = this.#createSet();
    const learned = new Learned();
    const history = new History(HISTORY_SIZE, (record) => {
      this.#learning.request(record);
      this.#desk.request(record);
    });
    const decisions = new Decisions(HISTORY_SIZE);
    const categorizer = new CurrentChain(createCategorizerChain({ ...config.categories, log }));
    this.#categorizer = categorizer;
    this.#gate = new Gate(clock, schedule, this.#gateSettings(config), rng);
    this.#registry = this.#createRegistry(learned);
    const queue = () => ({ waiting: this.#gate.size, hosts: this.#registry.upCount });
    this.#learning = new Learning({ clock, wall, rng, queue, log }, config.routing.learned.shadow);
    const keep = keeper(decisions, () => Date.now());
    this.#reserver = new Reserver({
      registry: this.#registry,
      facts: this.#facts,
      clock,
      rng,
      queue,
      decided: (decision) => {
        keep(decision);
        this.#learning.decided(decision);
      },
    });
    this.#metrics = new Metrics(
      {
        backends: () => this.#registry.snapshots(),
        queueDepth: (priority) => this.#gate.depth(priority),
        strategy: () => this.#operator.current.name,
        learnedArms: () => this.#learning.shares(this.#operator.current),
        knownModel: (name) => this.#knownModel(name),
        availability: () => this.#availability(),
        digestSkew: () => this.#skew.current,
        placementActions: () => this.#background.actions,
        heals: () => this.#ills.heals,
        suspects: () => this.#background.suspects,
        keyRequests: () => this.#ring.requests(),
        keyTokens: () => this.#ring.tokens(),
      },
      productVersion(),
    );
    this.#background = this.#createBackground();
    this.#recovery = this.#createRecovery();
    this.#ills = this.#createIllWatch();
    this.#recorder = new Recorder(learned, this.#metrics, history, decisions, log);
    this.#desk = this.#createDesk(history, decisions);
    this.#operator = this.#createOperator(history, decisions, categorizer);
    this.#handler = this.#createHandler(categorizer);
    this.#admin = new Admin(this.#operator, () => this.#config.admin.token, log);
    this.#listeners = new Listeners({
      handle: {
        proxy: (req, res) => this.#handler.handle(req, res),
        admin: (req, res) => this.#admin.handle(req, res),
        metrics: (req, res) => this.#admin.handleMetricsOnly(req, res),
      },
      handed,
      log,
      wall,
    });
    this.#saved = this.#createSavedState(learned);
    this.#keeper = new Keeper({
      store: openStore(config.state, log),
      capture: () => this.#capture(),
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
        released: ({ backendId }) => {
          this.#keeper.touch();
          this.#gate.pump(undefined, backendId);
        },
        loaded: ({ backendId }) => this.#gate.pump(undefined, backendId),
        looked: (backend) => {
          this.#background.looked(backend);
          this.#ills.judge(backend);
          this.#gate.poke(undefined, backend);
        },
        breakerChanged: (backend, model, from, to, why) => {
          this.#metrics.breakerChanged(to);
          this.#keeper.touch();
          const fields = { event: 'breaker-changed', backend, model, from, to, why };
          const message = `circuit breaker of ${backend}${model === undefined ? '' : ` for ${model}`}: ${from} → ${to}`;
          if (to === 'open') {
            this.#learning.breakerOpened();
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
        gone: (backend) => {
          log.info({ event: 'backend-gone', backend }, `the last request on ${backend} has ended; it is gone`);
        },
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

  *#capture(): Generator<StateEntry> {
    for (const record of this.#changes.save()) yield { ageMs: 0, record };
    yield* this.#saved.capture();
  }

  #createWays(lookup: LookupFunction | undefined): Ways {
    return new Ways({
      pools: this.#pools,
      agents: this.#passthrough.agents,
      log: this.#log,
      lookup,
      changed: (name) => {
        const backend = this.#config.backends.find((one) => one.name === name);
        if (backend !== undefined && this.#probers.has(name)) this.#probe(backend);
      },
    });
  }

  #createSet(): BackendSet {
    return new BackendSet({
      changes: this.#changes,
      ways: this.#ways,
      log: this.#log,
      file: () => this.#written.backends,
      current: () => this.#config.backends,
      running: (name) => this.#registry.get(name)?.inflight ?? 0,
      take: (backends, cut) => {
        this.#takeBackends(backends, cut);
        this.#keeper.touch();
        void this.#keeper.flush();
      },
    });
  }

  #createDesk(history: History, decisions: Decisions): Desk {
    return new Desk({
      registry: this.#registry,
      gate: this.#gate,
      history,
      decisions,
      control: () => this.#operator,
      version: productVersion(),
      clock: this.#clock,
      wall: () => Date.now(),
    });
  }

  #createOperator(history: History, decisions: Decisions, categorizer: CategorizerChain): Operator {
    return new Operator(
      {
        desk: this.#desk,
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
        set: this.#set,
        learning: this.#learning,
        changed: () => this.#keeper.touch(),
        keys: () => this.#ring.report(this.#moment()),
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
      keys: {
        save: () => this.#ring.save(this.#moment()),
        restore: (saved, awayMs) => this.#ring.restore(saved, awayMs, this.#moment()),
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
      settings: () => this.#handlerSettings(),
      registry: this.#registry,
      facts: this.#facts,
      reserver: this.#reserver,
      gate: this.#gate,
      keys: new KeyCheck({
        ring: this.#ring,
        facts: this.#facts,
        targets: () => this.#targets,
        clock: this.#clock,
        wall: this.#wall,
        changed: () => this.#keeper.touch(),
      }),
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

  /** The same object until something of it changes: it is asked for several times a request. */
  #handlerSettings(): HandlerSettings {
    const known = this.#settings;
    const config = this.#config;
    const strategy = this.#operator.current;
    const isCurrent = known?.config === config && known.value.strategy === strategy;
    if (isCurrent && known.value.hasher === this.#hasher && known.value.targets === this.#targets) return known.value;
    const value: HandlerSettings = {
      strategy,
      targets: this.#targets,
      maxAttempts: config.retry.maxAttempts,
      stallGuard: config.retry.stallGuard,
      hedgeMs: config.retry.hedgeMs,
      bodyBytes: config.limits.bodyBytes,
      bodyIdleMs: config.limits.bodyIdleTimeoutMs,
      streamsPerClient: config.limits.streamsPerClient,
      hasher: this.#hasher,
      keepaliveMs: config.streaming.keepaliveMs,
      front: { ...this.#front, ...config.cors },
      changes: config.changes,
      categories: [...TASK_CATEGORIES, ...config.categories.own.map(({ name }) => name)],
      embedSplit: config.embeddings.split,
    };
    this.#settings = { config, value };
    return value;
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

  #createIllWatch(): IllWatch {
    return new IllWatch(
      {
        registry: this.#registry,
        facts: this.#facts,
        clock: this.#clock,
        wallMs: () => Date.now(),
        rng: this.#rng,
        send: (order) => this.#sendKeepAlive(order),
        look: async (backend) => this.#probers.get(backend)?.fresh(),
        schedule,
        log: this.#log,
      },
      this.#config.circuitBreaker,
    );
  }

  #sendKeepAlive({ backend, ...order }: KeepAliveOrder): Promise<KeepAliveResult> {
    const { id, config, pathPrefix } = backend;
    const dispatcher = this.#pools.get({ id, origin: config.url.origin });
    return sendKeepAlive({ dispatcher, pathPrefix, headers: config.headers, ...order });
  }

  #gateSettings(config: Config): GateSettings {
    return {
      ...gateSettings(config),
      hooks: {
        walkBegins: (lane) => this.#facts.walkBegins(lane),
        mayStart: (lane, host) => this.#facts.mayStart(lane, host, this.#clock.now()),
      },
    };
  }

  #moment(): Moment {
    return momentOf(this.#clock.now(), this.#wall());
  }

  *#availability(): Generator<{ readonly model: string; readonly backends: number }> {
    for (const [model, runners] of this.#registry.models()) {
      yield { model, backends: runners.filter((runner) => this.#registry.takes(runner)).length };
    }
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
  async start(): Promise<Bound> {
    const { limits, trace } = this.#config;
    try {
      const certificates = loadCertificates(this.#written);
      const ways = this.#ways.load(this.#written.backends);
      const issues = [certificates, ways].flatMap((loaded) => (loaded.ok ? [] : loaded.issues));
      if (!certificates.ok || issues.length > 0) throw new UnusableFilesError(issues);
      if (trace.path !== undefined) {
        const { path, maxBytes } = trace;
        this.#trace = await TraceFile.begin({ path, maxBytes, at: this.#clock.now(), log: this.#log });
      }
      const saved = await this.#keeper.load();
      if (saved !== undefined) tellDropped(this.#changes.restore(saved.records), this.#log);
      this.#takeBackends(this.#overWritten());
      if (saved !== undefined) this.#saved.restore(saved.records, saved.awayMs);
      // Whoever has listened until now goes on doing so meanwhile.
      if (this.#succeeds) await Promise.race([this.probed(), new Promise((done) => setTimeout(done, FIRST_LOOK_MS))]);
      const bound = await this.#listeners.open(this.#config, certificates.value);
      this.#front = { ...this.#front, loopback: isLoopback(bound.proxy.host) };
      this.#pems.watch(pemFilesOf(this.#config));
      this.#ways.start();
      const idleMs = limits.streamIdleTimeoutMs;
      const beat = (): void => {
        this.#handler.sweep(idleMs);
        this.#passthrough.sweep(idleMs);
      };
      this.#beat = setInterval(beat, Math.min(BEAT_MS, idleMs / BEATS_PER_IDLE));
      this.#beat.unref();
      this.#readerBeat = setInterval(() => this.#handler.lookAtReaders(), limits.writeIdleTimeoutMs / LOOKS);
      this.#readerBeat.unref();
      this.#pulse = setInterval(() => this.#gate.poke(), PULSE_MS);
      this.#pulse.unref();
      this.#background.start();
      this.#recovery.start();
      this.#ills.start();
      this.#desk.start();
      this.#keeper.start();
      return bound;
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Looks now, out of turn, whether names of backends lead to other addresses. */
  lookUp(): Promise<void> {
    return this.#ways.lookUp();
  }

  /** Resolves when every backend was looked at once. */
  async probed(): Promise<void> {
    await Promise.all([...this.#probers.values()].map((prober) => prober.now()));
  }

  /** The backends as they are written, with what was changed by hand. */
  #overWritten(): readonly BackendConfig[] {
    const { backends, dropped } = this.#changes.over(this.#written.backends);
    tellDropped(dropped, this.#log);
    return backends;
  }

  /** What stands in the file must be right; what was added by hand keeps the way it has when its files are not. */
  #loadWays(backends: readonly BackendConfig[]): Checked<LoadedWays> {
    return this.#ways.load(backends, (name) => !this.#written.backends.some((one) => one.name === name));
  }

  /**
   * Puts other backends in force. Those that stay as they are are not touched: their streams, counts, and probes go on.
   * @param cut one that is gone, whose requests end at once
   */
  #takeBackends(backends: readonly BackendConfig[], cut?: BackendConfig): void {
    const before = new Map(this.#config.backends.map((one) => [one.name, one]));
    this.#config = Object.freeze({ ...this.#config, backends: Object.freeze(backends) });
    this.#registry.apply(backends);
    if (cut !== undefined) void this.#ways.cut(cut);
    const ways = this.#loadWays(backends);
    if (ways.ok) this.#ways.apply(backends, ways.value);
    this.#gate.configure(this.#gateSettings(this.#config));
    this.#background.configure(this.#config);
    const names = new Set(backends.map(({ name }) => name));
    for (const [name, prober] of this.#probers) {
      if (names.has(name)) continue;
      prober.stop();
      this.#probers.delete(name);
    }
    for (const backend of backends) {
      if (!this.#probers.has(backend.name) || before.get(backend.name) !== backend) this.#probe(backend);
    }
    this.#pems.watch(pemFilesOf(this.#config));
    this.#checkDigests();
    this.#gate.pump();
  }

  #probe(backend: BackendConfig): void {
    this.#probers.get(backend.name)?.stop();
    const prober = new Prober({
      backend: backend.name,
      probe: createProbe({
        origin: backend.url.origin,
        pathPrefix: backend.url.pathname === '/' ? '' : backend.url.pathname,
        headers: backend.headers,
        connect: this.#ways.of(backend.name),
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
    const result = await this.#reload(who);
    this.#desk.reloaded(result, who);
    return result;
  }

  async #reload(who: string): Promise<ReloadResult> {
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
    const certificates = loadCertificates(next.value);
    const ways = this.#ways.load(next.value.backends);
    if (!certificates.ok || !ways.ok) {
      const issues = [certificates, ways].flatMap((loaded) => (loaded.ok ? [] : loaded.issues));
      this.#metrics.reloaded('failed');
      this.#log.error({ event: 'reload-failed', who, issues }, 'the configuration was not reloaded');
      return { ok: false, issues };
    }
    const before = this.#config;
    this.#written = next.value;
    this.#apply(next.value, this.#overWritten(), who);
    const changes = configDiff(before, this.#config);
    this.#metrics.reloaded('applied');
    this.#log.info({ event: 'reloaded', who, changes }, `configuration reloaded: ${changes.length} changes`);
    const starting = changes.map(({ path }) => path).filter((path) => AT_START.test(path));
    const later = [...starting, ...this.#listeners.renew(certificates.value)];
    if (later.length > 0) {
      this.#log.warn({ event: 'restart-needed', keys: later }, `at the next start, not now: ${later.join(', ')}`);
    }
    return { ok: true, changes };
  }

  #apply(written: Config, backends: readonly BackendConfig[], who: string): void {
    const before = this.#config;
    const next: Config = Object.freeze({ ...written, backends: Object.freeze(backends) });
    this.#config = next;
    this.#targets = new TargetTable(next.aliases, next.virtualModels);
    this.#categorizer.use(createCategorizerChain({ ...next.categories, log: this.#log }));
    this.#ring.apply(next.auth.keys);
    this.#retries.configure(next.retry.budget);
    this.#facts.numCtx = next.routing.numCtx;
    this.#learning.configure(next.routing.learned.shadow);
    this.#registry.configure(next.circuitBreaker, next.health);
    this.#registry.apply(next.backends);
    this.#checkDigests();
    this.#gate.configure(this.#gateSettings(next));
    this.#background.configure(next);
    this.#ills.configure(next.circuitBreaker);
    // A strategy set by hand stays until the file itself asks for another one.
    if (next.routing.strategy !== before.routing.strategy) this.#operator.setStrategy(next.routing.strategy, who);
    for (const prober of this.#probers.values()) prober.stop();
    this.#probers.clear();
    const ways = this.#loadWays(next.backends);
    if (ways.ok) this.#ways.apply(next.backends, ways.value);
    for (const backend of next.backends) this.#probe(backend);
    this.#pems.watch(pemFilesOf(next));
    this.#gate.pump();
  }

  /** A file of certificates was replaced: all of them are read again, and hold only if all are good. */
  #renewCertificates(): void {
    const certificates = loadCertificates(this.#written);
    const ways = this.#loadWays(this.#config.backends);
    if (!certificates.ok || !ways.ok) {
      const issues = [certificates, ways].flatMap((loaded) => (loaded.ok ? [] : loaded.issues));
      const text = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
      const fields = { event: 'certificates-failed', issues };
      this.#log.error(fields, `certificates were not read again, the ones before still hold: ${text}`);
      return;
    }
    this.#listeners.renew(certificates.value);
    this.#ways.apply(this.#config.backends, ways.value);
    this.#log.info({ event: 'certificates-renewed' }, 'certificates were read again');
  }

  /**
   * Stops accepting clients, lets every request finish, then closes everything. Until then the admin listener goes on
   * telling that this process is not ready any more, and what it is still doing.
   * @param limitMs after this long what still runs is cut off
   * @returns whether everything finished by itself
   */
  async drain(limitMs: number): Promise<boolean> {
    return this.#end(this.#listeners.drain(), limitMs);
  }

  /** The sockets that another process may go on listening on. */
  get sockets(): readonly OpenSocket[] {
    return this.#listeners.sockets;
  }

  /**
   * Another process listens on the same sockets now and has what was learned: this one takes no new connection, finishes
   * what it has, and writes nothing any more.
   * @param limitMs after this long what still runs is cut off
   * @returns whether everything finished by itself
   */
  async retire(limitMs: number): Promise<boolean> {
    const drained = this.#listeners.handOver(HANDED_IDLE_MS);
    await this.#keeper.abandon();
    return this.#end(drained, limitMs);
  }

  async #end(drained: Promise<void>, limitMs: number): Promise<boolean> {
    this.#draining = true;
    this.#background.stop();
    const timedOut = new Promise<false>((resolve) => setTimeout(() => resolve(false), limitMs).unref());
    const clean = await Promise.race([drained.then(() => true), timedOut]);
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
    this.#ills.stop();
    this.#desk.stop();
    for (const prober of this.#probers.values()) prober.stop();
    this.#pems.stop();
    this.#ways.stop();
    this.#listeners.destroy();
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
