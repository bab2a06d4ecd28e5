import { describe, expect, it } from 'vitest';
import type { Lease, Registry } from '../../../src/backends/registry.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../../support/backend-pool.ts';

const M = 'm:latest';

const acquire = (registry: Registry, backend: string, model = M): Lease | undefined => {
  const runner = registry
    .models()
    .get(model)
    ?.find(({ backendId }) => backendId === backend);
  return runner && registry.tryAcquire(runner);
};
/** As `acquire`, for when it must be granted. */
const lease = (registry: Registry, backend: string, model = M): Lease => {
  const granted = acquire(registry, backend, model);
  if (granted === undefined) throw new Error(`no place on ${backend}`);
  return granted;
};

describe('what runs', () => {
  it('is counted from the lease to its first end, and every end is announced once', () => {
    const { registry, events } = newPool();
    registry.apply([backendConfig('a', { slots: 2 })]);
    registry.observe('a', upWith(M));
    const first = lease(registry, 'a');
    lease(registry, 'a');
    expect(acquire(registry, 'a')).toBeUndefined();
    first.end(OUTCOMES.served);
    first.end(OUTCOMES['backend-fault']);
    expect(registry.snapshots()[0]).toMatchObject({ inflight: 1, breaker: 'closed', models: [{ running: 1 }] });
    expect(events.filter((event) => event.startsWith('released'))).toEqual(['released a/m:latest served']);
  });

  it('is bounded by slots per model, not per backend, and not at all for requests that run no model', () => {
    const { registry } = newPool();
    registry.apply([backendConfig('a', { slots: 1 })]);
    registry.observe('a', upWith('m', 'n'));
    lease(registry, 'a', M);
    lease(registry, 'a', 'n:latest');
    expect(acquire(registry, 'a', M)).toBeUndefined();
    const [runner] = registry.eligibleForPassthrough(M).runners;
    if (runner === undefined) throw new Error('a is up');
    for (let i = 0; i < 5; i++) expect(registry.tryAcquire(runner)?.runner).toBe(runner);
    expect(registry.get('a')?.inflight).toBe(7);
  });
});

describe('who is asked', () => {
  it('is whoever has the model, in whatever spelling it is listed', () => {
    const { registry } = newPool();
    registry.apply([backendConfig('a'), backendConfig('b')]);
    registry.observe('a', upWith('Llama3'));
    registry.observe('b', upWith('registry.ollama.ai/library/llama3:latest', 'other'));
    expect(registry.eligible('llama3:latest').runners.map(({ backendId }) => backendId)).toEqual(['a', 'b']);
    expect(registry.eligible('unknown:latest')).toEqual({ known: false, runners: [], obstacles: [] });
    expect(registry.eligibleForPassthrough('other:latest').runners.map(({ backendId }) => backendId)).toEqual(['b']);
    expect(registry.eligibleForPassthrough(undefined).runners.length).toBe(2);
  });

  it('says why everybody else is not', () => {
    const { registry } = newPool({ breaker: { failureThreshold: 1 } });
    const names = ['disabled', 'drained', 'down', 'broken', 'model'];
    registry.apply(names.map((name) => backendConfig(name)));
    for (const name of names) registry.observe(name, upWith(M));
    registry.setEnabled('disabled', false);
    registry.setDraining('drained', true);
    for (let i = 0; i < 3; i++) registry.observe('down', { up: false, error: 'refused' });
    lease(registry, 'broken').end(OUTCOMES['backend-fault']);
    lease(registry, 'model').end(OUTCOMES['model-fault']);
    expect(registry.eligible(M)).toEqual({
      known: true,
      runners: [],
      obstacles: [
        { backend: 'disabled', why: 'disabled by the operator' },
        { backend: 'drained', why: 'draining' },
        { backend: 'down', why: 'down: refused' },
        { backend: 'broken', why: 'circuit breaker of the backend is open' },
        { backend: 'model', why: 'circuit breaker of the model is open' },
      ],
    });
    for (const name of names) expect(acquire(registry, name)).toBeUndefined();
  });

  it('is nobody who was never looked at', () => {
    const { registry } = newPool();
    registry.apply([backendConfig('a')]);
    expect(registry.inventoryKnown).toBe(false);
    expect(registry.eligibleForPassthrough(undefined).obstacles).toEqual([{ backend: 'a', why: 'not probed yet' }]);
  });
});

