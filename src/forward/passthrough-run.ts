import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { errorText, ProxyError } from '../core/errors.ts';
import type { Outcome, Phase } from '../core/types.ts';
import type { AttemptEnd, HeldAnswer } from './attempt.ts';
import { classifyError, type Failure } from './classify.ts';
import { responseHeaders } from './headers.ts';
import { CLOSING_MS, isClosed } from './reuse.ts';
import { watchUpload } from './upload-watch.ts';

export interface PassthroughInput {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** `http://host:port` of the backend. */
  readonly origin: string;
  /** Path and query as they go out, prefix included. */
  readonly path: string;
  /** What goes out, flat name-value list, framing aside. */
  readonly headers: readonly string[];
  /** The body if it was read already; otherwise it is piped from the client. */
  readonly body: Buffer | undefined;
  /** Headers of ours for the client, flat name-value list. */
  readonly ownHeaders: () => readonly string[];
  /** Called with the head of the answer; with a failure the answer is read whole and not sent. */
  readonly refused?: (status: number, contentType: string | undefined) => Failure | undefined;
  /** Longest silence of the client while its body is piped, in ms. */
  readonly bodyIdleMs: number;
}

/** How a request is sent, which takes http-proxy. */
export interface Sending {
  readonly clock: Clock;
  /**
   * Sends the request; `again` over a connection of its own. What comes of it is told to the run, errors by `failed`.
   */
  readonly send: (run: PassthroughRun, again: boolean) => void;
  /** The run has come to its end. */
  readonly ended: (run: PassthroughRun) => void;
}

/** A refusal is one sentence; more of it is not kept. */
const MAX_HELD_BYTES = 64 * 1024;

/** An answer that is not sent, read to its end; undefined when it was too long or was cut off. */
const readHeld = async (answer: IncomingMessage): Promise<Buffer | undefined> => {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > MAX_HELD_BYTES) return undefined;
      pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
};

/** How long a client may go on sending a body that nobody wants any more, so that it can read its answer in peace. */
const LINGER_MS = 1_000;

/**
 * The answer came before the whole body had gone to the backend (a blob that exists already): what is still coming is
 * thrown away for a while, then the connection is ended. Ending it at once could reset the answer away.
 */
const stopUpload = ({ req, res }: PassthroughInput, upstream: ClientRequest | undefined): void => {
  req.unpipe();
  upstream?.destroy();
  req.resume();
  const linger = (): void => {
    const timer = setTimeout(() => req.socket.destroy(), LINGER_MS);
    req.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  };
  if (res.writableFinished) linger();
  else res.once('finish', linger);
};

/** A complete answer as an outcome; an error of the backend's own is told as one, but no breaker steps on it. */
const answeredWith = (status: number, firstByteMs: number, totalMs: number): Outcome => {
  if (status < 400) return { kind: 'served', status, firstByteMs, totalMs, usage: undefined };
  if (status < 500) return { kind: 'client-error', status, totalMs };
  const message = `answered ${status}`;
  return { kind: 'backend-failed', phase: 'body', reason: 'status-5xx', blame: 'none', message, totalMs };
};

/**
 * One request that runs no model, on its way through. The head of the answer is held back until the first byte of its
 * body is there, so that a backend that dies in between can be replaced, or an honest error be told.
 */
export class PassthroughRun {
  /** How it ended; never rejects. */
  readonly done: Promise<AttemptEnd>;
  readonly input: PassthroughInput;
  /** It can be sent a second time. */
  readonly repeatable: boolean;
  readonly #sending: Sending;
  readonly #startedAt: number;
  #resolve: (end: AttemptEnd) => void = () => {};
  #endWatch = (): void => {};
  #upstream: ClientRequest | undefined;
  #answer: IncomingMessage | undefined;
  #fault: ProxyError | undefined;
  #settled = false;
  #again = false;
  #phase: Phase = 'connect';
  #sentAt: number;
  #readBefore = 0;
  #firstByteMs = 0;
  /** Bytes to and from the backend at the last look, and when they were last seen to grow. */
  #sweptBytes = 0;
  #movedAt: number;

