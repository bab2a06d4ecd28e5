import { Runner } from '../backends/backend.ts';
import { candidates } from './candidates.ts';
import { shareOf, takeShare } from './embed-split-lease.ts';
import { digestOf, readBatch, sameModel, sharesOf, worthAsking, type Batch } from './embed-split-plan.ts';
import { SplitRun, type Share, type SplitJob } from './embed-split-run.ts';
import type { Exchange } from './exchange.ts';
import { nothingTried } from './failover.ts';
import type { HandlerParts } from './parts.ts';

/** Large batches of texts to embed (`embeddings.split`), worked on by several servers at once and answered as by one. */
export class EmbedSplit {
  readonly #parts: HandlerParts;
  readonly #active = new Set<SplitRun>();

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Called at a steady beat of a second or less. @param idleMs `limits.stream_idle_timeout` */
  sweep(at: number, idleMs: number): void {
    for (const run of this.#active) run.sweep(at, idleMs);
  }

  /**
   * Serves the request if it is a batch that at least two servers can share now.
   * @returns false when it is to be served in one piece; nothing was done then
   * @throws ProxyError when a part failed on every server that was permitted
   */
  async serve(exchange: Exchange, job: SplitJob): Promise<boolean> {
    const { embedSplit } = job.settings;
    const { ask, tail } = job.incoming;
    if (embedSplit === undefined || tail !== undefined || ask.purpose !== 'answer') return false;
    const batch = readBatch(exchange.path, ask.body, embedSplit);
    if (batch === undefined) return false;
    // Whoever waits comes first: what is free after this is free for everybody.
    this.#parts.gate.pump();
    const shares = this.#reserve(job, batch);
    const [first] = shares;
    if (first === undefined) return false;
    const { key, name } = job.wanted.tiers.flat().find((target) => target.key === first.lease.runner.model) ?? {
      key: job.facts.model,
      name: ask.model,
    };
    const model = { name, rewritten: key !== job.facts.model, digest: digestOf(first.lease.runner) };
    const run = new SplitRun(this.#parts, exchange, job, batch, model);
    this.#active.add(run);
    try {
      await run.serve(shares);
    } finally {
      this.#active.delete(run);
    }
    return true;
  }

  /** Takes a place on each server that gets a share, all in one tick; none where fewer than two would. */
  #reserve({ facts, demand, wanted, settings }: SplitJob, { items }: Batch): readonly Share[] {
    const { registry, gaps, clock, rng, metrics } = this.#parts;
    const at = clock.now();
    const open = candidates(registry, gaps, wanted, nothingTried()).find((tier) =>
      tier.some((runner) => runner.hasRoom(at)),
    );
    const runners = sameModel((open ?? []).filter((runner) => runner.hasRoom(at)));
    if (runners.length < 2) return [];
    const ranked = settings.strategy
      .rank(facts, runners, { at, rng })
      .all()
      .flatMap(({ candidate }) => (candidate instanceof Runner ? [candidate] : []));
    const weights = ranked.map(({ weight }) => weight);
    const asked = worthAsking(items.length, weights);
    if (asked.length < 2) return [];
    const total = asked.reduce((sum, place) => sum + (weights[place] ?? 0), 0);
    const leases = asked.flatMap((place) => {
      const runner = ranked[place];
      // What is foreseen for each is a share by weight, of all that are to be asked.
      const weight = weights[place] ?? 0;
      const share = shareOf(demand, weight, total);
      return (runner && takeShare(this.#parts, runner, share)) ?? [];
    });
    const [first] = leases;
    if (first !== undefined) settings.strategy.chosen?.(first.runner, runners);
    metrics.decision(settings.strategy.name, clock.now() - at);
    const spans = sharesOf(
      items.length,
      leases.map(({ runner }) => runner.weight),
    );
    return leases.flatMap((lease, index) => {
      const span = spans[index];
      return span === undefined ? [] : [{ lease, ...span }];
    });
  }
}
