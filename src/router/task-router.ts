import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { systemRng } from '../core/rng.ts';
import type { Rng } from '../core/rng.ts';
import { errorText } from '../core/errors.ts';
import type { Log, Ranking, Strategy, Verdict } from '../core/types.ts';
import { createStrategy } from '../routing/index.ts';
import { Categories } from './categories.ts';
import { breakerStatus } from './entry.ts';
import type { BreakerStatus, ModelEntry, ModelStatus } from './entry.ts';
import type { FailedAttempt, Unavailable } from './errors.ts';
import { AllModelsFailedError, NoModelAvailableError } from './errors.ts';
import { SafeEmitter } from './events.ts';
import { Models } from './models.ts';
import { breakerSettings, checkId, checkPrompt, checkResult, checkWeight, silentLog } from './options.ts';
import type { RegisterOptions, RouteOptions, TaskCategoryDetector, TaskRouterOptions } from './options.ts';
import { readSnapshot } from './snapshot.ts';
import type { TaskRouterSnapshot } from './snapshot.ts';

/** What `run` tells a task about the attempt it makes. */
export interface TaskContext {
  readonly modelId: string;
  readonly category: string;
  /** From 1. */
  readonly attempt: number;
}

/** How a prompt would be routed now, without routing it. */
export interface Explanation {
  readonly category: string;
  readonly categoryWhy: string;
  readonly strategy: string;
  /** Best first; costs compare within this ranking only, lower is better. */
  readonly ranking: readonly { readonly modelId: string; readonly cost: number; readonly why: string }[];
  /** Models that may not be chosen now. */
  readonly unavailable: readonly Unavailable[];
}

interface Decision<Instance> {
  readonly category: string;
  readonly categoryWhy: string;
  readonly candidates: readonly ModelEntry<Instance>[];
  readonly ranking: Ranking;
}

/**
 * Chooses among registered models, task by task, and learns from the results that it is told. The same strategies,
 * breaker and categorizer route the proxy's traffic; here a candidate is a model with any instance of yours behind it.
 *
 * Either `routeTask`, do the work, `recordTaskResult`; or `run`, which does all three and fails over. Routing is O(n) in
 * models, recording O(1). Nothing runs in the background. Emits the events of `TaskRouterEvents`.
 */
export class TaskRouter<Instance = unknown> extends SafeEmitter {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #log: Log;
  readonly #categories: Categories;
  readonly #models: Models<Instance>;
  /** By name, so that a strategy that comes back goes on where it was. */
  readonly #strategies = new Map<string, Strategy>();
  #strategy: Strategy;

  /**
   * @throws {InvalidArgumentError} for a setting out of range.
   * @throws {UnknownStrategyError}
   */
  constructor(options: TaskRouterOptions = {}) {
    super();
    this.#clock = options.clock ?? systemClock;
    this.#rng = options.rng ?? systemRng;
    this.#log = options.log ?? silentLog;
    this.#categories = new Categories(this.#log);
    this.#categories.setDetector(options.detector);
    this.#models = new Models(breakerSettings(options.circuitBreaker), (model, to) => this.#breakerTurned(model, to));
    this.#strategy = this.#strategyNamed(options.strategy ?? 'hybrid');
  }

  /**
   * Adds a model with whatever object stands behind it. Tasks still pending from an earlier registration of this id
   * count as its own.
   * @throws {DuplicateModelError}
   * @throws {InvalidArgumentError} for an empty id or a weight that is not above 0.
   */
  registerModel(modelId: string, instance: Instance, options: RegisterOptions = {}): void {
    const { weight = 1 } = options;
    checkId(modelId);
    checkWeight(weight);
    this.#models.add(modelId, instance, weight, this.#clock.now());
  }

  /** Removes a model and what it taught; results of its pending tasks are still accepted. False if it was not there. */
  unregisterModel(modelId: string): boolean {
    return this.#models.remove(modelId);
  }

  /** The object that was registered, undefined for an unknown id. */
  getInstance(modelId: string): Instance | undefined {
    return this.#models.find(modelId)?.instance;
  }

