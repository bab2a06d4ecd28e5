import type { Runner } from '../../backends/backend.ts';
import type { AttemptRecord } from '../../results/history.ts';
import { requestHeaders } from '../../forward/headers.ts';
import { Part, type PartEnd, type ProgressLine } from '../../forward/part.ts';
import type { Exchange } from '../exchange.ts';
import type { HandlerParts } from '../parts.ts';

/** What goes to one server. */
export interface Send {
  /** Stands for the server as a whole: such a request takes no slot. */
  readonly runner: Runner;
  readonly body: Buffer;
}

/** What one server made of it. */
export interface PartResult {
  readonly backend: string;
  readonly end: PartEnd;
}

/** Told while the parts run. */
export interface Watcher {
  line(backend: string, line: ProgressLine): void;
  end(backend: string, end: PartEnd): void;
}

const UNWATCHED: Watcher = { line: () => {}, end: () => {} };
/** A server that cannot say within this time whether it has a file counts as one that has not. */
const BLOB_CHECK_MS = 5_000;

const NOT_NOW: PartEnd = {
  kind: 'failed',
  error: 'it can take no request now',
  failure: { reason: 'overloaded', blame: 'none', retryable: true, message: 'can take no request now' },
  outcome: {
    kind: 'backend-failed',
    phase: 'connect',
    blame: 'none',
    reason: 'overloaded',
    message: 'can take no request now',
    totalMs: 0,
  },
};

/** Sends one request to several servers at once, each with a lease and an end of its own. */
export class Fanout {
  readonly #parts: HandlerParts;
  /** With the name of the server that works on it. */
  readonly #active = new Map<Part, string>();

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /**
   * Sends to all and waits until all are over; a client that leaves ends them all. One result for each send, in their
   * order.
   * @param atOnce whether a server answers this, or begins to, before its work is done
   */
  async run(
    exchange: Exchange,
    sends: readonly Send[],
    atOnce: boolean,
    watcher: Watcher = UNWATCHED,
  ): Promise<readonly PartResult[]> {
    const mine: Part[] = [];
    const method = exchange.req.method ?? 'POST';
    const ends = sends.map(async ({ runner, body }): Promise<PartResult> => {
      const backend = runner.backendId;
      const onLine = (line: ProgressLine): void => watcher.line(backend, line);
      const end = await this.#start(exchange, runner, { method, body, atOnce, onLine }, (part) => mine.push(part));
      watcher.end(backend, end);
      return { backend, end };
    });
    exchange.onLeave(() => {
      for (const part of mine) part.clientLeft();
    });
    return Promise.all(ends);
  }

  /**
   * Does this server have the file? False also when it does not say so in time.
   * @param checks where the question is entered while it is open, for whoever has to call it off
   */
  async hasBlob(exchange: Exchange, runner: Runner, digest: string, checks: Set<Part>): Promise<boolean> {
    const what = { method: 'HEAD', path: `/api/blobs/${digest}`, atOnce: true, onLine: () => {} } as const;
    let timer: NodeJS.Timeout | undefined;
    const end = await this.#start(exchange, runner, what, (part) => {
      checks.add(part);
      const tooLate = (): void => part.giveUp(`did not say within ${BLOB_CHECK_MS} ms whether it has a file`);
      timer = setTimeout(tooLate, BLOB_CHECK_MS);
    });
    clearTimeout(timer);
    return end.kind === 'done';
  }

  /** Called at a steady beat of `limits.stream_idle_timeout`, given in ms. */
  sweep(idleMs: number): void {
    for (const part of this.#active.keys()) part.sweep(idleMs);
  }

  /** A server does not answer its probes any more: what waits for its answer need not wait. */
  serverLost(backendId: string): void {
    for (const [part, backend] of this.#active) if (backend === backendId) part.serverLost();
  }

  async #start(
    exchange: Exchange,
    runner: Runner,
    what: {
      readonly method: string;
      readonly path?: string;
      readonly body?: Buffer;
      readonly atOnce: boolean;
      readonly onLine: (line: ProgressLine) => void;
    },
    begun: (part: Part) => void,
  ): Promise<PartEnd> {
    const { registry, pools, clock } = this.#parts;
    const { req } = exchange;
    const { backend } = runner;
    const lease = registry.tryAcquire(runner);
    if (lease === undefined) return NOT_NOW;
    const part = new Part({
      dispatcher: pools.get({ id: backend.id, origin: backend.config.url.origin }),
      method: what.method,
      path: backend.pathPrefix + (what.path ?? req.url ?? '/'),
      headers: requestHeaders(req.rawHeaders, exchange.id, {
        ...backend.config.headers,
        // Its answer is read here.
        'accept-encoding': 'identity',
      }),
      body: what.body,
      clock,
      atOnce: what.atOnce,
      onLine: what.onLine,
    });
    begun(part);
    this.#active.set(part, backend.id);
    const end = await part.run();
    this.#active.delete(part);
    lease.end(end.outcome);
    if (end.kind === 'failed' && end.failure.blame === 'backend') this.#parts.suspect(backend.id);
    return end;
  }
}

/**
 * Enters the parts into the request's record. What decided the answer comes last, because the record takes its own
 * outcome from there.
 * @param decides whether the client was told of this end
 */
export const recordParts = (
  exchange: Exchange,
  results: readonly PartResult[],
  decides: (end: PartEnd) => boolean,
  model: string,
  why: string,
): void => {
  const records = results.map(({ backend, end }): AttemptRecord & { readonly last: boolean } => ({
    backend,
    model,
    why,
    outcome: end.outcome,
    last: decides(end),
  }));
  records.sort((a, b) => Number(a.last) - Number(b.last));
  exchange.parallel = results.length > 1;
  for (const { last: _, ...record } of records) exchange.attempts.push(record);
};
