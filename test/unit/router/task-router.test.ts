import { describe, expect, it } from 'vitest';
import { NoModelAvailableError, TaskRouter } from '../../../src/index.ts';
import { failTimes, routerOf } from './support.ts';

describe('models', () => {
  it('hands back the very object that was registered', () => {
    const instance = { generate: () => 'text' };
    const router = new TaskRouter<typeof instance>();
    router.registerModel('m', instance);
    expect(router.getInstance('m')).toBe(instance);
    expect(router.getInstance('other')).toBeUndefined();
  });

  it('routes to the only model there is and counts the task as pending until it is recorded', () => {
    const { router } = routerOf(['a']);
    const id = router.routeTask('implement a binary search');
    expect(id).toBe('a');
    expect(router.getModelMetrics('a')).toMatchObject({ pendingTasks: 1, totalRequests: 0 });
    router.recordTaskResult(id, true, 100, 'coding');
    expect(router.getModelMetrics('a')).toMatchObject({ pendingTasks: 0, totalRequests: 1, successfulTasks: 1 });
  });

  it('takes a result that was never routed without owing a task', () => {
    const { router } = routerOf(['a']);
    router.recordTaskResult('a', true, 100, 'coding');
    router.routeTask('x');
    expect(router.getModelMetrics('a')?.pendingTasks).toBe(1);
  });

  it('accepts the results of tasks whose model was unregistered meanwhile, and only those', () => {
    const { router } = routerOf(['a', 'b'], { strategy: 'round-robin' });
    expect(router.routeTask('x')).toBe('a');
    expect(router.unregisterModel('a')).toBe(true);
    expect(router.unregisterModel('a')).toBe(false);
    expect(router.routeTask('x')).toBe('b');
    router.recordTaskResult('a', false, 10, 'coding');
    expect(() => router.recordTaskResult('a', false, 10, 'coding')).toThrow('no model "a" is registered');
  });

  it('lets pending tasks follow an id that is registered again, while everything learned starts over', () => {
    const { router } = routerOf(['a']);
    failTimes(router, 'a', 5);
    router.forceHealthRecovery('a');
    router.routeTask('x');
    router.unregisterModel('a');
    router.registerModel('a', 'A2');
    expect(router.getModelMetrics('a')).toMatchObject({ pendingTasks: 1, totalRequests: 0, circuitBreakerOpen: false });
    expect(router.explain('x').ranking[0]?.why).toBe('1 in flight for weight 1, nothing measured yet');
    router.recordTaskResult('a', true, 10, 'coding');
    expect(router.getModelMetrics('a')?.pendingTasks).toBe(0);
  });

  it('gives a heavier model its share', () => {
    const { router } = routerOf(['a'], { strategy: 'round-robin' });
    router.registerModel('big', 'BIG', { weight: 3 });
    const ids = Array.from({ length: 8 }, () => router.routeTask('x'));
    expect(ids.filter((id) => id === 'big')).toHaveLength(6);
  });
});

describe('strategies', () => {
  it('is hybrid unless told otherwise', () => {
    expect(new TaskRouter().getRoutingStrategy()).toBe('hybrid');
  });

  it('changes at run time, says so once, and keeps what was learned', () => {
    const { router, log } = routerOf(['slow', 'fast'], { strategy: 'round-robin' });
    const heard: object[] = [];
    router.on('strategy-changed', (change) => heard.push(change));
    for (let i = 0; i < 10; i++) {
      router.recordTaskResult('slow', true, 2000, 'coding');
      router.recordTaskResult('fast', true, 100, 'coding');
    }
    const before = router.getModelMetrics('fast');
    router.setRoutingStrategy('performance');
    router.setRoutingStrategy('performance');
    expect(heard).toEqual([{ from: 'round-robin', to: 'performance' }]);
    expect(log.lines.map(({ message }) => message)).toEqual([
      'routing strategy changed from round-robin to performance',
    ]);
    expect(router.getModelMetrics('fast')).toEqual(before);
    expect(router.routeTask('write code')).toBe('fast');
  });

  it('continues the turns of round-robin when it comes back', () => {
    const { router } = routerOf(['a', 'b', 'c'], { strategy: 'round-robin' });
    router.routeTask('x');
    router.setRoutingStrategy('random');
    router.setRoutingStrategy('round-robin');
    expect(router.routeTask('x')).toBe('b');
  });

  it('keeps a session in one place under affinity while the category is new', () => {
    const { router } = routerOf(['a', 'b', 'c', 'd'], { strategy: 'affinity' });
    const options = { category: 'coding', affinityKey: 'chat-1' };
    const { ranking } = router.explain('x', options);
    expect(ranking[0]?.why).toBe('nearest to the session key');
    expect(router.routeTask('x', options)).toBe(ranking[0]?.modelId);
  });

  it('explains a decision without making it', () => {
    const { router } = routerOf(['a', 'b', 'c'], { strategy: 'round-robin' });
    failTimes(router, 'b', 5);
    const explained = router.explain('anything', { category: 'coding' });
    expect(explained).toMatchObject({
      category: 'coding',
      categoryWhy: 'given by the caller',
      strategy: 'round-robin',
    });
    expect(explained.ranking.map(({ modelId }) => modelId)).toEqual(['a', 'c']);
    expect(explained.unavailable).toEqual([{ modelId: 'b', reason: 'circuit breaker open, tried again in 30000 ms' }]);
    expect(router.routeTask('x')).toBe('a');
    expect(router.getModelMetrics('c')?.pendingTasks).toBe(0);
  });
});

