import { hash32 } from '../../src/sim/model/hash.ts';
import { Baseline, isWarm, leastBy, type Host } from './baseline.ts';
import type { SimJob } from './workload.ts';

/** Each candidate in turn. */
export class RoundRobin extends Baseline {
  readonly name = 'round-robin';
  #turn = 0;

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    this.#turn += 1;
    return candidates[this.#turn % Math.max(1, candidates.length)];
  }
}

/** Any candidate, evenly. */
export class RandomChoice extends Baseline {
  readonly name = 'random';

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    return candidates[Math.floor(this.world.rng.next() * candidates.length)];
  }
}

/** The fewest requests in flight, ties at random. */
export class LeastConnections extends Baseline {
  readonly name = 'least-connections';

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    return leastBy(candidates, ({ inflight }) => inflight, this.world.rng);
  }
}

/** The less busy of two drawn ones (Mitzenmacher). */
export class TwoChoices extends Baseline {
  readonly name = 'p2c';

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    return leastBy(drawTwo(candidates, this.world.rng), ({ inflight }) => inflight, this.world.rng);
  }
}

/** Two distinct candidates; fewer where there are fewer. */
export const drawTwo = (candidates: readonly Host[], rng: { next(): number }): readonly Host[] => {
  if (candidates.length < 3) return candidates;
  const first = Math.floor(rng.next() * candidates.length);
  const skip = Math.floor(rng.next() * (candidates.length - 1));
  const second = skip >= first ? skip + 1 : skip;
  return [candidates[first], candidates[second]].filter((host) => host !== undefined);
};

/** Highest random weight of a session: each keeps its server while that one is a candidate. */
const byHash = (job: SimJob, host: Host): number => -hash32(host.id, hash32(job.session));

/** Every session on the server that its hash names, however busy. */
export class SessionHash extends Baseline {
  readonly name = 'session-hash';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    return leastBy(candidates, (host) => byHash(job, host));
  }
}

/** Bounded loads: a server takes no more than this much of the mean. */
const LOAD_FACTOR = 1.25;

/** The hash's order, skipping servers above ⌈1.25 × mean⌉ requests (Mirrokni, Thorup, Zadimoghaddam). */
export class BoundedHash extends Baseline {
  readonly name = 'bounded-hash';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    const total = candidates.reduce((sum, { inflight }) => sum + inflight, 1);
    const cap = Math.ceil((LOAD_FACTOR * total) / Math.max(1, candidates.length));
    const open = candidates.filter(({ inflight }) => inflight < cap);
    return leastBy(open.length > 0 ? open : candidates, (host) => byHash(job, host));
  }
}

/** Only servers that have the model in memory, whatever waits there; least connections while none has it. */
export class WarmStrict extends Baseline {
  readonly name = 'warm-strict';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    const warm = candidates.filter((host) => isWarm(host, job.model));
    return leastBy(warm.length > 0 ? warm : candidates, ({ inflight }) => inflight, this.world.rng);
  }
}

/** Requests by which the warm server must be busier before a cold one is taken. */
const SPILL = 2;

/** A server that has the model in memory, unless the least busy one has two requests fewer. */
export class WarmSpill extends Baseline {
  readonly name = 'warm-spill';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    const { rng } = this.world;
    const coolest = leastBy(candidates, ({ inflight }) => inflight, rng);
    const warm = leastBy(
      candidates.filter((host) => isWarm(host, job.model)),
      ({ inflight }) => inflight,
      rng,
    );
    if (warm === undefined || coolest === undefined) return coolest;
    return warm.inflight >= coolest.inflight + SPILL ? coolest : warm;
  }
}

/** One queue in front of all: a request is sent to whoever has room, told how many slots there are (HAProxy's maxconn). */
export class CentralQueue extends Baseline {
  readonly name = 'maxconn';
  readonly #queue: SimJob[] = [];

  override arrive(job: SimJob): void {
    this.#queue.push(job);
    this.#pump();
  }

  override ended(...event: Parameters<Baseline['ended']>): void {
    const [job] = event;
    const place = this.#queue.findIndex(({ id }) => id === job.id);
    if (place !== -1) this.#queue.splice(place, 1);
    super.ended(...event);
    this.#pump();
  }

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    return leastBy(candidates, ({ inflight, slots }) => inflight / slots, this.world.rng);
  }

  #pump(): void {
    for (;;) {
      const [head] = this.#queue;
      if (head === undefined) return;
      const able = this.candidates(head);
      const free = able.filter(({ inflight, slots }) => inflight < slots);
      const host = this.choose(head, free);
      if (host === undefined && able.length > 0) return;
      this.#queue.shift();
      if (host === undefined) this.world.refuse(head, 'no server has the model');
      else this.dispatch(head, host);
    }
  }
}
