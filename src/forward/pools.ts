import { Pool, type Dispatcher } from 'undici';
import { sameConnect, type ConnectOptions } from './backend-tls.ts';
import { Connection, sentSafely, type ConnectionOptions } from './reuse.ts';

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

const OPTIONS: Pool.Options = {
  headersTimeout: 0,
  bodyTimeout: 0,
  pipelining: 1,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  keepAliveMaxTimeout: KEEP_ALIVE_MS,
  maxHeaderSize: MAX_HEAD_BYTES,
};

/** The connections to one backend. */
class Connections {
  readonly origin: string;
  readonly dispatcher: Dispatcher;
  readonly #kept: Pool;
  /** For what cannot be sent twice; it is rare. */
  #once: Pool | undefined;

  constructor(origin: string, connect: ConnectOptions) {
    this.origin = origin;
    const settings: Pool.Options = { ...OPTIONS, connect };
    const factory = (url: URL, options: ConnectionOptions): Dispatcher => new Connection(url, options);
    this.#kept = new Pool(origin, { ...settings, factory });
    this.dispatcher = this.#kept.compose(sentSafely(() => (this.#once ??= new Pool(origin, settings))));
  }

  async close(): Promise<void> {
    await Promise.all([this.#kept.close(), this.#once?.close()]);
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#once?.destroy()]);
  }
}

/**
 * One undici pool per backend. Neither head nor body has a timeout here: a cold load sends no byte for minutes.
 * Connections are not limited either; what may be sent is decided before a request gets here.
 */
export class Pools {
  readonly #pools = new Map<string, Connections>();
  readonly #connects = new Map<string, ConnectOptions>();

  get(target: PoolTarget): Dispatcher {
    const known = this.#pools.get(target.id);
    if (known?.origin === target.origin) return known.dispatcher;
    if (known !== undefined) void known.close();
    const connections = new Connections(target.origin, this.#connects.get(target.id) ?? {});
    this.#pools.set(target.id, connections);
    return connections.dispatcher;
  }

  /** How a backend is connected to from now on. @returns whether that is another way than before */
  configure(id: string, connect: ConnectOptions): boolean {
    if (sameConnect(this.#connects.get(id) ?? {}, connect)) return false;
    this.#connects.set(id, connect);
    this.renew(id);
    return true;
  }

  /** Requests to come go over new connections; what still streams is left to finish. */
  renew(id: string): void {
    const known = this.#pools.get(id);
    this.#pools.delete(id);
    void known?.close();
  }

  /** Ends everything that runs on a backend at once. */
  async cut(id: string): Promise<void> {
    const known = this.#pools.get(id);
    this.#pools.delete(id);
    await known?.destroy();
  }

  /** Lets go of backends that are no longer configured; what still streams from them is left to finish. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#connects.keys()) if (!ids.has(id)) this.#connects.delete(id);
    for (const [id, connections] of this.#pools) {
      if (ids.has(id)) continue;
      this.#pools.delete(id);
      void connections.close();
    }
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((connections) => connections.destroy()));
  }
}
