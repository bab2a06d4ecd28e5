import { describe, expect, it } from 'vitest';
import { COST, costOf, spread, terms } from '../../../src/routing/cost.ts';
import { costInWords, count, seconds } from '../../../src/routing/reason.ts';
import { outlookOf } from './outlooks.ts';

const cost = (outlook: ReturnType<typeof outlookOf>, p = 1, decodeWeight: number = COST.decodeWeight): number =>
  costOf(outlook, 0, p, decodeWeight);

describe('the cost of a candidate', () => {
  // Three servers and one request of 3,000 tokens: warm with most of it remembered but 6 s busy; warm, slow and idle;
  // fast, but cold and with another model to push out.
  const remembered = { prefill: 210, decode: 3600, harm: 325 };
  const slow = { prefill: 4300, decode: 7100 };
  const cold = { load: 6000, prefill: 630, decode: 2000, evict: 1500 };

  it('adds up wait, reading, three tenths of writing and the harm to others', () => {
    expect(cost(outlookOf([{ ...remembered, wait: 6000 }]))).toBeCloseTo(7615, 6);
    expect(cost(outlookOf([slow]))).toBeCloseTo(6430, 6);
    expect(cost(outlookOf([cold]))).toBeCloseTo(8730, 6);
  });

  it('makes waiting for a server that remembers better than reading all again, once the wait is short', () => {
    expect(cost(outlookOf([{ ...remembered, wait: 6000 }]))).toBeGreaterThan(cost(outlookOf([slow])));
    expect(cost(outlookOf([{ ...remembered, wait: 2000 }]))).toBeLessThan(cost(outlookOf([slow])));
  });

  it('slows down reading and writing by neighbours, and neither waiting nor loading', () => {
    const row = { wait: 100, load: 1000, prefill: 200, decode: 1000 };
    expect(cost(outlookOf([{ ...row, slowdown: 1.5 }])) - cost(outlookOf([row]))).toBeCloseTo(0.5 * (200 + 300), 6);
  });

  it('charges the work that is new while requests queue, and only then', () => {
    const row = { prefill: 100, freshWork: 1360 };
    expect(cost(outlookOf([row]))).toBeCloseTo(100, 6);
    expect(cost(outlookOf([row], { pressure: 10 }))).toBeCloseTo(13_700, 6);
  });

  it('pays for each failed try with its own time and two usual requests', () => {
    expect(cost(outlookOf([{ prefill: 1000 }], { serviceMs: 500 }), 0.5)).toBeCloseTo(2000 + 1000, 6);
  });

  it('counts writing in full where nobody reads along', () => {
    expect(cost(outlookOf([{ decode: 1000 }]), 1, 1)).toBe(1000);
  });

  it('stays finite for one that never succeeded', () => {
    expect(cost(outlookOf([slow], { serviceMs: 20_000 }), 0)).toBeLessThan(5e6);
  });

  it('names the same parts for an explanation', () => {
    const parts = terms(outlookOf([cold], { serviceMs: 1000 }), 0, 0.5);
    expect(parts).toEqual({
      wait: 0,
      load: 6000,
      prefill: 630,
      decode: 600,
      slowdown: 0,
      evict: 1500,
      harm: 0,
      congestion: 0,
      risk: 8730 + 2000,
    });
  });

  it('is spread by two percent at most, and even where it is nothing', () => {
    expect(spread(100, { next: () => 0 })).toBe(100);
    expect(spread(100, { next: () => 0.999 })).toBeCloseTo(102, 1);
    expect(spread(0, { next: () => 0.9 })).toBeGreaterThan(spread(0, { next: () => 0.1 }));
  });
});

describe('the reason of a cost', () => {
  it('names the start of the answer, and the parts that count most in the order in which they pass', () => {
    const row = { prefill: 400, decode: 3600, cached: 2600 };
    expect(costInWords(outlookOf([row], { promptTokens: 3000 }), 0, 1)).toBe(
      'answers in 0.4 s: reads 0.4 s (2,600 of 3,000 tokens remembered), writes 3.6 s',
    );
  });

  it('leaves out what hardly counts', () => {
    const row = { wait: 6000, load: 2000, prefill: 300, decode: 900, harm: 10 };
    expect(costInWords(outlookOf([row]), 0, 0.99)).toBe('answers in 8.3 s: waits 6.0 s, loads 2.0 s');
  });

  it.each([
    [{ prefill: 1000, slowdown: 3 }, {}, 1, 'answers in 3.0 s: reads 1.0 s, slowed by others 2.0 s'],
    [{ prefill: 1000, evict: 4000 }, {}, 1, 'answers in 1.0 s: reads 1.0 s, makes others load 4.0 s'],
    [{ prefill: 1000, harm: 800 }, {}, 1, 'answers in 1.0 s: reads 1.0 s, delays others 0.8 s'],
    [
      { prefill: 1000, freshWork: 1000 },
      { pressure: 10, promptTokens: 900 },
      1,
      'answers in 1.0 s: reads 1.0 s (900 tokens), price of the queue 10 s',
    ],
    [{ prefill: 1000 }, { serviceMs: 9000 }, 0.5, 'answers in 1.0 s: reads 1.0 s, 50% ok'],
    [{}, {}, 1, 'answers in 0 s'],
  ])('says %o in words', (row, asked, p, words) => {
    expect(costInWords(outlookOf([row], asked), 0, p)).toBe(words);
  });

  it('writes times and counts as people read them', () => {
    expect([0, 0.4, 7, 99, 120, 9940, 12_000, 1_300_000].map(seconds)).toEqual([
      '0 s',
      '0 s',
      '7 ms',
      '99 ms',
      '0.1 s',
      '9.9 s',
      '12 s',
      '1,300 s',
    ]);
    expect([0, 999, 1000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});
