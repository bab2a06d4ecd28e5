import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundsOf } from '../../../bench/sim/bounds.ts';
import { findCapacity } from '../../../bench/sim/capacity.ts';
import type { SimResult } from '../../../bench/sim/driver.ts';
import { buildFleet, residentBytes } from '../../../bench/sim/fleets.ts';
import { metricsOf } from '../../../bench/sim/metrics.ts';
import { readOptions } from '../../../bench/sim/options.ts';
import { POLICIES } from '../../../bench/sim/policies.ts';
import { distribution, lineChart } from '../../../bench/sim/plot.ts';
import type { RequestRecord } from '../../../bench/sim/record.ts';
import { bootstrap, jain, quantile } from '../../../bench/sim/statistics.ts';
import { Totals } from '../../../bench/sim/totals.ts';
import { fleetOf, model, plan, roundProfile, serverOf, sessionOf, workloadOf } from './helpers.ts';

const record = (change: Partial<RequestRecord> = {}): RequestRecord => ({
  id: 'a.0',
  tenant: 't0',
  model: 'model:8b',
  arrivedAt: 0,
  sentAt: 100,
  firstTokenAt: 1000,
  endedAt: 1450,
  end: 'served',
  why: '',
  attempts: 1,
  server: 's1',
  loadMs: 0,
  promptTokens: 100,
  cachedTokens: 40,
  outputTokens: 10,
  ...change,
});

const resultOf = (records: readonly RequestRecord[], totals = new Totals(0, 0, 0, 0)): SimResult => ({
  policy: 'test',
  seed: 1,
  records,
  sends: [],
  totals,
  spanMs: 1000,
});

describe('good requests', () => {
  it('have their first token in five seconds and 100 ms per further one', () => {
    const metrics = metricsOf(
      resultOf([
        record(),
        record({ firstTokenAt: 5001, endedAt: 5100 }),
        record({ endedAt: 1000 + 9 * 101 }),
        record({ end: 'failed', endedAt: 1200 }),
      ]),
    );
    expect(metrics.goodput).toBe(0.25);
    expect(metrics.goodFirst).toBe(0.5);
    expect(metrics.errors).toBe(0.25);
  });

  it('do not count clients who left while there was still time, and do count those who waited in vain', () => {
    const gone = { end: 'left', firstTokenAt: Number.NaN } as const;
    expect(metricsOf(resultOf([record(), record({ ...gone, endedAt: 4000 })])).goodput).toBe(1);
    expect(metricsOf(resultOf([record(), record({ ...gone, endedAt: 9000 })])).goodput).toBe(0.5);
  });
});

describe('the rest of a run', () => {
  it('is summed up per thousand requests and per token', () => {
    const records = [
      record(),
      record({ end: 'left', endedAt: 1100, promptTokens: 0, cachedTokens: 0, outputTokens: 0 }),
    ];
    const metrics = metricsOf(resultOf(records, new Totals(3, 0, 0, 140)));
    expect(metrics.loadsPerThousand).toBe(1500);
    expect(metrics.cachedShare).toBe(0.4);
    // 140 tokens of work, of which 60 read and 10 written were for somebody.
    expect(metrics.wastedShare).toBe(0.5);
    expect(metrics.wait.p50).toBe(100);
  });

  it('names the tenant with the longest tail', () => {
    const of = (tenant: string, firstTokenAt: number) =>
      Array.from({ length: 30 }, () => record({ tenant, firstTokenAt, endedAt: firstTokenAt + 100 }));
    const metrics = metricsOf(
      resultOf([...of('a', 1000), ...of('b', 3000), record({ tenant: 'c', firstTokenAt: 9000 })]),
    );
    expect(metrics.worstTenantMs).toBe(3000);
    expect(metrics.fairness).toBeCloseTo(0.8);
    expect([...metrics.tenants.keys()]).toEqual(['a', 'b']);
  });
});

describe('statistics', () => {
  it('finds quantiles between the extremes, growing with the share', () => {
    expect(quantile([10, 20, 30], 0.5)).toBe(20);
    expect(quantile([10, 20], 0.25)).toBe(12.5);
    expect(quantile([], 0.5)).toBeNaN();
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    const shares = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(values, shares, shares, (unsorted, a, b) => {
        const sorted = [...unsorted].sort((x, y) => x - y);
        const low = quantile(sorted, Math.min(a, b));
        const high = quantile(sorted, Math.max(a, b));
        expect(low).toBeLessThanOrEqual(high + 1e-6);
        expect(low).toBeGreaterThanOrEqual((sorted[0] ?? 0) - 1e-6);
        expect(high).toBeLessThanOrEqual((sorted.at(-1) ?? 0) + 1e-6);
      }),
    );
  });

  it('gives an interval around the mean that repeats, and a point for one value', () => {
    const interval = bootstrap([1, 2, 3, 4]);
    expect(interval.mean).toBe(2.5);
    expect(interval.low).toBeLessThan(2.5);
    expect(interval.high).toBeGreaterThan(2.5);
    expect(bootstrap([1, 2, 3, 4])).toEqual(interval);
    expect(bootstrap([7])).toEqual({ mean: 7, low: 7, high: 7 });
  });

  it('rates equal shares 1 and one share of n 1/n', () => {
    expect(jain([5, 5, 5])).toBeCloseTo(1);
    expect(jain([9, 0, 0])).toBeCloseTo(1 / 3);
  });
});

