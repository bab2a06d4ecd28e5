import { describe, expect, it } from 'vitest';
import { PoolSpeeds, type LearnedSpeeds } from '../../../src/facts/speeds.ts';
import { SavedFactsError } from '../../../src/facts/saved.ts';

const SIZE = 5e9;
const MINUTE = 60_000;

/** A runner that has read `n` prompts of 1,000 tokens and written `n` answers of 100, so many ms per token. */
const measured = (runner: LearnedSpeeds, prefillMs: number, decodeMs: number, n = 30, at = 0): LearnedSpeeds => {
  for (let i = 0; i < n; i++) {
    runner.prefilled(1000, 1000 * prefillMs, 1, at);
    runner.decoded(100, 100 * decodeMs, 1, at);
  }
  return runner;
};

describe('before anything is known', () => {
  it('takes a host for a middling GPU', () => {
    const runner = new PoolSpeeds().host().runner(SIZE);
    expect(runner.prefillMs(0)).toBeCloseTo(0.5);
    expect(runner.decodeMs(0)).toBeCloseTo(25);
    expect(runner.loadMs(0)).toBeCloseTo(2000 + 5e9 / 1.2e6);
    expect(runner.slowFirst(0)).toBe(1);
    expect(runner.slowToken(0)).toBe(1);
    expect(runner.suspicion(0)).toBe('none');
  });

  it('makes time per token proportional to the size, with no gain below an eighth of the reference', () => {
    const host = new PoolSpeeds().host();
    expect(host.runner(40e9).decodeMs(0)).toBeCloseTo(200);
    expect(host.runner(1.25e9).decodeMs(0)).toBeCloseTo(6.25);
    expect(host.runner(1e8).decodeMs(0)).toBeCloseTo(25 / 8);
    expect(host.runner(1e8).decodeMs(0)).toBe(host.runner(1e7).decodeMs(0));
    expect(host.runner(0).decodeMs(0)).toBeCloseTo(25);
  });
});

