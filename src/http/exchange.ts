import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LeaveSignal } from '../admission/gate.ts';
import type { Clock } from '../core/clock.ts';
import type { Demand } from '../core/demand.ts';
import { isoTime } from '../core/iso-time.ts';
import type { Dialect, PriorityClass, RequestOutcome } from '../core/types.ts';
import { single } from '../forward/headers.ts';
import type { AttemptRecord, RequestRecord } from '../results/history.ts';
import type { Visit } from '../auth/visit.ts';
import type { Filler } from './filler.ts';
import { PASSED_ON } from './failover.ts';
import type { Route } from './routes.ts';

/** A request id of the client's own is kept when it is short and plain; anything else could forge log lines. */
const WELL_FORMED_ID = /^[\w.:/+=@-]{1,128}$/;

/** The reason with which a request that waits is cancelled. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/**
 * What the queue needs of an abort signal. A real one costs more than the rest of a request's bookkeeping, and hardly
 * any request waits.
 */
class Leaving implements LeaveSignal {
  aborted = false;
  reason: unknown;
  #listener: (() => void) | undefined;

  addEventListener(_event: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = undefined;
  }

  fire(): void {
    this.aborted = true;
    this.reason = new ClientLeft('the client has left');
    this.#listener?.();
  }
}

/** One request and its answer, with everything that is told of them afterwards. */
export class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly id: string;
  readonly path: string;
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #arrivedAt = Date.now();
  readonly #leaving = new Leaving();
  #onLeave: (() => void) | undefined;
  left = false;

  model: string | undefined;
  category: string | undefined;
  categoryWhy: string | undefined;
  strategy: string | undefined;
  /** Which of its ways the strategy chose by, where it has several. */
  arm: string | undefined;
  /** What it asks of a server, where it runs a model. */
  demand: Demand | undefined;
  priority: PriorityClass = 'normal';
  session: string | undefined;
  explain = false;
  /** A stream was asked for, once that is known. */
  stream = false;
  /** What the browser's page must see on every answer (CORS), flat name-value list. */
  frontHeaders: readonly string[] = [];
  /** Under which API key it came in; undefined where there are none, or it has none. */
  visit: Visit | undefined;
  /** What the client is told of its key's limits, flat name-value list. */
  keyHeaders: readonly string[] = [];
  /** Records of streams that were read of backends. */
  streamed = 0;
  queueMs = 0;
  readonly attempts: AttemptRecord[] = [];
  /** The attempts ran side by side: none of them is there because another one failed. */
  parallel = false;
  /** The attempt under way, for the headers of its answer. */
  current: { readonly backend: string; readonly model: string; readonly why: string; rewritten: boolean } | undefined;
  #attemptStartedAt = 0;
  #begun = 0;
  error: string | undefined;
  /** What keeps a waiting stream alive; undefined where nothing does. */
  filler: Filler | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, route: Route, path: string, clock: Clock) {
    this.req = req;
    this.res = res;
    this.route = route;
    this.path = path;
    this.#clock = clock;
    this.startedAt = clock.now();
    const id = single(req.headers, 'x-request-id');
    this.id = id !== undefined && WELL_FORMED_ID.test(id) ? id : randomUUID();
    // The request's own `close` comes as soon as its body was read; only the response tells that the client left.
    res.on('close', () => {
      if (res.writableFinished || this.left) return;
      this.left = true;
      this.#leaving.fire();
      this.#onLeave?.();
    });
  }

  /** Whose service it counts as. */
  get tenant(): string {
    return this.visit?.rule.tenant ?? this.req.socket.remoteAddress ?? '';
  }

  get dialect(): Dialect {
    return this.route.dialect;
  }

  /** Ollama forbids caching of these streams, and of the errors in their place (middleware). */
  get uncached(): boolean {
    return this.stream && (this.path === '/v1/responses' || this.path === '/v1/messages');
  }

  /** Fires when the client leaves before its answer is complete. */
  get leaving(): LeaveSignal {
    return this.#leaving;
  }

  /** Who is told that the client left; the latest one counts. Told at once when it has left already. */
  onLeave(listener: () => void): void {
    this.#onLeave = listener;
    if (this.left) listener();
  }

  elapsed(): number {
    return this.#clock.now() - this.startedAt;
  }

  /** @param at when it was sent, ms on the Clock */
  begin(current: NonNullable<Exchange['current']>, at = this.#clock.now()): void {
    this.current = current;
    this.#begun++;
    this.#attemptStartedAt = at;
  }

  /** Headers of ours on every answer, flat name-value list. */
  ownHeaders = (): string[] => {
    const headers = [...this.frontHeaders, ...this.keyHeaders, 'x-request-id', this.id];
    if (this.current !== undefined) {
      headers.push('x-task-router-backend', this.current.backend);
      if (this.current.rewritten) headers.push('x-task-router-model', headerSafe(this.current.model));
    }
    if (this.category !== undefined) headers.push('x-task-router-category', headerSafe(this.category));
    if (this.strategy !== undefined) headers.push('x-task-router-strategy', this.strategy);
    if (this.current !== undefined) {
      headers.push('x-task-router-attempts', String(this.#begun));
      headers.push('x-task-router-queue-ms', String(Math.round(this.queueMs)));
      if (this.explain) headers.push('x-task-router-why', headerSafe(this.current.why));
    }
    return headers;
  };

  /** Everything about the request, once it has ended. */
  record(): RequestRecord {
    const last = this.attempts.at(-1)?.outcome;
    const outcome = this.#outcome();
    const served = last?.kind === 'served' ? last : undefined;
    const record: { -readonly [K in keyof RequestRecord]: RequestRecord[K] } = {
      id: this.id,
      time: isoTime(this.#arrivedAt),
      method: this.req.method ?? '',
      path: this.path,
      endpoint: this.route.endpoint,
      model: this.model,
      category: this.category,
      categoryWhy: this.categoryWhy,
      strategy: this.strategy,
      attempts: this.attempts,
      outcome,
      status: outcome === 'client-left' && !this.res.headersSent ? 499 : this.res.statusCode,
      error: this.error,
      queueMs: this.queueMs,
      firstByteMs: served && this.#attemptStartedAt - this.startedAt + served.firstByteMs,
      totalMs: this.elapsed(),
      usage: served?.usage,
    };
    if (this.arm !== undefined) record.arm = this.arm;
    if (this.parallel) record.parallel = true;
    if (this.visit !== undefined) record.key = this.visit.rule.name;
    return record;
  }

  #outcome(): RequestOutcome {
    const last = this.attempts.at(-1)?.outcome;
    if (last?.kind === 'served' || last?.kind === 'client-error' || last?.kind === 'client-left') return last.kind;
    if (this.left && this.error === undefined && last?.kind !== 'backend-failed') return 'client-left';
    // The backend's own no to what the client asked for, handed on: no fault of the pool.
    if (last?.kind === 'backend-failed' && PASSED_ON.has(last.reason) && this.error === undefined)
      return 'client-error';
    if (this.attempts.length > 0) return 'failed';
    return this.error === undefined ? 'served' : 'refused';
  }
}

/** A header value of visible ASCII and spaces, whatever the text was. */
const headerSafe = (text: string): string =>
  SAFE.test(text) ? text : text.replaceAll(/[^ -~]/g, '?').slice(0, LONGEST_VALUE);
const LONGEST_VALUE = 1_000;
const SAFE = /^[ -~]{0,1000}$/;
