import { Registry, type HealthSettings, type RegistryEvents } from '../../src/backends/registry.ts';
import type { Seen } from '../../src/backends/backend.ts';
import type { BackendConfig } from '../../src/config/types.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { seededRng } from '../../src/core/rng.ts';
import { BREAKER_DEFAULTS, type Outcome } from '../../src/core/types.ts';
import type { BreakerRules } from '../../src/backends/care.ts';
import { Facts } from '../../src/facts/facts.ts';
import { Learned } from '../../src/results/learned.ts';

export const backendConfig = (name: string, some: Partial<BackendConfig> = {}): BackendConfig => ({
  name,
  url: new URL(`http://${name}:11434`),
  weight: 1,
  slots: 100,
  zone: 'default',
  headers: {},
  tags: [],
  vramBytes: 'auto',
  ...some,
});

/** What a probe finds on a backend that is well and has these models. */
export const upWith = (...names: readonly string[]): Seen => ({
  up: true,
  version: '0.32.15',
  installed: names.map((name) => ({ name, digest: `sha256:${name}`, sizeBytes: 1, entry: {} })),
  loaded: [],
});

/** Every kind of end that a lease may have. */
export const OUTCOMES = {
  served: { kind: 'served', status: 200, firstByteMs: 1, totalMs: 2, usage: undefined },
  'client-error': { kind: 'client-error', status: 400, totalMs: 1 },
  'client-left': { kind: 'client-left', phase: 'head', totalMs: 1 },
  'backend-fault': {
    kind: 'backend-failed',
    phase: 'connect',
    blame: 'backend',
    reason: 'connect',
    message: 'connect: refused',
    totalMs: 1,
  },
  'model-fault': {
    kind: 'backend-failed',
    phase: 'head',
    blame: 'model',
    reason: 'status-5xx',
    message: 'answered 500',
    totalMs: 1,
  },
  overloaded: {
    kind: 'backend-failed',
    phase: 'head',
    blame: 'none',
    reason: 'overloaded',
    message: 'answered 503',
    totalMs: 1,
  },
} as const satisfies Record<string, Outcome>;

/** A registry on a clock of its own, with every event noted as one line. */
export const newPool = (
  settings: { readonly breaker?: Partial<BreakerRules>; readonly health?: Partial<HealthSettings> } = {},
): { readonly registry: Registry; readonly clock: ManualClock; readonly events: string[] } => {
  const clock = new ManualClock();
  const learned = new Learned();
  const events: string[] = [];
  const noted: RegistryEvents = {
    released: (runner, outcome) => events.push(`released ${runner.id} ${outcome.kind}`),
    breakerChanged: (backend, model, from, to) => events.push(`breaker ${backend}/${model ?? '*'} ${from}>${to}`),
    healthChanged: (backend, up) => events.push(`health ${backend} ${up ? 'up' : 'down'}`),
    suspected: (backend, model) => events.push(`suspected ${backend} ${model}`),
    failsAlike: (model, reason, backends) => events.push(`alike ${model} ${reason} ${backends.join(',')}`),
    panicked: (model) => events.push(`panic ${model}`),
    gone: (backend) => events.push(`gone ${backend}`),
    looked: () => {},
    loaded: () => {},
    modelsChanged: (backend) => events.push(`models ${backend}`),
  };
  const registry = new Registry({
    clock,
    facts: new Facts(),
    statsOf: (id) => learned.of(id),
    forget: (id) => {
      events.push(`forgot ${id}`);
      learned.forget(id);
    },
    events: noted,
    breaker: { ...BREAKER_DEFAULTS, ...settings.breaker },
    health: { unhealthyAfter: 3, healthyAfter: 1, ...settings.health },
    rng: seededRng(1),
  });
  return { registry, clock, events };
};