  /**
   * Chooses a model for a prompt and counts the task as pending there until a result is recorded.
   * @returns the id of the model.
   * @throws {NoModelAvailableError} with the reason for each model.
   * @throws {UnknownCategoryError} for a category in the options that nobody knows.
   */
  routeTask(prompt: string, options: RouteOptions = {}): string {
    const at = this.#clock.now();
    const decision = this.#decide(prompt, options, at);
    const chosen = this.#entryAt(decision, 0);
    if (chosen === undefined) throw new NoModelAvailableError(this.#models.unavailable(at));
    this.#begin(decision, chosen, at);
    return chosen.id;
  }

  /**
   * Says how a task ended. It need not have been routed: pending tasks never fall below 0. The result of a model that
   * was unregistered meanwhile ends its pending task and teaches nothing.
   * @param latencyMs finite, ≥ 0; any measure in ms that compares between models.
   * @param category a built-in one, or one that a detector has answered; default `unknown`.
   * @throws {UnknownModelError}
   * @throws {InvalidArgumentError}
   * @throws {UnknownCategoryError}
   */
  recordTaskResult(modelId: string, success: boolean, latencyMs: number, category = 'unknown'): void {
    this.#models.expect(modelId);
    checkResult(success, latencyMs);
    this.#categories.check(category);
    this.#models.finish(modelId, { success, latencyMs, category }, this.#clock.now());
  }

  /**
   * Routes, times, records, and on failure goes on to the next choice of the same ranking. A task fails by throwing or
   * rejecting; whatever it resolves to is the result.
   * @throws {NoModelAvailableError} if nothing could be tried.
   * @throws {AllModelsFailedError} with every cause.
   */
  async run<Result>(
    prompt: string,
    task: (instance: Instance, context: TaskContext) => Result | PromiseLike<Result>,
    options: RouteOptions = {},
  ): Promise<Result> {
    const decision = this.#decide(prompt, options, this.#clock.now());
    const { category, ranking } = decision;
    const attempts: FailedAttempt[] = [];
    for (let i = 0; i < ranking.size; i++) {
      const at = this.#clock.now();
      const entry = this.#entryAt(decision, i);
      if (entry === undefined || !this.#models.canStart(entry, at)) continue;
      if (attempts.length === 0) this.#begin(decision, entry, at);
      else this.#models.start(entry, at);
      let result: Result;
      try {
        result = await task(entry.instance, { modelId: entry.id, category, attempt: attempts.length + 1 });
      } catch (error) {
        this.#end(entry, false, at, category);
        attempts.push({ modelId: entry.id, error });
        this.#log.info({ model: entry.id, attempt: attempts.length, error: errorText(error) }, 'a task failed');
        continue;
      }
      this.#end(entry, true, at, category);
      return result;
    }
    if (attempts.length === 0) throw new NoModelAvailableError(this.#models.unavailable(this.#clock.now()));
    throw new AllModelsFailedError(attempts);
  }

  /** How a prompt would be routed now, with the reason for every model. Changes nothing except that chance is drawn. */
  explain(prompt: string, options: RouteOptions = {}): Explanation {
    const at = this.#clock.now();
    const { category, categoryWhy, ranking } = this.#decide(prompt, options, at);
    return {
      category,
      categoryWhy,
      strategy: this.#strategy.name,
      ranking: ranking.all().map(({ candidate, cost, why }) => ({ modelId: candidate.id, cost, why })),
      unavailable: this.#models.unavailable(at),
    };
  }

  /** The category that a prompt gets: the detector's word if it has one, else the built-in chain's. */
  getTaskCategory(prompt: string): string {
    checkPrompt(prompt);
    return this.#categories.of(prompt).category;
  }

  /**
   * Asks this detector before the built-in chain; undefined removes it. One that throws, or answers with anything but a
   * short string, is logged once and passed over. Names that it makes up become known categories.
   * @throws {InvalidArgumentError} without a `detect` method.
   */
  setTaskCategoryDetector(detector: TaskCategoryDetector | undefined): void {
    this.#categories.setDetector(detector);
  }

  /** The name of the strategy in use. */
  getRoutingStrategy(): string {
    return this.#strategy.name;
  }

  /** Changes the strategy for all further tasks. Everything learned stays. @throws {UnknownStrategyError} */
  setRoutingStrategy(name: string): void {
    const from = this.#strategy.name;
    const next = this.#strategyNamed(name);
    if (next === this.#strategy) return;
    this.#strategy = next;
    this.#log.info({ from, to: name }, `routing strategy changed from ${from} to ${name}`);
    this.tell(this.#log, 'strategy-changed', { from, to: name });
  }

  /** What was recorded of one model and how it stands; undefined for an unknown id. */
  getModelMetrics(modelId: string): ModelStatus | undefined {
    const entry = this.#models.find(modelId);
    return entry === undefined ? undefined : this.#statusOf(entry);
  }

  /** The same for all models, by id. */
  getAllMetrics(): Map<string, ModelStatus> {
    return this.#map((entry) => this.#statusOf(entry));
  }

  /** Id → may be asked now or as a trial: false exactly while its circuit breaker is open. */
  healthCheck(): Map<string, boolean> {
    const at = this.#clock.now();
    return this.#map((entry) => breakerStatus(entry.breaker, this.#models.settings, at).state !== 'open');
  }

  /** How circuit breakers stand: of one model (undefined for an unknown id), or of all by id. */
  getCircuitBreakerStatus(modelId: string): BreakerStatus | undefined;
  getCircuitBreakerStatus(): Map<string, BreakerStatus>;
  getCircuitBreakerStatus(modelId?: string): BreakerStatus | undefined | Map<string, BreakerStatus> {
    const at = this.#clock.now();
    const status = (entry: ModelEntry<Instance>): BreakerStatus =>
      breakerStatus(entry.breaker, this.#models.settings, at);
    if (modelId === undefined) return this.#map(status);
    const entry = this.#models.find(modelId);
    return entry === undefined ? undefined : status(entry);
  }

  /** Closes the circuit breaker of one model, or of all, at once. @throws {UnknownModelError} */
  forceHealthRecovery(modelId?: string): void {
    this.#models.recover(modelId, this.#clock.now());
  }

  /**
   * Metrics and what routing learned from results start over, for one model or for all. Circuit breakers and pending
   * tasks stay as they are: a reset must not send tasks to a broken model.
   * @throws {UnknownModelError}
   */
  resetMetrics(modelId?: string): void {
    this.#models.reset(modelId);
  }

  /** What was learned, as plain data for JSON: metrics, statistics, breakers, custom categories. */
  snapshot(): TaskRouterSnapshot {
    return { version: 1, customCategories: this.#categories.custom(), ...this.#models.save(this.#clock.now()) };
  }

  /**
   * Replaces what was learned by a snapshot (also one that came through JSON). Models in it that are not registered get
   * theirs when they are. A half-open breaker comes back as open.
   * @throws {SnapshotError} saying where it is wrong; nothing changes then.
   */
  restore(snapshot: unknown): void {
    const saved = readSnapshot(snapshot);
    for (const category of saved.customCategories) this.#categories.learn(category);
    this.#models.load(saved, this.#clock.now());
  }

  #decide(prompt: string, options: RouteOptions, at: number): Decision<Instance> {
    checkPrompt(prompt);
    const { category, why: categoryWhy } = this.#verdict(prompt, options.category);
    const candidates = this.#models.available(at);
    const facts = { category, model: '', affinityKey: options.affinityKey };
    const ranking = this.#strategy.rank(facts, candidates, { at, rng: this.#rng });
    return { category, categoryWhy, candidates, ranking };
  }

  #verdict(prompt: string, given: string | undefined): Pick<Verdict, 'category' | 'why'> {
    if (given === undefined) return this.#categories.of(prompt);
    this.#categories.check(given);
    return { category: given, why: 'given by the caller' };
  }

  #entryAt({ ranking }: Decision<Instance>, index: number): ModelEntry<Instance> | undefined {
    // Strategies hand back the candidates they were given, and those were entries.
    return ranking.at(index)?.candidate as ModelEntry<Instance> | undefined;
  }

  #begin({ candidates }: Decision<Instance>, chosen: ModelEntry<Instance>, at: number): void {
    this.#models.start(chosen, at);
    this.#strategy.chosen?.(chosen, candidates);
  }

  #end(entry: ModelEntry<Instance>, success: boolean, startedAt: number, category: string): void {
    const at = this.#clock.now();
    const current = this.#models.find(entry.id);
    if (current !== undefined && current !== entry) this.#models.finishElsewhere(entry.id);
    else this.#models.finish(entry.id, { success, latencyMs: at - startedAt, category }, at);
  }

  #strategyNamed(name: string): Strategy {
    let strategy = this.#strategies.get(name);
    if (strategy === undefined) {
      strategy = createStrategy(name);
      this.#strategies.set(name, strategy);
    }
    return strategy;
  }

  #statusOf(entry: ModelEntry<Instance>): ModelStatus {
    const { state } = breakerStatus(entry.breaker, this.#models.settings, this.#clock.now());
    return {
      ...entry.metrics.view(),
      weight: entry.weight,
      pendingTasks: entry.inflight,
      circuitBreakerOpen: state === 'open',
      circuitBreakerState: state,
    };
  }

  #map<Value>(value: (entry: ModelEntry<Instance>) => Value): Map<string, Value> {
    return new Map(Array.from(this.#models.all(), (entry) => [entry.id, value(entry)]));
  }

  #breakerTurned(model: string, to: 'open' | 'closed'): void {
    if (to === 'open') {
      this.#log.warn({ model }, `circuit breaker of ${model} opened`);
      this.tell(this.#log, 'breaker-opened', { model });
    } else {
      this.#log.info({ model }, `circuit breaker of ${model} closed`);
      this.tell(this.#log, 'breaker-closed', { model });
    }
  }
}
