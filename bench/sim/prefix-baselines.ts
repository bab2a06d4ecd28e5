import { Baseline, isWarm, leastBy, type Host } from './baseline.ts';
import type { AttemptEnd } from './policy.ts';
import { PrefixLedger, promptTokens } from './prefix-ledger.ts';
import type { SimJob } from './workload.ts';

/** Shared by the rules that know which prompts a server has seen, and how many unread tokens it was sent. */
abstract class PrefixBaseline extends Baseline {
  protected readonly ledger = new PrefixLedger();
  readonly #unread = new Map<string, Map<string, number>>();

  protected override sent(job: SimJob, host: Host): void {
    const unread = this.#unread.get(host.id) ?? new Map<string, number>();
    this.#unread.set(host.id, unread.set(job.id, this.ledger.newTokens(job, host)));
    this.ledger.sent(job, host);
  }

  override firstToken(job: SimJob, serverId: string): void {
    this.#unread.get(serverId)?.delete(job.id);
  }

  protected override settled(job: SimJob, host: Host, _result: AttemptEnd): void {
    this.#unread.get(host.id)?.delete(job.id);
  }

  /** Tokens sent to the server of which the first answer token has not come yet. */
  protected unreadTokens(host: Host): number {
    let sum = 0;
    for (const tokens of this.#unread.get(host.id)?.values() ?? []) sum += tokens;
    return sum;
  }
}

/** SGLang's defaults, the absolute gap scaled from batches of 64 to servers of one slot. */
const MATCH_SHARE = 0.5;
const GAP_REQUESTS = 2;
const GAP_FACTOR = 1.1;

/** SGLang: the best prefix match while loads are even, else the shortest queue; the emptiest tree without a match. */
export class CacheAware extends PrefixBaseline {
  readonly name = 'sglang';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    const { rng } = this.world;
    const loads = candidates.map(({ inflight }) => inflight);
    const most = Math.max(...loads);
    const least = Math.min(...loads);
    const uneven = most - least > GAP_REQUESTS && most > GAP_FACTOR * least;
    if (uneven) return leastBy(candidates, ({ inflight }) => inflight, rng);
    const best = leastBy(candidates, (host) => -this.ledger.knownTokens(job, host), rng);
    if (best === undefined) return undefined;
    if (this.ledger.knownTokens(job, best) > MATCH_SHARE * promptTokens(job)) return best;
    return leastBy(candidates, (host) => this.ledger.size(host), rng);
  }
}

/** Weights of the scorers in llm-d's usual profile. */
const PREFIX_WEIGHT = 2;
const QUEUE_WEIGHT = 1;

/** llm-d: weighted sum of the matched share and of how short the queue is between shortest and longest. */
export class ScoreBlend extends PrefixBaseline {
  readonly name = 'llm-d';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    const loads = candidates.map(({ inflight }) => inflight);
    const most = Math.max(...loads);
    const range = most - Math.min(...loads);
    const total = promptTokens(job);
    return leastBy(
      candidates,
      (host) => {
        const queue = range === 0 ? 1 : (most - host.inflight) / range;
        return -(PREFIX_WEIGHT * (this.ledger.knownTokens(job, host) / total) + QUEUE_WEIGHT * queue);
      },
      this.world.rng,
    );
  }
}

/** Cached share that makes a server sticky, and the gap in time to first token that breaks it (llm-d's defaults). */
const STICKY_SHARE = 0.8;
const GAP_MS = 18_000;
/** The one number to calibrate: tokens that a usual server reads per ms. */
const TOKENS_PER_MS = 2.2;

/** llm-d: sticks to those that know the prompt until they have too much to read; least unread tokens decides. */
export class StickyUntilSaturated extends PrefixBaseline {
  readonly name = 'sticky';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    const { rng } = this.world;
    const cost = (host: Host): number => this.unreadTokens(host) + this.ledger.newTokens(job, host);
    const anywhere = leastBy(candidates, cost, rng);
    const total = promptTokens(job);
    const sticky = leastBy(
      candidates.filter((host) => this.ledger.knownTokens(job, host) >= STICKY_SHARE * total),
      cost,
      rng,
    );
    if (sticky === undefined || anywhere === undefined) return anywhere;
    return (cost(sticky) - cost(anywhere)) / TOKENS_PER_MS > GAP_MS ? anywhere : sticky;
  }
}

/** LMetric: new tokens × requests that share the batch. Made for one model per pool. */
export class LMetric extends PrefixBaseline {
  readonly name: string = 'lmetric';

  protected choose(job: SimJob, candidates: readonly Host[]): Host | undefined {
    return leastBy(candidates, (host) => this.fresh(job, host) * (host.inflight + 1), this.world.rng);
  }

  protected fresh(job: SimJob, host: Host): number {
    return this.ledger.newTokens(job, host);
  }
}

/** Tokens that a usual server reads while it loads a model of 5 GB: what a cold server is behind. */
const LOAD_TOKENS = 10_000;

/** LMetric with a load counted in tokens, so that it knows of several models. */
export class WarmLMetric extends LMetric {
  override readonly name = 'lmetric-warm';

  protected override fresh(job: SimJob, host: Host): number {
    return isWarm(host, job.model) ? super.fresh(job, host) : promptTokens(job) + LOAD_TOKENS;
  }
}
