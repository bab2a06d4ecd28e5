import type { Backend, BackendSnapshot } from '../../backends/backend.ts';
import type { BreakerState } from '../../core/types.ts';
import type { CandidateView, DecisionView } from '../../results/decisions.ts';
import type { RequestRecord } from '../../results/history.ts';

/** A model of a server as far as it matters now: in memory, at work, or with a breaker that is not closed. */
export interface ServerModel {
  readonly name: string;
  readonly loaded: boolean;
  readonly running: number;
  /** Requests that start at once when sent; null where nobody knows. */
  readonly slots: number | null;
  readonly breaker: BreakerState;
  readonly sizeBytes: number;
  readonly vramBytes: number;
  readonly contextLength: number;
  /** Wall time at which it goes by itself, ms since 1970, to the second; null = stays, or is at work. */
  readonly expiresAt: number | null;
}

/** One server as the desk shows it. */
export interface ServerView extends Omit<BackendSnapshot, 'models' | 'ills'> {
  /** Models on its disk. */
  readonly installed: number;
  readonly models: readonly ServerModel[];
}

/** Models shown per server: more than that no server holds in memory, and a mass of open breakers says the same. */
const MOST_MODELS = 32;

/**
 * @param snapshot of the same backend
 * @param at ms on the Clock @param wall the same moment, ms since 1970
 */
export const serverView = (backend: Backend, snapshot: BackendSnapshot, at: number, wall: number): ServerView => {
  const { models, ...rest } = snapshot;
  const shown = models.filter(({ loaded, running, breaker }) => loaded || running > 0 || breaker !== 'closed');
  const lookedAgo = at - (backend.lastSeenAt ?? at);
  const byName = new Map(Array.from(backend.installed, ([key, { name }]) => [name, key]));
  return {
    ...rest,
    installed: models.length,
    models: shown.slice(0, MOST_MODELS).map(({ name, loaded, running, breaker }): ServerModel => {
      const key = byName.get(name) ?? name;
      const memory = backend.loaded.get(key);
      const slots = backend.runners.get(key)?.facts?.slots.limit(at);
      const leftMs = memory === undefined ? -1 : memory.expiresInMs;
      return {
        name,
        loaded,
        running,
        slots: slots !== undefined && Number.isFinite(slots) ? slots : null,
        breaker,
        sizeBytes: memory?.sizeBytes ?? 0,
        vramBytes: memory?.vramBytes ?? 0,
        contextLength: memory?.contextLength ?? 0,
        expiresAt: Number.isFinite(leftMs) && leftMs >= 0 ? toSecond(wall + leftMs - lookedAgo) : null,
      };
    }),
  };
};

const toSecond = (ms: number): number => Math.round(ms / 1_000) * 1_000;

/** One ended request in the list of the last ones. */
export interface DecisionRow {
  readonly id: string;
  /** Wall time of the arrival. */
  readonly time: string;
  readonly endpoint: string;
  readonly model: string | null;
  readonly category: string | null;
  readonly strategy: string | null;
  readonly backend: string | null;
  readonly why: string | null;
  readonly outcome: string;
  readonly status: number;
  readonly error: string | null;
  readonly attempts: number;
  /** Servers that were weighed for the last attempt. */
  readonly candidates: number;
  readonly queueMs: number;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  /** The answer came piece by piece: what is compared is the time to its first token, else to its end. */
  readonly streamed: boolean;
  /** ms from the arrival: what the first decision foresaw, and what came; null where there was none. */
  readonly foreseenMs: number | null;
  readonly seenMs: number | null;
  /** Of the chosen server, for the last attempt; null where nothing was foreseen. */
  readonly terms: CandidateView['terms'] | null;
  readonly predicted: CandidateView['predicted'] | null;
}

/** @param decided undefined where the request was not ranked by cost */
export const decisionRow = (record: RequestRecord, decided: DecisionView | undefined): DecisionRow => {
  const attempt = record.attempts.at(-1);
  const judged = decided?.attempts.at(-1);
  const chosen = judged?.candidates.find((candidate) => candidate.chosen);
  const streamed = attempt?.foreseenFirstMs !== undefined;
  const first = decided?.attempts[0]?.atFirst;
  const late = (streamed ? chosen?.predicted.firstTokenMs : chosen?.predicted.totalMs) ?? null;
  // Where the first decision had chosen nobody, the last one stands at the end of the wait.
  const foreseen = first
    ? streamed
      ? first.firstTokenMs
      : first.totalMs
    : late === null
      ? null
      : late + record.queueMs;
  const seen = record.outcome !== 'served' ? undefined : streamed ? record.firstByteMs : record.totalMs;
  return {
    id: record.id,
    time: record.time,
    endpoint: record.endpoint,
    model: record.model ?? null,
    category: record.category ?? null,
    strategy: record.strategy ?? null,
    backend: attempt?.backend ?? null,
    why: attempt?.why ?? null,
    outcome: record.outcome,
    status: record.status,
    error: record.error ?? null,
    attempts: record.attempts.length,
    candidates: judged === undefined ? 0 : judged.candidates.length + judged.leftOut,
    queueMs: Math.round(record.queueMs),
    firstByteMs: record.firstByteMs === undefined ? null : Math.round(record.firstByteMs),
    totalMs: Math.round(record.totalMs),
    streamed,
    foreseenMs: foreseen === null ? null : Math.round(foreseen),
    seenMs: seen === undefined ? null : Math.round(seen),
    terms: chosen?.terms ?? null,
    predicted: chosen?.predicted ?? null,
  };
};
