import type { Outcome, RequestOutcome, Usage } from '../core/types.ts';

/** One try at one backend, as it is told afterwards. */
export interface AttemptRecord {
  readonly backend: string;
  readonly model: string;
  /** The strategy's reason. */
  readonly why: string;
  readonly outcome: Outcome;
  /** ms from sending to the first byte, as foreseen; undefined = nothing was foreseen, or the answer did not stream. */
  readonly foreseenFirstMs?: number | undefined;
  /** Tokens of the prompt that the backend remembered, as far as that can be told. */
  readonly cachedTokens?: number | undefined;
  /** Models that its load was expected to push out of memory. */
  readonly evictions?: number | undefined;
  /** Sent beside the one before it, which had not answered for long (`retry.hedge`). */
  readonly hedge?: true;
}

/** One request from its arrival to its end. Never holds a word of the prompt. */
export interface RequestRecord {
  readonly id: string;
  /** Wall time of the arrival, for people. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly endpoint: string;
  /** The model as the client named it; undefined where a route has none. */
  readonly model: string | undefined;
  readonly category: string | undefined;
  readonly categoryWhy: string | undefined;
  readonly strategy: string | undefined;
  /** Which of its ways the strategy chose by, where it has several. */
  readonly arm?: string;
  readonly attempts: readonly AttemptRecord[];
  /** They ran side by side, for a request that goes to several backends at once. */
  readonly parallel?: true;
  /** The name of its API key. */
  readonly key?: string;
  readonly outcome: RequestOutcome;
  /** Status the client saw; 499 when it left before there was one. */
  readonly status: number;
  /** A code of ours, when the answer is ours. */
  readonly error: string | undefined;
  readonly queueMs: number;
  /** From arrival to the first byte of answer; undefined when there was none. */
  readonly firstByteMs: number | undefined;
  readonly totalMs: number;
  readonly usage: Usage | undefined;
}

/** The last requests, newest first, in a ring of fixed size. */
export class History {
  readonly #ring: (RequestRecord | undefined)[];
  readonly #byId = new Map<string, RequestRecord>();
  readonly #added: ((record: RequestRecord) => void) | undefined;
  #next = 0;

  /** @param size how many are kept, ≥ 1 @param added told of each record, in the tick in which it comes */
  constructor(size: number, added?: (record: RequestRecord) => void) {
    this.#ring = Array.from({ length: size });
    this.#added = added;
  }

  add(record: RequestRecord): void {
    this.#added?.(record);
    const old = this.#ring[this.#next];
    // A client may send one id twice: only the newest of them can be asked for by id.
    if (old !== undefined && this.#byId.get(old.id) === old) this.#byId.delete(old.id);
    this.#ring[this.#next] = record;
    this.#byId.set(record.id, record);
    this.#next = (this.#next + 1) % this.#ring.length;
  }

  get(id: string): RequestRecord | undefined {
    return this.#byId.get(id);
  }

  /** @param limit at most so many */
  last(limit: number): readonly RequestRecord[] {
    const found: RequestRecord[] = [];
    for (let back = 1; back <= this.#ring.length && found.length < limit; back++) {
      const record = this.#ring[(this.#next - back + this.#ring.length) % this.#ring.length];
      if (record === undefined) break;
      found.push(record);
    }
    return found;
  }
}
