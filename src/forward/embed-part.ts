import { LEAST_GAP_MS, type Patience } from '../backends/patience.ts';
import type { Dialect, Outcome } from '../core/types.ts';
import { AnswerReader, type ReaderInput } from './answer-reader.ts';
import type { HeldAnswer } from './attempt.ts';
import { classifyError, classifyStatus, lackedCapability, stalled, unsupported, type Failure } from './classify.ts';
import { embedUsage, readEmbedAnswer, type EmbedAnswer } from './embed-merge.ts';
import { errorMessage } from './events.ts';

/** How one server's share of a batch ended. */
export type EmbedPartEnd =
  | {
      readonly kind: 'done';
      readonly outcome: Outcome;
      readonly answer: EmbedAnswer;
      readonly status: number;
      readonly headers: readonly string[];
    }
  /** The request is at fault: any other server would say the same. */
  | { readonly kind: 'refused'; readonly outcome: Outcome; readonly held: HeldAnswer }
  | {
      readonly kind: 'failed';
      readonly outcome: Outcome;
      readonly failure: Failure;
      readonly held: HeldAnswer | undefined;
    }
  /** Nobody wants the answer any more. */
  | { readonly kind: 'stopped'; readonly outcome: Outcome };

export interface EmbedPartInput extends ReaderInput {
  readonly body: Buffer;
  readonly dialect: Dialect;
  /** How many inputs the body has, so many vectors are due. */
  readonly count: number;
  /** How long the server may be silent; asked for once it has been so for long. Absent = as long as it likes. */
  readonly patience?: () => Pick<Patience, 'firstMs' | 'gapMs'> | undefined;
  /** Told at the next sweep that more of the answer came. */
  readonly moved?: () => void;
}

/** Ten thousand vectors of a thousand numbers; an answer is held whole until the last part is there. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

const judge = (status: number, message: string): Failure | 'answer' => {
  const verdict = classifyStatus(status, message);
  // A server of another version may know that the model can.
  return verdict === 'answer' && lackedCapability(status, message) !== undefined
    ? unsupported(status, message)
    : verdict;
};

/** Sends one share of a batch to one server and reads its answer whole: nothing of it reaches the client from here. */
export class EmbedPart extends AnswerReader<EmbedPartInput, EmbedPartEnd> {
  #held: Buffer[] = [];
  #heldBytes = 0;
  #sweptBytes = 0;
  /** When it was last seen to move on, at the sweeps' beat. */
  #movedAt: number;

  constructor(input: EmbedPartInput) {
    super(input);
    this.#movedAt = input.clock.now();
  }

  /** The answer is not wanted any more: stop the server at once and blame nobody. */
  stop(): void {
    if (this.settled) return;
    this.#settle({ kind: 'stopped', outcome: this.left() });
    this.abort();
  }

  /** The client's own deadline has passed: stop the server and blame nobody. */
  deadlinePassed(): void {
    const message = "had not finished when the request's deadline passed";
    this.stopWith({ reason: 'deadline', blame: 'none', retryable: false, message });
  }

  /**
   * Called at a steady beat of a second or less: ends what is silent for longer than its server ever is, and an answer
   * that has begun and has not moved for `idleMs`.
   */
  sweep(at: number, idleMs: number): void {
    if (this.settled) return;
    if (this.#heldBytes !== this.#sweptBytes) {
      this.#sweptBytes = this.#heldBytes;
      this.#movedAt = at;
      this.in.moved?.();
      return;
    }
    const silentMs = at - this.#movedAt;
    if (this.phase === 'body' && silentMs >= idleMs) {
      const message = `sent nothing for ${idleMs} ms (limits.stream_idle_timeout)`;
      this.stopWith({ reason: 'timeout', blame: 'model', retryable: true, message });
      return;
    }
    const patience = silentMs < LEAST_GAP_MS ? undefined : this.in.patience?.();
    if (patience === undefined) return;
    const atFirst = this.#heldBytes === 0;
    const limitMs = atFirst ? patience.firstMs : patience.gapMs;
    if (silentMs >= limitMs) this.stopWith(stalled(silentMs, limitMs, atFirst));
  }

  // ---- the answer ----

  protected read(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_ANSWER_BYTES) return;
    const message = `answered with more than ${MAX_ANSWER_BYTES} bytes to a part of a batch`;
    this.stopWith({ reason: 'bad-answer', blame: 'none', retryable: false, message });
  }

  protected ended(): void {
    const held = this.answer(Buffer.concat(this.#held, this.#heldBytes));
    if (held.status < 300) this.#endWell(held);
    else this.#endBadly(held);
  }

  protected broken(error: unknown): void {
    this.fail(classifyError(error, this.phase));
  }

  // ---- ends ----

  #endWell({ status, headers, body }: HeldAnswer): void {
    const { dialect, count } = this.in;
    const answer = readEmbedAnswer(dialect, body, count);
    if (answer === undefined) {
      const message = `answered ${status} without one vector for each of ${count} inputs`;
      this.fail({ reason: 'bad-answer', blame: 'model', retryable: true, message });
      return;
    }
    const outcome: Outcome = {
      kind: 'served',
      status,
      firstByteMs: this.firstByteMs,
      totalMs: this.elapsed(),
      usage: embedUsage([answer]),
    };
    this.#settle({ kind: 'done', outcome, answer, status, headers });
  }

  #endBadly(held: HeldAnswer): void {
    const verdict = judge(held.status, errorMessage(held.body));
    if (verdict !== 'answer') this.fail(verdict, held);
    else this.#settle({ kind: 'refused', outcome: this.refused(), held });
  }

  protected fail(failure: Failure, held?: HeldAnswer): void {
    this.#settle({ kind: 'failed', outcome: this.failed(failure), failure, held });
  }

  #settle(end: EmbedPartEnd): void {
    this.#held = [];
    this.settle(end);
  }
}
