import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { Outcome, Phase } from '../core/types.ts';
import type { HeldAnswer } from './attempt.ts';
import type { Failure } from './classify.ts';
import { responseHeaders } from './headers.ts';

export interface ReaderInput {
  readonly dispatcher: Dispatcher;
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  /** What goes out, flat name-value list, framing aside. */
  readonly headers: string[];
  readonly body: Buffer | undefined;
  readonly clock: Clock;
}

/**
 * One server's part of a request that goes to several: it is sent, and its answer is read here and not handed on. What
 * is made of the answer is for those who extend this.
 */
export abstract class AnswerReader<Input extends ReaderInput, End> implements Dispatcher.DispatchHandler {
  protected readonly in: Input;
  protected phase: Phase = 'connect';
  protected settled = false;
  protected status = 0;
  /** ms until the head of the answer came. */
  protected firstByteMs = 0;
  readonly #startedAt: number;
  #headers: readonly string[] = [];
  #resolve: (end: End) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;

  constructor(input: Input) {
    this.in = input;
    this.#startedAt = input.clock.now();
  }

  /** The head of the answer is there. Whoever has no use for it leaves it alone. */
  protected begun?(headers: IncomingHttpHeaders): void;
  /** A piece of its body is there. */
  protected abstract read(chunk: Buffer): void;
  /** All of it is there. */
  protected abstract ended(): void;
  /** It broke. */
  protected abstract broken(error: unknown): void;
  /** It has failed. @param held what the server said, where it said it whole */
  protected abstract fail(failure: Failure, held?: HeldAnswer): void;

  /** Starts it; the promise never rejects. */
  run(): Promise<End> {
    const { dispatcher, method, path, headers, body } = this.in;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      try {
        dispatcher.dispatch(
          { method, path, headers, body: body === undefined || body.length === 0 ? null : body },
          this,
        );
      } catch (error) {
        this.onResponseError(undefined, error);
      }
    });
  }

  // ---- undici's handler ----

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.settled) this.abort();
    else this.phase = 'head';
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.settled || status < 200) return;
    const raw = controller.rawHeaders;
    this.#headers = responseHeaders(Array.isArray(raw) ? raw : Object.entries(headers).flat().map(String));
    this.status = status;
    this.firstByteMs = this.elapsed();
    this.phase = 'body';
    this.begun?.(headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.settled) this.read(chunk);
  }

  onResponseEnd(): void {
    if (!this.settled) this.ended();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: unknown): void {
    if (!this.settled) this.broken(error);
  }

  // ---- for those who extend it ----

  protected elapsed(): number {
    return this.in.clock.now() - this.#startedAt;
  }

  protected answer(body: Buffer): HeldAnswer {
    return { status: this.status, headers: this.#headers, body };
  }

  protected left(): Outcome {
    return { kind: 'client-left', phase: this.phase, totalMs: this.elapsed() };
  }

  protected refused(): Outcome {
    return { kind: 'client-error', status: this.status, totalMs: this.elapsed() };
  }

  protected failed({ reason, blame, message }: Failure): Outcome {
    return { kind: 'backend-failed', phase: this.phase, reason, blame, message, totalMs: this.elapsed() };
  }

  /** Ends it as failed, and the server's work with it. */
  protected stopWith(failure: Failure): void {
    if (this.settled) return;
    this.fail(failure);
    this.abort();
  }

  /** The first end counts: nothing is to be called after it. */
  protected settle(end: End): void {
    this.settled = true;
    this.#resolve(end);
  }

  protected abort(): void {
    this.#controller?.abort(new Error('no longer wanted'));
  }
}
