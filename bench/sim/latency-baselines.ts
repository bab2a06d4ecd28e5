import { Baseline, leastBy, type Host } from './baseline.ts';
import type { AttemptEnd } from './policy.ts';
import { drawTwo } from './simple-baselines.ts';
import type { SimJob } from './workload.ts';

/** Time constant and first guess of Finagle's and Linkerd's peak-EWMA. */
const DECAY_MS = 10_000;
const UNSEEN_MS = 1000;

interface Peak {
  valueMs: number;
  at: number;
}

/** Two drawn servers, the lower of latency × (requests + 1); the latency jumps up at once and sinks slowly. */
export class PeakEwma extends Baseline {
  readonly name = 'peak-ewma';
  readonly #peaks = new Map<string, Peak>();

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    return leastBy(drawTwo(candidates, this.world.rng), (host) => this.#latency(host) * (host.inflight + 1));
  }

  protected override settled(_job: SimJob, host: Host, result: AttemptEnd): void {
    if (result.kind === 'left') return;
    const sample = result.kind === 'served' ? result.totalMs : result.ms;
    const now = this.world.now();
    const old = this.#peaks.get(host.id);
    const kept = old === undefined ? 0 : Math.exp(-(now - old.at) / DECAY_MS);
    const valueMs = old === undefined || sample > old.valueMs ? sample : old.valueMs * kept + sample * (1 - kept);
    this.#peaks.set(host.id, { valueMs, at: now });
  }

  /** Sinks towards 0 while nothing is heard, so that a slow server is tried again. */
  #latency(host: Host): number {
    const peak = this.#peaks.get(host.id);
    if (peak === undefined) return UNSEEN_MS;
    return Math.max(1, peak.valueMs * Math.exp(-(this.world.now() - peak.at) / DECAY_MS));
  }
}

/** Weight of a new sample, the value above which all are equal, and the width of a class of equals (nginx's source). */
const SAMPLE_WEIGHT = 0.05;
const CLAMP_MS = 5000;
const CLASS_MS = 20;

/** nginx's least_time: mean response time × (1 + requests), in classes of 20 ms; above 5 s it counts connections. */
export class LeastTime extends Baseline {
  readonly name = 'least-time';
  readonly #meanMs = new Map<string, number>();

  protected choose(_job: SimJob, candidates: readonly Host[]): Host | undefined {
    const { rng } = this.world;
    const eta = (host: Host): number => {
      const expected = (this.#meanMs.get(host.id) ?? 0) * (1 + host.inflight);
      return expected > CLAMP_MS ? CLAMP_MS : Math.ceil(expected / CLASS_MS) * CLASS_MS;
    };
    const least = candidates.reduce((low, host) => Math.min(low, eta(host)), Number.POSITIVE_INFINITY);
    return leastBy(
      candidates.filter((host) => eta(host) <= least),
      ({ inflight }) => inflight,
      rng,
    );
  }

  /** Failures stay out of the mean. */
  protected override settled(_job: SimJob, host: Host, result: AttemptEnd): void {
    if (result.kind !== 'served') return;
    const old = this.#meanMs.get(host.id);
    this.#meanMs.set(host.id, old === undefined ? result.totalMs : old + SAMPLE_WEIGHT * (result.totalMs - old));
  }
}
