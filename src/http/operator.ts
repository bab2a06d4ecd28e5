import type { Gate } from '../admission/gate.ts';
import type { BackendSnapshot } from '../backends/backend.ts';
import type { Registry } from '../backends/registry.ts';
import type { Clock } from '../core/clock.ts';
import type { Log, Strategy } from '../core/types.ts';
import type { Learning } from '../dispatch/learning.ts';
import type { Suspect } from '../dispatch/suspects.ts';
import type { Facts } from '../facts/facts.ts';
import type { Decisions, ExplainAnswer, WhyAnswer } from '../results/decisions.ts';
import type { History, RequestRecord } from '../results/history.ts';
import type { Metrics } from '../results/metrics.ts';
import type { ModelMetricsView } from '../results/model-metrics.ts';
import type { Recorder } from '../results/recorder.ts';
import type { KeyReport } from '../auth/key-ring.ts';
import { createStrategy, STRATEGY_NAMES } from '../routing/index.ts';
import type { LearnedReport } from '../routing/learned.ts';
import type { CategorizerChain, ChainExamination } from '../tasks/index.ts';
import type { AddResult, BackendSet, RemoveOptions, RemoveResult } from './backend-set.ts';
import type { BackendPatch, Control, PoolModel, QueueReport, ReloadResult } from './control.ts';
import { estimatesView, type EstimatesView } from './estimates.ts';
import type { Desk } from './events/desk.ts';
import type { PlacementReport } from '../dispatch/placement-report.ts';

export interface OperatorParts {
  readonly desk: Desk;
  readonly registry: Registry;
  readonly gate: Gate;
  readonly recorder: Recorder;
  readonly history: History;
  readonly decisions: Decisions;
  readonly facts: Facts;
  readonly clock: Clock;
  readonly explain: (body: Buffer) => ExplainAnswer;
  readonly placement: () => PlacementReport;
  readonly suspects: () => readonly Suspect[];
  readonly metrics: Metrics;
  readonly categorizer: CategorizerChain;
  readonly log: Log;
  readonly draining: () => boolean;
  readonly config: () => unknown;
  readonly reload: (who: string) => Promise<ReloadResult>;
  readonly set: BackendSet;
  readonly learning: Learning;
  /** Something that outlives the process was changed. */
  readonly changed: () => void;
  readonly keys: () => readonly KeyReport[];
}

/** The operator's hands: every change goes through here, is logged with who, before and after, and takes hold at once. */
export class Operator implements Control {
  readonly #parts: OperatorParts;
  /** Strategies that were in force keep their private memory for when they come back. */
  readonly #strategies = new Map<string, Strategy>();
  #strategy: Strategy;

  /** @throws UnknownStrategyError */
  constructor(parts: OperatorParts, strategy: string) {
    this.#parts = parts;
    const { strategy: learned } = parts.learning;
    this.#strategies.set(learned.name, learned);
    this.#strategy = this.#named(strategy);
  }

  get desk(): Desk {
    return this.#parts.desk;
  }

  /** The strategy in force. */
  get current(): Strategy {
    return this.#strategy;
  }