describe('circuit breaker', () => {
  it('keeps tasks away from a model that failed five times in a row, and tells who listens', () => {
    const { router } = routerOf(['a', 'b'], { strategy: 'round-robin' });
    const heard: unknown[] = [];
    router.on('breaker-opened', ({ model }) => heard.push(model, router.getModelMetrics(model)?.circuitBreakerOpen));
    failTimes(router, 'a', 4);
    expect(heard).toEqual([]);
    failTimes(router, 'a', 1);
    expect(heard).toEqual(['a', true]);
    expect(Array.from({ length: 6 }, () => router.routeTask('x'))).toEqual(['b', 'b', 'b', 'b', 'b', 'b']);
    expect(Object.fromEntries(router.healthCheck())).toEqual({ a: false, b: true });
  });

  it('tries it with two tasks at a time after thirty seconds and closes after three successes', () => {
    const { router, clock } = routerOf(['a']);
    const closed: string[] = [];
    router.on('breaker-closed', ({ model }) => closed.push(model));
    failTimes(router, 'a', 5);
    clock.advance(29_999);
    expect(() => router.routeTask('x')).toThrow(NoModelAvailableError);
    clock.advance(1);
    expect(router.getCircuitBreakerStatus('a')).toMatchObject({ state: 'half-open', retryInMs: 0 });
    expect(router.healthCheck().get('a')).toBe(true);
    router.routeTask('x');
    router.routeTask('x');
    expect(() => router.routeTask('x')).toThrow('its 2 trial places are taken');
    router.recordTaskResult('a', true, 10, 'coding');
    router.recordTaskResult('a', true, 10, 'coding');
    expect(router.getCircuitBreakerStatus('a')).toMatchObject({ state: 'half-open', trialSuccesses: 2 });
    router.routeTask('x');
    router.recordTaskResult('a', true, 10, 'coding');
    expect(router.getCircuitBreakerStatus('a')?.state).toBe('closed');
    expect(closed).toEqual(['a']);
  });

  it('opens again, and says so again, when a trial fails', () => {
    const { router, clock } = routerOf(['a']);
    const opened: string[] = [];
    router.on('breaker-opened', ({ model }) => opened.push(model));
    failTimes(router, 'a', 5);
    clock.advance(30_000);
    failTimes(router, 'a', 1);
    expect(opened).toEqual(['a', 'a']);
    expect(router.getCircuitBreakerStatus('a')).toMatchObject({ state: 'open', retryInMs: 30_000 });
  });

  it('is not held up for ever by trials that never report', () => {
    const { router, clock } = routerOf(['a']);
    failTimes(router, 'a', 5);
    clock.advance(30_000);
    router.routeTask('x');
    router.routeTask('x');
    clock.advance(30_000);
    expect(router.routeTask('x')).toBe('a');
  });

  it('closes at once by force, for one model or for all', () => {
    const { router } = routerOf(['a', 'b', 'c']);
    for (const id of ['a', 'b', 'c']) failTimes(router, id, 5);
    router.forceHealthRecovery('b');
    expect([...router.getCircuitBreakerStatus()].map(([id, { state }]) => [id, state])).toEqual([
      ['a', 'open'],
      ['b', 'closed'],
      ['c', 'open'],
    ]);
    router.forceHealthRecovery();
    expect([...router.healthCheck().values()]).toEqual([true, true, true]);
  });

  it('takes its settings from the options', () => {
    const { router, clock } = routerOf(['a'], {
      circuitBreaker: { failureThreshold: 1, successThreshold: 1, timeout: 50, halfOpenRequests: 1 },
    });
    failTimes(router, 'a', 1);
    clock.advance(50);
    router.routeTask('x');
    expect(() => router.routeTask('x')).toThrow(NoModelAvailableError);
    router.recordTaskResult('a', true, 1, 'coding');
    expect(router.getCircuitBreakerStatus('a')?.state).toBe('closed');
  });

  it.each(['performance', 'affinity', 'hybrid'])('lets a recovered model find its way back under %s', (strategy) => {
    const { router, clock } = routerOf(['steady', 'recovered'], { strategy });
    for (let i = 0; i < 40; i++) router.recordTaskResult('steady', true, 100, 'coding');
    failTimes(router, 'recovered', 5);
    clock.advance(30_000);
    let tasks = 0;
    while (router.getCircuitBreakerStatus('recovered')?.state !== 'closed' && tasks < 2000) {
      router.recordTaskResult(router.routeTask('write code', { category: 'coding' }), true, 100, 'coding');
      tasks++;
    }
    expect(router.getCircuitBreakerStatus('recovered')?.state).toBe('closed');
  });
});