describe('health', () => {
  it('flips after as many equal looks in a row as the settings ask for', () => {
    const { registry, events } = newPool({ health: { unhealthyAfter: 3, healthyAfter: 2 } });
    registry.apply([backendConfig('a')]);
    const up = (): void => registry.observe('a', upWith(M));
    const miss = (): void => registry.observe('a', { up: false, error: 'x' });
    const healthOf = (): unknown => registry.snapshots()[0]?.health;
    up();
    expect(healthOf()).toBe('up');
    miss();
    miss();
    up();
    miss();
    miss();
    expect(healthOf()).toBe('up');
    miss();
    expect(healthOf()).toBe('down');
    up();
    miss();
    up();
    expect(healthOf()).toBe('down');
    up();
    expect(healthOf()).toBe('up');
    expect(events.filter((event) => event.startsWith('health'))).toEqual([
      'health a up',
      'health a down',
      'health a up',
    ]);
  });

  it('of a backend that never answered is down at the first miss', () => {
    const { registry } = newPool({ health: { unhealthyAfter: 3 } });
    registry.apply([backendConfig('a')]);
    registry.observe('a', { up: false, error: 'refused' });
    expect([registry.snapshots()[0]?.health, registry.upCount]).toEqual(['down', 0]);
  });

  it('leaves the models known while a backend is down', () => {
    const { registry } = newPool({ health: { unhealthyAfter: 1 } });
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith(M));
    registry.observe('a', { up: false, error: 'x' });
    expect(registry.eligible(M).known).toBe(true);
  });
});

describe('outcomes', () => {
  const stepped = (...outcomes: readonly (keyof typeof OUTCOMES)[]): readonly unknown[] => {
    const { registry } = newPool({ breaker: { failureThreshold: 2 } });
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith('m', 'n'));
    const leases = outcomes.map(() => lease(registry, 'a'));
    for (const [i, outcome] of outcomes.entries()) leases[i]?.end(OUTCOMES[outcome]);
    const view = registry.snapshots()[0];
    return [view?.breaker, ...(view?.models ?? []).map(({ breaker }) => breaker)];
  };

  it.each([
    [
      ['backend-fault', 'backend-fault'],
      ['open', 'closed', 'closed'],
    ],
    [
      ['model-fault', 'model-fault'],
      ['closed', 'open', 'closed'],
    ],
    [
      ['model-fault', 'backend-fault', 'model-fault'],
      ['closed', 'open', 'closed'],
    ],
    [
      ['model-fault', 'served', 'model-fault'],
      ['closed', 'closed', 'closed'],
    ],
    [
      ['backend-fault', 'client-error', 'backend-fault'],
      ['closed', 'closed', 'closed'],
    ],
    [
      ['model-fault', 'client-error', 'model-fault'],
      ['closed', 'open', 'closed'],
    ],
    [
      ['client-left', 'client-left', 'overloaded', 'overloaded', 'client-error'],
      ['closed', 'closed', 'closed'],
    ],
    [
      ['backend-fault', 'client-left', 'backend-fault'],
      ['open', 'closed', 'closed'],
    ],
  ] as const)('%j step the breaker of whoever is to blame: backend, model, other model', (outcomes, states) => {
    expect(stepped(...outcomes)).toEqual(states);
  });

  it('let a few trials through after the timeout, and close the breaker when those succeed', () => {
    const { registry, clock, events } = newPool({
      breaker: { failureThreshold: 1, successThreshold: 2, timeout: 100, halfOpenRequests: 2 },
    });
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith(M));
    lease(registry, 'a').end(OUTCOMES['backend-fault']);
    expect(acquire(registry, 'a')).toBeUndefined();
    clock.advance(100);
    const trials = [lease(registry, 'a'), lease(registry, 'a')];
    expect(acquire(registry, 'a')).toBeUndefined();
    // A trial whose client leaves proves nothing and gives its place back.
    trials[0]?.end(OUTCOMES['client-left']);
    const third = lease(registry, 'a');
    trials[1]?.end(OUTCOMES.served);
    third.end(OUTCOMES.served);
    expect(events.filter((event) => event.startsWith('breaker'))).toEqual([
      'breaker a/* closed>open',
      'breaker a/* open>half-open',
      'breaker a/* half-open>closed',
    ]);
  });

  it('are forgiven by the operator', () => {
    const { registry } = newPool({ breaker: { failureThreshold: 1 }, health: { unhealthyAfter: 1 } });
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith(M));
    const [first, second] = [lease(registry, 'a'), lease(registry, 'a')];
    first.end(OUTCOMES['backend-fault']);
    second.end(OUTCOMES['model-fault']);
    registry.observe('a', { up: false, error: 'x' });
    expect(registry.recover('a')).toBe(true);
    expect(registry.snapshots()[0]).toMatchObject({ health: 'up', breaker: 'closed', models: [{ breaker: 'closed' }] });
    expect(registry.recover('nobody')).toBe(false);
  });
});

