import { ProxyError } from '../core/errors.ts';

/** Seconds after which one of a client's answers may well have ended. */
const RETRY_AFTER_SECONDS = 1;

/** Counts the requests for a model that each client address has open, those that wait included. */
export class ClientStreams {
  /** Only addresses with something open, so as long as there are connections. */
  readonly #open = new Map<string, number>();

  /** Addresses that have something open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Lets one more in. The count goes on while there is no limit, so that a limit that is set later holds at once.
   * @param limit ≥ 1; undefined = none
   * @returns what to call once when it has ended
   * @throws ProxyError `rate_limited` when the address has as many open as it may
   */
  enter(address: string, limit: number | undefined): () => void {
    const open = this.#open.get(address) ?? 0;
    if (limit !== undefined && open >= limit) {
      throw new ProxyError(
        'rate_limited',
        `${address} has ${open} requests open, as many as one client may (limits.streams_per_client)`,
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    }
    this.#open.set(address, open + 1);
    return () => {
      const left = (this.#open.get(address) ?? 1) - 1;
      if (left > 0) this.#open.set(address, left);
      else this.#open.delete(address);
    };
  }
}
