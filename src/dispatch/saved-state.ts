import type { Registry } from '../backends/registry.ts';
import type { SavedBreaker } from '../backends/saved-breaker.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import { isCloudName } from '../core/model-name.ts';
import type { Log } from '../core/types.ts';
import type { Facts } from '../facts/facts.ts';
import type { SavedLength } from '../facts/lengths.ts';
import type { Learned } from '../results/learned.ts';
import type { SavedMetrics } from '../results/model-metrics.ts';
import type { Recorder } from '../results/recorder.ts';

/** One thing to be saved, and ms since it was last used. */
export interface SavedEntry {
  readonly ageMs: number;
  readonly record: SavedRecord;
}

interface SavedRecord {
  readonly kind: 'backend' | 'runner' | 'pool' | 'ratio' | 'length' | 'strategy' | 'key' | 'usage';
  readonly [field: string]: unknown;
}

/** A record that was saved by some process; nothing of it is checked yet. */
export type UncheckedRecord = Readonly<Record<string, unknown>>;

export interface SavedStateParts {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly learned: Learned;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly strategy: {
    current(): string;
    /** The one that the configuration asks for. */
    configured(): string;
    /** @throws when there is no such strategy */
    restore(name: string): void;
  };
  /** What API keys have used, by name; never a key or its hash. */
  readonly keys: {
    save(): readonly { readonly name: string }[];
    /** @throws when it cannot be read; names that are not configured are passed over */
    restore(saved: UncheckedRecord, awayMs: number): void;
  };
  /** Applications are known by keyed hashes of what they say: without the key nothing learned of them is found again. */
  readonly key: { get(): readonly [number, number]; set(key: readonly [number, number]): void };
}

/** Of what nobody knows when it was used: the first to be left out. */
const UNUSED = Number.MAX_VALUE;
/** Latencies are shown in whole ms; a tenth is what is worth keeping. */
const TENTHS = 10;

/**
 * What of the proxy's knowledge outlives the process, taken apart into records for JSON and put together again. Backends
 * are known by name and URL. What was saved of models on a backend that was not looked at yet is kept for it, and saved
 * again, until a look shows what it has.
 */
export class SavedState {
  readonly #parts: SavedStateParts;
  /** Models of which something was restored, by backend, until it is seen which of them are there. */
  readonly #restored = new Map<string, Set<string>>();

  constructor(parts: SavedStateParts) {
    this.#parts = parts;
  }

