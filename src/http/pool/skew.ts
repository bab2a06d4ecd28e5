import type { Log } from '../../core/types.ts';
import { digestSkew, type DigestSkew, type Listing } from './lists.ts';

/**
 * Keeps an eye on names under which backends hold different files. Such models may not answer alike, so it is worth a
 * warning, once for each change; it is no error, because equal weights may have been imported on two servers.
 */
export class SkewWatch {
  readonly #log: Log;
  #current: readonly DigestSkew[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** The names whose digests differ now. */
  get current(): readonly DigestSkew[] {
    return this.#current;
  }

  /** Takes in what all backends list; to be called when that has changed. */
  update(listings: readonly Listing[]): void {
    const before = new Map(this.#current.map((skew) => [skew.model, JSON.stringify(skew.digests)]));
    this.#current = digestSkew(listings);
    for (const { model, digests } of this.#current) {
      const known = before.get(model);
      before.delete(model);
      if (known === JSON.stringify(digests)) continue;
      const where = digests.map(({ backend, digest }) => `${digest.replace('sha256:', '').slice(0, 12)} on ${backend}`);
      const message = `${model} is not the same everywhere: ${where.join(', ')}; pull it anew to make it so`;
      this.#log.warn({ event: 'digest-skew', model, digests }, message);
    }
    for (const model of before.keys()) {
      this.#log.info({ event: 'digest-skew-over', model }, `${model} is the same everywhere again`);
    }
  }
}
