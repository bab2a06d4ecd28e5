import { describe, expect, it } from 'vitest';
import { figuresOf, pooled, rangeOf, type Figures, type Sample } from '../../../bench/storm/figures.ts';
import { readOptions } from '../../../bench/storm/options.ts';
import { judge, rivalry, table, verdicts, type Result } from '../../../bench/storm/report.ts';

const sample = (change: Partial<Sample> = {}): Sample => ({
  requests: 4,
  firstMs: [100, 200, 6000],
  loads: 1,
  promptTokens: 1000,
  cachedTokens: 250,
  ...change,
});

const figures = (p50: number, p95 = 10 * p50): Figures => ({ ...figuresOf(sample()), p50, p95 });

const result = (name: string, change: Partial<Result> = {}): Result => ({
  name,
  wire: figures(108),
  predicted: [figures(90), figures(100), figures(120)],
  lifelike: [figures(95)],
  added: { p50: 3, p95: 9 },
  netP50: 105,
  failures: new Map(),
  ...change,
});

describe('figures', () => {
  it('count a request without a good answer as late and as failed', () => {
    const { inTime, failed, p50, cachedShare, loadsPerThousand } = figuresOf(sample());
    expect({ inTime, failed, p50, cachedShare, loadsPerThousand }).toEqual({
      inTime: 0.5,
      failed: 0.25,
      p50: 200,
      cachedShare: 0.25,
      loadsPerThousand: 250,
    });
  });

  it('of several runs are those of all their requests together', () => {
    const { p50, requests, cachedShare } = figuresOf(
      pooled([sample(), sample({ firstMs: [1, 1, 1, 1], cachedTokens: 0 })]),
    );
    expect({ p50, requests, cachedShare }).toEqual({ p50: 1, requests: 8, cachedShare: 0.125 });
  });

  it('that differ by chance have a median and a range', () => {
    expect(rangeOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
  });
});

describe('the judgement', () => {
  it('takes what the rig adds out before it compares', () => {
    const judged = judge(result('hybrid'));
    expect(judged.ratio).toBeCloseTo(1.08);
    expect(judged.netRatio).toBeCloseTo(1.05);
    expect(judged).toMatchObject({ agrees: true, withinChance: true });
  });

  it('says so when the wire is further off than a tenth, and whether chance explains it', () => {
    expect(judge(result('hybrid', { netP50: 115 }))).toMatchObject({ agrees: false, withinChance: true });
    expect(judge(result('hybrid', { netP50: 130 }))).toMatchObject({ agrees: false, withinChance: false });
    expect(verdicts([result('hybrid', { netP50: 130 })])).toContain('does NOT agree within 10 %, outside of');
  });

  it('warns when the rig itself is too large a part of the median', () => {
    expect(verdicts([result('hybrid')])).toContain('2.8 % of the median');
    expect(verdicts([result('hybrid')])).toContain('below 3 %');
    expect(verdicts([result('hybrid', { added: { p50: 4, p95: 9 } })])).toContain('ABOVE 3 %');
  });

  it('names why requests failed', () => {
    expect(verdicts([result('hybrid', { failures: new Map([['status 503: full', 2]]) })])).toContain(
      '  2 × status 503: full',
    );
  });

  it('sets the tail of the router beside that of nginx, where both ran', () => {
    const nginx = result('nginx-least-conn', { wire: figures(400, 9000) });
    expect(rivalry([result('hybrid', { wire: figures(100, 2700) }), nginx])).toBe(
      'hybrid: p95 is 0.30 × that of nginx least_conn, at most a third',
    );
    expect(rivalry([result('hybrid', { wire: figures(100, 3600) }), nginx])).toContain('more than a third');
    expect(rivalry([result('hybrid')])).toBe('');
  });
});

describe('the table', () => {
  it('shows a range only where chance makes one', () => {
    const [, wire, simulator, lifelike] = table([result('hybrid')]).split('\n');
    expect(wire).toMatch(/^hybrid {2}wire +0\.11 +1\.08 /);
    expect(simulator).toContain('0.10 (0.09–0.12)');
    expect(lifelike).toMatch(/… at scale 1 +0\.10 /);
  });
});

describe('options', () => {
  it('have defaults for a run of a few minutes', () => {
    const { warm, seeds, contenders } = readOptions([]);
    expect({ warm, seeds, names: contenders.map(({ name }) => name) }).toEqual({
      warm: true,
      seeds: 1,
      names: ['hybrid', 'hybrid-auto', 'nginx-least-conn', 'nginx-round-robin'],
    });
  });

  it('are refused with what to give instead', () => {
    expect(() => readOptions(['--scale', '0'])).toThrow('--scale 0: give a number above 0 and up to 50');
    expect(() => readOptions(['--sessions', '1.5'])).toThrow('--sessions 1.5: give a whole number');
    expect(() => readOptions(['--policies', 'best'])).toThrow('nothing is called best: take some of hybrid, ');
  });
});
