import type { LoadedModel } from '../../../src/backends/backend.ts';
import { Registry } from '../../../src/backends/registry.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { BREAKER_DEFAULTS } from '../../../src/core/types.ts';
import { Facts } from '../../../src/facts/facts.ts';
import { Learned } from '../../../src/results/learned.ts';
import { backendConfig } from '../../support/backend-pool.ts';

export const SIZE = 5e9;

export interface TestPool {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly learned: Learned;
  readonly clock: ManualClock;
  /** A look at a backend finds these models installed, and of them those loaded. */
  look(id: string, installed: readonly string[], loaded?: readonly (readonly [string, Partial<LoadedModel>?])[]): void;
}

/** Backends `names`, up, with nothing installed until they were looked at. */
export const newPool = (...names: readonly string[]): TestPool => {
  const clock = new ManualClock();
  const facts = new Facts();
  const learned = new Learned();
  const registry = new Registry({
    clock,
    facts,
    statsOf: (id) => learned.of(id),
    forget: () => {},
    events: {
      released: () => {},
      loaded: () => {},
      breakerChanged: () => {},
      healthChanged: () => {},
      modelsChanged: () => {},
      looked: () => {},
    },
    breaker: BREAKER_DEFAULTS,
    health: { unhealthyAfter: 1, healthyAfter: 1 },
  });
  registry.apply(names.map((name) => backendConfig(name, { slots: 'auto' })));
  return {
    registry,
    facts,
    learned,
    clock,
    look: (id, installed, loaded = []) =>
      registry.observe(id, {
        up: true,
        version: '0.33.0',
        installed: installed.map((name) => ({ name, digest: `sha256:${name}`, sizeBytes: SIZE, entry: entryOf(name) })),
        loaded: loaded.map(([name, some]) => ({
          name,
          digest: `sha256:${name}`,
          sizeBytes: SIZE,
          vramBytes: SIZE,
          contextLength: 4_096,
          expiresInMs: 300_000,
          entry: {},
          ...some,
        })),
      }),
  };
};

/** As a server lists it: `embed…` can only embed, `old-bert…` is of a server that lists no capabilities. */
const entryOf = (name: string): Readonly<Record<string, unknown>> => {
  if (name.startsWith('old-bert')) return { details: { family: 'nomic-bert' } };
  return { capabilities: name.startsWith('embed') ? ['embedding'] : ['completion', 'tools'] };
};

/** A backend's runner of a model. @throws RangeError when there is none */
export const runnerOf = ({ registry }: TestPool, id: string, model: string) => {
  const runner = registry.get(id)?.runners.get(model);
  if (runner?.facts === undefined) throw new RangeError(`no ${model} on ${id}`);
  return { runner, facts: runner.facts };
};
