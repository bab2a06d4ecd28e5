import type { PrefixMark, RunnerShape } from '../core/demand.ts';

/**
 * What a forecast reads about a server. Each interface has one learned implementation here; the benchmark puts the truth
 * of the simulated machines in their place, to measure what learning costs. All times in ms, `at` in ms on the Clock.
 */

/** A learned number with what stands behind it, for people: admin API and explanations. */
export interface Estimate {
  readonly value: number;
  /** Samples behind it, decayed by age; 0 = taken from the pool or from a default. */
  readonly samples: number;
  /** ms since the last sample; undefined = never measured. */
  readonly ageMs: number | undefined;
}

/** How fast one model runs on one host while nobody runs beside it. */
export interface RunnerSpeeds {
  /** ms per prompt token read. */
  prefillMs(at: number): number;
  /** ms per token written. */
  decodeMs(at: number): number;
  /** ms that loading the model takes. */
  loadMs(at: number): number;
  /** Observed over predicted, 1 = as predicted: time to first token once dispatched, and time per token. */
  slowFirst(at: number): number;
  slowToken(at: number): number;
}

/** How many requests one model on one host works on at a time. */
export interface RunnerSlots {
  /** Requests that start at once when sent, ≥ 1. */
  limit(at: number): number;
  /** Whether one more than `limit` may be sent, because it would teach whether there is another slot. */
  mayProbe(at: number): boolean;
}

/** What one runner remembers of earlier prompts. */
export interface PromptMemory {
  /** Bytes of the prompt looked up last (`PrefixIndex.look`) that are expected to be remembered, 0 … promptBytes. */
  readonly expectedBytes: number;
}

/** Finds which runners remember the beginning of a prompt. */
export interface PrefixIndex {
  /** Looks a prompt up: afterwards `expectedBytes` of every memory is about this prompt. */
  look(marks: readonly PrefixMark[], promptBytes: number, at: number): void;
}

/** A model in memory, or on its way there. */
export interface ResidentModel {
  readonly model: string;
  readonly sizeBytes: number;
  /** ms on the Clock at which it goes by itself; Infinity = stays. */
  readonly expiresAt: number;
}

/** Which models one host has in memory, as far as that can be known between two looks at it. */
export interface HostResidency {
  /** The model is in memory in this shape (or is being loaded so): a request for it causes no load. */
  ready(model: string, shape: RunnerShape, at: number): boolean;
  /**
   * What a load would push out; empty = it fits beside the others, or nobody is there.
   * @param busy whether a request runs on that model now: Ollama unloads idle ones first
   */
  victims(model: string, shape: RunnerShape, busy: (model: string) => boolean, at: number): readonly ResidentModel[];
  /** 0…1: how sure it is that the victims must go; capacity is learned, so between known bounds it is a guess. */
  readonly evictionChance: number;
}

/** How long answers are. */
export interface AnswerLengths {
  /** Tokens that an answer to such a request usually has. */
  expected(app: string, model: string, at: number): number;
  /** Share of the expected length that one which has reached it still has before it: 0 = all alike, 1 = memoryless. */
  excess(model: string, at: number): number;
}
