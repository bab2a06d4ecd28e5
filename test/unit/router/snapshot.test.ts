import { describe, expect, it } from 'vitest';
import { SnapshotError } from '../../../src/index.ts';
import { failTimes, routerOf } from './support.ts';

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const busyRouter = () => {
  const made = routerOf(['a', 'b', 'c'], { detector: { detect: () => 'poetry' } });
  made.clock.advance(1_000_000);
  made.router.getTaskCategory('x');
  for (let i = 0; i < 20; i++) made.router.recordTaskResult('a', true, 100 + i, i % 2 ? 'coding' : 'poetry');
  failTimes(made.router, 'b', 5);
  failTimes(made.router, 'c', 3);
  made.clock.advance(10_000);
  return made;
};

describe('snapshot and restore', () => {
  it('bring metrics, breakers, custom categories and what routing learned to another router, through JSON', () => {
    const { router } = busyRouter();
    const saved = throughJson(router.snapshot());
    const other = routerOf(['a', 'b', 'c']).router;
    other.restore(saved);
    expect(throughJson(other.snapshot())).toEqual(saved);
    expect(other.getAllMetrics()).toEqual(router.getAllMetrics());
    expect(other.getCircuitBreakerStatus()).toEqual(router.getCircuitBreakerStatus());
    other.recordTaskResult('a', true, 1, 'poetry');
    expect(other.explain('x', { category: 'coding' }).ranking[0]?.modelId).toBe('a');
  });

  it('work as well when models are registered only afterwards', () => {
    const { router } = busyRouter();
    const other = routerOf([]).router;
    other.restore(router.snapshot());
    expect(throughJson(other.snapshot())).toEqual(throughJson(router.snapshot()));
    for (const id of ['a', 'b', 'c']) other.registerModel(id, id);
    expect(other.getAllMetrics()).toEqual(router.getAllMetrics());
  });

  it('keep the rest of the time that a breaker stays open', () => {
    const { router } = busyRouter();
    const { router: other, clock } = routerOf(['a', 'b', 'c']);
    const opened: string[] = [];
    other.on('breaker-opened', ({ model }) => opened.push(model));
    other.restore(router.snapshot());
    expect(opened).toEqual(['b']);
    clock.advance(19_999);
    expect(other.healthCheck().get('b')).toBe(false);
    clock.advance(1);
    expect(other.healthCheck().get('b')).toBe(true);
  });

  it('bring a half-open breaker back as open', () => {
    const { router, clock } = busyRouter();
    clock.advance(30_000);
    expect(router.getCircuitBreakerStatus('b')?.state).toBe('half-open');
    const other = routerOf(['b']).router;
    other.restore(router.snapshot());
    expect(other.getCircuitBreakerStatus('b')).toMatchObject({ state: 'open', retryInMs: 30_000 });
  });

  it('leave pending tasks alone and start models over that the snapshot does not name', () => {
    const { router } = busyRouter();
    const { router: other } = routerOf(['a', 'new'], { strategy: 'round-robin' });
    other.routeTask('x');
    other.recordTaskResult('new', true, 1, 'coding');
    other.restore(router.snapshot());
    expect(other.getModelMetrics('a')).toMatchObject({ pendingTasks: 1, totalRequests: 20 });
    expect(other.getModelMetrics('new')?.totalRequests).toBe(0);
  });

  it.each([
    ['snapshot', 'text'],
    ['snapshot.version', { version: 9 }],
    ['models', { version: 1, customCategories: [], models: {}, learned: {} }],
    [
      'models[0].breaker.state',
      { version: 1, customCategories: [], models: [{ id: 'a', breaker: { state: 'ajar' } }] },
    ],
    [
      'models[0].metrics.failedTasks',
      {
        version: 1,
        customCategories: [],
        models: [
          { id: 'a', breaker: { state: 'closed', failures: 0 }, metrics: { successfulTasks: 1, failedTasks: 0.5 } },
        ],
      },
    ],
  ])('refuse what is wrong at %s and change nothing', (path, snapshot) => {
    const { router } = busyRouter();
    const before = router.snapshot();
    expect(() => router.restore(snapshot)).toThrow(SnapshotError);
    expect(() => router.restore(snapshot)).toThrow(`cannot restore: ${path} must be `);
    expect(router.snapshot()).toEqual(before);
  });

  it('refuse a model named twice', () => {
    const { router } = busyRouter();
    const saved = router.snapshot();
    expect(() => router.restore({ ...saved, models: [...saved.models, ...saved.models] })).toThrow(
      'cannot restore: models[3].id must be unique, found "a"',
    );
  });
});
