/** A request that arrived, as far as tests want to know. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The first 64 KiB of the body. */
  readonly body: string;
  readonly model: string;
}

/** A client that hung up before its answer was complete. */
export interface AbortedRequest {
  /** ms of wall time since the server was made. */
  readonly atMs: number;
  readonly path: string;
  readonly model: string;
  /** True if part of the answer had left. */
  readonly streaming: boolean;
}

const KEPT = 200;
/** Bytes of a body that are kept. */
export const BODY_KEPT = 65_536;

/** What came in: counts by route for as long as the server lives, the latest requests, and who hung up. */
export class Journal {
  readonly #startedAt = performance.now();
  readonly #byRoute = new Map<string, number>();
  readonly #recent: SeenRequest[] = [];
  readonly #aborted: AbortedRequest[] = [];
  #abortedTotal = 0;
  #total = 0;

  request(seen: SeenRequest): void {
    const key = `${seen.method} ${seen.path}`;
    this.#total += 1;
    this.#byRoute.set(key, (this.#byRoute.get(key) ?? 0) + 1);
    this.#recent.push(seen);
    if (this.#recent.length > KEPT) this.#recent.shift();
  }

  aborted(path: string, model: string, streaming: boolean): void {
    this.#abortedTotal += 1;
    this.#aborted.push({ atMs: performance.now() - this.#startedAt, path, model, streaming });
    if (this.#aborted.length > KEPT) this.#aborted.shift();
  }

  reset(): void {
    this.#byRoute.clear();
    this.#recent.length = 0;
    this.#aborted.length = 0;
    this.#abortedTotal = 0;
    this.#total = 0;
  }

  view(): {
    readonly total: number;
    readonly byRoute: Readonly<Record<string, number>>;
    readonly recent: readonly SeenRequest[];
    readonly abortedTotal: number;
    readonly aborted: readonly AbortedRequest[];
  } {
    return {
      total: this.#total,
      byRoute: Object.fromEntries(this.#byRoute),
      recent: [...this.#recent],
      abortedTotal: this.#abortedTotal,
      aborted: [...this.#aborted],
    };
  }
}
