import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import { BREAKER_DEFAULTS } from '../core/types.ts';
import type { BreakerSettings, Log } from '../core/types.ts';
import { InvalidArgumentError } from './errors.ts';

/** Somebody else's idea of what a prompt asks for. Anything but a category string leaves it to the built-in chain. */
export interface TaskCategoryDetector {
  detect(prompt: string): string | undefined;
}

export interface TaskRouterOptions {
  /** One of `STRATEGY_NAMES`; default `hybrid`. */
  readonly strategy?: string;
  /** What differs from `BREAKER_DEFAULTS`. */
  readonly circuitBreaker?: Partial<BreakerSettings>;
  /** As with `setTaskCategoryDetector`. */
  readonly detector?: TaskCategoryDetector;
  /** Monotonic ms; default: the process's. */
  readonly clock?: Clock;
  /** Default: the process's. A seeded one makes every decision repeatable. */
  readonly rng?: Rng;
  /** Told about strategy changes, breakers and what callbacks got wrong; default: silence. */
  readonly log?: Log;
}

export interface RegisterOptions {
  /** Relative capacity, > 0; default 1. */
  readonly weight?: number;
}

export interface RouteOptions {
  /** Instead of the category that the prompt would get. */
  readonly category?: string;
  /** Session or conversation that strategies may keep in one place. */
  readonly affinityKey?: string;
}

/** A log that nobody reads. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The settings of every breaker of a router. @throws {InvalidArgumentError} */
export const breakerSettings = (given: Partial<BreakerSettings> = {}): BreakerSettings => {
  const settings: BreakerSettings = { ...BREAKER_DEFAULTS, ...given };
  for (const key of ['failureThreshold', 'successThreshold', 'halfOpenRequests'] as const) {
    if (!Number.isSafeInteger(settings[key]) || settings[key] < 1) {
      throw new InvalidArgumentError(`circuitBreaker.${key}`, 'a whole number of 1 or more', settings[key]);
    }
  }
  if (!isFinitePositive(settings.timeout)) {
    throw new InvalidArgumentError('circuitBreaker.timeout', 'a number of ms above 0', settings.timeout);
  }
  return settings;
};

/** @throws {InvalidArgumentError} */
export const checkId = (id: string): void => {
  if (typeof id !== 'string' || id.trim() === '') throw new InvalidArgumentError('model id', 'a non-empty string', id);
};

/** @throws {InvalidArgumentError} */
export const checkWeight = (weight: number): void => {
  if (!isFinitePositive(weight)) throw new InvalidArgumentError('weight', 'a finite number above 0', weight);
};

/** @throws {InvalidArgumentError} */
export const checkPrompt = (prompt: string): void => {
  if (typeof prompt !== 'string') throw new InvalidArgumentError('prompt', 'a string', prompt);
};

/** @throws {InvalidArgumentError} */
export const checkResult = (success: boolean, latencyMs: number): void => {
  if (typeof success !== 'boolean') throw new InvalidArgumentError('success', 'true or false', success);
  if (typeof latencyMs !== 'number' || !Number.isFinite(latencyMs) || latencyMs < 0) {
    throw new InvalidArgumentError('latency', 'a finite number of ms, 0 or more', latencyMs);
  }
};

const isFinitePositive = (value: number): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0;
