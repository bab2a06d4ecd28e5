import { describe, expect, it } from 'vitest';
import { isLate, LEAST_FIRST_MS, LEAST_GAP_MS, patienceOf, type Patience } from '../../../src/backends/patience.ts';
import { NO_DEMAND, type Demand } from '../../../src/core/demand.ts';
import { Facts } from '../../../src/facts/facts.ts';
import { NOTHING_EXPECTED, Work, type Expectation } from '../../../src/facts/work.ts';

const MIDDLING_BYTES = 4e9;

interface Case {
  readonly demand?: Partial<Demand>;
  readonly expected?: Partial<Expectation>;
  readonly streams?: boolean;
  readonly promptTokens?: number;
  /** Answers and loads that were measured on this runner: ms per token read and written, ms of a load. */
  readonly measured?: { readonly read: number; readonly write: number; readonly load?: number };
}

const workOf = ({ demand, expected, streams = true }: Case): Work =>
  new Work({ ...NO_DEMAND, ...demand }, NO_DEMAND.shape, streams, { ...NOTHING_EXPECTED, ...expected }, 0, 0, 0);

const patience = (given: Case): Patience => {
  const runner = new Facts().runner('a', 'm', MIDDLING_BYTES);
  const { measured } = given;
  if (measured !== undefined) {
    for (let i = 0; i < 100; i++) {
      runner.speeds.prefilled(1_000, 1_000 * measured.read, 1, 0);
      runner.speeds.decoded(1_000, 1_000 * measured.write, 1, 0);
      if (measured.load !== undefined) runner.speeds.loaded(measured.load, 0);
    }
  }
  runner.refresh(0);
  return patienceOf(runner, workOf(given), given.promptTokens ?? 0, 0);
};

const FAST = { read: 0.5, write: 20, load: 5_000 };

describe('patience before the first byte', () => {
  it('is never below a minute', () => {
    expect(patience({ measured: FAST }).firstMs).toBe(LEAST_FIRST_MS);
  });

  it('is three times what was foreseen and ten seconds', () => {
    const expected = { waitMs: 30_000, prefillMs: 20_000, slowdown: 1.5 };
    expect(patience({ measured: FAST, expected }).firstMs).toBe(3 * (30_000 + 30_000) + 10_000);
  });

  it('adds three loads where the model must be loaded, five minutes where its loads were never measured', () => {
    const expected = { prefillMs: 20_000, loadMs: 30_000 };
    const measured = { ...FAST, load: 30_000 };
    expect(Math.round(patience({ measured, expected }).firstMs / 1_000)).toBe(70 + 90);
    expect(patience({ measured: { read: 0.5, write: 20 }, expected }).firstMs).toBe(70_000 + 300_000);
    expect(patience({ measured: { ...FAST, load: 400_000 }, expected }).firstMs).toBe(70_000 + 300_000);
  });

  it('leaves time for three loads of a model that was believed to be in memory', () => {
    expect(Math.round(patience({ measured: { ...FAST, load: 40_000 } }).firstMs / 1_000)).toBe(120);
  });

  it('lets a prompt of that size be read three times over, at the pace of a slow CPU while none was measured', () => {
    expect(Math.round(patience({ measured: { ...FAST, read: 10 }, promptTokens: 10_000 }).firstMs / 1_000)).toBe(300);
    expect(patience({ promptTokens: 10_000 }).firstMs).toBe(3 * 10_000 * 20);
  });

  it('covers the whole answer where it comes in one piece', () => {
    const measured = { ...FAST, write: 100 };
    const limited = { measured, streams: false, demand: { outputLimit: 1_000 } };
    expect(Math.round(patience(limited).firstMs / 1_000)).toBe(60 + 300);
    expect(patience({ measured, streams: false }).firstMs).toBeGreaterThan(4_000_000);
    expect(patience({ measured, streams: false, demand: { kind: 'embedding' } }).firstMs).toBe(LEAST_FIRST_MS);
  });

  it('is a quarter of an hour for a request that only loads', () => {
    expect(patience({ measured: FAST, demand: { kind: 'load' } }).firstMs).toBe(900_000);
  });
});

describe('patience between two pieces', () => {
  it('is twenty tokens, at least half a minute', () => {
    expect(patience({ measured: FAST }).gapMs).toBe(LEAST_GAP_MS);
    expect(Math.round(patience({ measured: { ...FAST, write: 3_000 } }).gapMs / 1_000)).toBe(60);
  });

  it('covers the rest of the answer where tool calls may be held back', () => {
    const { quietMs } = patience({ measured: { ...FAST, write: 100 }, demand: { outputLimit: 1_000 } });
    expect(Math.round(quietMs / 1_000)).toBe(300);
  });
});

describe('a request that ran out of time without a byte', () => {
  it('was late when it had three times what was foreseen and ten seconds', () => {
    const expected = { prefillMs: 5_000, decodeMs: 60_000 };
    const late = (totalMs: number, streams: boolean): boolean => isLate(workOf({ expected, streams }), totalMs);
    expect([late(24_999, true), late(25_000, true)]).toEqual([false, true]);
    expect([late(204_999, false), late(205_000, false)]).toEqual([false, true]);
  });
});