describe('a new configuration', () => {
  it('applied twice is the same as once, and keeps counters, health and breakers of those who stay', () => {
    const { registry } = newPool({ breaker: { failureThreshold: 1 } });
    const configs = [backendConfig('a'), backendConfig('b')];
    expect(registry.apply(configs)).toEqual({ added: ['a', 'b'], removed: [] });
    registry.observe('a', upWith(M));
    lease(registry, 'a');
    lease(registry, 'a').end(OUTCOMES['model-fault']);
    const before = registry.snapshots();
    expect(registry.apply(configs)).toEqual({ added: [], removed: [] });
    expect(registry.snapshots()).toEqual(before);
  });

  it('starts a backend anew when its URL moves, and lets what runs on the old one end in peace', () => {
    const { registry, events } = newPool();
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith(M));
    const old = lease(registry, 'a');
    const moved = backendConfig('a', { url: new URL('http://elsewhere:1') });
    expect(registry.apply([moved])).toEqual({ added: ['a'], removed: ['a'] });
    expect(registry.snapshots()[0]).toMatchObject({ inflight: 0, health: 'unknown' });
    old.end(OUTCOMES.served);
    expect(registry.snapshots()[0]?.inflight).toBe(0);
    expect(events).toContain('forgot a/m:latest');
  });

  it('goes on counting what runs on a backend that was taken away and is back before it has ended', () => {
    const { registry, events } = newPool();
    const [a, b] = [backendConfig('a'), backendConfig('b')];
    registry.apply([a, b]);
    for (const name of ['a', 'b']) registry.observe(name, upWith(M));
    const old = lease(registry, 'a');
    const { runner } = old;
    registry.apply([b]);
    expect(registry.ids()).toEqual(['b']);
    // Whoever chose it a moment ago gets no place there.
    expect(registry.tryAcquire(runner)).toBeUndefined();
    expect(registry.apply([a, b])).toEqual({ added: ['a'], removed: [] });
    expect(registry.ids()).toEqual(['a', 'b']);
    expect(registry.snapshots()[0]).toMatchObject({ name: 'a', inflight: 1, draining: false, health: 'up' });
    lease(registry, 'a');
    old.end(OUTCOMES.served);
    expect(registry.snapshots()[0]).toMatchObject({ inflight: 1, models: [{ running: 1 }] });
    expect(events.filter((event) => event.startsWith('forgot') || event.startsWith('gone'))).toEqual([]);
  });

  it('forgets a backend that was taken away with its last request, or when another one takes its name', () => {
    const { registry, events } = newPool();
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith(M));
    const [first, second] = [lease(registry, 'a'), lease(registry, 'a')];
    registry.apply([]);
    first.end(OUTCOMES.served);
    expect(events).not.toContain('forgot a/m:latest');
    second.end(OUTCOMES.served);
    expect(events.slice(-2)).toEqual(['forgot a/m:latest', 'gone a']);

    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith(M));
    const third = lease(registry, 'a');
    registry.apply([]);
    registry.apply([backendConfig('a', { url: new URL('http://elsewhere:1') })]);
    expect(registry.snapshots()[0]).toMatchObject({ inflight: 0, health: 'unknown' });
    third.end(OUTCOMES.served);
    expect(registry.snapshots()[0]).toMatchObject({ inflight: 0 });
    expect(events.filter((event) => event === 'gone a')).toHaveLength(1);
  });

  it('takes a backend that is gone out of every choice', () => {
    const { registry } = newPool();
    registry.apply([backendConfig('a'), backendConfig('b')]);
    for (const name of ['a', 'b']) registry.observe(name, upWith(M));
    registry.apply([backendConfig('b')]);
    expect(registry.eligible(M).runners.map(({ backendId }) => backendId)).toEqual(['b']);
    registry.observe('a', upWith(M));
    expect(registry.ids()).toEqual(['b']);
  });

  it('overrides a weight set by hand only when it names another one itself', () => {
    const { registry } = newPool();
    registry.apply([backendConfig('a', { weight: 2 })]);
    registry.setWeight('a', 9);
    registry.apply([backendConfig('a', { weight: 2 })]);
    expect(registry.snapshots()[0]?.weight).toBe(9);
    registry.apply([backendConfig('a', { weight: 3 })]);
    expect(registry.snapshots()[0]?.weight).toBe(3);
  });
});

describe('a model that is removed from a backend', () => {
  it('is forgotten, but not while something of it runs', () => {
    const { registry, events } = newPool();
    registry.apply([backendConfig('a')]);
    registry.observe('a', upWith('m', 'n'));
    const runs = lease(registry, 'a', M);
    registry.observe('a', upWith());
    expect(events).toContain('forgot a/n:latest');
    expect(events).not.toContain('forgot a/m:latest');
    expect(registry.eligible(M).known).toBe(false);
    runs.end(OUTCOMES.served);
    expect(registry.snapshots()[0]?.inflight).toBe(0);
    registry.observe('a', upWith('n'));
    expect(events).toContain('forgot a/m:latest');
  });
});
