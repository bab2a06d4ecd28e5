import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { Dialect, Outcome, Phase } from '../core/types.ts';
import type { HeldAnswer } from './attempt.ts';
import { classifyError, classifyStatus, lackedCapability, unsupported, type Failure } from './classify.ts';
import { embedUsage, readEmbedAnswer, type EmbedAnswer } from './embed-merge.ts';
import { errorMessage } from './events.ts';
import { responseHeaders } from './headers.ts';

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

export interface EmbedPartInput {
  readonly dispatcher: Dispatcher;
  readonly path: string;
  /** What goes out, flat name-value list, framing aside. */
  readonly headers: string[];
  readonly body: Buffer;
  readonly dialect: Dialect;
  /** How many inputs the body has, so many vectors are due. */
  readonly count: number;
  readonly clock: Clock;
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
export class EmbedPart implements Dispatcher.DispatchHandler {
  readonly #in: EmbedPartInput;
  readonly #startedAt: number;
  #resolve: (end: EmbedPartEnd) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #phase: Phase = 'connect';
  #settled = false;
  #status = 0;
  #headers: readonly string[] = [];
  #held: Buffer[] = [];
  #heldBytes = 0;
  #firstByteMs = 0;
  #sweptBytes = -1;

  constructor(input: EmbedPartInput) {
    this.#in = input;
    this.#startedAt = input.clock.now();
  }

  /** Starts it; the promise never rejects. */
  run(): Promise<EmbedPartEnd> {
    const { dispatcher, path, headers, body } = this.#in;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      try {
        dispatcher.dispatch({ method: 'POST', path, headers, body }, this);
      } catch (error) {
        this.onResponseError(undefined, error);
      }
    });
  }

  /** The answer is not wanted any more: stop the server at once and blame nobody. */
  stop(): void {
    if (this.#settled) return;
    this.#settle({ kind: 'stopped', outcome: { kind: 'client-left', phase: this.#phase, totalMs: this.#elapsed() } });
    this.#abort();
  }

  /** The client's own deadline has passed: stop the server and blame nobody. */
  deadlinePassed(): void {
    const message = "had not finished when the request's deadline passed";
    this.#giveUp({ reason: 'deadline', blame: 'none', retryable: false, message });
  }

  /** Called at a steady beat of `idleMs`: ends an answer that has begun and has not moved since the last beat. */
  sweep(idleMs: number): void {
    if (this.#phase !== 'body') return;
    if (this.#heldBytes !== this.#sweptBytes) {
      this.#sweptBytes = this.#heldBytes;
      return;
    }
    const message = `sent nothing for ${idleMs} ms (limits.stream_idle_timeout)`;
    this.#giveUp({ reason: 'timeout', blame: 'model', retryable: true, message });
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
    this.#firstByteMs = this.#elapsed();
    this.#phase = 'body';
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_ANSWER_BYTES) return;
    const message = `answered with more than ${MAX_ANSWER_BYTES} bytes to a part of a batch`;
    this.#giveUp({ reason: 'bad-answer', blame: 'none', retryable: false, message });
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    const body = Buffer.concat(this.#held, this.#heldBytes);
    if (this.#status < 300) this.#endWell(body);
    else this.#endBadly({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: unknown): void {
    if (!this.#settled) this.#fail(classifyError(error, this.#phase));
  }

  // ---- ends ----

  #endWell(body: Buffer): void {
    const { dialect, count } = this.#in;
    const answer = readEmbedAnswer(dialect, body, count);
    if (answer === undefined) {
      const message = `answered ${this.#status} without one vector for each of ${count} inputs`;
      this.#fail({ reason: 'bad-answer', blame: 'model', retryable: true, message });
      return;
    }
    const status = this.#status;
    const outcome: Outcome = {
      kind: 'served',
      status,
      firstByteMs: this.#firstByteMs,
      totalMs: this.#elapsed(),
      usage: embedUsage([answer]),
    };
    this.#settle({ kind: 'done', outcome, answer, status, headers: this.#headers });
  }

  #endBadly(held: HeldAnswer): void {
    const verdict = judge(held.status, errorMessage(held.body));
    if (verdict !== 'answer') {
      this.#fail(verdict, held);
      return;
    }
    const outcome: Outcome = { kind: 'client-error', status: held.status, totalMs: this.#elapsed() };
    this.#settle({ kind: 'refused', outcome, held });
  }

  #giveUp(failure: Failure): void {
    if (this.#settled) return;
    this.#fail(failure);
    this.#abort();
  }

  #fail(failure: Failure, held?: HeldAnswer): void {
    const { reason, blame, message } = failure;
    const totalMs = this.#elapsed();
    const outcome: Outcome = { kind: 'backend-failed', phase: this.#phase, reason, blame, message, totalMs };
    this.#settle({ kind: 'failed', outcome, failure, held });
  }

  #elapsed(): number {
    return this.#in.clock.now() - this.#startedAt;
  }

  #settle(end: EmbedPartEnd): void {
    this.#settled = true;
    this.#held = [];
    this.#resolve(end);
  }

  #abort(): void {
    this.#controller?.abort(new Error('no longer wanted'));
  }
}
