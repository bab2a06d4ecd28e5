import { describe, expect, it } from 'vitest';
import {
  DuplicateModelError,
  InvalidArgumentError,
  TaskRouter,
  TaskRouterError,
  UnknownCategoryError,
  UnknownModelError,
  UnknownStrategyError,
} from '../../../src/index.ts';
import { routerOf } from './support.ts';

/** For callers without types. */
const wrong = (value: unknown) => value as never;

describe('bad input', () => {
  it.each([NaN, Infinity, -Infinity, -1, '100', undefined, null])('refuses a latency of %s', (latency) => {
    const { router } = routerOf(['a']);
    expect(() => router.recordTaskResult('a', true, wrong(latency), 'coding')).toThrow(
      new InvalidArgumentError('latency', 'a finite number of ms, 0 or more', latency),
    );
    expect(router.getModelMetrics('a')?.totalRequests).toBe(0);
  });

  it('accepts a latency of zero', () => {
    const { router } = routerOf(['a']);
    router.recordTaskResult('a', true, 0, 'coding');
    expect(router.getModelMetrics('a')?.totalRequests).toBe(1);
  });

  it('names the model it does not know', () => {
    const { router } = routerOf(['a']);
    for (const call of [
      () => router.recordTaskResult('nobody', true, 1),
      () => router.forceHealthRecovery('nobody'),
      () => router.resetMetrics('nobody'),
    ]) {
      expect(call).toThrow(new UnknownModelError('nobody'));
      expect(call).toThrow('no model "nobody" is registered: register it with registerModel first');
    }
  });

  it('refuses an id that is taken, and keeps the first', () => {
    const { router } = routerOf(['a']);
    expect(() => router.registerModel('a', 'second')).toThrow(DuplicateModelError);
    expect(router.getInstance('a')).toBe('A');
  });

  it.each(['', '  ', undefined, 7])('refuses %j as an id', (id) => {
    expect(() => new TaskRouter().registerModel(wrong(id), {})).toThrow(/^model id must be a non-empty string, got /);
  });

  it.each([0, -1, NaN, Infinity, '2'])('refuses a weight of %s', (weight) => {
    expect(() => new TaskRouter().registerModel('a', {}, { weight: wrong(weight) })).toThrow(
      `weight must be a finite number above 0, got ${JSON.stringify(weight) === 'null' ? String(weight) : JSON.stringify(weight)}`,
    );
  });

  it('refuses an unknown strategy, at the start and at run time, and keeps the old one', () => {
    expect(() => new TaskRouter({ strategy: 'fastest' })).toThrow(UnknownStrategyError);
    const { router } = routerOf(['a'], { strategy: 'random' });
    expect(() => router.setRoutingStrategy('fastest')).toThrow(
      'unknown strategy "fastest": choose one of round-robin, ',
    );
    expect(router.getRoutingStrategy()).toBe('random');
  });

  it('refuses a category that nobody knows, and lists the known ones', () => {
    const { router } = routerOf(['a']);
    expect(() => router.recordTaskResult('a', true, 1, 'poetry')).toThrow(UnknownCategoryError);
    expect(() => router.routeTask('x', { category: 'poetry' })).toThrow(
      'unknown category "poetry": known are coding, refactoring, testing, documentation, debugging, code-review, unknown;',
    );
  });

  it('refuses a success that is neither true nor false and a prompt that is no text', () => {
    const { router } = routerOf(['a']);
    expect(() => router.recordTaskResult('a', wrong('yes'), 1)).toThrow('success must be true or false, got "yes"');
    expect(() => router.routeTask(wrong(undefined))).toThrow('prompt must be a string, got undefined');
    expect(() => router.getTaskCategory(wrong({}))).toThrow('prompt must be a string, got an object');
  });

  it.each([
    ['failureThreshold', 0],
    ['successThreshold', 1.5],
    ['halfOpenRequests', NaN],
    ['timeout', 0],
    ['timeout', Infinity],
  ])('refuses a circuit breaker with %s %s', (key, value) => {
    expect(() => new TaskRouter({ circuitBreaker: { [key]: value } })).toThrow(
      new RegExp(`^circuitBreaker\\.${key} must be .*, got ${value}$`),
    );
  });

  it('refuses a detector that cannot detect', () => {
    expect(() => new TaskRouter({ detector: wrong({}) })).toThrow(
      'detector must be an object with a detect(prompt) method',
    );
  });

  it('throws errors with one base class', () => {
    for (const error of [new UnknownModelError('x'), new DuplicateModelError('x'), new UnknownCategoryError('x', [])]) {
      expect(error).toBeInstanceOf(TaskRouterError);
      expect(error.name).toBe(error.constructor.name);
    }
  });

  it('does not spill a whole prompt into a message', () => {
    expect(new InvalidArgumentError('prompt', 'short', 'x'.repeat(5000)).message.length).toBeLessThan(150);
  });
});