  constructor(input: PassthroughInput, repeatable: boolean, sending: Sending) {
    this.input = input;
    this.repeatable = repeatable;
    this.#sending = sending;
    this.#startedAt = sending.clock.now();
    this.#sentAt = this.#startedAt;
    this.#movedAt = this.#startedAt;
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  start(): void {
    // What cannot be sent twice goes where nothing went before.
    this.#sending.send(this, !this.repeatable);
    const { req, body, bodyIdleMs } = this.input;
    if (body !== undefined || req.complete || this.#settled) return;
    this.#endWatch = watchUpload(
      req,
      bodyIdleMs,
      () => this.#upstream,
      () => {
        this.#fault = new ProxyError('request_timeout', `no byte of the request body for ${bodyIdleMs} ms`);
        this.#giveUp(classifyError(this.#fault, this.#phase));
      },
    );
  }

  /** What the client did wrong in the middle of its body, if that ended the run. */
  clientFault(): ProxyError | undefined {
    return this.#fault;
  }

  /** Stops the backend at once. */
  clientLeft(): void {
    if (this.#settled) return;
    const outcome: Outcome = { kind: 'client-left', phase: this.#phase, totalMs: this.#elapsed() };
    this.#settle({ kind: 'left', outcome });
    this.#upstream?.destroy();
  }

  /**
   * Called at a steady beat, several times within `idleMs`: ends it when no byte has gone to the backend or come from it
   * for so long while it was the backend's turn. A pull that takes hours tells of its progress all the time.
   */
  sweep(at: number, idleMs: number): void {
    if (this.#settled) return;
    const socket = this.#upstream?.socket;
    const bytes = (socket?.bytesRead ?? 0) + (socket?.bytesWritten ?? 0);
    if (bytes !== this.#sweptBytes || this.#isClientsTurn()) {
      this.#sweptBytes = bytes;
      this.#movedAt = at;
      return;
    }
    if (at - this.#movedAt < idleMs) return;
    const message = `neither took nor sent a byte for ${idleMs} ms (limits.stream_idle_timeout)`;
    this.#giveUp({ reason: 'timeout', blame: 'none', retryable: true, message });
  }

  /** It does not read what has come, or does not send what the backend would take. */
  #isClientsTurn(): boolean {
    const { req, res, body } = this.input;
    return (
      res.writableNeedDrain || (body === undefined && !req.complete && this.#upstream?.writableNeedDrain === false)
    );
  }

  // ---- told by http-proxy ----

  /** There is a socket for it, which may not be connected yet. */
  sent(upstream: ClientRequest): void {
    const { origin, path } = this.input;
    this.#upstream = upstream;
    this.#sentAt = this.#sending.clock.now();
    this.#readBefore = upstream.socket?.bytesRead ?? 0;
    // http-proxy makes one slash of several; what a path means is for the backend to say.
    upstream.path = path;
    // http-proxy tells of a request when it gets its socket, so that event has passed.
    const connected = (): void => {
      if (this.#phase === 'connect') this.#phase = 'head';
    };
    const secure = origin.startsWith('https:');
    if (upstream.socket?.connecting === true) upstream.socket.once(secure ? 'secureConnect' : 'connect', connected);
    else connected();
    // A switch of protocols that nobody asked for; Node tells of it by neither an answer nor an error.
    upstream.once('upgrade', (_answer, socket) => {
      socket.destroy();
      this.#fail({ reason: 'bad-answer', blame: 'none', retryable: true, message: 'switched protocols unasked (101)' });
    });
    if (this.#settled) upstream.destroy();
  }

  /** The head of an answer is there. */
  answered(answer: IncomingMessage): void {
    if (this.#settled) return;
    this.#answer = answer;
    this.#phase = 'first-byte';
    const status = answer.statusCode ?? 0;
    const refusal = this.input.refused?.(status, answer.headers['content-type']);
    if (refusal !== undefined) {
      const headers = responseHeaders(answer.rawHeaders);
      void readHeld(answer).then((body) => this.#fail(refusal, body && { status, headers, body }));
      return;
    }
    answer.once('data', (first: Buffer) => {
      if (!this.#writeHead(answer)) return;
      this.input.res.write(first);
      answer.pipe(this.input.res);
    });
    answer.once('end', () => {
      if (this.input.res.headersSent || this.#settled || !this.#writeHead(answer)) return;
      this.input.res.end();
    });
    answer.once('close', () => this.#closed(answer));
  }

  /** Something broke. */
  failed(error: Error): void {
    // What is wrong came behind a whole answer: that one is good, and its connection is not used again.
    if (this.#answer?.complete === true) return;
    if (this.repeatable && !this.#again && !this.#settled && this.#wasClosing(error)) {
      this.#again = true;
      this.#phase = 'connect';
      this.#sending.send(this, true);
    } else this.#fail(classifyError(error, this.#phase));
  }

  /** A kept connection that the server closed at the moment of its use (see reuse.ts). */
  #wasClosing(error: Error): boolean {
    return (
      this.#upstream?.reusedSocket === true &&
      this.#answer === undefined &&
      (this.#upstream.socket?.bytesRead ?? 0) <= this.#readBefore &&
      isClosed(error) &&
      this.#sending.clock.now() - this.#sentAt < CLOSING_MS
    );
  }

  // ---- the answer ----

  /** @returns false when it cannot be handed on: it has failed then */
  #writeHead(answer: IncomingMessage): boolean {
    const { res, ownHeaders } = this.input;
    if (this.#settled) return false;
    // It is called by a socket: what it throws, for a status that no answer may have say, would end the process.
    try {
      res.writeHead(answer.statusCode ?? 0, [...responseHeaders(answer.rawHeaders), ...ownHeaders()]);
    } catch (error) {
      answer.destroy();
      const message = `its answer cannot be handed on: ${errorText(error)}`;
      this.#fail({ reason: 'bad-answer', blame: 'none', retryable: false, message });
      return false;
    }
    this.#phase = 'body';
    this.#firstByteMs = this.#elapsed();
    return true;
  }

  #closed(answer: IncomingMessage): void {
    if (this.#settled) return;
    if (answer.complete) {
      if (!this.input.req.complete) stopUpload(this.input, this.#upstream);
      const outcome = answeredWith(answer.statusCode ?? 0, this.#firstByteMs, this.#elapsed());
      this.#settle({ kind: 'answered', outcome });
    } else if (this.#phase === 'body') {
      this.#fail({ reason: 'cut-stream', blame: 'none', retryable: false, message: 'died in mid-answer' });
    } else this.#fail(classifyError(new Error('it ended behind the head'), this.#phase));
  }

  // ---- ends ----

  #elapsed(): number {
    return this.#sending.clock.now() - this.#startedAt;
  }

  /** Its patience with the client or the backend is at an end. */
  #giveUp(failure: Failure): void {
    this.#fail(failure);
    this.#upstream?.destroy();
  }

  #fail(failure: Failure, held?: HeldAnswer): void {
    if (this.#settled) return;
    const { reason, blame, message } = failure;
    const outcome: Outcome = {
      kind: 'backend-failed',
      phase: this.#phase,
      reason,
      blame,
      message,
      totalMs: this.#elapsed(),
    };
    if (!this.input.res.headersSent) {
      this.#settle({ kind: 'failed', failure, outcome, answer: held });
      return;
    }
    this.#settle({ kind: 'cut', outcome });
    this.input.res.destroy();
  }

  #settle(end: AttemptEnd): void {
    this.#settled = true;
    this.#endWatch();
    this.#sending.ended(this);
    this.#resolve(end);
  }
}
