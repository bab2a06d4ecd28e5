import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { LearnedLengths, PromptRatio } from '../../../src/facts/lengths.ts';
import { QuantileStep } from '../../../src/facts/quantile.ts';
import { SavedFactsError } from '../../../src/facts/saved.ts';

const DAY = 86_400_000;

const answers = (lengths: LearnedLengths, app: string, model: string, tokens: number, n: number): void => {
  for (let i = 0; i < n; i++) lengths.record(app, model, tokens, 0);
};

describe('how long answers are', () => {
  it('is a few paragraphs before anything is known', () => {
    expect(new LearnedLengths().expected('a', 'm', 0)).toBe(200);
    expect(new LearnedLengths().p90('a', 'm', 0)).toBe(500);
  });

  it('shrinks the pair to its model, the model to the pool, the pool to a default, by three answers each', () => {
    const lengths = new LearnedLengths();
    lengths.record('a', 'm', 1000, 0);
    const pool = (1000 + 3 * 200) / 4;
    const model = (1000 + 3 * pool) / 4;
    expect(lengths.expected('x', 'y', 0)).toBeCloseTo(pool);
    expect(lengths.expected('x', 'm', 0)).toBeCloseTo(model);
    expect(lengths.expected('a', 'm', 0)).toBeCloseTo((1000 + 3 * model) / 4);
  });

  it('tells apps on one model apart', () => {
    const lengths = new LearnedLengths();
    for (let i = 0; i < 50; i++) {
      answers(lengths, 'classify', 'm', 5, 1);
      answers(lengths, 'write', 'm', 2000, 1);
    }
    expect(lengths.expected('classify', 'm', 0)).toBeLessThan(100);
    expect(lengths.expected('write', 'm', 0)).toBeGreaterThan(1800);
    expect(lengths.p90('classify', 'm', 0)).toBeLessThan(lengths.p90('write', 'm', 0));
  });

  it('is a plain mean of the first ten and lets each later one count a tenth', () => {
    const lengths = new LearnedLengths();
    answers(lengths, 'a', 'm', 100, 500);
    answers(lengths, 'a', 'm', 1100, 1);
    expect(lengths.estimates(1, 0)[0]?.tokens.value).toBeCloseTo(200, -1);
  });

  it('forgets slowly, by weeks', () => {
    const lengths = new LearnedLengths();
    answers(lengths, 'a', 'm', 2000, 10);
    expect(lengths.expected('a', 'm', DAY)).toBeGreaterThan(1800);
    expect(lengths.expected('a', 'm', 100 * DAY)).toBeCloseTo(200, 0);
  });

  it('leaves out numbers that are none', () => {
    const lengths = new LearnedLengths();
    for (const tokens of [-1, Number.NaN, Number.POSITIVE_INFINITY]) lengths.record('a', 'm', tokens, 0);
    expect(lengths.expected('a', 'm', 0)).toBe(200);
    expect(lengths.estimates(10, 0)).toEqual([]);
  });

  it('remembers 4,096 pairs and forgets the one unused longest', () => {
    const lengths = new LearnedLengths();
    for (let i = 0; i < 4097; i++) lengths.record(`app-${i}`, 'm', 10, 0);
    expect(lengths.estimates(10_000, 0)).toHaveLength(4096);
    expect(lengths.estimates(2, 0).map(({ app }) => app)).toEqual(['app-4096', 'app-4095']);
    expect(lengths.estimates(10_000, 0).at(-1)?.app).toBe('app-1');
    expect(lengths.estimates(0, 0)).toEqual([]);
  });

  it('comes back from a snapshot as it was, in the order of use', () => {
    const lengths = new LearnedLengths();
    answers(lengths, 'a', 'm', 300, 20);
    answers(lengths, '', 'n', 30, 20);
    const again = new LearnedLengths();
    again.record('gone', 'gone', 9999, 0);
    again.restore(JSON.parse(JSON.stringify(lengths.snapshot(DAY))), 7);
    expect(again.estimates(10, 7)).toEqual(lengths.estimates(10, DAY));
    expect(again.p90('a', 'm', 7)).toBeCloseTo(lengths.p90('a', 'm', DAY));
  });

  it('refuses what is no snapshot and changes nothing then', () => {
    const lengths = new LearnedLengths();
    answers(lengths, 'a', 'm', 300, 20);
    const before = lengths.expected('a', 'm', 0);
    const good = lengths.snapshot(0);
    expect(() => lengths.restore({ ...good, pairs: [{ app: 'a', model: 'm', mean: null, high: -1 }] }, 0)).toThrow(
      'lengths.pairs[0].high must be a number of 0 or more, found -1',
    );
    expect(() => lengths.restore([], 0)).toThrow(SavedFactsError);
    expect(lengths.expected('a', 'm', 0)).toBe(before);
  });
});

