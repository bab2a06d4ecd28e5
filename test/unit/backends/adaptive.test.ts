import { describe, expect, it } from 'vitest';
import type { Lease, Load, Registry } from '../../../src/backends/registry.ts';
import type { BreakerRules } from '../../../src/backends/care.ts';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import type { Outcome } from '../../../src/core/types.ts';
import { NOTHING_EXPECTED } from '../../../src/facts/work.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../../support/backend-pool.ts';

const M = 'm:latest';
const RULES: BreakerRules = {
  failureThreshold: 2,
  successThreshold: 2,
  timeout: 1_000,
  halfOpenRequests: 2,
  adaptive: true,
};
const PROBE: Load = {
  demand: { ...NO_DEMAND, kind: 'load' },
  streams: false,
  expected: NOTHING_EXPECTED,
  room: false,
  probe: true,
};
const STALL: Outcome = {
  kind: 'backend-failed',
  phase: 'head',
  blame: 'model',
  reason: 'timeout',
  message: 'stalled',
  totalMs: 60_000,
};

const poolOf = (names: readonly string[], rules: BreakerRules = RULES) => {
  const pool = newPool({ breaker: rules, health: { intervalMs: 5_000 } });
  pool.registry.apply(names.map((name) => backendConfig(name)));
  for (const name of names) pool.registry.observe(name, upWith(M));
  return pool;
};

const runnerOf = (registry: Registry, backend: string) => {
  const runner = registry
    .models()
    .get(M)
    ?.find(({ backendId }) => backendId === backend);
  if (runner === undefined) throw new Error(`no ${backend}`);
  return runner;
};
const take = (registry: Registry, backend: string, load?: Load): Lease | undefined =>
  registry.tryAcquire(runnerOf(registry, backend), load);
const end = (registry: Registry, backend: string, outcome: Outcome, load?: Load): void => {
  const lease = take(registry, backend, load);
  if (lease === undefined) throw new Error(`no place on ${backend}`);
  lease.end(outcome);
};
const fail = (
  registry: Registry,
  backend: string,
  times = RULES.failureThreshold,
  how: Outcome = OUTCOMES['model-fault'],
) => {
  for (let i = 0; i < times; i++) end(registry, backend, how);
};
const askable = (registry: Registry): readonly string[] =>
  registry.eligible(M).runners.map(({ backendId }) => backendId);

