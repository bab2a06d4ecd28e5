import { describe, expect, it } from 'vitest';
import { LearnedCapacity } from '../../../src/facts/capacity.ts';

const GB = 1e9;

describe('the learned capacity', () => {
  it('is sure about what was seen together, and hopeful beyond', () => {
    const capacity = new LearnedCapacity('auto');
    expect(capacity.chance(5 * GB, 2)).toBe(0);
    capacity.fitted(10 * GB, 2);
    expect(capacity.chance(10 * GB, 2)).toBe(0);
    expect(capacity.chance(11 * GB, 2)).toBe(0);
  });

  it('grows surer between what fitted and what did not', () => {
    const capacity = new LearnedCapacity('auto');
    capacity.fitted(10 * GB, 3);
    capacity.burst(20 * GB, 3, 10 * GB, 2);
    expect(capacity.chance(10 * GB, 2)).toBe(0);
    expect(capacity.chance(12 * GB, 2)).toBeCloseTo(0.2);
    expect(capacity.chance(18 * GB, 2)).toBeCloseTo(0.8);
    expect(capacity.chance(20 * GB, 2)).toBe(1);
    expect(capacity.comfortable(15 * GB, 2)).toBe(true);
    expect(capacity.comfortable(16 * GB, 2)).toBe(false);
  });

  it('doubts no number of models that was not seen to be too many', () => {
    const capacity = new LearnedCapacity(100 * GB);
    expect(capacity.chance(4 * GB, 3)).toBe(0);
    expect(capacity.chance(5 * GB, 4)).toBe(0);
  });

  it('finds out that a server takes one model only', () => {
    const capacity = new LearnedCapacity(100 * GB);
    capacity.burst(5 * GB, 2, 2 * GB, 1);
    expect(capacity.chance(3 * GB, 2)).toBe(1);
    expect(capacity.chance(3 * GB, 1)).toBe(0);
    expect(capacity.comfortable(1 * GB, 1)).toBe(true);
  });

  it('blames the number where the bytes had fitted before, and the bytes where the number had', () => {
    const byCount = new LearnedCapacity('auto');
    byCount.fitted(20 * GB, 2);
    byCount.burst(12 * GB, 3, 8 * GB, 2);
    expect(byCount.estimates()).toMatchObject({ exceededBytes: undefined, exceededCount: 3 });
    const byBytes = new LearnedCapacity('auto');
    byBytes.fitted(20 * GB, 4);
    byBytes.burst(30 * GB, 3, 20 * GB, 2);
    expect(byBytes.estimates()).toMatchObject({ exceededBytes: 30 * GB, exceededCount: undefined });
  });

  it('takes back what it blamed once the contrary is seen', () => {
    const capacity = new LearnedCapacity('auto');
    capacity.burst(12 * GB, 2, 6 * GB, 1);
    expect(capacity.estimates()).toMatchObject({ exceededBytes: 12 * GB, exceededCount: 2 });
    capacity.fitted(8 * GB, 2);
    expect(capacity.estimates()).toMatchObject({ exceededBytes: 12 * GB, exceededCount: undefined });
  });

  it('believes the newest evidence when memory became scarcer than it was proven to be', () => {
    const capacity = new LearnedCapacity('auto');
    capacity.fitted(20 * GB, 3);
    capacity.burst(15 * GB, 3, 9 * GB, 2);
    expect(capacity.chance(15 * GB, 2)).toBe(1);
    expect(capacity.chance(9 * GB, 2)).toBe(0);
  });

  it('takes configured bytes for exact, keeps what it learned meanwhile, and says so', () => {
    const capacity = new LearnedCapacity(16 * GB);
    expect(capacity.chance(16 * GB, 1)).toBe(0);
    expect(capacity.chance(16 * GB + 1, 1)).toBe(1);
    capacity.fitted(10 * GB, 2);
    capacity.configure('auto');
    expect(capacity.chance(11 * GB, 1)).toBe(0);
    expect(capacity.estimates()).toEqual({
      configuredBytes: undefined,
      provenBytes: 10 * GB,
      exceededBytes: undefined,
      provenCount: 2,
      exceededCount: undefined,
    });
  });
});