describe('learning', () => {
  it('shrinks the runner to its host and the host to the pool by three samples each', () => {
    const pool = new PoolSpeeds();
    const runner = pool.host().runner(SIZE);
    runner.decoded(100, 100 * 10, 1, 0);
    const ofPool = (10 + 3 * 25) / 4;
    const ofHost = (10 + 3 * ofPool) / 4;
    expect(runner.decodeMs(0)).toBeCloseTo((10 + 3 * ofHost) / 4);
    expect(runner.estimates(0).decode.samples).toBe(1);
  });

  it('comes near the truth within thirty samples although host and pool are far off', () => {
    const pool = new PoolSpeeds();
    for (let i = 0; i < 5; i++) measured(pool.host().runner(SIZE), 0.2, 10);
    const slow = measured(pool.host().runner(SIZE), 8, 110);
    expect(slow.prefillMs(0)).toBeGreaterThan(8 * 0.93);
    expect(slow.decodeMs(0)).toBeGreaterThan(110 * 0.93);
  });

  it('gives an unseen host what the pool has, and an unseen model what its host has, by size', () => {
    const pool = new PoolSpeeds();
    const host = pool.host();
    measured(host.runner(SIZE), 0.2, 10);
    const stranger = pool.host().runner(SIZE);
    expect(stranger.decodeMs(0)).toBeCloseTo((30 * 10 + 3 * 25) / 33);
    expect(host.runner(2 * SIZE).decodeMs(0)).toBeLessThan(2 * 11);
    expect(stranger.estimates(0).decode).toMatchObject({ samples: 0, ageMs: undefined });
  });

  it('does not take an unseen host for slow because only a slow one has worked yet', () => {
    const pool = new PoolSpeeds();
    const slow = measured(pool.host().runner(SIZE), 8, 110);
    const stranger = pool.host().runner(SIZE);
    expect([stranger.prefillMs(0), stranger.decodeMs(0)]).toEqual([0.5, 25]);
    expect(slow.decodeMs(0)).toBeGreaterThan(100);
  });

  it('goes back towards host and pool as its samples age', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 2, 100);
    expect(runner.decodeMs(0)).toBeGreaterThan(95);
    // The host is remembered for hours: a slow machine does not become an average one because it is hardly used.
    expect(runner.decodeMs(120 * MINUTE)).toBeGreaterThan(80);
    expect(runner.decodeMs(48 * 60 * MINUTE)).toBeLessThan(26);
  });

  it('divides out the company', () => {
    const runner = new PoolSpeeds().host().runner(SIZE);
    for (let i = 0; i < 30; i++) runner.prefilled(1000, 1000 * 0.5 * 2, 3, 0); // 1 + 0.5·(3 − 1) = 2
    expect(runner.prefillMs(0)).toBeCloseTo(0.5);
  });

  it('leaves out what is too short or impossible, and says so', () => {
    const runner = new PoolSpeeds().host().runner(SIZE);
    expect(runner.prefilled(15, 900, 1, 0)).toBe(false);
    expect(runner.decoded(3, 900, 1, 0)).toBe(false);
    expect(runner.prefilled(1000, 0, 1, 0)).toBe(false);
    expect(runner.prefilled(1000, Number.NaN, 1, 0)).toBe(false);
    expect(runner.decoded(Number.NaN, 1, 1, 0)).toBe(false);
    runner.loaded(-1, 0);
    expect(runner.estimates(0)).toMatchObject({
      prefill: { samples: 0 },
      decode: { samples: 0 },
      load: { samples: 0 },
    });
    expect(runner.prefilled(16, 16, 1, 0)).toBe(true);
    expect(runner.estimates(0).prefill.samples).toBeCloseTo(1 / 8);
  });

  it('learns loads as a factor on the formula, for this model, this host and the pool', () => {
    const pool = new PoolSpeeds();
    const host = pool.host();
    const runner = host.runner(SIZE);
    const formula = runner.loadMs(0);
    for (let i = 0; i < 30; i++) runner.loaded(3 * formula, 0);
    expect(runner.loadMs(0) / formula).toBeGreaterThan(2.9);
    const other = host.runner(2 * SIZE);
    expect(other.loadMs(0) / (2000 + 10e9 / 1.2e6)).toBeGreaterThan(2.8);
    expect(pool.host().runner(SIZE).loadMs(0) / formula).toBeGreaterThan(2.7);
  });

  it('keeps first token and tokens apart in what was observed against the forecast', () => {
    const runner = new PoolSpeeds().host().runner(SIZE);
    runner.observed(4, undefined, 0);
    expect([runner.slowFirst(0), runner.slowToken(0)]).toEqual([4, 1]);
    runner.observed(undefined, 2, 0);
    expect([runner.slowFirst(0), runner.slowToken(0)]).toEqual([4, 2]);
  });
});

describe('hidden cache hits', () => {
  it('ignores a reading four times as fast as known, and believes the slowest of ten in a row', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 1, 25);
    const before = runner.prefillMs(0);
    for (let i = 0; i < 9; i++) expect(runner.prefilled(1000, i === 4 ? 200 : 20, 1, 0)).toBe(false);
    expect(runner.prefillMs(0)).toBe(before);
    expect(runner.prefilled(1000, 20, 1, 0)).toBe(true);
    expect(runner.estimates(0).prefill.samples).toBe(1);
    for (let i = 0; i < 30; i++) runner.prefilled(1000, 200, 1, 0);
    expect(runner.prefillMs(0)).toBeLessThan(0.3);
  });

  it('counts again from one after a reading that was no hit', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 1, 25);
    for (let i = 0; i < 9; i++) runner.prefilled(1000, 20, 1, 0);
    expect(runner.prefilled(1000, 1000, 1, 0)).toBe(true);
    for (let i = 0; i < 9; i++) expect(runner.prefilled(1000, 20, 1, 0)).toBe(false);
  });

  it('ignores nothing while hardly anything is known', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 1, 25, 2);
    expect(runner.prefilled(1000, 20, 1, 0)).toBe(true);
  });
});

