import { describe, expect, it } from 'vitest';
import { DEFAULT_SHAPE } from '../../../src/core/demand.ts';
import { Arrivals } from '../../../src/facts/arrivals.ts';
import { UsualShapes } from '../../../src/facts/usual-shape.ts';

const large = { numCtx: 32_768, rest: '' };

describe('the usual shape of a model', () => {
  it("is the server's own while nobody asked", () => {
    expect(new UsualShapes().of('m')).toEqual(DEFAULT_SHAPE);
  });

  it('is not changed by one odd request, and is by a new habit', () => {
    const shapes = new UsualShapes();
    for (let i = 0; i < 100; i++) shapes.sent('m', { ...large });
    shapes.sent('m', DEFAULT_SHAPE);
    expect(shapes.of('m')).toEqual(large);
    for (let i = 0; i < 9; i++) shapes.sent('m', DEFAULT_SHAPE);
    expect(shapes.of('m')).toEqual(DEFAULT_SHAPE);
    expect(shapes.of('n')).toEqual(DEFAULT_SHAPE);
  });
});

describe('arrivals over another time', () => {
  it('show the same steady rate, and fade as slowly as they were told to', () => {
    const arrivals = new Arrivals(300_000);
    for (let at = 0; at < 3_600_000; at += 2_000) arrivals.arrived('m', at);
    expect(arrivals.perMinute('m', 3_600_000)).toBeCloseTo(30, 0);
    expect(arrivals.perMinute('m', 3_900_000)).toBeCloseTo(30 / Math.E, 0);
    expect([...arrivals.models()]).toEqual(['m']);
  });
});
