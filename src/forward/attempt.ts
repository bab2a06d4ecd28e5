import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { LEAST_GAP_MS, type Patience } from '../backends/patience.ts';
import type { Clock } from '../core/clock.ts';
import type { Dialect, Outcome, Phase, Usage } from '../core/types.ts';
import { classifyError, classifyStatus, stalled, type Failure } from './classify.ts';
import { inBandError } from './dialect.ts';
import {
  AnswerTail,
  endsWhole,
  errorMessage,
  firstRecord,
  StreamTail,
  wholeAnswer,
  type WholeAnswer,
} from './events.ts';
import type { Observer } from '../results/fast-metrics.ts';
import { asOnlyRecord, endInBand } from './in-band.ts';
import { responseHeaders, withoutHeader } from './headers.ts';
import { Pieces, writePiece } from './pieces.ts';

/** An answer of a backend that was read whole and not sent. */
export interface HeldAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** How one attempt ended. `failed` means that not one byte of answer went to the client. */
export type AttemptEnd =
  | { readonly kind: 'answered' | 'cut' | 'left'; readonly outcome: Outcome }
  | {
      readonly kind: 'failed';
      readonly outcome: Outcome;
      readonly failure: Failure;
      readonly answer: HeldAnswer | undefined;
    };

export interface AttemptInput {
  readonly dispatcher: Dispatcher;
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: string[];
  /** Whole, or a stream that is sent once. */
  readonly body: Buffer | Readable;
  readonly dialect: Dialect;
  readonly res: ServerResponse;
  /** Headers of ours for the client, flat name-value list; asked for when the head goes out. */
  readonly ownHeaders: () => readonly string[];
  /** Told once, before the first byte goes to the client. The head may be out already: a stream's, with filler. */
  readonly answering?: () => void;
  /** Takes an answer's status and error text; a failure means that another backend may do better. */
  readonly judge?: (status: number, message: string) => Failure | 'answer';
  /** How long the backend may be silent; asked for once it has been so for long. Absent = as long as it likes. */
  readonly patience?: () => Pick<Patience, 'firstMs' | 'gapMs'> | undefined;
  /** Told at the next sweep that more of the answer came. */
  readonly moved?: () => void;
  /** Takes the time between two pieces of a stream, in seconds; asked for at the second piece. */
  readonly gaps?: () => Observer;
  readonly clock: Clock;
}

/** A whole answer up to this size is held until it is complete, so that even a death in its middle can fail over. */
const HOLD_WHOLE_BYTES = 256 * 1024;
/** A stream's first record is looked at only up to this size. */
const HOLD_FIRST_BYTES = 64 * 1024;
/**
 * Bytes that may wait for a slow client before the backend is told to pause. Generous on purpose: back-pressure into
 * Ollama can hold a slot (ollama issue 17131), while this bounds what a client that stops reading costs us.
 */
export const RELAY_BUFFER_BYTES = 1024 * 1024;
/** Bytes by whose end one can tell whether a record was whole: `\n\r\n`. */
const LONGEST_ENDING = 3;
const EMPTY = Buffer.alloc(0);

const isStream = (type: string | undefined): boolean =>
  type !== undefined && (type.startsWith('application/x-ndjson') || type.startsWith('text/event-stream'));

/** The first header of a name in a flat list. @param name in lower case */
const firstOf = (flat: readonly string[], name: string): string | undefined => {
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const each = flat[i] ?? '';
    if (each.length === name.length && each.toLowerCase() === name) return flat[i + 1];
  }
  return undefined;
};

