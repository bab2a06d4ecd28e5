import { allows, closedBreaker, failed, started, stateOf, succeeded } from '../backends/breaker.ts';
import type { Breaker } from '../backends/breaker.ts';
import type { BreakerSettings } from '../core/types.ts';
import { Learned } from '../results/learned.ts';
import { ModelEntry, refusal } from './entry.ts';
import type { Unavailable } from './errors.ts';
import { DuplicateModelError, UnknownModelError } from './errors.ts';
import { loadBreaker, saveBreaker } from './snapshot.ts';
import type { SavedModel, TaskRouterSnapshot } from './snapshot.ts';

/** Unregistered models whose pending tasks are still awaited; beyond this the oldest are given up. */
const MOST_DEPARTED = 1024;

export interface TaskResult {
  readonly success: boolean;
  readonly latencyMs: number;
  readonly category: string;
}

/**
 * The registered models and everything that is counted about them: the one writer of pending counts, breakers, metrics
 * and learned statistics. Pending tasks of an id are tasks started minus tasks finished, never below 0, and follow the
 * id through unregistering and registering again: the work is still going on.
 */
export class Models<Instance> {
  readonly #entries = new Map<string, ModelEntry<Instance>>();
  /** id → tasks still under way at a model that is no longer registered. */
  readonly #departed = new Map<string, number>();
  /** Restored state of models that are not registered yet. */
  readonly #parked = new Map<string, SavedModel>();
  readonly #learned = new Learned();
  readonly #settings: BreakerSettings;
  readonly #turned: (modelId: string, to: 'open' | 'closed') => void;

  /** @param turned told after a breaker opened or closed, when all counts are consistent again. */
  constructor(settings: BreakerSettings, turned: (modelId: string, to: 'open' | 'closed') => void) {
    this.#settings = settings;
    this.#turned = turned;
  }

  get settings(): BreakerSettings {
    return this.#settings;
  }

  /** @throws {DuplicateModelError} */
  add(id: string, instance: Instance, weight: number, at: number): void {
    if (this.#entries.has(id)) throw new DuplicateModelError(id);
    const entry = new ModelEntry(id, instance, weight, this.#learned.of(id), this.#departed.get(id) ?? 0);
    this.#departed.delete(id);
    this.#entries.set(id, entry);
    const parked = this.#parked.get(id);
    if (parked === undefined) return;
    this.#parked.delete(id);
    entry.metrics.load(parked.metrics);
    this.#step(entry, loadBreaker(parked.breaker, at), at);
  }

  /** Forgets a model and all it taught, except that its pending tasks may still report. False if there was none. */
  remove(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    this.#entries.delete(id);
    this.#learned.forget(id);
    if (entry.inflight > 0) {
      this.#departed.set(id, entry.inflight);
      const [oldest] = this.#departed.keys();
      if (this.#departed.size > MOST_DEPARTED && oldest !== undefined) this.#departed.delete(oldest);
    }
    return true;
  }

  find(id: string): ModelEntry<Instance> | undefined {
    return this.#entries.get(id);
  }

  /** @throws {UnknownModelError} */
  get(id: string): ModelEntry<Instance> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new UnknownModelError(id);
    return entry;
  }

  all(): Iterable<ModelEntry<Instance>> {
    return this.#entries.values();
  }

  /** Those whose breaker lets a task through at `at`, in order of registration. */
  available(at: number): ModelEntry<Instance>[] {
    const available: ModelEntry<Instance>[] = [];
    for (const entry of this.#entries.values()) {
      if (allows(entry.breaker, this.#settings, at)) available.push(entry);
    }
    return available;
  }

  /** Is this very entry still registered and let through? */
  canStart(entry: ModelEntry<Instance>, at: number): boolean {
    return this.#entries.get(entry.id) === entry && allows(entry.breaker, this.#settings, at);
  }

  /** The others, with the reason. */
  unavailable(at: number): Unavailable[] {
    const reasons: Unavailable[] = [];
    for (const { id, breaker } of this.#entries.values()) {
      if (allows(breaker, this.#settings, at)) continue;
      reasons.push({ modelId: id, reason: refusal(breaker, this.#settings, at) });
    }
    return reasons;
  }

  /** A task goes to this model. */
  start(entry: ModelEntry<Instance>, at: number): void {
    entry.inflight++;
    entry.breaker = started(entry.breaker, this.#settings, at);
  }

  /** Throws unless a result for this id can be taken. @throws {UnknownModelError} */
  expect(id: string): void {
    if (!this.#entries.has(id) && !this.#departed.has(id)) throw new UnknownModelError(id);
  }

  /** A task ended. Teaches nothing if the model has been unregistered meanwhile. O(1). */
  finish(id: string, result: TaskResult, at: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      this.#leave(id);
      return;
    }
    entry.inflight = Math.max(0, entry.inflight - 1);
    entry.metrics.record(result.success, result.latencyMs, result.category);
    this.#learned.record(id, result, at);
    const step = result.success ? succeeded : failed;
    this.#step(entry, step(entry.breaker, this.#settings, at), at);
  }

  /** A task ended whose model was registered anew while it ran: its place is free, its result is about another model. */
  finishElsewhere(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) this.#leave(id);
    else entry.inflight = Math.max(0, entry.inflight - 1);
  }

  /** Closes the breaker of one model or of all. @throws {UnknownModelError} */
  recover(id: string | undefined, at: number): void {
    for (const entry of this.#named(id)) this.#step(entry, closedBreaker, at);
  }

  /** Metrics and learned statistics start over; breakers and pending tasks stay. @throws {UnknownModelError} */
  reset(id: string | undefined): void {
    for (const entry of this.#named(id)) {
      entry.metrics.reset();
      this.#learned.reset(entry.id);
    }
  }

  save(at: number): Pick<TaskRouterSnapshot, 'models' | 'learned'> {
    const registered = Array.from(this.#entries.values(), (entry) => ({
      id: entry.id,
      breaker: saveBreaker(entry.breaker, this.#settings, at),
      metrics: entry.metrics.save(),
    }));
    return { models: [...registered, ...this.#parked.values()], learned: this.#learned.snapshot() };
  }

  /** Takes over a snapshot that `readSnapshot` checked. Models it does not name start over. */
  load(saved: Pick<TaskRouterSnapshot, 'models' | 'learned'>, at: number): void {
    this.#parked.clear();
    for (const model of saved.models) this.#parked.set(model.id, model);
    this.#learned.restore(saved.learned, at);
    for (const entry of [...this.#entries.values()]) {
      const model = this.#parked.get(entry.id);
      this.#parked.delete(entry.id);
      if (model === undefined) entry.metrics.reset();
      else entry.metrics.load(model.metrics);
      this.#step(entry, model === undefined ? closedBreaker : loadBreaker(model.breaker, at), at);
    }
  }

  #leave(id: string): void {
    const left = (this.#departed.get(id) ?? 0) - 1;
    if (left > 0) this.#departed.set(id, left);
    else this.#departed.delete(id);
  }

  #named(id: string | undefined): readonly ModelEntry<Instance>[] {
    return id === undefined ? [...this.#entries.values()] : [this.get(id)];
  }

  #step(entry: ModelEntry<Instance>, next: Breaker, at: number): void {
    const before = stateOf(entry.breaker, this.#settings, at);
    entry.breaker = next;
    if (next.state === before || next.state === 'half-open') return;
    if (next.state === 'open') this.#learned.doubt(entry.id);
    this.#turned(entry.id, next.state);
  }
}
