import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { modelKey } from '../core/model-name.ts';
import { PRIORITY_CLASSES, type BreakerState, type PriorityClass } from '../core/types.ts';
import { FastCounter, FastHistogram, type Observer, type Printable } from './fast-metrics.ts';
import type { RequestRecord } from './history.ts';
import { openMetricsText, OPENMETRICS_TYPE, wantsOpenMetrics, type MetricFamily } from './openmetrics.ts';

/** What is read at each scrape instead of being counted along the way. */
export interface MetricsSources {
  backends(): readonly {
    readonly name: string;
    readonly health: string;
    readonly inflight: number;
    readonly breaker: BreakerState;
    readonly models: readonly { readonly name: string; readonly breaker: BreakerState }[];
    /** What is the matter with it although it seems well. */
    readonly ills?: readonly { readonly kind: string }[];
  }[];
  queueDepth(priority: PriorityClass): number;
  strategy(): string;
  /** Share of sessions, 0…1, that each arm of the `learned` strategy gets; none while another one is in force. */
  learnedArms?(): readonly { readonly arm: string; readonly share: number }[];
  /** Model names that may become a label as they are; others count as `other`. */
  knownModel(name: string): boolean;
  /** Ended actions of placement since the start. */
  placementActions(): readonly { readonly kind: string; readonly result: string; readonly count: number }[];
  /** Remedies that were given to ill backends, since the start. */
  heals?(): readonly {
    readonly backend: string;
    readonly cause: string;
    readonly result: string;
    readonly count: number;
  }[];
  /** Models that run slower on a backend than they should. */
  suspects(): readonly { readonly backend: string; readonly model: string; readonly reason: string }[];
  /** Requests by API key and what came of them, since the start; '' stands for those without a known key. */
  keyRequests(): Iterable<{ readonly key: string; readonly outcome: string; readonly count: number }>;
  /** Tokens by API key, since the start. */
  keyTokens(): Iterable<{ readonly key: string; readonly promptTokens: number; readonly outputTokens: number }>;
  /** For each model that some backend has: how many could be given a request for it now, room in their slots aside. */
  availability(): Iterable<{ readonly model: string; readonly backends: number }>;
  /** Models of which backends have different files under one name. */
  digestSkew(): readonly { readonly model: string; readonly digests: readonly { readonly digest: string }[] }[];
}

/** A first token takes from 10 ms (cached, small model) to minutes (cold load behind a queue). */
const FIRST_TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
/** From a load-only call to an hour-long answer on a CPU. */
const DURATION_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
/** A fast GPU sends a token every few ms; seconds are a server that stalls. */
const GAP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2.5, 5, 10];
/** Predicted over observed: half right to twice wrong matters most. */
const RATIO_BUCKETS = [0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10];
const DECISION_BUCKETS = [0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005, 0.02];
const LOAD_BUCKETS = [0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300, 600];
/** A load below this is only the scheduler's own time on a model that was resident (1–160 ms seen on real servers). */
const LOAD_FLOOR_MS = 1_000;
/** Gauges of prom-client whose names say that they are counters, which `promtool check metrics` objects to. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
const RELOAD_RESULTS = ['applied', 'failed'] as const;
const WRITE_RESULTS = ['written', 'failed'] as const;
const DIRECTIONS = ['in', 'out'] as const;
/** Distinct categories that get a label of their own; custom detectors may invent more. */
const MAX_CATEGORIES = 50;

