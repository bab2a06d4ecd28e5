import { describe, expect, it } from 'vitest';
import type { FailureReason } from '../../../src/core/types.ts';
import { costsBudget, failureError } from '../../../src/http/failover.ts';

const failure = (reason: FailureReason) =>
  ({ reason, blame: 'model', retryable: true, message: 'answered oddly' }) as const;

describe('the refusal after the last attempt', () => {
  it.each<[FailureReason, string, number]>([
    ['connect', 'backend_failed', 502],
    ['reset', 'backend_failed', 502],
    ['status-5xx', 'backend_failed', 502],
    ['error-line', 'backend_failed', 502],
    ['cut-stream', 'backend_failed', 502],
    ['bad-answer', 'backend_failed', 502],
    ['overloaded', 'no_backend', 503],
    ['timeout', 'backend_timeout', 504],
    ['deadline', 'deadline_exceeded', 504],
  ])('after %s is %s', (reason, code, status) => {
    const error = failureError('box', failure(reason), 1);
    expect(error).toMatchObject({ code, status });
    expect(error.message).toContain('backend box answered oddly');
    expect(error.retryAfterSeconds === undefined).toBe(status !== 503);
  });

  it('counts the attempts when there were several', () => {
    expect(failureError('box', failure('reset'), 3).message).toBe(
      '3 attempts failed; the last one: backend box answered oddly',
    );
  });
});

describe('a retry', () => {
  it('costs budget only where a backend had worked for nothing', () => {
    const costly = (
      ['connect', 'reset', 'overloaded', 'model-missing', 'status-5xx', 'error-line', 'bad-answer'] as const
    ).filter((reason) => costsBudget(failure(reason)));
    expect(costly).toEqual(['status-5xx', 'error-line', 'bad-answer']);
  });
});
