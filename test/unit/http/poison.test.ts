import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/core/types.ts';
import { Poison } from '../../../src/http/poison.ts';

const BODY = Buffer.from('{"prompt":"x"}');
const failedOn = (backend: string, blame: 'backend' | 'model' | 'none' = 'model') => {
  const outcome: Outcome = {
    kind: 'backend-failed',
    phase: 'head',
    blame,
    reason: blame === 'model' ? 'status-5xx' : 'reset',
    message: 'no',
    totalMs: 1,
  };
  return { backend, outcome };
};

describe('a request that makes models fail', () => {
  it('is not tried on a third backend', () => {
    const poison = new Poison();
    expect(poison.failed(BODY, [failedOn('a')], 0)).toBeUndefined();
    expect(poison.failed(BODY, [failedOn('a'), failedOn('b')], 0)).toEqual(['a', 'b']);
  });

  it('is none because of connections that broke, or of one backend twice', () => {
    const poison = new Poison();
    expect(poison.failed(BODY, [failedOn('a', 'backend'), failedOn('b')], 0)).toBeUndefined();
    expect(poison.failed(BODY, [failedOn('a'), failedOn('b', 'none')], 0)).toBeUndefined();
    expect(poison.failed(BODY, [failedOn('a'), failedOn('a')], 0)).toBeUndefined();
  });

  it('gets one attempt when it comes again within a minute, and others get theirs', () => {
    const poison = new Poison();
    poison.failed(BODY, [failedOn('a'), failedOn('b')], 0);
    expect(poison.failed(Buffer.from('{}'), [failedOn('c')], 1)).toBeUndefined();
    expect(poison.failed(BODY, [failedOn('c')], 60_000)).toEqual(['c']);
    expect(poison.failed(BODY, [failedOn('c')], 120_001)).toBeUndefined();
  });

  it('is none any more once somebody answers it', () => {
    const poison = new Poison();
    poison.failed(BODY, [failedOn('a'), failedOn('b')], 0);
    poison.answered(BODY);
    expect(poison.failed(BODY, [failedOn('c')], 1)).toBeUndefined();
  });

  it('is remembered among a thousand others at most', () => {
    const poison = new Poison();
    const two = [failedOn('a'), failedOn('b')];
    poison.failed(BODY, two, 0);
    for (let i = 0; i < 1_024; i++) poison.failed(Buffer.from(String(i)), two, 0);
    expect(poison.failed(BODY, [failedOn('c')], 1)).toBeUndefined();
    expect(poison.failed(Buffer.from('1023'), [failedOn('c')], 1)).toEqual(['c']);
  });
});
