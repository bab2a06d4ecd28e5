import { createHash } from 'node:crypto';
import type { Outcome } from '../core/types.ts';

/** Backends that must have failed a request before it is taken for the cause: one may be chance, two are not. */
const ENOUGH = 2;
/** A client that repeats itself does so within seconds; later the servers may have been mended. */
const KEPT_MS = 60_000;
/** Bodies that are remembered: only those that failed on two backends. */
const MOST_BODIES = 1_024;

interface Tried {
  readonly backend: string;
  readonly outcome: Outcome;
}

/** The backends whose model failed on a request; a connection that broke is no doing of the request's. */
const failedOn = (attempts: readonly Tried[]): readonly string[] => [
  ...new Set(
    attempts.flatMap(({ backend, outcome }) =>
      outcome.kind === 'backend-failed' && outcome.blame === 'model' ? [backend] : [],
    ),
  ),
];

/**
 * Requests that made a model fail on two backends: they would fail a third. For a minute such a body is remembered, and
 * gets one attempt when it comes again, until somebody answers it. Kept are digests, not a word of the text; while nothing
 * fails, nothing is hashed.
 */
export class Poison {
  /** When each was last seen to fail. */
  readonly #bodies = new Map<string, number>();

  /**
   * A request has failed on a backend.
   * @returns the backends that it failed on, where no other one is to be tried with it
   */
  failed(body: Buffer, attempts: readonly Tried[], at: number): readonly string[] | undefined {
    const backends = failedOn(attempts);
    const [last] = attempts.slice(-1);
    if (last === undefined || !backends.includes(last.backend)) return undefined;
    if (backends.length < ENOUGH && !this.#knows(body, at)) return undefined;
    const key = digestOf(body);
    // The one heard of last is the last to be forgotten.
    this.#bodies.delete(key);
    this.#bodies.set(key, at);
    const [oldest] = this.#bodies.keys();
    if (this.#bodies.size > MOST_BODIES && oldest !== undefined) this.#bodies.delete(oldest);
    return backends;
  }

  /** A backend answered it. */
  answered(body: Buffer): void {
    if (this.#bodies.size > 0) this.#bodies.delete(digestOf(body));
  }

  #knows(body: Buffer, at: number): boolean {
    const seenAt = this.#bodies.size === 0 ? undefined : this.#bodies.get(digestOf(body));
    return seenAt !== undefined && at - seenAt <= KEPT_MS;
  }
}

const digestOf = (body: Buffer): string => createHash('sha256').update(body).digest('base64');
