import { describe, expect, it } from 'vitest';
import type { BreakerRules } from '../../src/backends/care.ts';
import { ManualClock } from '../../src/core/clock.ts';
import type { Outcome } from '../../src/core/types.ts';
import { TaskRouter } from '../../src/router/task-router.ts';
import { backendConfig, newPool, OUTCOMES, upWith } from '../support/backend-pool.ts';

const SETTINGS = { failureThreshold: 3, successThreshold: 2, timeout: 1_000, halfOpenRequests: 2 };
const M = 'm:latest';

/** One breaker as its users see it, wherever it is. */
interface Subject {
  /** Sends a request; undefined = it is not let through. The function ends it. */
  send(): ((went: 'well' | 'badly') => void) | undefined;
  state(): unknown;
  wait(ms: number): void;
  /** Once its open time is over: does what lets requests through, if anything is needed for that. */
  ready(): void;
}

const inLibrary = (): Subject => {
  const clock = new ManualClock();
  const router = new TaskRouter({ strategy: 'round-robin', clock, circuitBreaker: SETTINGS });
  router.registerModel('m', {});
  return {
    send: () => {
      try {
        const id = router.routeTask('x');
        return (went) => router.recordTaskResult(id, went === 'well', 1, 'unknown');
      } catch {
        return undefined;
      }
    },
    state: () => router.getModelMetrics('m')?.circuitBreakerState,
    wait: (ms) => clock.advance(ms),
    ready: () => {},
  };
};

/** In the registry; `others` keep the breakers of this one from being all that a model has. */
const inRegistry = (level: 'backend' | 'model', rules: BreakerRules): Subject => {
  const { registry, clock } = newPool({ breaker: rules });
  const names = ['a', 'b', 'c'];
  registry.apply(names.map((name) => backendConfig(name)));
  for (const name of names) registry.observe(name, upWith(M));
  const bad: Outcome = level === 'backend' ? OUTCOMES['backend-fault'] : OUTCOMES['model-fault'];
  return {
    send: () => {
      const runner = registry.get('a')?.runners.get(M);
      const lease = runner && registry.tryAcquire(runner);
      return lease && ((went) => void lease.end(went === 'well' ? OUTCOMES.served : bad));
    },
    state: () => {
      const view = registry.snapshots()[0];
      return level === 'backend' ? view?.breaker : view?.models[0]?.breaker;
    },
    wait: (ms) => clock.advance(ms),
    ready: () => {
      const runner = registry.get('a')?.runners.get(M);
      if (runner !== undefined) registry.vouch(runner);
    },
  };
};

const SUBJECTS: readonly [name: string, make: () => Subject][] = [
  ['of a model in the library', inLibrary],
  ['of a backend, plain rules', () => inRegistry('backend', SETTINGS)],
  ['of a model on a backend, plain rules', () => inRegistry('model', SETTINGS)],
  ['of a model on a backend, adaptive', () => inRegistry('model', { ...SETTINGS, adaptive: true })],
];

const fail = (subject: Subject, times: number): void => {
  for (let i = 0; i < times; i++) subject.send()?.('badly');
};
const open = (make: () => Subject): Subject => {
  const subject = make();
  fail(subject, SETTINGS.failureThreshold);
  return subject;
};
const due = (make: () => Subject): Subject => {
  const subject = open(make);
  subject.wait(SETTINGS.timeout);
  subject.ready();
  return subject;
};

describe.each(SUBJECTS)('the circuit breaker %s', (_name, make) => {
  it('opens at failure_threshold failures in a row, not before, and a success ends the row', () => {
    const subject = make();
    fail(subject, 2);
    subject.send()?.('well');
    fail(subject, 2);
    expect(subject.state()).toBe('closed');
    fail(subject, 1);
    expect([subject.state(), subject.send()]).toEqual(['open', undefined]);
  });

  it('lets nothing through for the timeout, to the millisecond', () => {
    const subject = open(make);
    subject.wait(SETTINGS.timeout - 1);
    expect([subject.state(), subject.send()]).toEqual(['open', undefined]);
    subject.wait(1);
    expect(subject.state()).toBe('half-open');
    subject.ready();
    expect(subject.send()).toBeDefined();
  });

  it('lets half_open_requests through at a time', () => {
    const subject = due(make);
    const trials = [subject.send(), subject.send()];
    expect([trials.includes(undefined), subject.send()]).toEqual([false, undefined]);
    trials[0]?.('well');
    expect(subject.send()).toBeDefined();
  });

  it('closes after success_threshold successes', () => {
    const subject = due(make);
    subject.send()?.('well');
    expect(subject.state()).toBe('half-open');
    subject.send()?.('well');
    expect(subject.state()).toBe('closed');
    expect(subject.send()).toBeDefined();
  });

  it('opens again at the first failure of a trial, for at least the timeout', () => {
    const subject = due(make);
    subject.send()?.('well');
    subject.send()?.('badly');
    subject.wait(SETTINGS.timeout - 1);
    expect([subject.state(), subject.send()]).toEqual(['open', undefined]);
  });

  it('gives up trials that stay silent', () => {
    const subject = due(make);
    subject.send();
    subject.send();
    subject.wait(SETTINGS.timeout);
    expect(subject.send()).toBeDefined();
  });
});