describe('the price of company', () => {
  const learnt = (slope: number): number => {
    const host = new PoolSpeeds().host();
    const runner = measured(host.runner(SIZE), 0.5, 20, 5);
    for (let i = 0; i < 60; i++) runner.decoded(100, 100 * 20 * (1 + slope * 2), 3, 0);
    expect(host.estimates(0).slope).toMatchObject({ value: host.slope(0), samples: 60 });
    return host.slope(0);
  };

  it('is taken for a half at first and learned from samples in company against those alone', () => {
    expect(new PoolSpeeds().host().slope(0)).toBe(0.5);
    expect(learnt(0.1)).toBeCloseTo(0.1, 1);
    expect(learnt(0.9)).toBeCloseTo(0.9, 1);
  });

  it('stays between 0 and 1', () => {
    expect(learnt(-0.2)).toBe(0);
    expect(learnt(1.4)).toBe(1);
  });

  it('is not guessed at while nothing is known about being alone', () => {
    const host = new PoolSpeeds().host();
    const runner = host.runner(SIZE);
    for (let i = 0; i < 60; i++) runner.decoded(100, 100 * 20, 3, 0);
    expect(host.slope(0)).toBe(0.5);
  });
});

describe('what went wrong', () => {
  it('suspects a lost GPU after three answers in a row that took four times as long as usual', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 0.5, 20);
    runner.decoded(100, 100 * 200, 1, 0);
    runner.decoded(100, 100 * 200, 1, 0);
    runner.decoded(100, 100 * 20, 1, 0);
    runner.decoded(100, 100 * 200, 1, 0);
    runner.decoded(100, 100 * 200, 1, 0);
    expect(runner.suspicion(0)).toBe('none');
    runner.decoded(100, 100 * 200, 1, 0);
    expect(runner.suspicion(0)).toBe('gpu-lost');
  });

  it('suspects it by slow reading as well', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 0.5, 20);
    for (let i = 0; i < 3; i++) runner.prefilled(1000, 1000 * 2, 1, 0);
    expect(runner.suspicion(0)).toBe('gpu-lost');
  });

  it('keeps the usual level however long it stays slow, and forgets the matter after hours', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 0.5, 20);
    for (let i = 0; i < 200; i++) runner.decoded(100, 100 * 200, 1, i * 1000);
    expect(runner.suspicion(200_000)).toBe('gpu-lost');
    for (let m = 5; m < 12 * 60; m++) runner.decoded(100, 100 * 200, 1, m * MINUTE);
    expect(runner.suspicion(12 * 60 * MINUTE)).toBe('none');
  });

  it('forecasts by the slow speed from the third slow answer on, and by the old one from the third normal one on', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 0.5, 20);
    for (let i = 0; i < 12; i++) runner.decoded(100, 100 * 200, 1, 0);
    expect(runner.decodeMs(0)).toBeGreaterThan(150);
    for (let i = 0; i < 12; i++) runner.decoded(100, 100 * 20, 1, 0);
    expect(runner.suspicion(0)).toBe('none');
    expect(runner.decodeMs(0)).toBeLessThan(50);
  });

  it('does not take a recovered GPU for cache hits', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 0.5, 20);
    for (let i = 0; i < 30; i++) runner.prefilled(1000, 1000 * 8, 1, 0);
    expect(runner.suspicion(0)).toBe('gpu-lost');
    for (let i = 0; i < 3; i++) expect(runner.prefilled(1000, 500, 1, 0)).toBe(true);
    expect(runner.suspicion(0)).toBe('none');
  });

  it('drops a suspicion that nothing has confirmed for half an hour, so that the host is tried again', () => {
    const runner = measured(new PoolSpeeds().host().runner(SIZE), 0.5, 20);
    for (let i = 0; i < 3; i++) runner.decoded(100, 100 * 200, 1, 0);
    expect(runner.suspicion(29 * MINUTE)).toBe('gpu-lost');
    expect(runner.suspicion(30 * MINUTE)).toBe('none');
  });

  it('calls a model that does not fit into video memory a spill and expects it to write slowly', () => {
    const host = new PoolSpeeds().host();
    const runner = host.runner(SIZE);
    runner.vramShare(0.6, 0);
    expect(runner.suspicion(0)).toBe('spill');
    expect(runner.decodeMs(0)).toBeCloseTo(25 / 0.3);
    expect(runner.prefillMs(0)).toBeCloseTo(0.5);
    runner.vramShare(0.99, 0);
    expect(runner.suspicion(0)).toBe('none');
    expect(runner.decodeMs(0)).toBeCloseTo(25);
  });

  it('forgets how memory was split half an hour after the last look', () => {
    const runner = new PoolSpeeds().host().runner(SIZE);
    runner.vramShare(0.6, 0);
    expect(runner.suspicion(29 * MINUTE)).toBe('spill');
    expect(runner.suspicion(30 * MINUTE)).toBe('none');
  });

  it('does not let a spill teach what other models do on that host', () => {
    const pool = new PoolSpeeds();
    const host = pool.host();
    const runner = host.runner(SIZE);
    runner.vramShare(0.6, 0);
    measured(runner, 5, 250);
    expect(runner.decodeMs(0)).toBeGreaterThan(200);
    expect(host.runner(SIZE).decodeMs(0)).toBeCloseTo(25);
    expect(host.runner(SIZE).prefillMs(0)).toBeCloseTo(0.5);
  });

  it('calls video memory that is gone on a host that used some a lost GPU, and a host without any just that', () => {
    const host = new PoolSpeeds().host();
    const [a, b] = [host.runner(SIZE), host.runner(SIZE)];
    b.vramShare(0, 0);
    expect(b.suspicion(0)).toBe('none');
    a.vramShare(1, 0);
    expect(b.suspicion(0)).toBe('gpu-lost');
    expect(a.suspicion(0)).toBe('none');
  });
});

