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
export interface SavedCandidate extends SavedStats {
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

  /** @param newest ages count back from then */
  saveAs(id: string, newest: number): SavedCandidate {
    const categories = Array.from(this.categories, ([name, stats]) => ({ name, ...stats.save(newest) }));
    return { id, ...this.save(newest), categories };
  }

  /** Replaces everything. */
  loadAll(saved: SavedCandidate, at: number): void {
    this.load(saved, at);
    this.categories.clear();
    for (const category of saved.categories) this.within(category.name)?.load(category, at);
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

  /** What is known of one candidate, with ages as of `at`; undefined = no result. */
  save(candidateId: string, at: number): SavedCandidate | undefined {
    const known = this.#candidates.get(candidateId);
    return known === undefined || known.successes + known.failures === 0 ? undefined : known.saveAs(candidateId, at);
  }

  /**
   * Replaces what is known of one candidate, as if it had been saved at `at`. Results are forgotten by the half-life in
   * the time since.
   * @throws {SnapshotError} if it is none; nothing changes then.
   */
  load(candidateId: string, saved: unknown, at: number): void {
    const read = readCandidate(saved, 'learned');
    this.#known(candidateId).loadAll(read, at);
  }

  /** Everything known, as plain data. Time spent out of memory does not age it. */
  snapshot(): LearnedSnapshot {
    return {
      version: 1,
      candidates: Array.from(this.#candidates, ([id, known]) => known.saveAs(id, this.#newest)),
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
    for (const candidate of saved.candidates) this.#known(candidate.id).loadAll(candidate, at);
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
  const candidates = readList(root['candidates'], `${path}.candidates`);
  return { version: 1, candidates: candidates.map((item, i) => readCandidate(item, `${path}.candidates[${i}]`)) };
};

const readCandidate = (value: unknown, path: string): SavedCandidate => {
  const fields = readObject(value, path);
  return {
    id: readName(fields['id'], `${path}.id`),
    ...readStats(fields, path),
    categories: readList(fields['categories'], `${path}.categories`).map((entry, i) => {
      const where = `${path}.categories[${i}]`;
      const category = readObject(entry, where);
      return { name: readName(category['name'], `${where}.name`), ...readStats(category, where) };
    }),
  };
};

const readStats = (fields: Readonly<Record<string, unknown>>, path: string): SavedStats => ({
  successes: readAmount(fields['successes'], `${path}.successes`),
  failures: readAmount(fields['failures'], `${path}.failures`),
  latencyMs: fields['latencyMs'] === null ? null : readAmount(fields['latencyMs'], `${path}.latencyMs`),
  latencySamples: readAmount(fields['latencySamples'], `${path}.latencySamples`),
  ageMs: readAmount(fields['ageMs'], `${path}.ageMs`),
});
