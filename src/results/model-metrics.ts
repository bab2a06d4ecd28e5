import { readAmount, readCount, readList, readName, readObject } from './snapshot.ts';

/** Percentiles speak of this many latest results: bounded memory, exact, and they follow a change of speed. */
const WINDOW = 256;

/** Categories kept apart; results in further ones are counted under `other`. */
const MOST_CATEGORIES = 64;
const OTHER = 'other';

/** Counts and mean of recorded results. */
export interface CategoryMetrics {
  readonly totalRequests: number;
  readonly successfulTasks: number;
  readonly failedTasks: number;
  /** Mean in ms over all recorded results, failed ones included; 0 where there are none. */
  readonly averageLatencyMs: number;
}

export interface ModelMetricsView extends CategoryMetrics {
  /** Nearest-rank percentiles in ms of the latest 256 results, failed ones included; 0 where there are none. */
  readonly p50LatencyMs: number;
  readonly p95LatencyMs: number;
  readonly byCategory: Readonly<Record<string, CategoryMetrics>>;
}

/** Plain data for JSON. */
interface SavedCounts {
  readonly successfulTasks: number;
  readonly failedTasks: number;
  readonly averageLatencyMs: number;
}
export interface SavedMetrics extends SavedCounts {
  /** The latest latencies in ms, oldest first. */
  readonly latestMs: readonly number[];
  readonly byCategory: readonly (SavedCounts & { readonly name: string })[];
}

class Counts {
  successfulTasks = 0;
  failedTasks = 0;
  averageLatencyMs = 0;

  get totalRequests(): number {
    return this.successfulTasks + this.failedTasks;
  }

  record(success: boolean, latencyMs: number): void {
    if (success) this.successfulTasks++;
    else this.failedTasks++;
    // A running mean: a sum of large latencies would lose the small ones.
    this.averageLatencyMs += (latencyMs - this.averageLatencyMs) / this.totalRequests;
  }

  view(): CategoryMetrics {
    return { totalRequests: this.totalRequests, ...this.save() };
  }

  save(): SavedCounts {
    const { successfulTasks, failedTasks, averageLatencyMs } = this;
    return { successfulTasks, failedTasks, averageLatencyMs };
  }

  load(saved: SavedCounts): void {
    this.successfulTasks = saved.successfulTasks;
    this.failedTasks = saved.failedTasks;
    this.averageLatencyMs = saved.averageLatencyMs;
  }
}

/**
 * What people read about one model: totals since the last reset, plain and not decayed. What routing reads is `Learned`.
 * Recording is O(1); percentiles are sorted out of a bounded window when somebody looks.
 */
export class ModelMetrics {
  readonly #all = new Counts();
  readonly #categories = new Map<string, Counts>();
  #latest: number[] = [];
  /** Where the next latency goes once the window is full, which is where the oldest one is. */
  #next = 0;

  /** Adds one result; `latencyMs` finite and ≥ 0 (the caller has checked). */
  record(success: boolean, latencyMs: number, category: string): void {
    this.#all.record(success, latencyMs);
    this.#within(category).record(success, latencyMs);
    this.#remember(latencyMs);
  }

  view(): ModelMetricsView {
    const sorted = Float64Array.from(this.#latest).sort();
    return {
      ...this.#all.view(),
      p50LatencyMs: nearestRank(sorted, 0.5),
      p95LatencyMs: nearestRank(sorted, 0.95),
      byCategory: Object.fromEntries(Array.from(this.#categories, ([name, counts]) => [name, counts.view()])),
    };
  }

  reset(): void {
    this.load({ successfulTasks: 0, failedTasks: 0, averageLatencyMs: 0, latestMs: [], byCategory: [] });
  }

  save(): SavedMetrics {
    return {
      ...this.#all.save(),
      latestMs: [...this.#latest.slice(this.#next), ...this.#latest.slice(0, this.#next)],
      byCategory: Array.from(this.#categories, ([name, counts]) => ({ name, ...counts.save() })),
    };
  }

  /** Replaces everything. Give it what `readMetrics` has checked. */
  load(saved: SavedMetrics): void {
    this.#all.load(saved);
    this.#categories.clear();
    for (const category of saved.byCategory) this.#within(category.name).load(category);
    this.#latest = saved.latestMs.slice(-WINDOW);
    this.#next = 0;
  }

  #within(category: string): Counts {
    const known = this.#categories.get(category);
    if (known !== undefined) return known;
    if (this.#categories.size >= MOST_CATEGORIES && category !== OTHER) return this.#within(OTHER);
    const created = new Counts();
    this.#categories.set(category, created);
    return created;
  }

  #remember(latencyMs: number): void {
    if (this.#latest.length < WINDOW) {
      this.#latest.push(latencyMs);
      return;
    }
    this.#latest[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % WINDOW;
  }
}

/** The smallest value with at least a share `q` of all values at or below it; 0 of nothing. */
const nearestRank = (sorted: Float64Array, q: number): number => sorted[Math.ceil(q * sorted.length) - 1] ?? 0;

/** Checks saved metrics without touching anything. @throws {SnapshotError} */
export const readMetrics = (value: unknown, path: string): SavedMetrics => {
  const fields = readObject(value, path);
  return {
    ...readCounts(fields, path),
    latestMs: readList(fields['latestMs'], `${path}.latestMs`).map((ms, i) => readAmount(ms, `${path}.latestMs[${i}]`)),
    byCategory: readList(fields['byCategory'], `${path}.byCategory`).map((item, i) => {
      const where = `${path}.byCategory[${i}]`;
      const category = readObject(item, where);
      return { name: readName(category['name'], `${where}.name`), ...readCounts(category, where) };
    }),
  };
};

const readCounts = (fields: Readonly<Record<string, unknown>>, path: string): SavedCounts => ({
  successfulTasks: readCount(fields['successfulTasks'], `${path}.successfulTasks`),
  failedTasks: readCount(fields['failedTasks'], `${path}.failedTasks`),
  averageLatencyMs: readAmount(fields['averageLatencyMs'], `${path}.averageLatencyMs`),
});
