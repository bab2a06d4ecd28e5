import type { Backend, Runner } from './backend.ts';
import { CROWD, Holders } from './holders.ts';

/**
 * Which runners have which model, so that a request looks only at servers that have its model. Kept up to date server by
 * server: in a pool of thousands each of them is seen for the first time once.
 */
export class ModelIndex {
  readonly #lists = new Map<string, Runner[]>();
  readonly #holders = new Map<string, Holders>();
  /** Runners of a backend that are in the lists. */
  readonly #listed = new Map<Backend, ReadonlySet<Runner>>();
  /** Where a backend stands in the configuration. */
  #order = new Map<Backend, number>();

  /** Runners by model key, in the order of the configuration. */
  get lists(): ReadonlyMap<string, readonly Runner[]> {
    return this.#lists;
  }

  /** The runners of a model in groups; undefined where there are few of them. */
  holders(model: string): Holders | undefined {
    return this.#holders.get(model);
  }

  /**
   * Takes over the configured backends in their order.
   * @param runnersOf the runners of what a backend has on disk
   */
  rebuild(backends: Iterable<Backend>, runnersOf: (backend: Backend) => readonly Runner[], at: number): void {
    for (const { all } of this.#holders.values()) for (const runner of all) runner.holders?.drop(runner);
    this.#holders.clear();
    this.#lists.clear();
    this.#listed.clear();
    this.#order = new Map();
    for (const backend of backends) {
      this.#order.set(backend, this.#order.size);
      const runners = runnersOf(backend);
      this.#listed.set(backend, new Set(runners));
      for (const runner of runners) {
        const list = this.#lists.get(runner.model);
        if (list === undefined) this.#lists.set(runner.model, [runner]);
        else list.push(runner);
      }
    }
    for (const model of this.#lists.keys()) this.#regroup(model, at);
  }

  /** One backend has other models on its disk than before. O(models of it · log holders), and the moves in the lists */
  update(backend: Backend, runners: readonly Runner[], at: number): void {
    const before = this.#listed.get(backend) ?? new Set();
    const now = new Set(runners);
    this.#listed.set(backend, now);
    for (const runner of before) if (!now.has(runner)) this.#remove(runner, at);
    for (const runner of now) if (!before.has(runner)) this.#add(runner, at);
  }

  /** Something happened at a backend: its runners may stand elsewhere now. O(models of it) */
  settle(backend: Backend, at: number): void {
    for (const runner of backend.runners.values()) runner.holders?.settle(runner, at);
  }

  #add(runner: Runner, at: number): void {
    const { model } = runner;
    const list = this.#lists.get(model) ?? [];
    this.#lists.set(model, list);
    const own = this.#placeOf(runner);
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = list[middle];
      if (other !== undefined && this.#placeOf(other) < own) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, runner);
    const holders = this.#holders.get(model);
    if (holders === undefined) this.#regroup(model, at);
    else holders.settle(runner, at);
  }

  #remove(runner: Runner, at: number): void {
    const { model } = runner;
    const list = this.#lists.get(model) ?? [];
    const index = list.indexOf(runner);
    if (index >= 0) list.splice(index, 1);
    runner.holders?.drop(runner);
    if (list.length === 0) this.#lists.delete(model);
    if (list.length < CROWD) this.#regroup(model, at);
  }

  /** Begins or ends to keep the runners of a model in groups, by how many there are. */
  #regroup(model: string, at: number): void {
    const list = this.#lists.get(model) ?? [];
    const crowded = list.length >= CROWD;
    if (crowded === this.#holders.has(model)) return;
    if (!crowded) {
      this.#holders.delete(model);
      for (const runner of list) runner.holders?.drop(runner);
      return;
    }
    const holders = new Holders(model, list);
    this.#holders.set(model, holders);
    for (const runner of list) holders.settle(runner, at);
  }

  #placeOf({ backend }: Runner): number {
    return this.#order.get(backend) ?? Infinity;
  }
}
