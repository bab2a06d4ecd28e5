import type { Log, Outcome } from '../core/types.ts';
import { accessFields, accessLine } from './access-line.ts';
import type { Decisions, Observed } from './decisions.ts';
import type { History, RequestRecord } from './history.ts';
import type { Learned } from './learned.ts';
import type { Metrics } from './metrics.ts';
import { ModelMetrics, readMetrics, type ModelMetricsView, type SavedMetrics } from './model-metrics.ts';

/** Answers are compared as if each had this many tokens. */
const NOMINAL_TOKENS = 100;

/**
 * What an answer of nominal length would have taken on this backend, in ms: time before decoding plus a hundred tokens
 * at its pace, the load of the model left out. That makes a short and a long answer, a cold and a warm one comparable.
 * Where a backend gives no numbers it is the whole time.
 */
export const nominalLatencyMs = (outcome: Extract<Outcome, { kind: 'served' }>): number => {
  const { usage, totalMs } = outcome;
  const decodeMs = usage?.decodeMs;
  const tokens = usage?.outputTokens;
  if (decodeMs === undefined || tokens === undefined || tokens === 0) {
    return Math.max(0, totalMs - (usage?.loadMs ?? 0));
  }
  return Math.max(0, totalMs - decodeMs - (usage?.loadMs ?? 0)) + (NOMINAL_TOKENS * decodeMs) / tokens;
};

/** A log that can be handed the fields of a line as JSON, which is how the line of each request goes out. */
export interface LineLog extends Log {
  /** Whether lines of this level are written at all. */
  takes(level: 'info' | 'warn'): boolean;
  /** @param fields members of a JSON object, one at least, without its braces; nothing secret, for all of it is written */
  writeLine(level: 'info' | 'warn', fields: string, message: string): void;
}

const writesLines = (log: Log | LineLog): log is LineLog => 'takes' in log;

/** The one place where results go out from: learning at the end of each lease, the rest at the end of each request. */
export class Recorder {
  readonly #learned: Learned;
  readonly #metrics: Metrics;
  readonly #history: History;
  readonly #decisions: Decisions;
  readonly #log: Log | LineLog;
  readonly #perModel = new Map<string, ModelMetrics>();

  constructor(learned: Learned, metrics: Metrics, history: History, decisions: Decisions, log: Log | LineLog) {
    this.#learned = learned;
    this.#metrics = metrics;
    this.#history = history;
    this.#decisions = decisions;
    this.#log = log;
  }

  /** One attempt ended. A client that left or erred teaches nothing about the backend. */
  attempt(candidateId: string, category: string, outcome: Outcome, at: number): void {
    if (outcome.kind === 'served') {
      this.#learned.record(candidateId, { category, success: true, latencyMs: nominalLatencyMs(outcome) }, at);
      this.#metricsOf(candidateId).record(true, outcome.totalMs, category);
    } else if (outcome.kind === 'backend-failed' && outcome.blame !== 'none') {
      this.#learned.record(candidateId, { category, success: false }, at);
      this.#metricsOf(candidateId).record(false, outcome.totalMs, category);
    }
  }

  /** Totals, latencies and categories of each model on each backend, by candidate id. */
  modelMetrics(): Readonly<Record<string, ModelMetricsView>> {
    return Object.fromEntries(Array.from(this.#perModel, ([id, metrics]) => [id, metrics.view()]));
  }

  /** What was counted of one candidate, as plain data; undefined = nothing. */
  saveMetrics(candidateId: string): SavedMetrics | undefined {
    return this.#perModel.get(candidateId)?.save();
  }

  /** Replaces what was counted of one candidate. @throws {SnapshotError} if it is no such data; nothing changes then */
  restoreMetrics(candidateId: string, saved: unknown): void {
    const read = readMetrics(saved, 'metrics');
    this.#metricsOf(candidateId).load(read);
  }

  /** Forgets what was learned and counted, so that stale history no longer steers; Prometheus counters go on. */
  reset(): void {
    this.#learned.reset();
    this.#perModel.clear();
  }

  /** A candidate is gone. */
  forget(candidateId: string): void {
    this.#learned.forget(candidateId);
    this.#perModel.delete(candidateId);
  }

  #metricsOf(candidateId: string): ModelMetrics {
    const known = this.#perModel.get(candidateId) ?? new ModelMetrics();
    this.#perModel.set(candidateId, known);
    return known;
  }

  /** One request ended, answered or refused. */
  request(record: RequestRecord): void {
    this.#metrics.request(record);
    this.#history.add(record);
    this.#decisions.observed(record.id, observed(record));
    const failed = record.outcome === 'failed' || record.status >= 500;
    const level = failed ? 'warn' : 'info';
    const message = failed ? 'request failed' : 'request';
    const log = this.#log;
    if (!writesLines(log)) log[level](accessFields(record), message);
    else if (log.takes(level)) log.writeLine(level, accessLine(record), message);
  }
}

/** What came of a request, to stand beside what was foreseen. */
const observed = ({ queueMs, firstByteMs, totalMs, usage, attempts }: RequestRecord): Observed => ({
  queueMs,
  firstByteMs,
  totalMs,
  loadMs: usage?.loadMs,
  prefillMs: usage?.prefillMs,
  decodeMs: usage?.decodeMs,
  cachedTokens: usage?.cachedTokens ?? attempts.at(-1)?.cachedTokens,
  outputTokens: usage?.outputTokens,
});
