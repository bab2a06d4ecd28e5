import { describe, expect, it } from 'vitest';
import type { LoadedModel, Seen } from '../../../src/backends/backend.ts';
import { LEAST_GAP_MS } from '../../../src/backends/patience.ts';
import type { Lease, Load } from '../../../src/backends/registry.ts';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import type { Outcome } from '../../../src/core/types.ts';
import { NOTHING_EXPECTED } from '../../../src/facts/work.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../../support/backend-pool.ts';

const M = 'm:latest';
const N = 'n:latest';
const RULES = { failureThreshold: 2, successThreshold: 1, timeout: 1_000, halfOpenRequests: 1, adaptive: true };

const STALL: Outcome = { ...OUTCOMES['model-fault'], reason: 'timeout', message: 'stalled', totalMs: 60_000 };
const DEATH: Outcome = {
  ...OUTCOMES['model-fault'],
  message: 'answered 500: an error was encountered while running the model: unexpected EOF',
};

const loaded = (name: string): LoadedModel => ({
  name,
  sizeBytes: 1,
  vramBytes: 1,
  contextLength: 4_096,
  digest: `sha256:${name}`,
  expiresInMs: 300_000,
  entry: {},
});

/** Both servers have both models on disk; `resident` are in the memory of each. */
const poolOf = (resident: readonly string[], names: readonly string[] = ['a', 'b'], rules = RULES) => {
  const pool = newPool({ breaker: rules });
  const { registry } = pool;
  registry.apply(names.map((name) => backendConfig(name)));
  const seen: Seen = { ...upWith(M, N), loaded: resident.map(loaded) } as Seen;
  for (const name of names) registry.observe(name, seen);
  const runner = (backend: string, model = M) => {
    const found = registry.get(backend)?.runners.get(model);
    if (found === undefined) throw new RangeError(`no ${model} on ${backend}`);
    return found;
  };
  const take = (backend: string, model = M, some: Partial<Load> = {}): Lease | undefined => {
    const cold = !resident.includes(model);
    return registry.tryAcquire(runner(backend, model), {
      demand: NO_DEMAND,
      streams: true,
      expected: { ...NOTHING_EXPECTED, loadMs: cold ? 5_000 : 0 },
      room: false,
      ...some,
    });
  };
  const end = (backend: string, outcome: Outcome, some: Partial<Load> = {}): void => {
    const lease = take(backend, M, some);
    if (lease === undefined) throw new Error(`no place on ${backend}`);
    lease.end(outcome);
  };
  const breaker = (backend: string): string | undefined =>
    registry.snapshots().find(({ name }) => name === backend)?.models[0]?.breaker;
  return { ...pool, runner, take, end, breaker };
};

describe('a runner that died', () => {
  it('is forgiven once, with all requests that died with it, and not when it dies again soon', () => {
    const { end, take, breaker, clock } = poolOf([M]);
    const together = [take('a'), take('a'), take('a')];
    clock.advance(10);
    for (const lease of together) lease?.end(DEATH);
    expect(breaker('a')).toBe('closed');
    clock.advance(1_000);
    end('a', DEATH);
    expect(breaker('a')).toBe('closed');
    clock.advance(1_000);
    end('a', DEATH);
    expect(breaker('a')).toBe('open');
  });

  it('is forgiven again after ten minutes', () => {
    const { end, breaker, clock } = poolOf([M], ['a', 'b'], { ...RULES, failureThreshold: 1 });
    for (let i = 0; i < 3; i++) {
      end('a', DEATH);
      clock.advance(600_000);
    }
    expect(breaker('a')).toBe('closed');
  });

  it('is held against the model where that had only been loaded for the request', () => {
    const { take, breaker } = poolOf([], ['a', 'b'], { ...RULES, failureThreshold: 1 });
    take('a')?.end(DEATH);
    expect(breaker('a')).toBe('open');
  });

  it('counts as dead until it answers', () => {
    const { end, runner, clock } = poolOf([M]);
    clock.advance(5);
    end('a', DEATH);
    expect(runner('a').deadSince).toBe(5);
    end('a', OUTCOMES.served);
    expect(runner('a').deadSince).toBeUndefined();
  });
});