describe('saving', () => {
  it('brings pool, host and runners back on another clock', () => {
    const pool = new PoolSpeeds();
    const host = pool.host();
    const runner = measured(host.runner(2 * SIZE), 0.8, 60);
    runner.loaded(30_000, 0);
    for (let i = 0; i < 9; i++) runner.decoded(100, 100 * 60 * 1.2, 3, 0);
    for (let i = 0; i < 3; i++) runner.decoded(100, 100 * 600, 1, 0);
    runner.vramShare(1, 0);
    const text = JSON.stringify([pool.snapshot(MINUTE), host.snapshot(new Map([['m', runner]]), MINUTE)]);

    const [savedPool, savedHost] = JSON.parse(text) as unknown[];
    const pool2 = new PoolSpeeds();
    pool2.restore(savedPool, 5e6);
    const host2 = pool2.host();
    const runner2 = host2.restore(savedHost, 5e6).get('m');
    expect(host2.slope(5e6)).toBeCloseTo(host.slope(MINUTE));
    expect(host2.hasGpu).toBe(true);
    expect(runner2?.estimates(5e6)).toEqual(runner.estimates(MINUTE));
    expect(runner2?.suspicion(5e6)).toBe('gpu-lost');
    expect(pool2.host().runner(SIZE).loadMs(5e6)).toBeCloseTo(pool.host().runner(SIZE).loadMs(MINUTE));
  });

  it('refuses what is no snapshot and changes nothing then', () => {
    const pool = new PoolSpeeds();
    const host = pool.host();
    const runner = measured(host.runner(SIZE), 2, 100);
    const good = host.snapshot(new Map([['m', runner]]), 0);
    const before = runner.estimates(0);
    const bad = {
      ...good,
      slope: { value: 0.1, samples: 50, mass: 50, ageMs: 0 },
      runners: [{ ...good.runners[0], model: 3 }],
    };
    expect(() => host.restore(bad, 0)).toThrow(SavedFactsError);
    expect(() => host.restore(bad, 0)).toThrow('host.runners[0].model must be a string, found 3');
    expect(() => pool.restore({ version: 2 }, 0)).toThrow('speeds.version must be 1');
    expect(runner.estimates(0)).toEqual(before);
    expect(host.slope(0)).toBe(0.5);
  });
});
