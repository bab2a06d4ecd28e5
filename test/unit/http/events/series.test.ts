import { describe, expect, it } from 'vitest';
import { Series, STEP_MS, STEPS } from '../../../../src/http/events/series.ts';
import type { RequestRecord } from '../../../../src/results/history.ts';

const record = (changes: Partial<RequestRecord> = {}): RequestRecord => ({
  id: 'r',
  time: '2026-01-01T00:00:00.000Z',
  method: 'POST',
  path: '/api/chat',
  endpoint: 'chat',
  model: 'm',
  category: 'coding',
  categoryWhy: undefined,
  strategy: 'hybrid',
  attempts: [],
  outcome: 'served',
  status: 200,
  error: undefined,
  queueMs: 0,
  firstByteMs: 100,
  totalMs: 200,
  usage: {
    promptTokens: 30,
    outputTokens: 50,
    cachedTokens: undefined,
    loadMs: undefined,
    prefillMs: undefined,
    decodeMs: undefined,
  },
  ...changes,
});

/** Lets seconds pass one by one, as the process does. */
const pass = (series: Series, from: number, seconds: number, waiting = 0, inflight = 0): number => {
  for (let i = 1; i <= seconds; i++) series.tick(from + i * 1_000, 1e12 + from + i * 1_000, waiting, inflight);
  return from + seconds * 1_000;
};

describe('the series of the last hour', () => {
  it('has one point for each ten seconds, with rates, percentiles and the most at once', () => {
    const series = new Series(0, 1e12);
    for (let i = 1; i <= 20; i++) series.request(record({ firstByteMs: i * 10 }));
    series.request(record({ outcome: 'failed', status: 502, firstByteMs: undefined, usage: undefined }));
    let at = pass(series, 0, 4, 3, 7);
    at = pass(series, at, 6, 0, 1);
    expect(series.view()).toEqual({
      stepMs: STEP_MS,
      endedAt: 1e12 + 10_000,
      firstTokenP50Ms: [expect.closeTo(100, -1)],
      firstTokenP95Ms: [expect.closeTo(190, -1.3)],
      tokensInPerSecond: [60],
      tokensOutPerSecond: [100],
      requestsPerSecond: [2.1],
      failedPerSecond: [0.1],
      waiting: [3],
      inflight: [7],
    });
    pass(series, at, 10);
    expect(series.view()).toMatchObject({ firstTokenP50Ms: [expect.any(Number), null], requestsPerSecond: [2.1, 0] });
  });

  it('tells of a step once, when it has ended', () => {
    const series = new Series(0, 0);
    expect(series.tick(9_999, 9_999, 0, 0)).toEqual([]);
    expect(series.tick(10_000, 10_000, 2, 0)).toEqual([expect.objectContaining({ at: 10_000, waiting: 2 })]);
    expect(series.tick(10_500, 10_500, 0, 0)).toEqual([]);
  });

  it('counts no call that runs no model, and no first token of an embedding or of what was not served', () => {
    const series = new Series(0, 0);
    series.request(record({ endpoint: 'other' }));
    series.request(record({ endpoint: 'embed' }));
    series.request(record({ outcome: 'client-left', status: 499 }));
    pass(series, 0, 10);
    expect(series.view()).toMatchObject({ requestsPerSecond: [0.2], firstTokenP50Ms: [null], failedPerSecond: [0] });
  });

  it('keeps an hour and no more, whatever comes', () => {
    const series = new Series(0, 0);
    pass(series, 0, 2 * 3_600);
    expect(series.view().waiting).toHaveLength(STEPS);
  });

  it('fills the time in which it was not called with empty steps, an hour of them at most', () => {
    const series = new Series(0, 0);
    series.request(record());
    expect(series.tick(35_000, 35_000, 0, 0).map(({ at }) => at)).toEqual([10_000, 20_000, 30_000]);
    expect(series.view().requestsPerSecond).toEqual([0.1, 0, 0]);
    const day = 24 * 3_600_000;
    expect(series.tick(day, day, 0, 0).length).toBeLessThanOrEqual(STEPS + 1);
    expect(series.view().endedAt).toBeGreaterThan(day - STEP_MS);
  });

  it('gives rates over the last ten whole seconds, and percentiles over the last minute', () => {
    const series = new Series(0, 0);
    for (let i = 0; i < 20; i++) series.request(record());
    expect(series.rates().requestsPerSecond).toBe(0);
    let at = pass(series, 0, 1);
    expect(series.rates()).toMatchObject({ requestsPerSecond: 2, tokensInPerSecond: 60, tokensOutPerSecond: 100 });
    at = pass(series, at, 9);
    expect(series.rates().requestsPerSecond).toBe(2);
    at = pass(series, at, 1);
    expect(series.rates()).toMatchObject({ requestsPerSecond: 0, firstTokenP50Ms: expect.closeTo(100, -1) });
    pass(series, at, 60);
    expect(series.rates().firstTokenP50Ms).toBeNull();
  });
});
