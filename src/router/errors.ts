import { errorText } from '../core/errors.ts';
import { TASK_CATEGORIES } from '../core/types.ts';

/** What all errors of the library have in common, so that one `instanceof` tells them from others. */
export abstract class TaskRouterError extends Error {}

/** An argument or option has a value that cannot be used. */
export class InvalidArgumentError extends TaskRouterError {
  override readonly name = 'InvalidArgumentError';
  readonly argument: string;
  readonly value: unknown;

  constructor(argument: string, expected: string, value: unknown) {
    super(`${argument} must be ${expected}, got ${shown(value)}`);
    this.argument = argument;
    this.value = value;
  }
}

/** A model was named that is not registered. */
export class UnknownModelError extends TaskRouterError {
  override readonly name = 'UnknownModelError';
  readonly modelId: string;

  constructor(modelId: string) {
    super(`no model ${shown(modelId)} is registered: register it with registerModel first`);
    this.modelId = modelId;
  }
}

/** A model id is taken. */
export class DuplicateModelError extends TaskRouterError {
  override readonly name = 'DuplicateModelError';
  readonly modelId: string;

  constructor(modelId: string) {
    super(`a model ${shown(modelId)} is registered already: choose another id, or unregisterModel it first`);
    this.modelId = modelId;
  }
}

/** A category was named that is neither built in nor known from a detector. */
export class UnknownCategoryError extends TaskRouterError {
  override readonly name = 'UnknownCategoryError';
  readonly category: string;

  constructor(category: string, custom: readonly string[]) {
    const known = [...TASK_CATEGORIES, ...custom].join(', ');
    super(`unknown category ${shown(category)}: known are ${known}; a detector may add more by answering with them`);
    this.category = category;
  }
}

/** Why one model could not take a task. */
export interface Unavailable {
  readonly modelId: string;
  readonly reason: string;
}

const LISTED = 5;

/** No model can take a task now. `reasons` has an entry for each registered model. */
export class NoModelAvailableError extends TaskRouterError {
  override readonly name = 'NoModelAvailableError';
  readonly reasons: readonly Unavailable[];

  constructor(reasons: readonly Unavailable[]) {
    super(`no model can take the task: ${listed(reasons)}`);
    this.reasons = reasons;
  }
}

const listed = (reasons: readonly Unavailable[]): string => {
  if (reasons.length === 0) return 'none is registered; call registerModel first';
  const first = reasons.slice(0, LISTED).map(({ modelId, reason }) => `${modelId}: ${reason}`);
  const more = reasons.length - first.length;
  return first.join('; ') + (more > 0 ? `; and ${more} more (see reasons)` : '');
};

/** One attempt of `run` that failed. */
export interface FailedAttempt {
  readonly modelId: string;
  readonly error: unknown;
}

/** Every model that `run` could try failed. `attempts` is in the order of trying; `cause` is the last error. */
export class AllModelsFailedError extends TaskRouterError {
  override readonly name = 'AllModelsFailedError';
  readonly attempts: readonly FailedAttempt[];

  constructor(attempts: readonly FailedAttempt[]) {
    const first = attempts.slice(0, LISTED).map(({ modelId, error }) => `${modelId}: ${errorText(error)}`);
    const more = attempts.length - first.length;
    super(
      `the task failed on every model tried: ${first.join('; ')}${more > 0 ? `; and ${more} more (see attempts)` : ''}`,
      { cause: attempts.at(-1)?.error },
    );
    this.attempts = attempts;
  }
}

const shown = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
};
