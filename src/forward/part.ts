import type { IncomingHttpHeaders } from 'node:http';
import type { Outcome } from '../core/types.ts';
import { AnswerReader, type ReaderInput } from './answer-reader.ts';
import type { HeldAnswer } from './attempt.ts';
import { classifyError, type Failure } from './classify.ts';
import { errorMessage } from './events.ts';
import { single } from './headers.ts';

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

export interface PartInput extends ReaderInput {
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
export class Part extends AnswerReader<PartInput, PartEnd> {
  #streams = false;
  #succeeded = false;
  #held: Buffer = Buffer.alloc(0);
  #pieces = 0;
  #sweptPieces = -1;

  /** The client has left: stop the server at once and blame nobody. */
  clientLeft(): void {
    if (this.settled) return;
    this.#settle({ kind: 'left', outcome: this.left() });
    this.abort();
  }

  /** Called at a steady beat of `idleMs`: ends what has not moved since the last beat although it should have. */
  sweep(idleMs: number): void {
    if (this.settled || !(this.#streams || this.#isDue)) return;
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
    return this.in.atOnce && this.phase !== 'body';
  }

  /** Ends it as failed, for want of patience. */
  giveUp(message: string): void {
    this.stopWith({ reason: 'timeout', blame: 'none', retryable: false, message });
  }

  // ---- the answer ----

  protected override begun(headers: IncomingHttpHeaders): void {
    this.#streams = this.status < 300 && (single(headers, 'content-type')?.startsWith('application/x-ndjson') ?? false);
  }

  protected read(chunk: Buffer): void {
    this.#pieces++;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#streams) this.#readLines();
    const most = this.#streams ? MAX_LINE_BYTES : MAX_ANSWER_BYTES;
    if (!this.settled && this.#held.length > most) this.#bad(`answered with more than ${most} bytes at a time`);
  }

  protected ended(): void {
    if (this.#streams) {
      // Ollama ends each line, also its last one; what is left was cut off, unless another server is less strict.
      if (this.#held.length > 0) this.#readLine(this.#held);
      if (!this.settled) this.#endStream();
      return;
    }
    const answer = this.answer(this.#held);
    if (this.status >= 300) {
      const error = errorMessage(this.#held) || `status ${this.status}`;
      this.#settle({ kind: 'refused', outcome: this.refused(), answer, error });
      return;
    }
    const said = parse(this.#held.toString('utf8'))?.['error'];
    if (typeof said === 'string') this.#errorLine(said);
    else this.#settle({ kind: 'done', outcome: this.#served(), answer });
  }

  protected broken(error: unknown): void {
    const failure = classifyError(error, this.phase);
    // No model runs here that could be to blame, and a server that died in the middle is found by its probes.
    this.fail(failure.blame === 'model' ? { ...failure, blame: 'none' } : failure);
  }

  // ---- lines ----

  #readLines(): void {
    for (let end = this.#held.indexOf(NEWLINE); end !== -1 && !this.settled; end = this.#held.indexOf(NEWLINE)) {
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
      this.#errorLine(line['error']);
      // It has said its last word; whatever else it may send is not waited for.
      this.abort();
      return;
    }
    if (line['status'] === 'success') this.#succeeded = true;
    this.in.onLine(line);
  }

  #endStream(): void {
    if (this.#succeeded) {
      this.#settle({ kind: 'done', outcome: this.#served(), answer: undefined });
      return;
    }
    const message = 'ended its stream without success';
    this.fail({ reason: 'cut-stream', blame: 'none', retryable: false, message });
  }

  // ---- ends ----

  #bad(message: string): void {
    this.stopWith({ reason: 'bad-answer', blame: 'none', retryable: false, message });
  }

  #errorLine(error: string): void {
    const failure: Failure = { reason: 'error-line', blame: 'none', retryable: false, message: `answered: ${error}` };
    this.#settle({ kind: 'failed', outcome: this.failed(failure), failure, error });
  }

  protected fail(failure: Failure): void {
    this.#settle({ kind: 'failed', outcome: this.failed(failure), failure, error: failure.message });
  }

  #served(): Outcome {
    const { status, firstByteMs } = this;
    return { kind: 'served', status, firstByteMs, totalMs: this.elapsed(), usage: undefined };
  }

  #settle(end: PartEnd): void {
    this.#held = Buffer.alloc(0);
    this.settle(end);
  }
}
