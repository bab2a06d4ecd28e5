import { fade } from './decayed.ts';

/**
 * Signs that others send requests to a host past us:
 * - `used`: /api/ps shows a later `expires_at` for a model on which we had nothing since the last look;
 * - `loaded`: a model came into memory, or one of ours had to be loaded again, without our doing;
 * - `waited`: a request of ours waited much longer than predicted although slots were free by our count.
 */
export type ForeignSign = 'used' | 'loaded' | 'waited';

/** Requests last about as long, so what was seen a minute ago mostly ended. */
const TAU_MS = 60_000;

/** One sign is as likely a request that has ended already as one that still runs. */
const ONE_SIGN = 0.5;

/**
 * What many signs of one kind can add up to. Moved expiries and new models say that somebody is there, not how many;
 * only waiting shows that all free slots were taken.
 */
const MOST: Readonly<Record<ForeignSign, number>> = { used: 2, loaded: 2, waited: 4 };

/** An estimate of the requests that others have in flight on one host. O(1). */
export class ForeignTraffic {
  #level = 0;
  #at = 0;

  /** Each sign adds half a request, less the nearer the estimate is to what such signs can show. */
  saw(sign: ForeignSign, at: number): void {
    const level = this.ghost(at);
    this.#level = level + ONE_SIGN * Math.max(0, 1 - level / MOST[sign]);
    this.#at = Math.max(this.#at, at);
  }

  /** Requests of others in flight now, 0 … 4. */
  ghost(at: number): number {
    return this.#level === 0 ? 0 : this.#level * fade(at - this.#at, TAU_MS);
  }
}
