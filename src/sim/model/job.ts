import type { SimModel } from './models.ts';
import type { ResolvedOptions, RunnerOptions } from './options.ts';
import type { Work } from './processor.ts';
import type { Segment } from './prompt.ts';

/** A request as the machine sees it: how much to read, how much to write. All times in ms of the scheduler. */
export interface SimRequest {
  readonly model: SimModel;
  /** `load` only brings the model in; `embedding` reads and writes nothing. */
  readonly kind: 'completion' | 'embedding' | 'load';
  readonly prompt: readonly Segment[];
  /** Tokens to write, ≥ 0. */
  readonly outputTokens: number;
  /** The answer as the next turn of the conversation will show it; remembered behind the prompt. */
  readonly answer?: Segment;
  readonly options?: RunnerOptions;
  /** How long the runner stays after its last request: 0 = unload at once, Infinity = for good, absent = unchanged. */
  readonly keepAliveMs?: number;
  /** Multiplies the request's own work, > 0; 1 = as the profile says. */
  readonly slowness?: number;
}

/** What a finished request cost. Times in ms. */
export interface Timings {
  /** From submission until a runner was assigned: the scheduler's queue and the load. */
  readonly loadMs: number;
  /** Waiting for a slot of the assigned runner. */
  readonly slotWaitMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly prefillMs: number;
  readonly outputTokens: number;
  readonly decodeMs: number;
  readonly totalMs: number;
}

export type JobPhase = 'pending' | 'loading' | 'waiting' | 'prefill' | 'decode' | 'ended';

export type SimEnd =
  | { readonly kind: 'done'; readonly timings: Timings }
  /** The scheduler's queue is full. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'canceled'; readonly phase: JobPhase }
  /** The runner died. `waiting` = before it had begun with this request. */
  | { readonly kind: 'died'; readonly waiting: boolean }
  /** The whole server went away. */
  | { readonly kind: 'stopped' };

/** What the submitter hears. `end` comes exactly once, and nothing after it. */
export interface Listener {
  /** Given, every output token is told as it is written (index from 0); else only the first. */
  token?(index: number): void;
  firstToken?(): void;
  end(end: SimEnd): void;
}

/** A submitted request. Only the scheduler and the runner that holds it write here. */
export interface Job {
  readonly request: SimRequest;
  readonly listener: Listener;
  readonly options: ResolvedOptions;
  readonly submittedAt: number;
  phase: JobPhase;
  /** The submitter left or was told the end; the machine may still burn time for it. */
  closed: boolean;
  /** The submitter left before the end. */
  left: boolean;
  assignedAt: number;
  startedAt: number;
  decodeAt: number;
  prompt: readonly Segment[];
  promptTokens: number;
  cachedTokens: number;
  written: number;
  slot: number;
  work: Work | undefined;
}

/** Tells the end, once. */
export const closeJob = (job: Job, end: SimEnd): void => {
  if (job.closed) return;
  job.closed = true;
  job.listener.end(end);
};
