import { DEFAULT_SHAPE } from '../core/demand.ts';
import type { HostFacts } from './host.ts';

/** How long it is remembered on how many servers a model is in memory. */
const KEPT_MS = 1_000;
/** Hosts that one call looks at: all of a usual pool, and few enough that nobody's request waits for the count. */
const AT_ONCE = 256;
/** Models that are counted. */
const MOST_MODELS = 4_096;

interface Count {
  /** When the last count was over, in ms on the Clock. */
  at: number;
  count: number;
  /** The count under way: who is still to be looked at, and how many were found so far. */
  left: Iterator<HostFacts> | undefined;
  found: number;
}

/** On how many hosts models are in memory. */
export class Copies {
  readonly #hosts: ReadonlyMap<string, HostFacts>;
  readonly #counts = new Map<string, Count>();

  /** @param hosts kept, not copied */
  constructor(hosts: ReadonlyMap<string, HostFacts>) {
    this.#hosts = hosts;
  }

  /**
   * As of at most a second ago; in a large pool it is counted anew over several calls, so that it is as old as these take.
   * The first count of a model is done at once. O(1), and now and then O(256)
   */
  of(model: string, at: number): number {
    let count = this.#counts.get(model);
    if (count === undefined) {
      if (this.#counts.size >= MOST_MODELS) this.#counts.clear();
      count = { at, count: 0, left: this.#hosts.values(), found: 0 };
      this.#counts.set(model, count);
      this.#go(count, model, at, Infinity);
    } else if (count.left !== undefined || at - count.at >= KEPT_MS) {
      count.left ??= this.#hosts.values();
      this.#go(count, model, at, AT_ONCE);
    }
    return count.count;
  }

  #go(count: Count, model: string, at: number, most: number): void {
    for (let looked = 0; count.left !== undefined && looked < most; looked++) {
      const next = count.left.next();
      if (next.done !== true) {
        if (next.value.residency.ready(model, DEFAULT_SHAPE, at)) count.found++;
        continue;
      }
      count.count = count.found;
      count.found = 0;
      count.left = undefined;
      count.at = at;
    }
  }
}
