import { Pool, type Dispatcher } from 'undici';

/** What a connection to a backend is made from. */
export interface PoolTarget {
  readonly id: string;
  readonly origin: string;
}

/** ms to reach a backend; longer than any LAN needs, short enough to try the next one. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Ollama never closes idle connections itself, so ours may live; a restart breaks them and failover covers that. */
const KEEP_ALIVE_MS = 60_000;
/** A final record may carry megabytes, but a head never does. */
const MAX_HEAD_BYTES = 64 * 1024;

/**
 * One undici pool per backend. Neither head nor body has a timeout here: a cold load sends no byte for minutes.
 * Connections are not limited either; what may be sent is decided before a request gets here.
 */
export class Pools {
  readonly #pools = new Map<string, { readonly origin: string; readonly pool: Pool }>();

  get(target: PoolTarget): Dispatcher {
    const known = this.#pools.get(target.id);
    if (known?.origin === target.origin) return known.pool;
    if (known !== undefined) void known.pool.close();
    const pool = new Pool(target.origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
    });
    this.#pools.set(target.id, { origin: target.origin, pool });
    return pool;
  }

  /** Lets go of backends that are no longer configured; what still streams from them is left to finish. */
  keep(ids: ReadonlySet<string>): void {
    for (const [id, { pool }] of this.#pools) {
      if (ids.has(id)) continue;
      this.#pools.delete(id);
      void pool.close();
    }
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy()));
  }
}