  #named(name: string): Strategy {
    const known = this.#strategies.get(name) ?? createStrategy(name);
    this.#strategies.set(name, known);
    return known;
  }

  strategy(): { readonly strategy: string; readonly available: readonly string[] } {
    return { strategy: this.#strategy.name, available: STRATEGY_NAMES };
  }

  learned(): LearnedReport | undefined {
    return this.#parts.learning.report(this.#strategy);
  }

  setStrategy(name: string, who: string): void {
    const from = this.#strategy.name;
    const next = this.#named(name);
    if (next === this.#strategy) return;
    this.#strategy = next;
    this.#parts.metrics.strategyChanged();
    this.#parts.changed();
    this.#parts.log.info({ event: 'strategy-changed', from, to: name, who }, `routing strategy: ${from} → ${name}`);
  }

  ready(): { readonly ready: boolean; readonly reason: string } {
    if (this.#parts.draining()) return { ready: false, reason: 'draining' };
    const up = this.#parts.registry.upCount;
    return up > 0
      ? { ready: true, reason: `${up} backend${up === 1 ? '' : 's'} up` }
      : { ready: false, reason: 'no backend is up' };
  }

  backends(): readonly BackendSnapshot[] {
    return this.#parts.registry.snapshots();
  }

  patchBackend(name: string, patch: BackendPatch, who: string): boolean {
    const { registry, gate, log } = this.#parts;
    const backend = registry.get(name);
    if (backend === undefined) return false;
    const before = { weight: backend.weight, enabled: backend.enabled, drain: backend.draining };
    if (patch.weight !== undefined) registry.setWeight(name, patch.weight);
    if (patch.enabled !== undefined) registry.setEnabled(name, patch.enabled);
    if (patch.drain !== undefined) registry.setDraining(name, patch.drain);
    const after = { weight: backend.weight, enabled: backend.enabled, drain: backend.draining };
    log.info({ event: 'backend-changed', backend: name, before, after, who }, `backend ${name} changed`);
    gate.pump();
    return true;
  }

  addBackend(value: unknown, who: string): AddResult {
    return this.#parts.set.add(value, who);
  }

  removeBackend(name: string, options: RemoveOptions, who: string): RemoveResult {
    return this.#parts.set.remove(name, options, who);
  }

  recoverBackend(name: string, who: string): boolean {
    const { registry, gate, log } = this.#parts;
    if (!registry.recover(name)) return false;
    log.info({ event: 'backend-recovered', backend: name, who }, `backend ${name} recovered by hand`);
    gate.pump();
    return true;
  }

  models(): readonly PoolModel[] {
    const { registry } = this.#parts;
    return Array.from(registry.models(), ([name, runners]) => {
      const backends = runners.map(({ backend, model }) => ({
        name: backend.id,
        digest: backend.installed.get(model)?.digest ?? '',
        loaded: backend.loaded.has(model),
      }));
      return { name, backends, digestsDiffer: new Set(backends.map(({ digest }) => digest)).size > 1 };
    }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  modelMetrics(): Readonly<Record<string, ModelMetricsView>> {
    return this.#parts.recorder.modelMetrics();
  }

  resetMetrics(who: string): void {
    this.#parts.recorder.reset();
    this.#parts.changed();
    this.#parts.log.info({ event: 'metrics-reset', who }, 'learned history and model metrics were reset');
  }

  queue(limit: number): QueueReport {
    const { gate } = this.#parts;
    return {
      waiting: {
        interactive: gate.depth('interactive'),
        normal: gate.depth('normal'),
        batch: gate.depth('batch'),
      },
      bytes: gate.bytes,
      requests: gate.waiting(limit),
      tenants: gate.tenants(limit),
      counts: gate.counts,
    };
  }

  placement(): PlacementReport {
    return this.#parts.placement();
  }

  estimates(backend: string | undefined): EstimatesView {
    const { registry, facts, clock, suspects } = this.#parts;
    return estimatesView(registry, facts, suspects(), backend, clock.now());
  }

  categorize(prompt: string, system: string): ChainExamination {
    return this.#parts.categorizer.examine({ text: prompt, system });
  }

  decisions(limit: number): readonly RequestRecord[] {
    return this.#parts.history.last(limit);
  }

  decision(id: string): WhyAnswer | undefined {
    const record = this.#parts.history.get(id);
    const decided = this.#parts.decisions.get(id);
    if (record === undefined && decided === undefined) return undefined;
    return { ...record, id, ...(decided === undefined ? {} : { decided }) };
  }

  explain(body: Buffer): ExplainAnswer {
    return this.#parts.explain(body);
  }

  keys(): readonly KeyReport[] {
    return this.#parts.keys();
  }

  config(): unknown {
    return this.#parts.config();
  }

  reload(who: string): Promise<ReloadResult> {
    return this.#parts.reload(who);
  }

  metricsText(accept?: string): Promise<{ readonly contentType: string; readonly text: string }> {
    return this.#parts.metrics.expose(accept);
  }
}