describe('a model that is suspected of hanging', () => {
  const PROBE: Partial<Load> = { demand: { ...NO_DEMAND, kind: 'load' }, probe: true, streams: false };

  it('is open as soon as it has hung again when it was asked for one token', () => {
    const { end, breaker, runner } = poolOf([M], ['a', 'b'], { ...RULES, failureThreshold: 5 });
    end('a', STALL);
    expect([breaker('a'), runner('a').hungSince]).toEqual(['closed', 0]);
    end('a', STALL, PROBE);
    expect(breaker('a')).toBe('open');
  });

  it('is not, where the trial failed in another way', () => {
    const { end, breaker } = poolOf([M], ['a', 'b'], { ...RULES, failureThreshold: 5 });
    end('a', STALL);
    end('a', OUTCOMES['model-fault'], PROBE);
    expect(breaker('a')).toBe('closed');
  });

  it('hangs no more once it answers, or an answer of it moves on', () => {
    const { end, take, runner } = poolOf([M], ['a', 'b'], { ...RULES, failureThreshold: 5 });
    const open = take('a');
    end('a', STALL);
    open?.moved();
    expect(runner('a').hungSince).toBeUndefined();
    end('a', STALL);
    end('a', OUTCOMES.served, PROBE);
    expect(runner('a').hungSince).toBeUndefined();
  });
});

describe('a server that loads nothing', () => {
  const askable = ({ registry }: ReturnType<typeof poolOf>, model: string): readonly string[] =>
    registry.eligible(model).runners.map(({ backendId }) => backendId);

  it('gets requests for what is in its memory alone', () => {
    const pool = poolOf([M]);
    pool.registry.setStuck('a', true);
    expect([askable(pool, M), askable(pool, N)]).toEqual([['a', 'b'], ['b']]);
    expect([pool.take('a') === undefined, pool.take('a', N) === undefined]).toEqual([false, true]);
    expect(pool.registry.eligible(N).obstacles).toEqual([
      { backend: 'a', why: 'it loads no models at present, and this one is not in its memory' },
    ]);
    pool.registry.setStuck('a', false);
    expect(askable(pool, N)).toEqual(['a', 'b']);
  });

  it('is waited for where nobody else has the model, and takes a trial of our own', () => {
    const pool = poolOf([M], ['a']);
    pool.registry.setStuck('a', true);
    expect([askable(pool, N), pool.take('a', N)]).toEqual([['a'], undefined]);
    expect(pool.take('a', N, { probe: true })).toBeDefined();
  });

  it('is sent everything under plain rules', () => {
    const pool = poolOf([M], ['a', 'b'], { ...RULES, adaptive: false });
    pool.registry.setStuck('a', true);
    expect(askable(pool, N)).toEqual(['a', 'b']);
  });

  it('loses what waits there for a load after half a minute, if somebody else may serve it, and is not blamed', () => {
    const pool = poolOf([M], ['a', 'b'], { ...RULES, failureThreshold: 1 });
    const waits = pool.take('a', N);
    const runs = pool.take('a');
    const patient = waits?.patience()?.firstMs ?? 0;
    expect(patient).toBeGreaterThan(LEAST_GAP_MS);
    pool.registry.setStuck('a', true);
    expect(waits?.patience()?.firstMs).toBe(LEAST_GAP_MS);
    expect(runs?.patience()?.firstMs).toBeGreaterThan(LEAST_GAP_MS);
    pool.registry.setDraining('b', true);
    expect(waits?.patience()?.firstMs).toBe(patient);
    pool.registry.setDraining('b', false);
    waits?.end(STALL);
    expect(pool.registry.snapshots()[0]?.models.map(({ breaker }) => breaker)).toEqual(['closed', 'closed']);
    expect([pool.runner('a', N).hungSince, pool.events.filter((event) => event.startsWith('suspected'))]).toEqual([
      undefined,
      [],
    ]);
  });

  it('is well when the operator says so, or when it went down', () => {
    const pool = poolOf([M]);
    pool.registry.setStuck('a', true);
    pool.registry.recover('a');
    expect(askable(pool, N)).toEqual(['a', 'b']);
    pool.registry.setStuck('a', true);
    for (let i = 0; i < 3; i++) pool.registry.observe('a', { up: false, error: 'refused' });
    pool.registry.observe('a', upWith(M, N));
    expect(askable(pool, N)).toEqual(['a', 'b']);
  });
});

describe('what is the matter with a backend', () => {
  it('is shown with it', () => {
    const { registry } = poolOf([M]);
    const ill = { kind: 'gpu-lost', model: undefined, since: '2026-01-01T00:00:00.000Z', evidence: 'slow' } as const;
    registry.setIlls('a', [ill]);
    expect(registry.snapshots().map(({ ills }) => ills)).toEqual([[ill], []]);
  });
});
