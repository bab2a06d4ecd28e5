import { describe, expect, it } from 'vitest';
import { ModelMetrics, readMetrics } from '../../../src/results/model-metrics.ts';

describe('ModelMetrics', () => {
  it('counts results and averages their latency, failed ones included', () => {
    const metrics = new ModelMetrics();
    metrics.record(true, 100, 'coding');
    metrics.record(true, 200, 'testing');
    metrics.record(false, 600, 'coding');
    expect(metrics.view()).toEqual({
      totalRequests: 3,
      successfulTasks: 2,
      failedTasks: 1,
      averageLatencyMs: 300,
      p50LatencyMs: 200,
      p95LatencyMs: 600,
      byCategory: {
        coding: { totalRequests: 2, successfulTasks: 1, failedTasks: 1, averageLatencyMs: 350 },
        testing: { totalRequests: 1, successfulTasks: 1, failedTasks: 0, averageLatencyMs: 200 },
      },
    });
  });

  it('is all zeros before the first result and after a reset', () => {
    const metrics = new ModelMetrics();
    const empty = metrics.view();
    expect(empty).toMatchObject({ totalRequests: 0, averageLatencyMs: 0, p50LatencyMs: 0, p95LatencyMs: 0 });
    metrics.record(false, 5, 'coding');
    metrics.reset();
    expect(metrics.view()).toEqual(empty);
  });

  it('takes percentiles by nearest rank', () => {
    const metrics = new ModelMetrics();
    for (let ms = 1; ms <= 100; ms++) metrics.record(true, ms, 'coding');
    expect(metrics.view()).toMatchObject({ p50LatencyMs: 50, p95LatencyMs: 95 });
  });

  it('lets percentiles follow the latest results while the mean keeps them all', () => {
    const metrics = new ModelMetrics();
    for (let i = 0; i < 300; i++) metrics.record(true, 1000, 'coding');
    for (let i = 0; i < 256; i++) metrics.record(true, 10, 'coding');
    const { p95LatencyMs, averageLatencyMs } = metrics.view();
    expect(p95LatencyMs).toBe(10);
    expect(averageLatencyMs).toBeCloseTo((300 * 1000 + 256 * 10) / 556);
  });

  it('folds categories past its bound into other', () => {
    const metrics = new ModelMetrics();
    for (let i = 0; i < 70; i++) metrics.record(true, 1, `category-${i}`);
    const { byCategory } = metrics.view();
    expect(Object.keys(byCategory)).toHaveLength(65);
    expect(byCategory['other']?.totalRequests).toBe(6);
  });

  it('treats a category called __proto__ as a name like any other', () => {
    const metrics = new ModelMetrics();
    metrics.record(true, 1, '__proto__');
    expect(Object.keys(metrics.view().byCategory)).toEqual(['__proto__']);
  });

  it('comes back from JSON, the order of the window included', () => {
    const metrics = new ModelMetrics();
    for (let i = 0; i < 300; i++) metrics.record(i % 3 > 0, i, i % 2 ? 'coding' : 'testing');
    const other = new ModelMetrics();
    other.load(readMetrics(JSON.parse(JSON.stringify(metrics.save())), 'metrics'));
    expect(other.view()).toEqual(metrics.view());
    metrics.record(true, 1, 'coding');
    other.record(true, 1, 'coding');
    expect(other.save()).toEqual(metrics.save());
    expect(other.save().latestMs[0]).toBe(45);
  });
});
