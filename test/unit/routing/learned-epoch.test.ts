import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONTEXT_SIZE,
  DISCARDED_MS,
  EPOCH_MS,
  EpochBook,
  rewardForeseen,
  rewardOf,
} from '../../../src/routing/learned-epoch.ts';
import { moment, result } from './learned-results.ts';

const LATER = DISCARDED_MS + 1;

describe('the reward of an epoch', () => {
  it('counts good answers, the logarithm of the median first token, and loads', () => {
    expect(rewardOf(1, 1000, 0)).toBe(1);
    expect(rewardOf(0.5, 1000 * Math.E, 0)).toBeCloseTo(0.4, 12);
    expect(rewardOf(1, 1000, 50)).toBeCloseTo(0.95, 12);
    expect(rewardOf(1, 0, 0)).toBe(rewardOf(1, 10, 0));
  });

  it('takes late first tokens, slow ones after them, and failures for no good answers', () => {
    const book = new EpochBook(0);
    for (const one of [
      result({ firstTokenMs: 5000, tokenMs: 100 }),
      result({ firstTokenMs: 1000, tokenMs: undefined }),
      result({ firstTokenMs: 5001 }),
      result({ tokenMs: 101 }),
      result({ served: false }),
    ]) {
      book.add(one, moment(LATER));
    }
    const sum = book.arm('hybrid');
    expect(sum?.requests).toBe(5);
    expect(sum?.goodput).toBe(0.4);
    expect(sum?.medianFirstMs).toBe(3000);
  });

  it('is foreseen for one request in the same terms', () => {
    expect(rewardForeseen(1000, false)).toBe(1);
    expect(rewardForeseen(5001, false)).toBeCloseTo(-0.161, 3);
    expect(rewardForeseen(1000, true)).toBe(0);
  });

  it('leaves the first twenty seconds out, and ends after two minutes', () => {
    const book = new EpochBook(1000);
    book.add(result(), moment(1000 + DISCARDED_MS - 1));
    expect(book.requests('hybrid')).toBe(0);
    book.add(result(), moment(1000 + DISCARDED_MS));
    expect(book.requests('hybrid')).toBe(1);
    expect([book.isOver(1000 + EPOCH_MS - 1), book.isOver(1000 + EPOCH_MS)]).toEqual([false, true]);
  });

  it('is nothing where nothing was answered', () => {
    const book = new EpochBook(0);
    book.add(result({ arm: 'performance', served: false }), moment(LATER));
    expect(book.arm('performance')).toBeUndefined();
    expect(book.arm('hybrid')).toBeUndefined();
  });

  it('is surer of many answers than of few', () => {
    const book = new EpochBook(0);
    for (let i = 0; i < 10; i++) book.add(result({ firstTokenMs: 100 + i }), moment(LATER));
    for (let i = 0; i < 1000; i++) book.add(result({ arm: 'performance', firstTokenMs: 100 + i }), moment(LATER));
    const [few, many] = [book.arm('hybrid'), book.arm('performance')];
    expect(many?.variance).toBeLessThan((few?.variance ?? 0) / 5);
  });

  it('finds the median of any number of answers, close to the true one where it keeps only some', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (n) => {
        const book = new EpochBook(0);
        for (let i = 0; i < n; i++) book.add(result({ firstTokenMs: 1000 * ((i * 0.618_034) % 1) }), moment(LATER));
        const median = book.arm('hybrid')?.medianFirstMs ?? Number.NaN;
        expect(book.arm('hybrid')?.requests).toBe(n);
        if (n > 100) expect(Math.abs(median - 500)).toBeLessThan(25);
      }),
      { numRuns: 30 },
    );
  });
});

describe('how things stood in an epoch', () => {
  it('is numbers between −1 and 1, whatever came', () => {
    const anyResult = fc.record({
      served: fc.boolean(),
      firstTokenMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      promptTokens: fc.nat(),
      cachedTokens: fc.constant(0),
      model: fc.string(),
    });
    fc.assert(
      fc.property(
        fc.array(anyResult, { maxLength: 30 }),
        fc.nat({ max: 1e6 }),
        fc.nat({ max: 100 }),
        fc.option(fc.double({ min: 0.001, max: 1e4, noNaN: true }), { nil: undefined }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (results, waiting, hosts, usual, dayShare) => {
          const book = new EpochBook(0);
          const now = moment(LATER, { waiting, hosts, dayShare });
          for (const one of results) book.add(result(one), now);
          const { context } = book.close(now, usual);
          expect(context).toHaveLength(CONTEXT_SIZE);
          for (const value of context) expect(Math.abs(value)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('tells a queue, a rush, many models, and long prompts that are not remembered', () => {
    const calm = new EpochBook(0);
    const rush = new EpochBook(0);
    for (let i = 0; i < 100; i++) calm.add(result(), moment(LATER));
    for (let i = 0; i < 400; i++) {
      const one = result({ model: `m${i % 8}`, promptTokens: 16_000, cachedTokens: 0, served: i % 4 > 0 });
      rush.add(one, moment(LATER, { waiting: 2 }));
    }
    const [before, after] = [calm.close(moment(EPOCH_MS), 1).context, rush.close(moment(EPOCH_MS), 1).context];
    expect(before.slice(0, 6).map((value) => Math.round(100 * value))).toEqual([0, 0, 13, 0, -33, 0]);
    expect(after.slice(0, 6).map((value) => Math.round(100 * value))).toEqual([50, 100, 100, -50, 100, 25]);
  });
});
