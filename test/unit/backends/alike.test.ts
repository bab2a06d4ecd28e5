import { describe, expect, it } from 'vitest';
import { Alike, ALIKE_MS } from '../../../src/backends/alike.ts';

describe('servers that fail alike', () => {
  it('are two or more, at least half of those that serve the model, with one reason', () => {
    const alike = new Alike();
    expect(alike.failed('m', 'a', 'status-5xx', 5, 0)).toBeUndefined();
    expect(alike.failed('m', 'a', 'status-5xx', 5, 1)).toBeUndefined();
    expect(alike.failed('m', 'b', 'error-line', 5, 2)).toBeUndefined();
    expect(alike.failed('m', 'c', 'status-5xx', 5, 3)).toBeUndefined();
    expect(alike.failed('m', 'd', 'status-5xx', 5, 4)).toEqual({ backends: ['a', 'c', 'd'], begins: true });
    expect(new Alike().failed('m', 'a', 'status-5xx', 1, 0)).toBeUndefined();
  });

  it('did so within ten seconds, on the same model', () => {
    const alike = new Alike();
    alike.failed('m', 'a', 'status-5xx', 2, 0);
    expect(alike.failed('n', 'b', 'status-5xx', 2, 1)).toBeUndefined();
    expect(alike.failed('m', 'b', 'status-5xx', 2, ALIKE_MS + 1)).toBeUndefined();
    expect(alike.failed('m', 'a', 'status-5xx', 2, 2 * ALIKE_MS + 1)?.backends).toEqual(['b', 'a']);
  });

  it('begin once, until they have not done so for ten seconds', () => {
    const alike = new Alike();
    alike.failed('m', 'a', 'status-5xx', 2, 0);
    expect([1, 2, 9_000].map((at) => alike.failed('m', 'b', 'status-5xx', 2, at)?.begins)).toEqual([
      true,
      false,
      false,
    ]);
    alike.failed('m', 'a', 'status-5xx', 2, 30_000);
    expect(alike.failed('m', 'b', 'status-5xx', 2, 30_001)?.begins).toBe(true);
  });

  it('are not among them once they served it', () => {
    const alike = new Alike();
    alike.failed('m', 'a', 'status-5xx', 2, 0);
    alike.served('m', 'a');
    expect(alike.failed('m', 'b', 'status-5xx', 2, 1)).toBeUndefined();
  });

  it('are forgotten by model, the oldest first', () => {
    const alike = new Alike();
    alike.failed('first', 'a', 'status-5xx', 2, 0);
    for (let i = 0; i < 1_024; i++) alike.failed(`m${i}`, 'a', 'status-5xx', 2, 0);
    expect(alike.failed('first', 'b', 'status-5xx', 2, 1)).toBeUndefined();
    expect(alike.failed('m1023', 'b', 'status-5xx', 2, 1)).toBeDefined();
  });
});
