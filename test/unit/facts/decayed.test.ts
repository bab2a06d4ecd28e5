import { describe, expect, it } from 'vitest';
import { DecayedMean, fade, readMean } from '../../../src/facts/decayed.ts';
import { Saved } from '../../../src/facts/saved.ts';

const TAU = 1000;

describe('a decayed mean', () => {
  it('is the plain mean of samples that came at once', () => {
    const mean = new DecayedMean(TAU);
    for (const sample of [10, 20, 60]) mean.add(sample, 5);
    expect(mean.value).toBeCloseTo(30);
    expect(mean.samples(5)).toBeCloseTo(3);
  });

  it('lets a sample count e⁻¹ after τ', () => {
    const mean = new DecayedMean(TAU);
    mean.add(0, 0);
    expect(mean.samples(TAU)).toBeCloseTo(Math.exp(-1));
    mean.add(100, TAU);
    expect(mean.value).toBeCloseTo(100 / (1 + Math.exp(-1)));
  });

  it('lets a sample count by its weight', () => {
    const mean = new DecayedMean(TAU);
    mean.add(10, 0, 0.25);
    mean.add(20, 0, 0.75);
    expect(mean.value).toBeCloseTo(17.5);
    expect(mean.samples(0)).toBeCloseTo(1);
  });

  it('follows a change by 1/cap a sample however much came before, and still says how much that was', () => {
    const mean = new DecayedMean(TAU, 10);
    for (let i = 0; i < 1000; i++) mean.add(0, 0);
    mean.add(100, 0);
    expect(mean.value).toBeCloseTo(10);
    expect(mean.samples(0)).toBeCloseTo(1001);
  });

  it('never leaves the range of its samples, even for one heavier than the cap', () => {
    const mean = new DecayedMean(TAU, 1);
    mean.add(10, 0);
    mean.add(20, 0, 5);
    expect(mean.value).toBe(20);
  });

  it('shrinks to a prior that is worth a number of samples', () => {
    const mean = new DecayedMean(TAU);
    expect(mean.shrunk(7, 3, 0)).toBe(7);
    mean.add(11, 0);
    expect(mean.shrunk(7, 3, 0)).toBeCloseTo((11 + 3 * 7) / 4);
    expect(mean.shrunk(7, 3, 20 * TAU)).toBeCloseTo(7);
  });

  it('takes a sample with an earlier time for one of the last moment', () => {
    const mean = new DecayedMean(TAU);
    mean.add(10, 5000);
    mean.add(20, 0);
    expect(mean.value).toBeCloseTo(15);
    expect(mean.age(5000)).toBe(0);
  });

  it('says that it has never been measured, and how long ago it was', () => {
    const mean = new DecayedMean(TAU);
    expect(mean.estimate(0, 42)).toEqual({ value: 42, samples: 0, ageMs: undefined });
    mean.add(10, 100);
    expect(mean.estimate(400)).toEqual({ value: 10, samples: expect.closeTo(Math.exp(-0.3)), ageMs: 300 });
  });

  it('goes on after saving and restoring on another clock as if nothing had happened', () => {
    const [before, after] = [new DecayedMean(TAU, 5), new DecayedMean(TAU, 5)];
    for (let i = 0; i < 20; i++) before.add(i, i);
    after.load(readMean(new Saved(JSON.parse(JSON.stringify(before.save(500))), 'mean')), 9_000_000);
    before.add(50, 600);
    after.add(50, 9_000_100);
    expect(after.value).toBeCloseTo(before.value);
    expect(after.samples(9_000_100)).toBeCloseTo(before.samples(600));
    after.load(new DecayedMean(TAU).save(0), 0);
    expect(after.estimate(0)).toEqual({ value: 0, samples: 0, ageMs: undefined });
  });

  it('refuses a saved value below 0 where there can be none', () => {
    const below = new Saved({ value: -1, samples: 1, mass: 1, ageMs: 0 }, 'mean');
    expect(() => readMean(below)).toThrow('mean.value must be a number of 0 or more, found -1');
    expect(readMean(below, true)?.value).toBe(-1);
  });

  it('never fades to more than there was, though a clock goes back', () => {
    expect(fade(-5, TAU)).toBe(1);
  });
});