const BREAKER_VALUE: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/**
 * Everything that Prometheus sees, named as the docs list it. Labels come from closed sets: backends and models that
 * exist, categories up to a limit, codes and reasons of ours; never text of a client.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricsSources;
  readonly #categories = new Set<string>();

  readonly #requests: FastCounter;
  readonly #duration: FastHistogram;
  readonly #firstToken: FastHistogram;
  readonly #queueWait: FastHistogram;
  readonly #interToken: FastHistogram;
  readonly #decision: FastHistogram;
  readonly #loadSeconds: FastHistogram;
  readonly #tokens: FastCounter;
  readonly #cachedTokens: FastCounter;
  readonly #retries: FastCounter;
  readonly #evictions: FastCounter;
  readonly #reloadsAvoided: FastCounter;
  readonly #heldBack: FastCounter;
  readonly #predictionError: FastHistogram;
  readonly #loads: FastCounter;
  readonly #transitions: FastCounter;
  readonly #panics: FastCounter;
  readonly #hedges: FastCounter;
  readonly #strategyChanges: FastCounter;
  readonly #reloads: FastCounter;
  readonly #stateWrites: FastCounter;
  readonly #refusals: FastCounter;
  readonly #changes: FastCounter;
  #lastReload: (typeof RELOAD_RESULTS)[number] = 'applied';

  constructor(sources: MetricsSources, version: string) {
    this.#sources = sources;
    // prom-client prints whatever has `get`; its types ask for one of its own classes.
    const register = (metric: Printable): void => this.#registry.registerMetric(metric as unknown as Counter);
    const name = (suffix: string): string => `task_router_${suffix}`;
    collectDefaultMetrics({ register: this.#registry });
    for (const each of MISNAMED) this.#registry.removeSingleMetric(each);

    this.#requests = new FastCounter({
      name: name('requests_total'),
      help: 'Requests by what came of them. backend is the one that gave the last answer, empty if none was asked. A rising share of outcome="failed" means that no backend could serve: look at backend_up and circuit_breaker_state.',
      labels: ['endpoint', 'model', 'category', 'backend', 'outcome'],
      register,
    });
    this.#duration = new FastHistogram({
      name: name('request_duration_seconds'),
      help: 'From the arrival of a request to its last byte. Long answers take long: compare time_to_first_token_seconds and inter_token_seconds before calling it slow.',
      labels: ['endpoint', 'outcome'],
      buckets: DURATION_BUCKETS,
      register,
    });
    this.#firstToken = new FastHistogram({
      name: name('time_to_first_token_seconds'),
      help: 'From the arrival of a request to its first byte of answer, queue, load and prefill included. If it is high, compare queue_wait_seconds and model_loads_total.',
      labels: ['endpoint', 'model', 'backend'],
      buckets: FIRST_TOKEN_BUCKETS,
      register,
    });
    this.#queueWait = new FastHistogram({
      name: name('queue_wait_seconds'),
      help: 'Time that requests waited in the proxy for a free slot. If it keeps rising, the pool is too small for the load.',
      labels: ['endpoint'],
      buckets: FIRST_TOKEN_BUCKETS,
      register,
    });
    this.#interToken = new FastHistogram({
      name: name('inter_token_seconds'),
      help: 'Time between two pieces of a streamed answer as they come from a backend, mostly one token each; while a client does not read, nothing is counted. A backend that slows down here may have lost its GPU: look at backend_degraded.',
      labels: ['model', 'backend'],
      buckets: GAP_BUCKETS,
      register,
    });
    this.#decision = new FastHistogram({
      name: name('decision_seconds'),
      help: 'Time to choose a backend: eligibility, ranking and taking the place. Above a millisecond the machine of the proxy is too busy: look at nodejs_eventloop_lag_p99_seconds.',
      labels: ['strategy'],
      buckets: DECISION_BUCKETS,
      register,
    });
    this.#loadSeconds = new FastHistogram({
      name: name('model_load_seconds'),
      help: 'Time that backends needed to load a model for a request, as they report it. If loads are long and many, pin the model (placement.pin) or put its files on a faster disk.',
      labels: ['backend', 'model'],
      buckets: LOAD_BUCKETS,
      register,
    });
    this.#tokens = new FastCounter({
      name: name('tokens_total'),
      help: 'Tokens in prompts (in) and answers (out), as the backends count them. The rate of out is the throughput of the pool.',
      labels: ['direction'],
      register,
    });
    this.#cachedTokens = new FastCounter({
      name: name('prompt_tokens_cached_total'),
      help: 'Prompt tokens that backends did not read again: as they say (Ollama 0.33.3 and later), else inferred from how little time the prompt took. Beside tokens_total{direction="in"} it shows what cached prompts save.',
      labels: [],
      register,
    });
    this.#retries = new FastCounter({
      name: name('retries_total'),
      help: 'Requests that were tried on another backend, by what went wrong before. A rate that lasts: the log says which backend, event="breaker-changed", and docs/failures.md what each reason means.',
      labels: ['reason'],
      register,
    });
    this.#loads = new FastCounter({
      name: name('model_loads_total'),
      help: 'Times that a request had to wait for a backend to load its model. Many loads of one model on one backend mean that it keeps being evicted.',
      labels: ['backend', 'model'],
      register,
    });
    this.#evictions = new FastCounter({
      name: name('evictions_caused_total'),
      help: 'Models that loading another one for a request was expected to push out of memory. A steady rate means that the pool has less memory than its models need.',
      labels: ['backend'],
      register,
    });
    this.#reloadsAvoided = new FastCounter({
      name: name('reloads_avoided_total'),
      help: 'Requests that a loaded model served with the context it has although they asked for another one (routing.num_ctx).',
      labels: ['model'],
      register,
    });
    this.#heldBack = new FastCounter({
      name: name('keep_alive_held_back_total'),
      help: 'Requests whose keep_alive was left out because the backend had a load pending: in that moment it can make Ollama stop loading models for good (ollama issue 17408).',
      labels: ['backend'],
      register,
    });
    this.#predictionError = new FastHistogram({
      name: name('prediction_error_ratio'),
      help: 'Predicted over observed time to first token of streamed answers, the wait in the proxy left out: 1 is right. Low values for long mean that something slows the backends down which the proxy does not see.',
      buckets: RATIO_BUCKETS,
      labels: [],
      register,
    });
    this.#transitions = new FastCounter({
      name: name('circuit_breaker_transitions_total'),
      help: 'Circuit breakers that changed, by the state they went to. Many times open and closed again means that a backend is at its limit: lower its slots or look at its log.',
      labels: ['to'],
      register,
    });
    this.#hedges = new FastCounter({
      name: name('hedges_total'),
      help: 'Requests that were sent to a second backend because the first one had not answered for long (retry.hedge): result="won" if the second answered first, "lost" if the first did, "failed" if neither, "left" if the client left. Many lost ones mean that retry.hedge is too short.',
      labels: ['result'],
      register,
    });
    this.#panics = new FastCounter({
      name: name('panic_total'),
      help: 'Requests that went to a backend in spite of its open circuit breaker, because breakers had taken out more than half of the backends of this model. If it grows, most of them fail: look at circuit_breaker_state and at the log, event="breaker-changed".',
      labels: ['model'],
      register,
    });
    this.#strategyChanges = new FastCounter({
      name: name('strategy_changes_total'),
      help: 'Times that the routing strategy was switched at run time. If latencies changed with it, the log says who switched and from what.',
      labels: [],
      register,
    });
    this.#reloads = new FastCounter({
      name: name('config_reloads_total'),
      help: 'Configuration reloads. result="failed" means that a bad file was kept out and the old configuration still holds: see the log.',
      labels: ['result'],
      register,
    });
    this.#stateWrites = new FastCounter({
      name: name('state_writes_total'),
      help: 'Writes of what was learned to its file. result="failed" that keeps growing means that a restart would lose what is learned: is the disk full or the folder read-only? The log says which, event="state-unwritable".',
      labels: ['result'],
      register,
    });
    this.#refusals = new FastCounter({
      name: name('refusals_total'),
      help: 'Answers that the proxy made itself, by error code. queue_full and queue_timeout: the pool is too small; no_backend and backend_failed: look at backend_up; unauthorized, rate_limited and quota_exceeded: look at key_requests_total.',
      labels: ['code'],
      register,
    });
    this.#changes = new FastCounter({
      name: name('model_changes_total'),
      help: 'Pulls, pushes, creates, copies, deletes, uploads and unloads, by what came of them. outcome="partial" means that some servers have it done and some have not: the log says which, event="model-change".',
      labels: ['operation', 'outcome'],
      register,
    });
    // A rate needs a count before the first event, or it misses that one.
    for (const each of RELOAD_RESULTS) this.#reloads.add(0, each);
    for (const each of WRITE_RESULTS) this.#stateWrites.add(0, each);
    for (const each of DIRECTIONS) this.#tokens.add(0, each);
    for (const each of Object.keys(BREAKER_VALUE)) this.#transitions.add(0, each);
    this.#gauges(version);
  }

  #gauges(version: string): void {
    const registers: Registry[] = [];
    const name = (suffix: string): string => `task_router_${suffix}`;
    const sources = this.#sources;
    const lastReload = (): number => (this.#lastReload === 'applied' ? 1 : 0);
    const gauges = [
      new Gauge({
        name: name('inflight_requests'),
        help: 'Requests that a backend is working on. Always at its slots while queue_depth grows: it is full.',
        labelNames: ['backend'],
        registers,
        collect() {
          this.reset();
          for (const backend of sources.backends()) this.set({ backend: backend.name }, backend.inflight);
        },
      }),
      new Gauge({
        name: name('queue_depth'),
        help: 'Requests that wait in the proxy for a free slot. If it does not fall for minutes, the pool is too small for the load: add servers or slots, or lower queue.max_wait.',
        labelNames: ['class'],
        registers,
        collect() {
          for (const priority of PRIORITY_CLASSES) this.set({ class: priority }, sources.queueDepth(priority));
        },
      }),
      new Gauge({
        name: name('backend_up'),
        help: '1 while probes of a backend succeed, else 0. At 0: is its Ollama running and reachable from here?',
        labelNames: ['backend'],
        registers,
        collect() {
          this.reset();
          for (const backend of sources.backends())
            this.set({ backend: backend.name }, backend.health === 'up' ? 1 : 0);
        },
      }),
      new Gauge({
        name: name('circuit_breaker_state'),
        help: '0 closed, 1 half-open, 2 open; an empty model is the backend as a whole. It closes by itself when trials succeed; POST /admin/v1/backends/NAME/recover closes it by hand.',
        labelNames: ['backend', 'model'],
        registers,
        collect() {
          this.reset();
          for (const backend of sources.backends()) {
            this.set({ backend: backend.name, model: '' }, BREAKER_VALUE[backend.breaker]);
            for (const model of backend.models) {
              this.set({ backend: backend.name, model: model.name }, BREAKER_VALUE[model.breaker]);
            }
          }
        },
      }),
      new Gauge({
        name: name('model_available_backends'),
        help: 'Backends that could be given a request for a model now: up, not drained or disabled, circuit breakers closed; free slots do not count. At 0 every request for it waits or fails: look at backend_up and circuit_breaker_state.',
        labelNames: ['model'],
        registers,
        collect() {
          this.reset();
          for (const { model, backends } of sources.availability()) this.set({ model }, backends);
        },
      }),
      new Gauge({
        name: name('config_last_reload_successful'),
        help: '1 while the configuration in force is the one that was read last, 0 after a reload that was refused: mend the file, `ollama-task-router check FILE` says where.',
        registers,
        collect() {
          this.set(lastReload());
        },
      }),
      new Gauge({
        name: name('model_digest_skew'),
        help: 'How many different files backends have under the name of this model; absent when they agree. Their answers may differ: pull the model anew.',
        labelNames: ['model'],
        registers,
        collect() {
          this.reset();
          for (const { model, digests } of sources.digestSkew()) {
            this.set({ model }, new Set(digests.map(({ digest }) => digest)).size);
          }
        },
      }),
      new Gauge({
        name: name('backend_degraded'),
        help: '1 while something is the matter with a backend although it may answer its probes; docs/failures.md says for each cause how it is noticed and what is done. wedged-loading and hung-runner are healed by unloading a model (circuit_breaker.heal); gpu-lost, spill and server-silent want a look at the server.',
        labelNames: ['backend', 'cause'],
        registers,
        collect() {
          this.reset();
          for (const backend of sources.backends())
            for (const { kind } of backend.ills ?? []) this.set({ backend: backend.name, cause: kind }, 1);
        },
      }),
      new Gauge({
        name: name('backend_suspect'),
        help: '1 while a model seems to run slower on a backend than it should. reason="gpu-lost": as slowly as without a GPU; reason="spill": it does not fit into video memory.',
        labelNames: ['backend', 'model', 'reason'],
        registers,
        collect() {
          this.reset();
          for (const { backend, model, reason } of sources.suspects()) this.set({ backend, model, reason }, 1);
        },
      }),
      new Gauge({
        name: name('strategy_info'),
        help: 'The routing strategy in force, always 1; to be joined with others to see what a switch did.',
        labelNames: ['strategy'],
        registers,
        collect() {
          this.reset();
          this.set({ strategy: sources.strategy() }, 1);
        },
      }),
      new Gauge({
        name: name('learned_arm'),
        help: 'Share of sessions that each arm of the learned strategy gets, 0 to 1: the largest one is the default; absent while another strategy is in force. GET /admin/v1/strategy says why.',
        labelNames: ['arm'],
        registers,
        collect() {
          this.reset();
          for (const { arm, share } of sources.learnedArms?.() ?? []) this.set({ arm }, share);
        },
      }),
      new Gauge({
        name: name('build_info'),
        help: 'The running version, always 1; more than one value means that an upgrade is half done.',
        labelNames: ['version'],
        registers,
        collect() {
          this.set({ version }, 1);
        },
      }),
    ];
    for (const gauge of gauges) this.#registry.registerMetric(gauge);
    const placement = new Counter({
      name: name('placement_actions_total'),
      help: 'Loads, renewals and unloads that placement sent in the background, by what came of them; skipped ones were not sent because the backend had changed. Many failed ones: the log says why, event="placement".',
      labelNames: ['kind', 'result'],
      registers,
      collect() {
        this.reset();
        for (const { kind, result, count } of sources.placementActions()) this.inc({ kind, result }, count);
      },
    });
    this.#registry.registerMetric(placement);
    const heals = new Counter({
      name: name('heals_total'),
      help: 'Models that were unloaded as a remedy for an ill backend (circuit_breaker.heal). A steady rate means that the cause comes back: see docs/failures.md.',
      labelNames: ['backend', 'cause', 'result'],
      registers,
      collect() {
        this.reset();
        for (const { backend, cause, result, count } of sources.heals?.() ?? []) {
          this.inc({ backend, cause, result }, count);
        }
      },
    });
    this.#registry.registerMetric(heals);
    const keyRequests = new Counter({
      name: name('key_requests_total'),
      help: 'Requests by API key and what came of them; an empty key stands for requests without a known one. rate_limited and quota_exceeded that grow mean that a key needs more than its limits in auth.keys.',
      labelNames: ['key', 'outcome'],
      registers,
      collect() {
        this.reset();
        for (const { key, outcome, count } of sources.keyRequests()) this.inc({ key, outcome }, count);
      },
    });
    const keyTokens = new Counter({
      name: name('key_tokens_total'),
      help: 'Tokens in prompts (in) and answers (out) by API key, as its limits count them.',
      labelNames: ['key', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const { key, promptTokens, outputTokens } of sources.keyTokens()) {
          this.inc({ key, direction: 'in' }, promptTokens);
          this.inc({ key, direction: 'out' }, outputTokens);
        }
      },
    });
    this.#registry.registerMetric(keyRequests);
    this.#registry.registerMetric(keyTokens);
  }

  /** One write of what outlives the process. */
  stateWritten(result: (typeof WRITE_RESULTS)[number]): void {
    this.#stateWrites.add(1, result);
  }

  /** One change of the pool's models; both labels come from closed sets. */
  modelChange(operation: string, outcome: string): void {
    this.#changes.add(1, operation, outcome);
  }

  /**
   * The whole text for a scrape, with its content type.
   * @param accept the scraper's `Accept` header; where it asks for OpenMetrics, buckets come with the last request of each
   */
  async expose(accept?: string): Promise<{ readonly contentType: string; readonly text: string }> {
    if (wantsOpenMetrics(accept)) {
      // What its metrics return is what they print; the types name the kinds by numbers that are never there.
      const families = (await this.#registry.getMetricsAsJSON()) as unknown as readonly MetricFamily[];
      return { contentType: OPENMETRICS_TYPE, text: openMetricsText(families) };
    }
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  request(record: RequestRecord): void {
    const { endpoint, outcome } = record;
    const last = record.attempts.at(-1);
    const backend = last?.backend ?? '';
    const model = this.#model(last === undefined || last.model === '' ? record.model : last.model);
    this.#requests.add(1, endpoint, model, this.#category(record.category), backend, outcome);
    this.#duration.observeOf(record, record.totalMs / 1000, endpoint, outcome);
    if (record.error !== undefined) this.#refusals.add(1, record.error);
    const { attempts } = record;
    for (let i = 0; i + 1 < attempts.length && record.parallel !== true; i++) {
      const failed = attempts[i]?.outcome;
      if (failed?.kind === 'backend-failed') this.#retries.add(1, failed.reason);
    }
    if (endpoint === 'other') return;
    for (const { evictions = 0, backend: where } of attempts) {
      if (evictions > 0) this.#evictions.add(evictions, where);
    }
    this.#queueWait.observeOf(record, record.queueMs / 1000, endpoint);
    if (outcome !== 'served') return;
    if (record.firstByteMs !== undefined) {
      this.#firstToken.observeOf(record, record.firstByteMs / 1000, endpoint, model, backend);
    }
    if (last?.foreseenFirstMs !== undefined && last.outcome.kind === 'served') {
      this.#predictionError.observeOf(record, last.foreseenFirstMs / Math.max(1, last.outcome.firstByteMs));
    }
    const { usage } = record;
    if (usage === undefined) return;
    if (usage.promptTokens !== undefined) this.#tokens.add(usage.promptTokens, 'in');
    if (usage.outputTokens !== undefined) this.#tokens.add(usage.outputTokens, 'out');
    const cached = usage.cachedTokens ?? last?.cachedTokens;
    if (cached !== undefined) this.#cachedTokens.add(cached);
    if (usage.loadMs !== undefined && usage.loadMs >= LOAD_FLOOR_MS) {
      this.#loads.add(1, backend, model);
      this.#loadSeconds.observeOf(record, usage.loadMs / 1000, backend, model);
    }
  }

  /** Takes the time between two pieces of one streamed answer, in seconds; to be asked for once an answer. */
  gaps(model: string, backend: string): Observer {
    return this.#interToken.observer(this.#model(model), backend);
  }

  /** A model in memory answered a request that asked for another context. */
  reloadAvoided(model: string): void {
    this.#reloadsAvoided.add(1, this.#model(model));
  }

  /** A request's keep_alive was not sent to this backend. */
  keepAliveHeldBack(backend: string): void {
    this.#heldBack.add(1, backend);
  }

  decision(strategy: string, ms: number): void {
    this.#decision.observe(ms / 1000, strategy);
  }

  breakerChanged(to: BreakerState): void {
    this.#transitions.add(1, to);
  }

  /** A request was sent to a second backend as well, and this came of it. */
  hedged(result: 'won' | 'lost' | 'failed' | 'left'): void {
    this.#hedges.add(1, result);
  }

  /** A request went to a backend in spite of its breaker. */
  panicked(model: string): void {
    this.#panics.add(1, this.#model(model));
  }

  strategyChanged(): void {
    this.#strategyChanges.add(1);
  }

  reloaded(result: (typeof RELOAD_RESULTS)[number]): void {
    this.#lastReload = result;
    this.#reloads.add(1, result);
  }

  #model(name: string | undefined): string {
    if (name === undefined || name === '') return '';
    return this.#sources.knownModel(name) ? modelKey(name) : 'other';
  }

  #category(name: string | undefined): string {
    if (name === undefined) return '';
    if (this.#categories.has(name)) return name;
    if (this.#categories.size >= MAX_CATEGORIES) return 'other';
    this.#categories.add(name);
    return name;
  }
}