describe('when nothing can be chosen', () => {
  it('says that no model is registered', () => {
    expect(() => new TaskRouter().routeTask('x')).toThrow('none is registered; call registerModel first');
  });

  it('gives the reason for each model', () => {
    const { router } = routerOf(['a', 'b']);
    failTimes(router, 'a', 5);
    failTimes(router, 'b', 5);
    let thrown: unknown;
    try {
      router.routeTask('x');
    } catch (error) {
      thrown = error;
    }
    const reason = 'circuit breaker open, tried again in 30000 ms';
    expect(thrown).toBeInstanceOf(NoModelAvailableError);
    expect((thrown as NoModelAvailableError).reasons).toEqual([
      { modelId: 'a', reason },
      { modelId: 'b', reason },
    ]);
    expect((thrown as NoModelAvailableError).message).toBe(`no model can take the task: a: ${reason}; b: ${reason}`);
  });
});

describe('metrics', () => {
  it('lists all models by id', () => {
    const { router } = routerOf(['a', 'b']);
    router.recordTaskResult('b', true, 100, 'testing');
    router.recordTaskResult('b', false, 300);
    const all = router.getAllMetrics();
    expect([...all.keys()]).toEqual(['a', 'b']);
    expect(all.get('b')).toMatchObject({
      totalRequests: 2,
      successfulTasks: 1,
      failedTasks: 1,
      averageLatencyMs: 200,
      weight: 1,
      circuitBreakerState: 'closed',
    });
    expect(Object.keys(all.get('b')?.byCategory ?? {})).toEqual(['testing', 'unknown']);
    expect(router.getModelMetrics('nobody')).toBeUndefined();
    expect(router.getCircuitBreakerStatus('nobody')).toBeUndefined();
  });

  it('resets counts and what routing learned, but neither pending tasks nor open breakers', () => {
    const { router } = routerOf(['a', 'b'], { strategy: 'performance' });
    for (let i = 0; i < 10; i++) router.recordTaskResult('b', true, 1, 'coding');
    failTimes(router, 'a', 5);
    expect(router.routeTask('x')).toBe('b');
    router.resetMetrics();
    expect(router.getModelMetrics('a')).toMatchObject({ totalRequests: 0, circuitBreakerOpen: true });
    expect(router.getModelMetrics('b')).toMatchObject({ totalRequests: 0, pendingTasks: 1 });
    expect(router.explain('x').ranking[0]?.why).toContain('not measured');
  });

  it('resets one model alone', () => {
    const { router } = routerOf(['a', 'b']);
    for (const id of ['a', 'b']) router.recordTaskResult(id, true, 1, 'coding');
    router.resetMetrics('a');
    expect([...router.getAllMetrics().values()].map(({ totalRequests }) => totalRequests)).toEqual([0, 1]);
  });
});

describe('listeners', () => {
  it('cannot break routing by throwing or rejecting, and do not keep others from hearing', async () => {
    const { router, log } = routerOf(['a']);
    const heard: string[] = [];
    router.on('breaker-opened', () => {
      throw new Error('listener threw');
    });
    const rejecting: () => unknown = () => Promise.reject(new Error('listener rejected'));
    router.on('breaker-opened', rejecting);
    router.once('breaker-opened', ({ model }) => heard.push(model));
    failTimes(router, 'a', 5);
    router.forceHealthRecovery();
    failTimes(router, 'a', 5);
    await Promise.resolve();
    expect(heard).toEqual(['a']);
    const errors = log.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields);
    expect(errors.toSorted((x, y) => JSON.stringify(x).localeCompare(JSON.stringify(y)))).toEqual([
      { event: 'breaker-opened', error: 'listener rejected' },
      { event: 'breaker-opened', error: 'listener rejected' },
      { event: 'breaker-opened', error: 'listener threw' },
      { event: 'breaker-opened', error: 'listener threw' },
    ]);
  });

  it('may change the router they listen to', () => {
    const { router } = routerOf(['a', 'b'], { strategy: 'round-robin' });
    router.on('breaker-opened', ({ model }) => {
      router.setRoutingStrategy('least-loaded');
      router.unregisterModel(model);
    });
    failTimes(router, 'a', 5);
    expect(router.getRoutingStrategy()).toBe('least-loaded');
    expect(router.routeTask('x')).toBe('b');
  });
});
