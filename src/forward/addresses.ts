import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** How soon a name that leads elsewhere is noticed; new connections ask by themselves. */
const LOOK_MS = 30_000;

export interface AddressWatchOptions {
  /** The system's unless given. */
  readonly lookup?: LookupFunction | undefined;
  /** A name leads to other addresses than at the last look. */
  readonly moved: (host: string, from: readonly string[], to: readonly string[]) => void;
}

/** Every address of a name, sorted; undefined when it cannot be resolved now, which says nothing about where it leads. */
const resolve = (host: string, lookup: LookupFunction): Promise<readonly string[] | undefined> =>
  new Promise((done) => {
    lookup(host, { all: true }, (error, found, family) => {
      if (error) return done(undefined);
      const all = typeof found === 'string' ? [{ address: found, family: family ?? 0 }] : found;
      done(all.map(({ address }) => address).toSorted());
    });
  });

/**
 * Watches where the names of backends lead. Kept connections live for as long as they are used, so without this a pool
 * would go on with a server's old address after its name has moved.
 */
export class AddressWatch {
  readonly #lookup: LookupFunction;
  readonly #moved: AddressWatchOptions['moved'];
  readonly #known = new Map<string, readonly string[] | undefined>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor({ lookup = systemLookup, moved }: AddressWatchOptions) {
    this.#lookup = lookup;
    this.#moved = moved;
  }

  /** The names to watch from now on; addresses need none. @param hosts as `URL.hostname` writes them */
  watch(hosts: Iterable<string>): void {
    const wanted = new Set([...hosts].filter((host) => !host.startsWith('[') && isIP(host) === 0));
    for (const host of this.#known.keys()) if (!wanted.has(host)) this.#known.delete(host);
    for (const host of wanted) if (!this.#known.has(host)) this.#known.set(host, undefined);
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    this.#timer.unref();
    void this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at all of them, one after the other: a resolver that hangs holds up one thread and not all of them. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    for (const host of [...this.#known.keys()]) {
      const to = await resolve(host, this.#lookup);
      if (to === undefined || !this.#known.has(host)) continue;
      const from = this.#known.get(host);
      this.#known.set(host, to);
      if (from !== undefined && from.join() !== to.join()) this.#moved(host, from, to);
    }
  }
}
