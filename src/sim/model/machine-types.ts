import type { SimModel } from './models.ts';
import type { MachineProfile } from './profile.ts';
import type { ReusePolicy } from './reuse.ts';
import type { Scheduler } from './scheduler.ts';

export interface MachineOptions {
  readonly clock: Scheduler;
  readonly profile: MachineProfile;
  /** OLLAMA_NUM_PARALLEL, default 1. */
  readonly slots?: number;
  /** Default `one-per-model`. */
  readonly reuse?: ReusePolicy;
  /** OLLAMA_MAX_QUEUE, default 512: bounds only requests that need a load. */
  readonly maxQueue?: number;
  /** OLLAMA_MAX_LOADED_MODELS, default 3. */
  readonly maxLoadedModels?: number;
  /** OLLAMA_KEEP_ALIVE in ms, default 5 minutes. */
  readonly keepAliveMs?: number;
}

/** A place in the machine, given up by `cancel`. */
export interface Ticket {
  cancel(): void;
}

/** A model in memory, as `/api/ps` knows it and a little more. */
export interface LoadedView {
  readonly model: SimModel;
  readonly loading: boolean;
  /** Bytes that it takes of the machine's memory, and of those the ones on the GPU. */
  readonly memory: number;
  readonly gpuBytes: number;
  /** Bytes that it needs, those included that did not fit: what `/api/ps` calls its size. */
  readonly sizeBytes: number;
  readonly contextLength: number;
  /** On the scheduler's clock; Infinity = never. */
  readonly expiresAt: number;
  readonly slots: number;
  readonly running: number;
  readonly waiting: number;
  readonly maxRunning: number;
}

export interface MachineCounters {
  submitted: number;
  done: number;
  canceled: number;
  busy: number;
  /** Requests whose runner died. */
  died: number;
  loads: number;
  loadsAborted: number;
  /** Unloads to make room for another model. */
  evictions: number;
  /** Unloads because a request wanted other runner options. */
  reloads: number;
  /** Unloads because nobody came for the keep-alive time, or somebody asked for it. */
  expirations: number;
  promptTokens: number;
  cachedTokens: number;
  outputTokens: number;
}

export const freshCounters = (): MachineCounters => ({
  submitted: 0,
  done: 0,
  canceled: 0,
  busy: 0,
  died: 0,
  loads: 0,
  loadsAborted: 0,
  evictions: 0,
  reloads: 0,
  expirations: 0,
  promptTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
});
