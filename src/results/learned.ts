import type { CandidateStats, OutcomeStats } from '../core/types.ts';
import { fadeOver } from '../routing/estimate.ts';
import { readAmount, readList, readName, readObject, readVersion } from './snapshot.ts';

/**
 * Weights never grow past these, so that at any rate of traffic the last hundred results or so speak, and the last
 * thirty latencies; at a low rate the half-life forgets sooner.
 */
const MOST_RESULTS = 100;
const MOST_LATENCIES = 30;

/** Categories kept apart per candidate; results in further ones count for the candidate as a whole only. */
const MOST_CATEGORIES = 64;

/** Age at which what is left of a result (2⁻³⁰) no longer matters; keeps saved ages finite and small. */
const OLDEST_MS = 30 * 600_000;

export interface RecordedResult {
  readonly category: string;
  readonly success: boolean;
  /** ms, ≥ 0; failures need none, since only successes teach latency. */
  readonly latencyMs?: number | undefined;
}

/** Plain data for JSON. Ages count back from the newest result, because a monotonic clock means nothing elsewhere. */
export interface LearnedSnapshot {
  readonly version: 1;
  readonly candidates: readonly SavedCandidate[];
}
interface SavedStats {
  readonly successes: number;
  readonly failures: number;
  readonly latencyMs: number | null;
  readonly latencySamples: number;
  readonly ageMs: number;
}
interface SavedCandidate extends SavedStats {
  readonly id: string;
  readonly categories: readonly (SavedStats & { readonly name: string })[];
}

class Stats implements OutcomeStats {
  successes = 0;
  failures = 0;
  latencyMs: number | undefined;
  latencySamples = 0;
  updatedAt = 0;

  record(success: boolean, latencyMs: number | undefined, at: number): void {
    this.scale(Math.min(fadeOver(this.updatedAt, at), (MOST_RESULTS - 1) / (this.successes + this.failures)));
    this.updatedAt = Math.max(this.updatedAt, at);
    if (!success) {
      this.failures++;
      return;
    }
    this.successes++;
    if (latencyMs === undefined) return;
    this.latencySamples = Math.min(this.latencySamples + 1, MOST_LATENCIES);
    this.latencyMs = (this.latencyMs ?? latencyMs) + (latencyMs - (this.latencyMs ?? latencyMs)) / this.latencySamples;
  }

  /** Makes everything known count `factor` times as much; factors above 1 change nothing. */
  scale(factor: number): void {
    if (!(factor < 1)) return;
    this.successes *= factor;
    this.failures *= factor;
    this.latencySamples *= factor;
  }

  clear(): void {
    this.successes = 0;
    this.failures = 0;
    this.latencyMs = undefined;
    this.latencySamples = 0;
  }

  save(newest: number): SavedStats {
    return {
      successes: this.successes,
      failures: this.failures,
      latencyMs: this.latencyMs ?? null,
      latencySamples: this.latencySamples,
      ageMs: Math.min(newest - this.updatedAt, OLDEST_MS),
    };
  }

  load(saved: SavedStats, at: number): void {
    this.successes = saved.successes;
    this.failures = saved.failures;
    this.latencyMs = saved.latencyMs ?? undefined;
    this.latencySamples = saved.latencySamples;
    this.updatedAt = at - saved.ageMs;
  }
}

class Known extends Stats implements CandidateStats {
  readonly categories = new Map<string, Stats>();

  category(name: string): OutcomeStats | undefined {
    return this.categories.get(name);
  }

  /** The statistics of a category, created if there is room for one more. */
  within(name: string): Stats | undefined {
    const known = this.categories.get(name);
    if (known !== undefined || this.categories.size >= MOST_CATEGORIES) return known;
    const created = new Stats();
    this.categories.set(name, created);
    return created;
  }
}

/**
 * What results taught about each candidate, for strategies to read: decayed success counts and mean latency, overall
 * and by category. The one writer of `CandidateStats`. Recording is O(1); memory is bounded per candidate, and
 * candidates are forgotten by their owner.
 */
