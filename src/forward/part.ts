import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { Outcome, Phase } from '../core/types.ts';
import type { HeldAnswer } from './attempt.ts';
import { classifyError, type Failure } from './classify.ts';
import { errorMessage } from './events.ts';
import { responseHeaders, single } from './headers.ts';

/** One line of a progress stream (Ollama api/types.go, ProgressResponse). */
export type ProgressLine = Readonly<Record<string, unknown>>;

/** How one server's part of a change ended. */
export type PartEnd =
  /** `answer` is what it said, where it said it in one piece. */
  | { readonly kind: 'done'; readonly outcome: Outcome; readonly answer: HeldAnswer | undefined }
  /** It answered with an error status. */
  | { readonly kind: 'refused'; readonly outcome: Outcome; readonly answer: HeldAnswer; readonly error: string }
  /** It wrote an error into its stream, died, or could not be reached. */
  | { readonly kind: 'failed'; readonly outcome: Outcome; readonly failure: Failure; readonly error: string }
  | { readonly kind: 'left'; readonly outcome: Outcome };

export interface PartInput {
  readonly dispatcher: Dispatcher;
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  /** What goes out, flat name-value list, framing aside. */
  readonly headers: string[];
  readonly body: Buffer | undefined;
  readonly clock: Clock;
  /** The head of its answer is due as soon as it has read the request, not when its work is done. */
  readonly atOnce: boolean;
  /** Told of each line of progress that is no error. */
  readonly onLine: (line: ProgressLine) => void;
}

/** A line of progress has a few hundred bytes. */
const MAX_LINE_BYTES = 64 * 1024;
/** A whole answer about a model's files has a few thousand. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

const parse = (text: string): ProgressLine | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as ProgressLine) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * One server's part of a request that goes to several: nothing of its answer reaches the client from here. A progress
 * stream is read line by line as fast as it comes, anything else is kept whole, both within bounds.
 */
export class Part implements Dispatcher.DispatchHandler {
  readonly #in: PartInput;
  readonly #startedAt: number;
  #resolve: (end: PartEnd) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #phase: Phase = 'connect';
  #settled = false;
  #streams = false;
  #succeeded = false;
  #status = 0;
  #headers: readonly string[] = [];
  #held: Buffer = Buffer.alloc(0);
  #firstByteMs: number | undefined;
  #pieces = 0;
  #sweptPieces = -1;

  constructor(input: PartInput) {
    this.#in = input;
    this.#startedAt = input.clock.now();
  }