describe('the ninth of ten', () => {
  it('lies where a tenth of the samples is above, whatever their scale', () => {
    const rng = seededRng(7);
    for (const scale of [0.01, 1000]) {
      const quantile = new QuantileStep(0.9);
      let sum = 0;
      for (let i = 0; i < 4000; i++) {
        quantile.add(-Math.log(1 - rng.next()) * scale, i);
        if (i >= 1000) sum += quantile.value;
      }
      expect(sum / 3000 / scale).toBeGreaterThan(2.3 * 0.8); // −ln 0.1 = 2.3 for an exponential of mean 1
      expect(sum / 3000 / scale).toBeLessThan(2.3 * 1.2);
    }
  });
});

describe('tokens per byte', () => {
  it('is that of English text at first and learned by model', () => {
    const ratios = new PromptRatio();
    expect(ratios.tokensPerByte('m', 0)).toBe(0.27);
    for (let i = 0; i < 50; i++) ratios.record('m', 4000, 2000, 0);
    expect(ratios.tokensPerByte('m', 0)).toBeCloseTo(0.5, 1);
    expect(ratios.tokensPerByte('n', 0)).toBe(0.27);
  });

  it('lets a long prompt say more than a short one, and one of under 64 bytes nothing', () => {
    const ratios = new PromptRatio();
    ratios.record('m', 63, 60, 0);
    expect(ratios.tokensPerByte('m', 0)).toBe(0.27);
    for (let i = 0; i < 10; i++) {
      ratios.record('m', 64, 96, 0);
      ratios.record('m', 2048, 512, 0);
    }
    expect(ratios.tokensPerByte('m', 0)).toBeLessThan(0.3);
  });

  it('stays within what text can have', () => {
    const ratios = new PromptRatio();
    for (let i = 0; i < 1000; i++) {
      ratios.record('high', 3000, 900_000, 0);
      ratios.record('low', 3000, 1, 0);
      ratios.record('none', 3000, 0, 0);
    }
    expect(ratios.tokensPerByte('high', 0)).toBeLessThanOrEqual(1.5);
    expect(ratios.tokensPerByte('low', 0)).toBeGreaterThanOrEqual(0.05);
    expect(ratios.tokensPerByte('none', 0)).toBe(0.27);
  });

  it('comes back from a snapshot, and refuses what is none', () => {
    const ratios = new PromptRatio();
    for (let i = 0; i < 9; i++) ratios.record('m', 4000, 2000, 0);
    const again = new PromptRatio();
    again.restore(JSON.parse(JSON.stringify(ratios.snapshot(5))), 1000);
    expect(again.tokensPerByte('m', 1000)).toBeCloseTo(ratios.tokensPerByte('m', 5));
    expect(() => again.restore({ version: 1, models: {} }, 0)).toThrow('promptRatio.models must be a list');
    expect(again.tokensPerByte('m', 1000)).toBeCloseTo(ratios.tokensPerByte('m', 5));
  });
});
