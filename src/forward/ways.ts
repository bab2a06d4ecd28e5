import type { LookupFunction } from 'node:net';
import type { BackendConfig } from '../config/types.ts';
import type { Checked, Issue, Log } from '../core/types.ts';
import { AddressWatch } from './addresses.ts';
import type { Agents } from './agents.ts';
import { loadBackendTls, sameConnect, type ConnectOptions } from './backend-tls.ts';
import type { Pools } from './pools.ts';

/** How each backend is connected to, by name: read, and not in force yet. */
export type LoadedWays = ReadonlyMap<string, ConnectOptions>;

export interface WaysParts {
  readonly pools: Pools;
  readonly agents: Agents;
  readonly log: Log;
  /** Resolves the names of backends; the system's unless given. */
  readonly lookup?: LookupFunction | undefined;
  /** A backend is reached in another way now: what was kept open to look at it is to be let go of. */
  readonly changed: (backend: string) => void;
}

/** The ways to the backends: with which certificates, and to which addresses. */
export class Ways {
  readonly #parts: WaysParts;
  readonly #addresses: AddressWatch;
  #backends: readonly BackendConfig[] = [];
  #ways: LoadedWays = new Map();

  constructor(parts: WaysParts) {
    this.#parts = parts;
    const { lookup } = parts;
    this.#addresses = new AddressWatch({ lookup, moved: (host, from, to) => this.#moved(host, from, to) });
  }

  /**
   * Reads the certificates of backends, all of them or none; changes nothing.
   * @param lenient whether one that cannot be read keeps what it has, which is said in the log
   */
  load(backends: readonly BackendConfig[], lenient: (name: string) => boolean = () => false): Checked<LoadedWays> {
    const { lookup, log } = this.#parts;
    const issues: Issue[] = [];
    const ways = new Map<string, ConnectOptions>();
    for (const { name, tls } of backends) {
      const loaded = loadBackendTls(tls);
      if (loaded.ok) ways.set(name, { ...loaded.value, ...(lookup === undefined ? {} : { lookup }) });
      else {
        const found = loaded.issues.map((issue) => ({ ...issue, path: `backends.${name}.${issue.path}` }));
        if (lenient(name)) {
          ways.set(name, this.of(name));
          const [first] = found;
          const fields = { event: 'certificates-failed', backend: name, issues: found };
          log.error(fields, `${first?.path ?? name}: ${first?.message ?? ''}; what it had before still holds`);
        } else issues.push(...found);
      }
    }
    return issues.length === 0 ? { ok: true, value: ways } : { ok: false, issues };
  }

  /** From now on these backends are reached in these ways. What runs goes on as it was begun. */
  apply(backends: readonly BackendConfig[], ways: LoadedWays): void {
    const { pools, agents, log, changed } = this.#parts;
    const before = this.#ways;
    this.#backends = backends;
    this.#ways = ways;
    for (const { name, url, tls } of backends) {
      const way = this.of(name);
      const same = before.has(name) && sameConnect(before.get(name) ?? {}, way);
      if (!same) {
        pools.configure(name, way);
        agents.configure(url.origin, way);
        if (before.has(name)) changed(name);
      }
      if (tls?.insecureSkipVerify === true && !same) {
        const fields = { event: 'backend-insecure', backend: name };
        log.warn(
          fields,
          `backend ${name} is talked to whoever it is: its certificate is not looked at (insecure_skip_verify)`,
        );
      }
    }
    pools.keep(new Set(backends.map(({ name }) => name)));
    agents.keep(new Set(backends.map(({ url }) => url.origin)));
    this.#addresses.watch(backends.map(({ url }) => url.hostname));
  }

  of(backend: string): ConnectOptions {
    return this.#ways.get(backend) ?? (this.#parts.lookup === undefined ? {} : { lookup: this.#parts.lookup });
  }

  /** Ends everything that runs on a backend at once. */
  async cut({ name, url }: BackendConfig): Promise<void> {
    const others = this.#backends.some((other) => other.name !== name && other.url.origin === url.origin);
    // Connections for plain calls are shared by the backends at one address.
    if (!others) this.#parts.agents.cut(url.origin);
    await this.#parts.pools.cut(name);
  }

  start(): void {
    this.#addresses.start();
  }

  stop(): void {
    this.#addresses.stop();
  }

  /** Looks now whether names of backends lead elsewhere. */
  lookUp(): Promise<void> {
    return this.#addresses.look();
  }

  #moved(host: string, from: readonly string[], to: readonly string[]): void {
    const { pools, agents, log, changed } = this.#parts;
    for (const { name, url } of this.#backends) {
      if (url.hostname !== host) continue;
      const fields = { event: 'backend-moved', backend: name, host, from, to };
      log.info(fields, `${host} leads to ${to.join(', ')} now: new requests to ${name} go there`);
      pools.renew(name);
      agents.renew(url.origin);
      changed(name);
    }
  }
}
