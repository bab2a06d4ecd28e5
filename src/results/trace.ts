import { createCipheriv, createHmac, type Cipher } from 'node:crypto';
import type { Demand, PrefixMark } from '../core/demand.ts';
import { errorText } from '../core/errors.ts';
import type { Endpoint, PriorityClass, RequestOutcome } from '../core/types.ts';

/** Of the format; a reader refuses others. */
export const TRACE_VERSION = 1;

/** Lines that wait for a slow disk: a megabyte is several thousand requests. */
const DEFAULT_BUFFER_BYTES = 1024 * 1024;
/** Bytes of a keyed hash that stay: 64 bits, so that among millions of names hardly two share one. */
const NAME_HASH_BYTES = 8;
/** One block of AES holds one mark. */
const BLOCK_BYTES = 16;
const TWO_21 = 2 ** 21;
const TWO_32 = 2 ** 32;

/** What came of a traced request; undefined = not known. Times in ms from its arrival. */
export interface TraceObserved {
  readonly promptTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly queueMs: number;
  readonly firstByteMs: number | undefined;
  readonly totalMs: number;
  /** Name of the server that gave the last answer. */
  readonly backend: string | undefined;
  readonly outcome: RequestOutcome;
}

/** One request of a recording: all that routing looked at, in quantities and hashes, and what came of it. */
export interface TraceRequest extends Demand {
  /** Arrival, ms since the recording began. */
  readonly atMs: number;
  /** As the client named it. */
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly category: string;
  readonly priority: PriorityClass;
  readonly tenant: string | undefined;
  readonly session: string | undefined;
  readonly observed: TraceObserved;
}

export interface TraceOptions {
  /** 32 random bytes for this recording alone. Who does not keep them can never link it to another one. */
  readonly key: Uint8Array;
  /** Takes whole lines, the last one ended too; the next ones come when it is done. */
  readonly sink: (lines: string) => Promise<void>;
  /** Bytes that the whole recording may have; lines beyond are dropped. */
  readonly maxBytes: number;
  /** Bytes that may wait for the sink; lines beyond are dropped. */
  readonly bufferBytes?: number;
}

/**
 * Records ended requests, one JSON line each, without a word of their text. Never waits and never throws: what the sink
 * cannot take in time, or fails to take, is dropped and counted.
 */
export class TraceWriter {
  readonly #sink: TraceOptions['sink'];
  readonly #maxBytes: number;
  readonly #bufferBytes: number;
  readonly #marks: MarkCipher;
  readonly #nameKey: Buffer;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #acceptedBytes = 0;
  #writing: Promise<void> | undefined;
  #dropped = 0;
  #lastError: string | undefined;

  constructor({ key, sink, maxBytes, bufferBytes = DEFAULT_BUFFER_BYTES }: TraceOptions) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#bufferBytes = bufferBytes;
    this.#marks = new MarkCipher(derived(key, 'marks').subarray(0, BLOCK_BYTES));
    this.#nameKey = derived(key, 'names');
  }

  /** Lines that are not in the recording. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Why the sink failed last; undefined while it never did. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Adds a request. @returns false if its line was dropped */
  add(request: TraceRequest): boolean {
    const line = this.#line(request);
    const bytes = Buffer.byteLength(line);
    if (this.#acceptedBytes + bytes > this.#maxBytes || this.#waitingBytes + bytes > this.#bufferBytes) {
      this.#dropped++;
      return false;
    }
    this.#acceptedBytes += bytes;
    this.#waitingBytes += bytes;
    this.#waiting.push(line);
    // A tick later: what ends in the same tick goes out in one piece, and a sink that throws at once is caught alike.
    this.#writing ??= Promise.resolve().then(() => this.#write());
    return true;
  }

  /** Resolves once everything added so far has gone to the sink. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Hands over what waits, and what came meanwhile, until nothing is left. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      const bytes = this.#waitingBytes;
      this.#waiting = [];
      try {
        await this.#sink(lines.join(''));
      } catch (error) {
        this.#dropped += lines.length;
        this.#lastError = errorText(error);
      }
      this.#waitingBytes -= bytes;
    }
    this.#writing = undefined;
  }

  #line(request: TraceRequest): string {
    const { observed } = request;
    const line = {
      v: TRACE_VERSION,
      atMs: tenth(request.atMs),
      model: request.model,
      endpoint: request.endpoint,
      kind: request.kind,
      shape: request.shape,
      promptBytes: request.promptBytes,
      marks: this.#marks.rekeyed(request.marks),
      outputLimit: request.outputLimit,
      app: this.#hashed(request.app),
      tenant: request.tenant === undefined ? undefined : this.#hashed(request.tenant),
      session: request.session === undefined ? undefined : this.#hashed(request.session),
      category: request.category,
      priority: request.priority,
      observed: {
        promptTokens: observed.promptTokens,
        outputTokens: observed.outputTokens,
        queueMs: tenth(observed.queueMs),
        firstByteMs: observed.firstByteMs === undefined ? undefined : tenth(observed.firstByteMs),
        totalMs: tenth(observed.totalMs),
        backend: observed.backend,
        outcome: observed.outcome,
      },
    };
    return `${JSON.stringify(line)}\n`;
  }

  /** Equal names, equal hashes, within this recording. '' stays ''. */
  #hashed(name: string): string {
    if (name === '') return '';
    return createHmac('sha256', this.#nameKey).update(name).digest().toString('hex', 0, NAME_HASH_BYTES);
  }
}

const tenth = (ms: number): number => Math.round(ms * 10) / 10;

const derived = (key: Uint8Array, purpose: string): Buffer => createHmac('sha256', key).update(purpose).digest();

/**
 * Gives marks other hashes, equal for equal ones. AES over one block per mark is a keyed permutation, and all marks of a
 * request go through it in one call, where an HMAC for each would cost more than the rest of the line.
 */
class MarkCipher {
  readonly #cipher: Cipher;

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  rekeyed(marks: readonly PrefixMark[]): readonly PrefixMark[] {
    const blocks = Buffer.alloc(marks.length * BLOCK_BYTES);
    marks.forEach(({ hash }, i) => blocks.writeDoubleLE(hash, i * BLOCK_BYTES));
    const hidden = this.#cipher.update(blocks);
    return marks.map(({ bytes }, i) => {
      const from = i * BLOCK_BYTES;
      // A whole number of 53 bits, as every mark has.
      const high = hidden.readUInt32LE(from + 4) % TWO_21;
      return { hash: high * TWO_32 + hidden.readUInt32LE(from), bytes };
    });
  }
}
