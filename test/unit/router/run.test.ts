import { describe, expect, it } from 'vitest';
import { AllModelsFailedError, NoModelAvailableError } from '../../../src/index.ts';
import { failTimes, routerOf } from './support.ts';

const pending = (router: ReturnType<typeof routerOf>['router']) =>
  [...router.getAllMetrics().values()].map(({ pendingTasks }) => pendingTasks);

describe('run', () => {
  it('gives the task its instance and records how long it took', async () => {
    const { router, clock } = routerOf(['a']);
    const answer = await router.run(
      'x',
      async (instance, context) => {
        clock.advance(250);
        return [instance, context];
      },
      { category: 'testing' },
    );
    expect(answer).toEqual(['A', { modelId: 'a', category: 'testing', attempt: 1 }]);
    expect(router.getModelMetrics('a')).toMatchObject({ successfulTasks: 1, averageLatencyMs: 250, pendingTasks: 0 });
    expect(router.getModelMetrics('a')?.byCategory['testing']?.totalRequests).toBe(1);
  });

  it('goes on to the next choice when a task rejects or throws, and records every attempt', async () => {
    const { router } = routerOf(['a', 'b', 'c'], { strategy: 'round-robin' });
    const tried: string[] = [];
    const answer = await router.run('x', (instance, { attempt }) => {
      tried.push(`${instance}${attempt}`);
      if (instance === 'A') return Promise.reject(new Error('rejected'));
      if (instance === 'B') throw new Error('thrown');
      return 'done';
    });
    expect(answer).toBe('done');
    expect(tried).toEqual(['A1', 'B2', 'C3']);
    expect([...router.getAllMetrics().values()].map((m) => [m.successfulTasks, m.failedTasks])).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
    ]);
    expect(pending(router)).toEqual([0, 0, 0]);
  });

  it('takes one turn of round-robin, however many models it tried', async () => {
    const { router } = routerOf(['a', 'b', 'c'], { strategy: 'round-robin' });
    await router.run('x', (instance) => (instance === 'A' ? Promise.reject(new Error('no')) : 'done'));
    expect(router.routeTask('x')).toBe('b');
  });

  it('fails with every cause when all models failed', async () => {
    const { router } = routerOf(['a', 'b'], { strategy: 'round-robin' });
    const error = await router
      .run('x', (instance) => Promise.reject(new Error(`${instance} is down`)))
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AllModelsFailedError);
    expect(error).toMatchObject({
      message: 'the task failed on every model tried: a: A is down; b: B is down',
      cause: { message: 'B is down' },
      attempts: [
        { modelId: 'a', error: { message: 'A is down' } },
        { modelId: 'b', error: { message: 'B is down' } },
      ],
    });
    expect(pending(router)).toEqual([0, 0]);
  });

  it('skips a model that was unregistered or whose breaker opened while it tried another', async () => {
    const { router } = routerOf(['a', 'b', 'c', 'd'], { strategy: 'round-robin' });
    const tried: string[] = [];
    await router.run('x', (instance) => {
      tried.push(instance);
      if (instance !== 'A') return 'done';
      router.unregisterModel('b');
      failTimes(router, 'c', 5);
      throw new Error('no');
    });
    expect(tried).toEqual(['A', 'D']);
  });

  it('refuses at once when nothing can be tried', async () => {
    const { router } = routerOf(['a']);
    failTimes(router, 'a', 5);
    await expect(router.run('x', () => 'never')).rejects.toBeInstanceOf(NoModelAvailableError);
  });

  it('ends its pending task when the model was unregistered or replaced meanwhile, and teaches the new one nothing', async () => {
    const { router } = routerOf(['a']);
    await router.run('x', () => router.unregisterModel('a'));
    router.registerModel('a', 'A2');
    expect(router.getModelMetrics('a')).toMatchObject({ pendingTasks: 0, totalRequests: 0 });
    await router.run('x', () => {
      router.unregisterModel('a');
      router.registerModel('a', 'A3');
      expect(router.getModelMetrics('a')?.pendingTasks).toBe(1);
    });
    expect(router.getModelMetrics('a')).toMatchObject({ pendingTasks: 0, totalRequests: 0 });
  });

  it('spreads tasks that run at the same time', async () => {
    const { router } = routerOf(['a', 'b', 'c'], { strategy: 'least-loaded' });
    const used = await Promise.all(Array.from({ length: 6 }, () => router.run('x', async (instance) => instance)));
    expect(used.toSorted()).toEqual(['A', 'A', 'B', 'B', 'C', 'C']);
  });
});
