import { closedBreaker, stateOf } from '../backends/breaker.ts';
import type { Breaker } from '../backends/breaker.ts';
import type { BreakerSettings, BreakerState, Candidate, CandidateStats } from '../core/types.ts';
import type { ModelMetricsView } from '../results/model-metrics.ts';
import { ModelMetrics } from '../results/model-metrics.ts';

/** One registered model: what strategies see of it, and what only the router writes. */
export class ModelEntry<Instance> implements Candidate {
  readonly id: string;
  readonly instance: Instance;
  readonly weight: number;
  readonly stats: CandidateStats;
  readonly metrics = new ModelMetrics();
  /** A library cannot tell what a model's server holds in memory. */
  readonly resident = undefined;
  breaker: Breaker = closedBreaker;
  /** Tasks routed here and not yet recorded. */
  inflight: number;

  constructor(id: string, instance: Instance, weight: number, stats: CandidateStats, inflight: number) {
    this.id = id;
    this.instance = instance;
    this.weight = weight;
    this.stats = stats;
    this.inflight = inflight;
  }

  get backendId(): string {
    return this.id;
  }

  get model(): string {
    return this.id;
  }
}

/** The metrics of a registered model together with how it stands now. */
export interface ModelStatus extends ModelMetricsView {
  readonly weight: number;
  /** Tasks routed and not yet recorded. */
  readonly pendingTasks: number;
  /** No task may go there now; false again as soon as trials may. */
  readonly circuitBreakerOpen: boolean;
  readonly circuitBreakerState: BreakerState;
}

/** How a breaker stands. */
export interface BreakerStatus {
  readonly state: BreakerState;
  /** Failures in a row while closed, otherwise 0. */
  readonly consecutiveFailures: number;
  /** Successes of trials while half-open, otherwise 0. */
  readonly trialSuccesses: number;
  /** ms until trials are let through; 0 unless open. */
  readonly retryInMs: number;
}

/** A breaker in words for people, as seen at `at`. */
export const breakerStatus = (breaker: Breaker, settings: BreakerSettings, at: number): BreakerStatus => {
  const state = stateOf(breaker, settings, at);
  return {
    state,
    consecutiveFailures: breaker.state === 'closed' ? breaker.failures : 0,
    trialSuccesses: breaker.state === 'half-open' ? breaker.successes : 0,
    retryInMs: state === 'open' && breaker.state === 'open' ? breaker.since + settings.timeout - at : 0,
  };
};

/** Why a breaker lets nothing through at `at`, for errors and `explain`; asked only where it does not. */
export const refusal = (breaker: Breaker, settings: BreakerSettings, at: number): string => {
  const { state, retryInMs } = breakerStatus(breaker, settings, at);
  return state === 'open'
    ? `circuit breaker open, tried again in ${Math.ceil(retryInMs)} ms`
    : `circuit breaker half-open, its ${settings.halfOpenRequests} trial places are taken`;
};