export class Learned {
  readonly #candidates = new Map<string, Known>();
  #newest = 0;

  /** The live statistics of a candidate: the same object on every call until it is forgotten, so it may be kept. */
  of(candidateId: string): CandidateStats {
    return this.#known(candidateId);
  }

  /** Adds one result at `at` (ms on the Clock). */
  record(candidateId: string, result: RecordedResult, at: number): void {
    this.#newest = Math.max(this.#newest, at);
    const known = this.#known(candidateId);
    known.record(result.success, result.latencyMs, at);
    known.within(result.category)?.record(result.success, result.latencyMs, at);
  }

  /**
   * Keeps the direction of what is known and drops nearly all of its weight (to one result). For a candidate whose
   * breaker opened: what held before an outage is doubtful after it, and a candidate judged by its worst minute would
   * never be asked again.
   */
  doubt(candidateId: string): void {
    const known = this.#candidates.get(candidateId);
    if (known === undefined) return;
    known.scale(1 / (known.successes + known.failures));
    for (const stats of known.categories.values()) stats.scale(1 / (stats.successes + stats.failures));
  }

  /** Drops a candidate that is gone. */
  forget(candidateId: string): void {
    this.#candidates.delete(candidateId);
  }

  /** Starts over, for one candidate or for all; objects handed out by `of` stay live. */
  reset(candidateId?: string): void {
    for (const [id, known] of this.#candidates) {
      if (candidateId !== undefined && id !== candidateId) continue;
      known.clear();
      known.categories.clear();
    }
  }

  /** Everything known, as plain data. Time spent out of memory does not age it. */
  snapshot(): LearnedSnapshot {
    return {
      version: 1,
      candidates: Array.from(this.#candidates, ([id, known]) => ({
        id,
        ...known.save(this.#newest),
        categories: Array.from(known.categories, ([name, stats]) => ({ name, ...stats.save(this.#newest) })),
      })),
    };
  }

  /**
   * Replaces everything known by a snapshot, as if its newest result had come at `at`.
   * @throws {SnapshotError} if it is not one; nothing changes then.
   */
  restore(snapshot: unknown, at: number): void {
    const saved = readLearned(snapshot);
    this.reset();
    this.#newest = at;
    for (const candidate of saved.candidates) {
      const known = this.#known(candidate.id);
      known.load(candidate, at);
      for (const category of candidate.categories) known.within(category.name)?.load(category, at);
    }
  }

  #known(candidateId: string): Known {
    let known = this.#candidates.get(candidateId);
    if (known === undefined) {
      known = new Known();
      this.#candidates.set(candidateId, known);
    }
    return known;
  }
}

/** Checks a saved state of `Learned` without touching anything. @throws {SnapshotError} */
export const readLearned = (value: unknown, path = 'learned'): LearnedSnapshot => {
  const root = readObject(value, path);
  readVersion(root['version'], `${path}.version`, 1);
  const candidates = readList(root['candidates'], `${path}.candidates`).map((item, i) => {
    const where = `${path}.candidates[${i}]`;
    const fields = readObject(item, where);
    return {
      id: readName(fields['id'], `${where}.id`),
      ...readStats(fields, where),
      categories: readList(fields['categories'], `${where}.categories`).map((entry, j) => {
        const inner = `${where}.categories[${j}]`;
        const category = readObject(entry, inner);
        return { name: readName(category['name'], `${inner}.name`), ...readStats(category, inner) };
      }),
    };
  });
  return { version: 1, candidates };
};

const readStats = (fields: Readonly<Record<string, unknown>>, path: string): SavedStats => ({
  successes: readAmount(fields['successes'], `${path}.successes`),
  failures: readAmount(fields['failures'], `${path}.failures`),
  latencyMs: fields['latencyMs'] === null ? null : readAmount(fields['latencyMs'], `${path}.latencyMs`),
  latencySamples: readAmount(fields['latencySamples'], `${path}.latencySamples`),
  ageMs: readAmount(fields['ageMs'], `${path}.ageMs`),
});