describe('capacity', () => {
  it('is the rate at which nine of ten are still good', async () => {
    const { perSecond, tried } = await findCapacity((rate) => Promise.resolve(rate <= 3 ? 0.95 : 0.5), 2);
    expect(perSecond).toBeGreaterThan(2.8);
    expect(perSecond).toBeLessThanOrEqual(3);
    expect(tried.map(([rate]) => rate)).toEqual([...tried.map(([rate]) => rate)].sort((a, b) => a - b));
  });

  it('is found above rates at which a drowsy pool is no good', async () => {
    const { perSecond } = await findCapacity((rate) => Promise.resolve(rate > 0.5 && rate <= 1.5 ? 0.95 : 0.5), 1);
    expect(perSecond).toBeGreaterThan(1.4);
    expect(perSecond).toBeLessThanOrEqual(1.5);
  });

  it('is nothing where no rate is good, and no more than was tried where all are', async () => {
    expect((await findCapacity(() => Promise.resolve(0.4), 1)).perSecond).toBe(0);
    expect((await findCapacity(() => Promise.resolve(1), 2)).perSecond).toBe(5);
  });
});

describe('the command line', () => {
  it('is read into scenes, one per preset', () => {
    const options = readOptions([
      '--preset',
      'storm,science',
      '--variant',
      'flip+aborts',
      '--requests',
      '50',
      '--untold',
    ]);
    expect(options.scenes.map(({ preset }) => preset)).toEqual(['storm', 'science']);
    expect(options.scenes[0]).toMatchObject({ variants: ['flip', 'aborts'], requests: 50, tellSlots: false });
    expect(readOptions(['--full']).policies).toEqual(Object.keys(POLICIES));
  });

  it.each([
    ['--preset', 'nothing', 'science'],
    ['--variant', 'flop', 'flip'],
    ['--fleet', 'thirty', 'twenty'],
    ['--faults', 'dead', 'kill'],
    ['--policies', 'best', 'warm-spill'],
    ['--reuse', 'all', 'many'],
    ['--requests', '0', 'above 0'],
    ['--seeds', '1.5', 'whole number'],
  ])('says what to give instead of %s %s', (name, value, hint) => {
    expect(() => readOptions([name, value])).toThrow(hint);
  });
});

describe('bounds', () => {
  it('take the fastest server, warm, with the history remembered', () => {
    const quick = serverOf('s2', { profile: { ...roundProfile, prefillPerSecond: 2000 } });
    const workload = workloadOf([sessionOf('a', 0, { turns: [plan(), plan()] })]);
    const bounds = boundsOf(workload, fleetOf(serverOf('s1'), quick));
    // 100 fresh tokens at half a millisecond each and one written.
    expect(bounds.ttftFloor.p50).toBe(60);
    expect(bounds.ttftFloor.p999).toBe(60);
    expect(bounds.idealCachedShare).toBeCloseTo(110 / 310);
    // 200 ms a request on the first server, 150 ms on the second.
    expect(bounds.fluidPerSecond).toBeCloseTo(1000 / 200 + 1000 / 150);
  });
});

describe('fleets', () => {
  it('install only what fits, and grow memory with the slots', () => {
    const big = { ...model, name: 'big:30b', size: 20e9 };
    for (const slots of [1, 4]) {
      const { servers } = buildFleet('twenty', { models: [model, big], contextTokens: 16_384, slots });
      expect(servers).toHaveLength(20);
      for (const server of servers) {
        for (const each of server.models) {
          expect(residentBytes(each, slots, 16_384)).toBeLessThanOrEqual(server.profile.memoryBytes);
        }
      }
      expect(servers.some(({ models }) => !models.includes(big))).toBe(true);
    }
  });

  it('repeat from their seed, and say what is wrong', () => {
    const options = { models: [model], contextTokens: 8192 };
    expect(buildFleet('random', { ...options, seed: 4 })).toEqual(buildFleet('random', { ...options, seed: 4 }));
    expect(buildFleet('random', { ...options, seed: 4 })).not.toEqual(buildFleet('random', { ...options, seed: 5 }));
    expect(() => buildFleet('thirty', options)).toThrow('twenty');
    expect(() => buildFleet('pair', { ...options, models: [{ ...model, size: 90e9 }] })).toThrow('fits no server');
  });
});

describe('plots', () => {
  it('draw every series inside the picture, names escaped', () => {
    const svg = lineChart({
      title: 'a < b',
      xLabel: 'x',
      yLabel: 'y',
      logX: true,
      series: [distribution('one & two', [100, 2000, 90_000])],
    });
    expect(svg).toContain('a &lt; b');
    expect(svg).toContain('one &amp; two');
    const points = /points="([^"]+)"/.exec(svg)?.[1]?.split(' ') ?? [];
    expect(points).toHaveLength(201);
    for (const point of points) {
      const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
      expect(x >= 0 && x <= 820 && y >= 0 && y <= 460).toBe(true);
    }
  });

  it('refuse to draw nothing', () => {
    expect(() => lineChart({ title: 't', xLabel: '', yLabel: '', logX: false, series: [] })).toThrow('no points');
  });
});
