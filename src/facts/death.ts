import type { Outcome } from '../core/types.ts';

/**
 * How servers say that the runner of a model died under a request: the connection to it broke, or it was found to be gone
 * (llm/server.go and runner, 0.24 to 0.33).
 */
const DEATH = /unexpected EOF|runner process (has terminated|no longer running)|runner has unexpectedly stopped/;

/** The runner died: for the next request the server loads the model again. */
export const isDeath = (outcome: Outcome): boolean =>
  outcome.kind === 'backend-failed' &&
  (outcome.reason === 'status-5xx' || outcome.reason === 'error-line') &&
  DEATH.test(outcome.message);
