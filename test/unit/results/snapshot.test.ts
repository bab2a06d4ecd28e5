import { describe, expect, it } from 'vitest';
import {
  readAmount,
  readCount,
  readList,
  readName,
  readObject,
  readVersion,
  SnapshotError,
} from '../../../src/results/snapshot.ts';

describe('reading a saved state', () => {
  it('takes what has the right shape', () => {
    expect(readObject({ a: 1 }, 'x')).toEqual({ a: 1 });
    expect(readList([1], 'x')).toEqual([1]);
    expect(readName('n', 'x')).toBe('n');
    expect(readAmount(0.5, 'x')).toBe(0.5);
    expect(readCount(3, 'x')).toBe(3);
    expect(() => readVersion(1, 'x', 1)).not.toThrow();
  });

  it.each([
    [() => readObject(null, 'a.b'), 'a.b must be an object, found null'],
    [() => readObject([], 'a'), 'a must be an object, found a list'],
    [() => readList({}, 'a'), 'a must be a list, found an object'],
    [() => readName('', 'a'), 'a must be a non-empty string, found ""'],
    [() => readAmount(-1, 'a'), 'a must be a number of 0 or more, found -1'],
    [() => readAmount(Number.NaN, 'a'), 'a must be a number of 0 or more, found NaN'],
    [() => readAmount('5', 'a'), 'a must be a number of 0 or more, found "5"'],
    [() => readCount(1.5, 'a'), 'a must be a whole number of 0 or more, found 1.5'],
    [() => readVersion(2, 'a', 1), 'a must be 1, the only version this release reads, found 2'],
  ])('refuses the rest, naming the place, what must stand there and what does', (read, message) => {
    expect(read).toThrow(SnapshotError);
    expect(read).toThrow(`cannot restore: ${message}; nothing was changed`);
  });
});
