import type { BackendSnapshot } from '../backends/backend.ts';
import type { Issue, PriorityClass, Verdict } from '../core/types.ts';
import type { ModelMetricsView } from '../results/model-metrics.ts';
import type { RequestRecord } from '../results/history.ts';

/** A model of the pool and where it is. */
export interface PoolModel {
  readonly name: string;
  readonly backends: readonly { readonly name: string; readonly digest: string; readonly loaded: boolean }[];
  /** More than one digest under one name: the backends may not answer alike. */
  readonly digestsDiffer: boolean;
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
  ready(): { readonly ready: boolean; readonly reason: string };
  backends(): readonly BackendSnapshot[];
  /** @returns false if there is no such backend */
  patchBackend(name: string, patch: BackendPatch, who: string): boolean;
  recoverBackend(name: string, who: string): boolean;
  strategy(): { readonly strategy: string; readonly available: readonly string[] };
  /** @throws UnknownStrategyError */
  setStrategy(name: string, who: string): void;
  models(): readonly PoolModel[];
  modelMetrics(): Readonly<Record<string, ModelMetricsView>>;
  resetMetrics(who: string): void;
  queue(): Readonly<Record<PriorityClass, number>>;
  categorize(prompt: string, system: string): Verdict;
  decisions(limit: number): readonly RequestRecord[];
  decision(id: string): RequestRecord | undefined;
  config(): unknown;
  reload(who: string): Promise<ReloadResult>;
  metricsText(): Promise<{ readonly contentType: string; readonly text: string }>;
}