/**
 * Sends one request to one backend and relays its answer. Until the first record is known to be good nothing reaches
 * the client, so everything before that can be tried elsewhere; after that the bytes pass as they come.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly #in: AttemptInput;
  readonly #startedAt: number;
  readonly #tail: StreamTail;
  #numbers: AnswerTail | undefined;
  #resolve: (end: AttemptEnd) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #phase: Phase = 'connect';
  #settled = false;
  #relaying = false;
  #paused = false;
  #stream = false;
  #json = false;
  #encoded = false;
  #status = 0;
  #headers: readonly string[] = [];
  #held: Buffer[] = [];
  /** Of a stream: what is to go out in this turn of the event loop. */
  #waiting: Pieces | undefined;
  #heldBytes = 0;
  #firstByteMs = 0;
  #pieces = 0;
  #sweptPieces = 0;
  /** When the last piece of a stream came; NaN where the time to the next one says nothing about the backend. */
  #pieceAt = NaN;
  #gaps: Observer | undefined;
  /** When it was last seen to move on, at the sweeps' beat. */
  #movedAt: number;
  /** The last bytes that went out, three at least where there were as many. */
  #ending: Buffer = EMPTY;

  constructor(input: AttemptInput) {
    this.#in = input;
    this.#tail = new StreamTail(input.dialect);
    this.#startedAt = input.clock.now();
    this.#movedAt = this.#startedAt;
  }

  /** Records that the backend has sent of a stream. */
  get records(): number {
    return this.#tail.records;
  }

  /** Starts the attempt; the promise never rejects. */
  run(): Promise<AttemptEnd> {
    const { dispatcher, method, path, headers, body } = this.#in;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      try {
        // A body of known length: a chunked one would hide a leaving client from Ollama (net/http's background read).
        const empty = Buffer.isBuffer(body) && body.length === 0;
        dispatcher.dispatch({ method, path, headers, body: empty ? null : body }, this);
      } catch (error) {
        this.onResponseError(undefined, error);
      }
    });
  }

  /** The client has left: stop the backend at once and blame nobody. */
  clientLeft(): void {
    if (this.#settled) return;
    this.#settle({
      kind: 'left',
      outcome: { kind: 'client-left', phase: this.#phase, totalMs: this.#elapsed() },
    });
    this.#abort();
  }

  /** The client's own deadline has passed: stop the backend and blame nobody. */
  deadlinePassed(): void {
    if (this.#settled) return;
    const failure: Failure = {
      reason: 'deadline',
      blame: 'none',
      retryable: false,
      message: "had not finished when the request's deadline passed",
    };
    if (this.#relaying) this.#cut(failure);
    else this.#fail(failure);
    this.#abort();
  }

  /**
   * Called at a steady beat of a second or less. Ends an answer that is silent for longer than the backend's patience, and
   * a relay that has not moved one byte for `idleMs`, whoever it waits for. A cold load is no such case, because nothing
   * is relayed yet.
   */
  sweep(at: number, idleMs: number): void {
    if (this.#settled) return;
    if (this.#pieces !== this.#sweptPieces) {
      this.#sweptPieces = this.#pieces;
      this.#movedAt = at;
      this.#in.moved?.();
      return;
    }
    const silentMs = at - this.#movedAt;
    if (this.#relaying && silentMs >= idleMs) this.#idle(idleMs);
    // No backend is given less patience, so nobody has to work out before how much it is.
    else if (!this.#paused && silentMs >= LEAST_GAP_MS) this.#mayStall(silentMs);
  }

  #idle(idleMs: number): void {
    if (this.#paused) {
      this.clientLeft();
      this.#in.res.destroy();
      return;
    }
    if (!this.#endWhatIsWhole()) {
      this.#cut({
        reason: 'timeout',
        blame: 'model',
        retryable: false,
        message: `sent nothing for ${idleMs} ms (limits.stream_idle_timeout)`,
      });
    }
    this.#abort();
  }

  #mayStall(silentMs: number): void {
    const patience = this.#in.patience?.();
    if (patience === undefined) return;
    const limitMs = this.#pieces === 0 ? patience.firstMs : patience.gapMs;
    if (silentMs < limitMs) return;
    const failure = stalled(silentMs, limitMs, this.#pieces === 0);
    if (!this.#endWhatIsWhole()) {
      if (this.#relaying) this.#cut(failure);
      else this.#fail(failure);
    }
    this.#abort();
  }

  // ---- undici's handler ----

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) {
      this.#abort();
      return;
    }
    this.#phase = 'head';
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#settled || status < 200) return;
    const raw = controller.rawHeaders;
    const all = responseHeaders(Array.isArray(raw) ? raw : Object.entries(headers).flat().map(String));
    const type = firstOf(all, 'content-type');
    this.#status = status;
    // An answer that was compressed although we asked for plain bytes passes as it is: it cannot be read on the way.
    this.#encoded = (firstOf(all, 'content-encoding') ?? 'identity') !== 'identity';
    this.#stream = !this.#encoded && status < 300 && isStream(type);
    this.#json = !this.#encoded && (type?.startsWith('application/json') ?? false);
    // A stream goes out chunked whatever its framing was: a length would let one that lacks its last record end cleanly.
    this.#headers = this.#stream ? withoutHeader(all, 'content-length') : all;
    this.#phase = 'first-byte';
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#pieces++;
    if (this.#pieces === 1) this.#firstByteMs = this.#elapsed();
    if (this.#stream) {
      this.#tail.push(chunk);
      this.#observeGap();
    } else if (this.#json) (this.#numbers ??= new AnswerTail()).push(chunk);
    if (this.#relaying) {
      this.#relay(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.#judgeHeld();
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    if (this.#stream) this.#endStream();
    else this.#endWhole();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: unknown): void {
    if (this.#settled) return;
    const failure = classifyError(error, this.#phase);
    // Where the framing is wrong, and not merely missing, how anything of it was to be read is in doubt.
    if (failure.reason !== 'bad-answer' && this.#endWhatIsWhole()) return;
    if (this.#relaying) this.#cut(failure);
    else this.#fail(failure);
  }

  #observeGap(): void {
    const at = this.#in.clock.now();
    if (!Number.isNaN(this.#pieceAt)) {
      this.#gaps ??= this.#in.gaps?.();
      this.#gaps?.observe((at - this.#pieceAt) / 1000);
    }
    this.#pieceAt = at;
  }

  // ---- before the first byte ----

  #judgeHeld(): void {
    if (this.#stream) {
      const first = firstRecord(this.#in.dialect, this.#takeHeld());
      if (first.kind === 'error') {
        this.#fail({ reason: 'error-line', blame: 'model', retryable: true, message: `answered: ${first.message}` });
        this.#abort();
      } else if (first.kind === 'garbage') {
        this.#fail({
          reason: 'bad-answer',
          blame: 'model',
          retryable: true,
          message: `answered ${this.#status} with a stream of no valid JSON`,
        });
        this.#abort();
      } else if (first.kind === 'fine' || this.#heldBytes > HOLD_FIRST_BYTES) {
        this.#commit();
      }
    } else if (this.#heldBytes > HOLD_WHOLE_BYTES || (this.#encoded && this.#status < 300)) {
      const verdict = classifyStatus(this.#status, '');
      if (verdict === 'answer') {
        this.#commit();
      } else {
        this.#fail(verdict);
        this.#abort();
      }
    }
  }

  #takeHeld(): Buffer {
    const [only] = this.#held;
    if (this.#held.length === 1 && only !== undefined) return only;
    const all = Buffer.concat(this.#held);
    this.#held = [all];
    return all;
  }

  /** The point of no return: head and held bytes go out in one write. */
  #commit(): void {
    const { res } = this.#in;
    this.#relaying = true;
    this.#phase = 'body';
    this.#writeHead();
    const held = this.#takeHeld();
    this.#held = [];
    if (held.length > 0) {
      this.#noteEnding(held);
      writePiece(res, held);
    }
  }

  /** @returns false when a head is out already */
  #writeHead(): boolean {
    const { res, ownHeaders, answering } = this.#in;
    answering?.();
    if (res.headersSent) return false;
    res.writeHead(this.#status, this.#headers.concat(ownHeaders()));
    return true;
  }

  #sendWhole(body: Buffer): void {
    const { res, dialect } = this.#in;
    if (this.#writeHead()) res.end(body);
    else if (this.#status < 400) res.end(asOnlyRecord(dialect, body));
    else endInBand(res, inBandError(dialect, errorMessage(body), null, this.#status));
  }

  // ---- after it ----

  #relay(chunk: Buffer): void {
    if (this.#stream) {
      this.#noteEnding(chunk);
      this.#waiting ??= new Pieces(this.#in.res, (room) => this.#written(room));
      this.#waiting.push(chunk);
    } else this.#written(writePiece(this.#in.res, chunk));
  }

  #written(room: boolean): void {
    const { res } = this.#in;
    if (room || res.writableLength < RELAY_BUFFER_BYTES || this.#paused) return;
    this.#paused = true;
    this.#controller?.pause();
    res.once('drain', () => {
      this.#paused = false;
      // The silence until now was the client's.
      this.#sweptPieces = -1;
      this.#pieceAt = NaN;
      if (!this.#settled) this.#controller?.resume();
    });
  }

  #noteEnding(bytes: Buffer): void {
    if (!this.#stream) return;
    this.#ending =
      bytes.length >= LONGEST_ENDING ? bytes : Buffer.concat([this.#ending.subarray(-LONGEST_ENDING), bytes]);
  }

  #endStream(): void {
    this.#waiting?.flush();
    const end = this.#tail.end();
    if (end.error !== undefined) {
      const failure: Failure = {
        reason: 'error-line',
        blame: 'model',
        retryable: true,
        message: `answered: ${end.error}`,
      };
      if (!this.#relaying) {
        this.#fail(failure);
        return;
      }
      // The backend's own in-band error has gone out: the client knows, and gets the end that the backend gave.
      this.#in.res.end();
      this.#settle({ kind: 'cut', outcome: this.#failed(failure) });
      return;
    }
    if (!end.complete) {
      const failure: Failure = {
        reason: 'cut-stream',
        blame: 'model',
        retryable: true,
        message: 'ended its stream without a final record',
      };
      if (this.#relaying) this.#cut(failure);
      else this.#fail(failure);
      return;
    }
    if (!this.#relaying) this.#commit();
    this.#in.res.end();
    this.#served(end.usage);
  }

  /**
   * Ends an answer well of which only the end of the framing is missing: its own last record says that it is whole, or it
   * is one JSON value. Nothing that could follow is the client's loss.
   * @returns false when more of it is missing
   */
  #endWhatIsWhole(): boolean {
    if (this.#stream) {
      if (!this.#tail.end().complete) return false;
      this.#endStream();
      return true;
    }
    if (this.#relaying || !this.#json || this.#status >= 300 || this.#heldBytes === 0) return false;
    // More was promised, whatever it may be.
    if (firstOf(this.#headers, 'content-length') !== undefined) return false;
    const { valid, error } = wholeAnswer(this.#in.dialect, this.#takeHeld());
    if (!valid || error !== undefined) return false;
    this.#endWhole();
    return true;
  }

  #endWhole(): void {
    const { dialect, res, judge = classifyStatus } = this.#in;
    if (this.#relaying) {
      res.end();
      this.#served(this.#numbers?.usage(dialect));
      return;
    }
    const body = this.#takeHeld();
    const answer: HeldAnswer = { status: this.#status, headers: this.#headers, body };
    if (this.#status >= 400) {
      const verdict = judge(this.#status, errorMessage(body));
      if (verdict !== 'answer') {
        this.#fail(verdict, answer);
        return;
      }
      this.#sendWhole(body);
      this.#settle({
        kind: 'answered',
        outcome: { kind: 'client-error', status: this.#status, totalMs: this.#elapsed() },
      });
      return;
    }
    const whole: WholeAnswer = this.#json ? wholeAnswer(dialect, body) : { valid: true };
    if (whole.error !== undefined) {
      this.#fail({ reason: 'error-line', blame: 'model', retryable: true, message: `answered: ${whole.error}` });
      return;
    }
    if (!whole.valid) {
      this.#fail({
        reason: 'bad-answer',
        blame: 'model',
        retryable: true,
        message: `answered ${this.#status} with no valid JSON`,
      });
      return;
    }
    this.#sendWhole(body);
    this.#served(whole.usage);
  }

  /** Ends a response whose head is out so that nobody can take it for whole: in-band error, then an abrupt close. */
  #cut(failure: Failure): void {
    const { res, dialect } = this.#in;
    this.#waiting?.flush();
    this.#settle({ kind: 'cut', outcome: this.#failed(failure) });
    if (!this.#stream || res.destroyed) {
      res.destroy();
      return;
    }
    // Whatever was cut off must end before the error begins: a line in NDJSON, an event in SSE.
    const ending = this.#ending.toString('latin1', Math.max(0, this.#ending.length - LONGEST_ENDING));
    const separator = endsWhole(dialect, ending) ? '' : dialect === 'native' ? '\n' : '\n\n';
    endInBand(res, separator + inBandError(dialect, `the backend ${failure.message}`));
  }

  // ---- ends ----

  #elapsed(): number {
    return this.#in.clock.now() - this.#startedAt;
  }

  #failed(failure: Failure): Outcome {
    const { reason, blame, message } = failure;
    return { kind: 'backend-failed', phase: this.#phase, blame, reason, message, totalMs: this.#elapsed() };
  }

  #fail(failure: Failure, answer?: HeldAnswer): void {
    this.#settle({ kind: 'failed', failure, outcome: this.#failed(failure), answer });
  }

  #served(usage: Usage | undefined): void {
    const totalMs = this.#elapsed();
    const firstByteMs = this.#pieces === 0 ? totalMs : this.#firstByteMs;
    this.#settle({ kind: 'answered', outcome: { kind: 'served', status: this.#status, firstByteMs, totalMs, usage } });
  }

  #settle(end: AttemptEnd): void {
    this.#settled = true;
    this.#held = [];
    this.#resolve(end);
  }

  #abort(): void {
    this.#controller?.abort(new Error('no longer wanted'));
  }
}
