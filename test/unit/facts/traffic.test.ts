import { describe, expect, it } from 'vitest';
import { Arrivals } from '../../../src/facts/arrivals.ts';
import { ForeignTraffic } from '../../../src/facts/foreign.ts';

const MINUTE = 60_000;

describe('arrivals', () => {
  it('shows a steady rate as requests per minute, by model', () => {
    const arrivals = new Arrivals();
    for (let at = 0; at < 10 * MINUTE; at += 2000) arrivals.arrived('m', at);
    expect(arrivals.perMinute('m', 10 * MINUTE)).toBeCloseTo(30, -1);
    expect(arrivals.perMinute('n', 10 * MINUTE)).toBe(0);
  });

  it('shows one request as one per minute, and less and less of it', () => {
    const arrivals = new Arrivals();
    arrivals.arrived('m', 0);
    expect(arrivals.perMinute('m', 0)).toBe(1);
    expect(arrivals.perMinute('m', MINUTE)).toBeCloseTo(Math.exp(-1));
  });

  it('remembers 4,096 models and forgets the one unasked longest', () => {
    const arrivals = new Arrivals();
    for (let i = 0; i < 4097; i++) arrivals.arrived(`m${i}`, 0);
    expect(arrivals.perMinute('m0', 0)).toBe(0);
    expect(arrivals.perMinute('m1', 0)).toBe(1);
  });
});

describe('traffic of others', () => {
  it('is none without a sign, half a request after one, and forgotten after minutes', () => {
    const foreign = new ForeignTraffic();
    expect(foreign.ghost(0)).toBe(0);
    foreign.saw('used', 0);
    expect(foreign.ghost(0)).toBe(0.5);
    expect(foreign.ghost(MINUTE)).toBeCloseTo(0.5 * Math.exp(-1));
    expect(foreign.ghost(10 * MINUTE)).toBeCloseTo(0);
  });

  it('comes near two by many looks that show use, and near four only by waits', () => {
    const foreign = new ForeignTraffic();
    for (let i = 0; i < 100; i++) foreign.saw(i % 2 === 0 ? 'used' : 'loaded', 0);
    expect(foreign.ghost(0)).toBeCloseTo(2);
    for (let i = 0; i < 100; i++) foreign.saw('waited', 0);
    expect(foreign.ghost(0)).toBeCloseTo(4);
    expect(foreign.ghost(0)).toBeLessThanOrEqual(4);
  });

  it('is not lowered by a weaker sign', () => {
    const foreign = new ForeignTraffic();
    for (let i = 0; i < 20; i++) foreign.saw('waited', 0);
    const before = foreign.ghost(0);
    foreign.saw('used', 0);
    expect(foreign.ghost(0)).toBe(before);
  });
});
