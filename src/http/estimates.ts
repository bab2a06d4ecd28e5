import type { Registry } from '../backends/registry.ts';
import type { Suspect } from '../dispatch/suspects.ts';
import type { CapacityEstimates } from '../facts/capacity.ts';
import type { Facts } from '../facts/facts.ts';
import type { HostFacts } from '../facts/host.ts';
import type { LengthEstimate } from '../facts/lengths.ts';
import type { MemoryEstimates } from '../facts/prefix-index.ts';
import type { RunnerFacts } from '../facts/runner.ts';
import type { Suspicion } from '../facts/speeds.ts';
import type { Estimate } from '../facts/types.ts';

/** Pairs of application and model whose answers are listed: those that answered last. */
const MOST_LENGTHS = 1_000;

/** What is known about one model on one backend. */
export interface RunnerEstimates {
  readonly model: string;
  readonly prefillMsPerToken: Estimate;
  readonly decodeMsPerToken: Estimate;
  readonly loadMs: Estimate;
  /** Requests at a time. */
  readonly slots: Estimate;
  /** Observed over predicted, 1 = as predicted. */
  readonly slowFirst: number;
  readonly slowToken: number;
  readonly memory: MemoryEstimates;
  readonly suspicion: Suspicion;
}

export interface BackendEstimates {
  readonly name: string;
  /** Share by which each further busy request slows everybody there. */
  readonly slope: Estimate;
  /** Requests of others that are thought to be in flight. */
  readonly ghostRequests: number;
  readonly roundTripMs: number;
  /** The operator's word, and the most that any model was seen to work on at once. */
  readonly slots: { readonly configured: number | 'auto'; readonly proven: number };
  readonly capacity: CapacityEstimates;
  readonly models: readonly RunnerEstimates[];
}

/** What is known about one model, wherever it runs. */
export interface ModelEstimates {
  readonly model: string;
  readonly tokensPerByte: Estimate;
  /** Requests per minute: of the last minute, and of the last five. */
  readonly arrivalsPerMinute: number;
  readonly interestPerMinute: number;
  readonly answers: readonly Omit<LengthEstimate, 'model'>[];
}

export interface EstimatesView {
  /** ms of a usual request from its sending to its end. */
  readonly serviceMs: number;
  readonly backends: readonly BackendEstimates[];
  readonly models: readonly ModelEstimates[];
  readonly suspects: readonly Suspect[];
}

/**
 * Everything that forecasts read, each number with what stands behind it. O(backends × models): for people, not for the
 * request path.
 * @param backend only this one; undefined = all @param at ms on the Clock
 */
export const estimatesView = (
  registry: Registry,
  facts: Facts,
  suspects: readonly Suspect[],
  backend: string | undefined,
  at: number,
): EstimatesView => {
  const ids = registry.ids().filter((id) => backend === undefined || id === backend);
  return {
    serviceMs: facts.serviceMs(at),
    backends: ids.map((id) => ofHost(facts.host(id), at)),
    models: ofModels(facts, [...registry.models().keys()], at),
    suspects: suspects.filter((each) => backend === undefined || each.backend === backend),
  };
};

const ofHost = (host: HostFacts, at: number): BackendEstimates => ({
  name: host.id,
  slope: host.speeds.estimates(at).slope,
  ghostRequests: host.foreign.ghost(at),
  roundTripMs: host.roundTripMs,
  slots: { configured: host.slots.configured, proven: host.slots.proven },
  capacity: host.residency.capacity(),
  models: Array.from(host.runners.values(), (runner) => ofRunner(runner, at)),
});

const ofRunner = ({ model, speeds, slots, memory }: RunnerFacts, at: number): RunnerEstimates => {
  const { prefill, decode, load } = speeds.estimates(at);
  return {
    model,
    prefillMsPerToken: prefill,
    decodeMsPerToken: decode,
    loadMs: load,
    slots: slots.estimate(at),
    slowFirst: speeds.slowFirst(at),
    slowToken: speeds.slowToken(at),
    memory: memory.estimates(at),
    suspicion: speeds.suspicion(at),
  };
};

const ofModels = (facts: Facts, models: readonly string[], at: number): readonly ModelEstimates[] => {
  const answers = new Map<string, Omit<LengthEstimate, 'model'>[]>();
  for (const { model, ...answer } of facts.lengths.estimates(MOST_LENGTHS, at)) {
    const known = answers.get(model) ?? [];
    known.push(answer);
    answers.set(model, known);
  }
  return models.map((model) => ({
    model,
    tokensPerByte: facts.ratios.estimate(model, at),
    arrivalsPerMinute: facts.arrivals.perMinute(model, at),
    interestPerMinute: facts.interest.perMinute(model, at),
    answers: answers.get(model) ?? [],
  }));
};
