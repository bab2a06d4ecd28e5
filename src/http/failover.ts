import { ProxyError } from '../core/errors.ts';
import type { AttemptEnd } from '../forward/attempt.ts';
import type { Failure } from '../forward/classify.ts';

/** An attempt that failed before the first byte of answer. */
export type FailedAttempt = AttemptEnd & { readonly kind: 'failed' };

/** What a request has learned from its attempts so far: whom not to ask again, and how the last one failed. */
export interface Tried {
  readonly runners: Set<string>;
  readonly backends: Set<string>;
  /** What the model must be listed to be capable of, once a server has refused the request for lack of it. */
  capability: string | undefined;
  last: { readonly backend: string; readonly failure: Failure } | undefined;
}

export const nothingTried = (): Tried => ({
  runners: new Set(),
  backends: new Set(),
  capability: undefined,
  last: undefined,
});

/** Seconds after which a retry is suggested when nothing better is known. */
const RETRY_AFTER_SECONDS = 5;

export const noBackend = (message: string): ProxyError =>
  new ProxyError('no_backend', message, { retryAfterSeconds: RETRY_AFTER_SECONDS });

/** The refusal when every permitted attempt failed; it names the last cause. */
export const failureError = (backend: string, failure: Failure, attempts: number): ProxyError => {
  const where = `backend ${backend} ${failure.message}`;
  const message = attempts === 1 ? where : `${attempts} attempts failed; the last one: ${where}`;
  switch (failure.reason) {
    case 'overloaded':
      return noBackend(`every backend that was asked is busy; ${message}`);
    case 'deadline':
      return new ProxyError('deadline_exceeded', message);
    case 'timeout':
    case 'stall':
      return new ProxyError('backend_timeout', message);
    case 'connect':
    case 'reset':
    case 'status-5xx':
    case 'model-missing':
    case 'route-missing':
    case 'unsupported':
    case 'error-line':
    case 'cut-stream':
    case 'bad-answer':
      return new ProxyError('backend_failed', message);
  }
};

/** The refusal of a request that made models fail on two backends: a third one is spared it. */
export const poisonError = (last: NonNullable<Tried['last']>, backends: readonly string[]): ProxyError =>
  new ProxyError(
    'backend_failed',
    `this very request made the model fail ${backends.length > 1 ? `on ${backends.join(' and ')}` : 'again'}, so no other backend is tried; the last one: backend ${last.backend} ${last.failure.message}`,
  );

/** Refusals that are the client's to hear in the backend's own words once nobody else is left. */
export const PASSED_ON: ReadonlySet<Failure['reason']> = new Set(['model-missing', 'route-missing', 'unsupported']);

/** A failure for which a backend had worked: repeating it costs the pool, so it needs budget. */
export const costsBudget = (failure: Failure): boolean =>
  failure.reason === 'status-5xx' || failure.reason === 'error-line' || failure.reason === 'bad-answer';