  /** Everything worth saving as of now, made one by one: whoever takes the entries may pause in between. */
  *capture(): Generator<SavedEntry> {
    const { registry, facts, strategy, key, keys } = this.#parts;
    yield { ageMs: 0, record: { kind: 'key', key: key.get() } };
    yield { ageMs: 0, record: { kind: 'pool', facts: facts.state.savePool(this.#at) } };
    const [chosen, configured] = [strategy.current(), strategy.configured()];
    if (chosen !== configured) {
      yield { ageMs: 0, record: { kind: 'strategy', name: chosen, configured } };
    }
    for (const usage of keys.save()) yield { ageMs: 0, record: { kind: 'usage', ...usage } };
    for (const id of registry.ids()) yield* this.#backend(id);
    for (const ratio of facts.state.ratios(this.#at)) {
      yield { ageMs: ratio.mean?.ageMs ?? UNUSED, record: { kind: 'ratio', ...ratio } };
    }
    for (const length of facts.state.lengths(this.#at)) {
      yield { ageMs: length.mean?.ageMs ?? UNUSED, record: { kind: 'length', ...length } };
    }
  }

  get #at(): number {
    return this.#parts.clock.now();
  }

  *#backend(id: string): Generator<SavedEntry> {
    const { registry, facts } = this.#parts;
    const backend = registry.get(id);
    if (backend === undefined) return;
    const record = {
      kind: 'backend',
      name: id,
      url: backend.config.url.href,
      facts: facts.state.saveHost(id, this.#at),
      breaker: registry.savedBreaker(id, undefined),
    } as const;
    yield { ageMs: 0, record };
    this.#settle(id);
    const models = new Set([...backend.runners.keys(), ...(this.#restored.get(id) ?? [])]);
    for (const model of models) {
      const entry = this.#runner(id, model);
      if (entry !== undefined) yield entry;
    }
  }

  /** Once a backend was looked at, what it does not have is forgotten; cloud models are there for the asking. */
  #settle(id: string): void {
    const { registry, learned, recorder } = this.#parts;
    const restored = this.#restored.get(id);
    const backend = registry.get(id);
    if (restored === undefined || backend?.lastSeenAt === undefined) return;
    for (const model of restored) {
      const there = backend.runners.has(model);
      if (!there && isCloudName(model)) continue;
      restored.delete(model);
      if (there) continue;
      learned.forget(`${id}/${model}`);
      recorder.forget(`${id}/${model}`);
    }
  }

  #runner(backend: string, model: string): SavedEntry | undefined {
    const { registry, facts, learned, recorder } = this.#parts;
    const id = `${backend}/${model}`;
    const results = learned.save(id, this.#at);
    const known = {
      facts: facts.state.saveRunner(backend, model, this.#at),
      learned: results,
      metrics: rounded(recorder.saveMetrics(id)),
      breaker: unlessWell(registry.savedBreaker(backend, model)),
    };
    if (Object.values(known).every((part) => part === undefined)) return undefined;
    return { ageMs: results?.ageMs ?? UNUSED, record: { kind: 'runner', backend, model, ...known } };
  }

  /**
   * Takes over what an earlier process saved. Records of backends that are not configured, or have another URL now, are
   * passed over; records that cannot be read are passed over with a warning.
   * @param awayMs since they were saved: everything has aged by that, and breakers were open for that
   */
  restore(records: readonly UncheckedRecord[], awayMs: number): void {
    const at = this.#at - awayMs;
    const { log } = this.#parts;
    const byKind = new Map<unknown, UncheckedRecord[]>();
    for (const record of records) {
      const alike = byKind.get(record['kind']) ?? [];
      byKind.set(record['kind'], alike);
      alike.push(record);
    }
    const of = (kind: SavedRecord['kind']): readonly UncheckedRecord[] => byKind.get(kind) ?? [];
    let unreadable = 0;
    let first = '';
    const attempt = (what: string, run: () => void): void => {
      try {
        run();
      } catch (error) {
        if (unreadable === 0) first = `${what}: ${errorText(error)}`;
        unreadable++;
      }
    };

    for (const record of of('key')) attempt('key', () => this.#key(record));
    for (const record of of('strategy')) attempt('strategy', () => this.#strategy(record));
    for (const record of of('usage')) {
      attempt(`usage of ${String(record['name'])}`, () => this.#parts.keys.restore(record, awayMs));
    }
    this.#pool(of('pool')[0], of('length'), of('ratio'), at, attempt);
    const strangers = new Set<unknown>();
    for (const record of of('backend')) {
      if (this.#isStranger(record)) strangers.add(record['name']);
      else attempt(`backend ${String(record['name'])}`, () => this.#restoreBackend(record, at));
    }
    for (const record of of('runner')) {
      const { backend, model } = record;
      if (typeof backend !== 'string' || strangers.has(backend) || !this.#isConfigured(backend)) continue;
      attempt(`${backend}/${String(model)}`, () => this.#restoreRunner(backend, record, at));
    }

    if (unreadable === 0) return;
    const fields = { event: 'state-partly-read', unreadable, first };
    log.warn(fields, `state: ${unreadable} records cannot be read and are left out; the first: ${first}`);
  }

  #isConfigured(backend: unknown): boolean {
    return typeof backend === 'string' && this.#parts.registry.get(backend) !== undefined;
  }

  /** A backend of this name at this URL is not configured. */
  #isStranger({ name, url }: UncheckedRecord): boolean {
    return typeof name !== 'string' || this.#parts.registry.get(name)?.config.url.href !== url;
  }

  #key({ key }: UncheckedRecord): void {
    if (!Array.isArray(key)) throw new TypeError('it must be a list');
    const [a, b] = key as readonly unknown[];
    if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) throw new TypeError('it must be two whole numbers');
    this.#parts.key.set([Number(a), Number(b)]);
  }

  /** A choice by hand holds until the configuration asks for another strategy than it did then. */
  #strategy({ name, configured }: UncheckedRecord): void {
    const { strategy } = this.#parts;
    if (typeof name === 'string' && configured === strategy.configured()) strategy.restore(name);
  }

  #pool(
    pool: UncheckedRecord | undefined,
    lengths: readonly UncheckedRecord[],
    ratios: readonly UncheckedRecord[],
    at: number,
    attempt: (what: string, run: () => void) => void,
  ): void {
    const { state } = this.#parts.facts;
    if (pool === undefined) return;
    const facts = pool['facts'] as { readonly length?: SavedLength } | undefined;
    attempt('pool', () => state.restorePool(facts, at));
    attempt('lengths', () => state.restoreLengths(facts?.length, lengths, at));
    attempt('ratios', () => state.restoreRatios(ratios, at));
  }

  #restoreBackend({ name, facts, breaker }: UncheckedRecord, at: number): void {
    const id = String(name);
    if (facts !== undefined) this.#parts.facts.state.restoreHost(id, facts, at);
    if (breaker !== undefined) this.#parts.registry.restoreBreaker(id, undefined, readBreaker(breaker), at);
  }

  #restoreRunner(backend: string, record: UncheckedRecord, at: number): void {
    const { registry, facts, learned, recorder } = this.#parts;
    const { model, metrics } = record;
    if (typeof model !== 'string') throw new TypeError('its model must be a text');
    const breaker = record['breaker'] === undefined ? undefined : readBreaker(record['breaker']);
    const id = `${backend}/${model}`;
    const restored = this.#restored.get(backend) ?? new Set();
    this.#restored.set(backend, restored.add(model));
    if (record['facts'] !== undefined) facts.state.restoreRunner(backend, model, record['facts'], at);
    if (record['learned'] !== undefined) learned.load(id, record['learned'], at);
    if (metrics !== undefined) recorder.restoreMetrics(id, metrics);
    if (breaker !== undefined) registry.restoreBreaker(backend, model, breaker, at);
  }
}

const rounded = (metrics: SavedMetrics | undefined): SavedMetrics | undefined =>
  metrics && { ...metrics, latestMs: metrics.latestMs.map((ms) => Math.round(ms * TENTHS) / TENTHS) };

/** A breaker without a failure says nothing. */
const unlessWell = (breaker: SavedBreaker | undefined): SavedBreaker | undefined =>
  breaker?.state === 'closed' && breaker.failures === 0 ? undefined : breaker;

const readBreaker = (value: unknown): SavedBreaker => {
  const { state, failures, elapsedMs, lastsMs } = value as Readonly<Record<string, unknown>>;
  if (state === 'closed' && isAmount(failures)) return { state, failures };
  if (state === 'open' && isAmount(elapsedMs)) {
    if (lastsMs === undefined) return { state, elapsedMs };
    if (isAmount(lastsMs)) return { state, elapsedMs, lastsMs };
  }
  throw new TypeError('its breaker must be closed with failures, or open with elapsedMs and perhaps lastsMs');
};

const isAmount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;