  /** Starts it; the promise never rejects. */
  run(): Promise<PartEnd> {
    const { dispatcher, method, path, headers } = this.#in;
    const body = this.#in.body !== undefined && this.#in.body.length > 0 ? this.#in.body : null;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      try {
        dispatcher.dispatch({ method, path, headers, body }, this);
      } catch (error) {
        this.onResponseError(undefined, error);
      }
    });
  }

  /** The client has left: stop the server at once and blame nobody. */
  clientLeft(): void {
    if (this.#settled) return;
    this.#settle({ kind: 'left', outcome: { kind: 'client-left', phase: this.#phase, totalMs: this.#elapsed() } });
    this.#abort();
  }

  /** Called at a steady beat of `idleMs`: ends what has not moved since the last beat although it should have. */
  sweep(idleMs: number): void {
    if (this.#settled || !(this.#streams || this.#isDue)) return;
    if (this.#pieces !== this.#sweptPieces) {
      this.#sweptPieces = this.#pieces;
      return;
    }
    this.giveUp(`sent nothing for ${idleMs} ms (limits.stream_idle_timeout)`);
  }

  /** Its server no longer answers probes. A stream that has begun may be merely slow; an answer that is due is not. */
  serverLost(): void {
    if (this.#isDue) this.giveUp('does not answer any more');
  }

  get #isDue(): boolean {
    return this.#in.atOnce && this.#phase !== 'body';
  }

  /** Ends it as failed, for want of patience. */
  giveUp(message: string): void {
    if (this.#settled) return;
    this.#fail({ reason: 'timeout', blame: 'none', retryable: false, message });
    this.#abort();
  }

  // ---- undici's handler ----

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) this.#abort();
    else this.#phase = 'head';
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#settled || status < 200) return;
    const raw = controller.rawHeaders;
    this.#headers = responseHeaders(Array.isArray(raw) ? raw : Object.entries(headers).flat().map(String));
    this.#status = status;
    this.#streams = status < 300 && (single(headers, 'content-type')?.startsWith('application/x-ndjson') ?? false);
    this.#firstByteMs = this.#elapsed();
    this.#phase = 'body';
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#pieces++;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#streams) this.#readLines();
    const most = this.#streams ? MAX_LINE_BYTES : MAX_ANSWER_BYTES;
    if (!this.#settled && this.#held.length > most) this.#bad(`answered with more than ${most} bytes at a time`);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    if (this.#streams) {
      // Ollama ends each line, also its last one; what is left was cut off, unless another server is less strict.
      if (this.#held.length > 0) this.#readLine(this.#held);
      if (!this.#settled) this.#endStream();
      return;
    }
    const answer: HeldAnswer = { status: this.#status, headers: this.#headers, body: this.#held };
    if (this.#status < 300) {
      this.#settle({ kind: 'done', outcome: this.#served(), answer });
      return;
    }
    const outcome: Outcome = { kind: 'client-error', status: this.#status, totalMs: this.#elapsed() };
    this.#settle({ kind: 'refused', outcome, answer, error: errorMessage(this.#held) || `status ${this.#status}` });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: unknown): void {
    if (this.#settled) return;
    const failure = classifyError(error, this.#phase);
    // No model runs here that could be to blame, and a server that died in the middle is found by its probes.
    this.#fail(failure.blame === 'model' ? { ...failure, blame: 'none' } : failure);
  }

  // ---- lines ----

  #readLines(): void {
    for (let end = this.#held.indexOf(NEWLINE); end !== -1 && !this.#settled; end = this.#held.indexOf(NEWLINE)) {
      const line = this.#held.subarray(0, end);
      this.#held = this.#held.subarray(end + 1);
      this.#readLine(line);
    }
  }

  #readLine(bytes: Buffer): void {
    const text = bytes.toString('utf8').trim();
    if (text === '') return;
    const line = parse(text);
    if (line === undefined) {
      this.#bad('answered with a progress stream of no valid JSON');
      return;
    }
    if (typeof line['error'] === 'string') {
      const message = line['error'];
      const failure: Failure = {
        reason: 'error-line',
        blame: 'none',
        retryable: false,
        message: `answered: ${message}`,
      };
      this.#fail(failure, message);
      // It has said its last word; whatever else it may send is not waited for.
      this.#abort();
      return;
    }
    if (line['status'] === 'success') this.#succeeded = true;
    this.#in.onLine(line);
  }

  #endStream(): void {
    if (this.#succeeded) {
      this.#settle({ kind: 'done', outcome: this.#served(), answer: undefined });
      return;
    }
    const message = 'ended its stream without success';
    this.#fail({ reason: 'cut-stream', blame: 'none', retryable: false, message });
  }

  // ---- ends ----

  #bad(message: string): void {
    this.#fail({ reason: 'bad-answer', blame: 'none', retryable: false, message });
    this.#abort();
  }

  #fail(failure: Failure, error = failure.message): void {
    const { reason, blame, message } = failure;
    const totalMs = this.#elapsed();
    const outcome: Outcome = { kind: 'backend-failed', phase: this.#phase, reason, blame, message, totalMs };
    this.#settle({ kind: 'failed', outcome, failure, error });
  }

  #served(): Outcome {
    const totalMs = this.#elapsed();
    const firstByteMs = this.#firstByteMs ?? totalMs;
    return { kind: 'served', status: this.#status, firstByteMs, totalMs, usage: undefined };
  }

  #elapsed(): number {
    return this.#in.clock.now() - this.#startedAt;
  }

  #settle(end: PartEnd): void {
    this.#settled = true;
    this.#held = Buffer.alloc(0);
    this.#resolve(end);
  }

  #abort(): void {
    this.#controller?.abort(new Error('no longer wanted'));
  }
}