describe('a broken model', () => {
  it('gets no request of a client until one of ours went well, then as many as half-open allows, and closes by ours too', () => {
    const { registry, clock } = poolOf(['a', 'b', 'c']);
    fail(registry, 'a');
    expect(askable(registry)).toEqual(['b', 'c']);
    expect(registry.toTry()).toEqual([]);
    clock.advance(1_000);
    expect(askable(registry)).toEqual(['b', 'c']);
    expect(take(registry, 'a')).toBeUndefined();
    expect(registry.toTry().map(({ backend, runner }) => [backend.id, runner?.model])).toEqual([['a', M]]);
    end(registry, 'a', OUTCOMES.served, PROBE);
    expect(registry.toTry().length).toBe(1);
    const trials = [take(registry, 'a'), take(registry, 'a'), take(registry, 'a')];
    expect(trials.map((lease) => lease !== undefined)).toEqual([true, true, false]);
    expect(registry.toTry()).toEqual([]);
    trials[0]?.end(OUTCOMES.served);
    expect(registry.snapshots()[0]?.models[0]?.breaker).toBe('closed');
  });

  it('stays out longer each time it fails its trial', () => {
    const { registry, clock } = poolOf(['a', 'b', 'c']);
    fail(registry, 'a');
    clock.advance(1_000);
    end(registry, 'a', OUTCOMES['model-fault'], PROBE);
    clock.advance(2_000);
    end(registry, 'a', OUTCOMES['model-fault'], PROBE);
    clock.advance(1_999);
    expect(registry.toTry()).toEqual([]);
    clock.advance(2_001);
    expect(registry.toTry().length).toBe(1);
  });

  it('gets one request at a time after it closed, until one went well', () => {
    const { registry, clock } = poolOf(['a', 'b', 'c']);
    fail(registry, 'a');
    clock.advance(1_000);
    for (let i = 0; i < 2; i++) end(registry, 'a', OUTCOMES.served, PROBE);
    const first = take(registry, 'a');
    expect(first).toBeDefined();
    expect([take(registry, 'a'), askable(registry)]).toEqual([undefined, ['b', 'c']]);
    first?.end(OUTCOMES.served);
    expect([take(registry, 'a'), take(registry, 'a'), take(registry, 'a')].map((each) => each !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('is open as soon as it may be asked again, without any of this, under plain rules', () => {
    const { registry, clock } = poolOf(['a'], { ...RULES, adaptive: false });
    fail(registry, 'a');
    expect([askable(registry), take(registry, 'a')]).toEqual([[], undefined]);
    clock.advance(1_000);
    expect(registry.toTry()).toEqual([]);
    expect(take(registry, 'a')).toBeDefined();
  });
});

describe('requests', () => {
  it('wait for the last one who is being tried out instead of being refused', () => {
    const { registry, clock } = poolOf(['a']);
    fail(registry, 'a', 2, OUTCOMES['backend-fault']);
    expect(askable(registry)).toEqual([]);
    clock.advance(1_000);
    expect(askable(registry)).toEqual(['a']);
    expect(take(registry, 'a')).toBeUndefined();
  });

  it('that run no model need no trial before them', () => {
    const { registry, clock } = poolOf(['a']);
    fail(registry, 'a', 2, OUTCOMES['backend-fault']);
    expect(registry.eligibleForPassthrough(M).runners).toEqual([]);
    clock.advance(1_000);
    const [runner] = registry.eligibleForPassthrough(M).runners;
    expect(runner && registry.tryAcquire(runner)).toBeDefined();
  });
});

describe('breakers of one model', () => {
  const otherwise: Outcome = { ...OUTCOMES['model-fault'], reason: 'error-line' };
  const third: Outcome = { ...OUTCOMES['model-fault'], reason: 'bad-answer' };

  it('take out no more than half of its backends: then the one that would return first is asked, and it is counted', () => {
    const { registry, clock, events } = poolOf(['a', 'b', 'c']);
    fail(registry, 'a');
    clock.advance(100);
    fail(registry, 'b', 2, otherwise);
    expect(askable(registry)).toEqual(['c', 'a']);
    expect(registry.eligible(M).spare?.map(({ backendId }) => backendId)).toEqual(['b']);
    const lease = take(registry, 'a');
    expect(events.filter((event) => event.startsWith('panic'))).toEqual(['panic m:latest']);
    lease?.end(OUTCOMES.served);
    expect(registry.snapshots()[0]?.models[0]?.breaker).toBe('half-open');
  });

  it('never leave a model without anybody', () => {
    const { registry, clock } = poolOf(['a', 'b', 'c']);
    for (const [i, how] of [OUTCOMES['model-fault'], otherwise, third].entries()) {
      clock.advance(i * 10);
      fail(registry, ['a', 'b', 'c'][i] ?? '', 2, how);
    }
    expect(askable(registry)).toEqual(['a', 'b']);
    expect(poolOf(['a']).registry.eligible(M).spare).toBeUndefined();
  });

  it('do not bring back a backend where nobody listens', () => {
    const { registry } = poolOf(['a', 'b']);
    for (const name of ['a', 'b']) fail(registry, name, 2, OUTCOMES['backend-fault']);
    expect(askable(registry)).toEqual([]);
    for (const name of ['a', 'b']) expect(take(registry, name)).toBeUndefined();
  });

  it('stay closed when half of the backends fail alike, and those that opened for it close', () => {
    const { registry, events } = poolOf(['a', 'b', 'c', 'd']);
    fail(registry, 'a');
    expect(askable(registry)).toEqual(['b', 'c', 'd']);
    fail(registry, 'b');
    expect(askable(registry)).toEqual(['a', 'b', 'c', 'd']);
    for (let i = 0; i < 5; i++) for (const name of ['a', 'b', 'c', 'd']) fail(registry, name, 1);
    expect(askable(registry)).toEqual(['a', 'b', 'c', 'd']);
    expect(events.filter((event) => event.startsWith('alike'))).toEqual(['alike m:latest status-5xx a,b']);
  });
});

describe('a model that may be hanging', () => {
  it('gets no further request until ours was answered', () => {
    const { registry, events } = poolOf(['a', 'b', 'c']);
    end(registry, 'a', STALL);
    expect(askable(registry)).toEqual(['b', 'c']);
    expect(registry.toTry().map(({ backend, runner }) => [backend.id, runner?.model])).toEqual([['a', M]]);
    end(registry, 'a', STALL, PROBE);
    expect(askable(registry)).toEqual(['b', 'c']);
    expect(events.filter((event) => event.startsWith('suspected'))).toEqual(['suspected a m:latest']);
  });

  it('is trusted again once a request of a client moves on', () => {
    const { registry } = poolOf(['a', 'b', 'c']);
    const other = take(registry, 'a');
    end(registry, 'a', STALL);
    expect(registry.toTry().length).toBe(1);
    other?.moved();
    expect([registry.toTry(), askable(registry)]).toEqual([[], ['a', 'b', 'c']]);
  });

  it.each([
    ['a deadline without a byte, long after one was due', 'head', 600_000, 1],
    ['a deadline that nobody could have met', 'head', 50, 0],
    ['a deadline in the middle of an answer', 'body', 600_000, 0],
  ] as const)('is judged by %s', (_name, phase, totalMs, suspects) => {
    const { registry } = poolOf(['a', 'b']);
    const deadline = { kind: 'backend-failed', blame: 'none', reason: 'deadline', message: 'late' } as const;
    end(registry, 'a', { ...deadline, phase, totalMs });
    expect(registry.toTry().length).toBe(suspects);
  });
});

describe('looks that fail', () => {
  it('do not take a backend out while its answers move on', () => {
    const { registry, clock } = poolOf(['a']);
    const lease = take(registry, 'a');
    const miss = (): void => registry.observe('a', { up: false, error: 'slow' });
    const healthOf = (): unknown => registry.snapshots()[0]?.health;
    lease?.began();
    for (let i = 0; i < 5; i++) miss();
    expect(healthOf()).toBe('up');
    clock.advance(4_999);
    lease?.moved();
    clock.advance(4_999);
    miss();
    expect(healthOf()).toBe('up');
    clock.advance(1);
    miss();
    expect(healthOf()).toBe('down');
  });
});
