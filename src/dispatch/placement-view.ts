import type { WaitingView } from '../admission/listing.ts';
import type { Backend, ListEntry } from '../backends/backend.ts';
import type { Registry } from '../backends/registry.ts';
import { NO_DEMAND } from '../core/demand.ts';
import type { Facts } from '../facts/facts.ts';
import type { HostFacts } from '../facts/host.ts';
import type { ListedModel } from '../facts/residency.ts';
import { DEFAULT_KEEP_ALIVE_MS } from '../facts/resident.ts';
import type { HostView, ModelView, PoolView, ResidentView } from '../placement/view.ts';

/** Waiting requests that are looked at: far more than are needed to see which models are waited for. */
const MOST_WAITING = 10_000;
/** A keep_alive this near to the usual one is the usual one: it is read from times in whole seconds. */
const USUAL_WITHIN_MS = 5_000;

export interface PoolViewParts {
  readonly registry: Registry;
  readonly facts: Facts;
  /** Those who wait, at most so many. */
  readonly waiting: (limit: number) => readonly WaitingView[];
  /** The models, by key, that a request for a name may be served with: more than one for a virtual model. */
  readonly targets: (name: string) => readonly string[];
}

/** The pool as placement sees it at `at`, in ms on the Clock. O(models asked for lately); its hosts are built when asked for. */
export const poolView = (parts: PoolViewParts, at: number): PoolView => ({
  models: modelViews(parts, at),
  hosts: () => {
    const { registry, facts } = parts;
    return registry.ids().flatMap((id) => {
      const backend = registry.get(id);
      return backend === undefined ? [] : [hostView(backend, facts.host(id), at)];
    });
  },
});

const modelViews = ({ facts, waiting, targets }: PoolViewParts, at: number): readonly ModelView[] => {
  const backlogs = new Map<string, number>();
  for (const { lane } of waiting(MOST_WAITING)) {
    const models = targets(lane);
    // Nobody knows yet which of several it will be.
    for (const model of models) {
      const ms = facts.estimate(model, NO_DEMAND, at).ms / models.length;
      backlogs.set(model, (backlogs.get(model) ?? 0) + ms);
    }
  }
  return Array.from(new Set([...facts.interest.models(), ...backlogs.keys()]), (model) => ({
    model,
    arrivalsPerMinute: facts.interest.perMinute(model, at),
    backlogMs: backlogs.get(model) ?? 0,
    shape: facts.shapes.of(model),
  }));
};

/** One server as placement sees it at `at`. */
export const hostView = (backend: Backend, host: HostFacts, at: number): HostView => ({
  id: backend.id,
  usable:
    backend.enabled &&
    !backend.draining &&
    backend.health === 'up' &&
    backend.breaker.state === 'closed' &&
    !host.stuck,
  busy: host.works.length,
  loadsPending: host.residency.pendingLoads(),
  residents: residentsOf(host, at),
  installed: (model) => {
    const installed = backend.installed.get(model);
    const runner = backend.runners.get(model);
    if (installed === undefined || runner?.facts === undefined || runner.breaker.state !== 'closed') return undefined;
    return { loadMs: runner.facts.speeds.loadMs(at), embedding: onlyEmbeds(installed.entry) };
  },
  room: (model, shape) => {
    const { residency, runners } = host;
    const victims = residency.victims(model, shape, (name) => (runners.get(name)?.works.length ?? 0) > 0, at);
    return { victims: victims.map(({ model: name }) => name), chance: residency.evictionChance };
  },
});

const residentsOf = (host: HostFacts, at: number): readonly ResidentView[] => {
  const view = (listed: Pick<ListedModel, 'model'> & Partial<ListedModel>, draining: boolean): ResidentView => {
    const { model, sizeBytes = 0, contextLength, rest = '', expiresInMs = 0, keepAliveMs, loading = false } = listed;
    const runner = host.runners.get(model);
    const usual = keepAliveMs === undefined || Math.abs(keepAliveMs - DEFAULT_KEEP_ALIVE_MS) < USUAL_WITHIN_MS;
    return {
      model,
      sizeBytes,
      shape: { numCtx: contextLength, rest },
      expiresInMs,
      keepAliveKnownMs: usual ? undefined : keepAliveMs,
      loadMs: runner?.speeds.loadMs(at) ?? 0,
      running: runner?.works.length ?? 0,
      loading,
      draining,
    };
  };
  const { residency } = host;
  return [
    ...residency.list(at).map((listed) => view(listed, false)),
    ...residency.leaving().map((model) => view({ model }, true)),
  ];
};

/** Families of models that embed, for servers that do not list capabilities (before 0.32): BERT and what came of it. */
const EMBEDDERS = /bert/i;

export const onlyEmbeds = ({
  capabilities,
  details,
}: ListEntry & { capabilities?: unknown; details?: unknown }): boolean => {
  if (Array.isArray(capabilities)) return capabilities.includes('embedding') && !capabilities.includes('completion');
  const family: unknown =
    typeof details === 'object' && details !== null && 'family' in details ? details.family : undefined;
  return typeof family === 'string' && EMBEDDERS.test(family);
};
