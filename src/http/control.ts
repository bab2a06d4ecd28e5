import type { TenantView, WaitingView } from '../admission/listing.ts';
import type { KeyReport } from '../auth/key-ring.ts';
import type { BackendSnapshot } from '../backends/backend.ts';
import type { Issue, PriorityClass } from '../core/types.ts';
import type { ModelMetricsView } from '../results/model-metrics.ts';
import type { ExplainAnswer, WhyAnswer } from '../results/decisions.ts';
import type { RequestRecord } from '../results/history.ts';
import type { AddResult, RemoveOptions, RemoveResult } from './backend-set.ts';
import type { LearnedReport } from '../routing/learned.ts';
import type { EstimatesView } from './estimates.ts';
import type { Desk } from './events/desk.ts';
import type { PlacementReport } from '../dispatch/placement-report.ts';
import type { ChainExamination } from '../tasks/index.ts';

/** A model of the pool and where it is. */
export interface PoolModel {
  readonly name: string;
  readonly backends: readonly { readonly name: string; readonly digest: string; readonly loaded: boolean }[];
  /** More than one digest under one name: the backends may not answer alike. */
  readonly digestsDiffer: boolean;
}

/** Who waits in the proxy. */
export interface QueueReport {
  /** By class, those included who were promoted to it. */
  readonly waiting: Readonly<Record<PriorityClass, number>>;
  /** Bytes that they hold. */
  readonly bytes: number;
  /** By class, the longest waiting in it first; at most as many as were asked for. */
  readonly requests: readonly WaitingView[];
  /** Those who wait first, and the least served first. */
  readonly tenants: readonly TenantView[];
  /** Since the start: requests moved up a class, and requests turned away to keep waits short. */
  readonly counts: { readonly promotions: number; readonly shed: number };
}

export interface BackendPatch {
  readonly weight?: number | undefined;
  readonly enabled?: boolean | undefined;
  readonly drain?: boolean | undefined;
}

export type ReloadResult =
  | {
      readonly ok: true;
      readonly changes: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Everything that an operator can see and change; the admin API is one face of it. Changes are logged by it. */
export interface Control {
  /** What is watched live. */
  readonly desk: Pick<Desk, 'attach' | 'full' | 'series'>;
  ready(): { readonly ready: boolean; readonly reason: string };
  backends(): readonly BackendSnapshot[];
  /** @returns false if there is no such backend */
  patchBackend(name: string, patch: BackendPatch, who: string): boolean;
  /** @param value an entry of `backends` as in the file, not checked yet */
  addBackend(value: unknown, who: string): AddResult;
  removeBackend(name: string, options: RemoveOptions, who: string): RemoveResult;
  recoverBackend(name: string, who: string): boolean;
  strategy(): { readonly strategy: string; readonly available: readonly string[] };
  /** How the arms of `learned` stand; undefined while another strategy is in force. */
  learned(): LearnedReport | undefined;
  /** @throws UnknownStrategyError */
  setStrategy(name: string, who: string): void;
  models(): readonly PoolModel[];
  modelMetrics(): Readonly<Record<string, ModelMetricsView>>;
  resetMetrics(who: string): void;
  /** @param limit at most so many requests, and as many tenants */
  queue(limit: number): QueueReport;
  placement(): PlacementReport;
  /** @param backend only this one; undefined = all */
  estimates(backend: string | undefined): EstimatesView;
  categorize(prompt: string, system: string): ChainExamination;
  decisions(limit: number): readonly RequestRecord[];
  decision(id: string): WhyAnswer | undefined;
  /** @throws ProxyError for what Ollama would refuse, an unknown model, or when nobody can take it now */
  explain(body: Buffer): ExplainAnswer;
  /** The API keys in force, in the order of the file; never a key or its hash. */
  keys(): readonly KeyReport[];
  config(): unknown;
  reload(who: string): Promise<ReloadResult>;
  /** @param accept the scraper's `Accept` header */
  metricsText(accept?: string): Promise<{ readonly contentType: string; readonly text: string }>;
}
