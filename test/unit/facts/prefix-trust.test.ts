import { describe, expect, it } from 'vitest';
import { TrustTable } from '../../../src/facts/prefix-trust.ts';

const FULL = 4_096;
const MINUTE = 60_000;

describe('the trust in what a runner remembers', () => {
  it('starts higher for a continuation than for a changed tail, and falls with depth', () => {
    const table = new TrustTable(new TrustTable());
    const depths = [0, 1, 2, 4, 8];
    expect(depths.map((depth) => table.trust('continuation', depth, 0))).toEqual([0.9, 0.6, 0.5, 0.4, 0.3]);
    expect(depths.map((depth) => table.trust('partial', depth, 0))).toEqual([0.7, 0.4, 0.3, 0.3, 0.2]);
  });

  it('finds out in a few requests that a server remembers one prompt only', () => {
    const table = new TrustTable(new TrustTable());
    for (let i = 0; i < 4; i++) {
      table.learn('continuation', 0, FULL, 1, i * 1_000);
      table.learn('continuation', 1, FULL, 0, i * 1_000);
    }
    expect(table.trust('continuation', 0, 4_000)).toBeGreaterThan(0.95);
    expect(table.trust('continuation', 1, 4_000)).toBeLessThan(0.1);
    expect(table.trust('continuation', 3, 4_000)).toBe(0.5);
  });

  it('finds out that a sliding window serves continuations only', () => {
    const table = new TrustTable(new TrustTable());
    for (let i = 0; i < 4; i++) {
      table.learn('continuation', 0, FULL, 1, 0);
      table.learn('partial', 0, FULL, 0, 0);
    }
    expect(table.trust('continuation', 0, 0)).toBeGreaterThan(0.95);
    expect(table.trust('partial', 0, 0)).toBeLessThan(0.1);
  });

  it('learns depths 2 and 3 together, 4 to 7, and all from 8 on', () => {
    const table = new TrustTable();
    table.learn('partial', 2, FULL, 1, 0);
    expect(table.trust('partial', 3, 0)).toBe(table.trust('partial', 2, 0));
    expect(table.trust('partial', 4, 0)).toBe(0.3);
    table.learn('partial', 7, FULL, 1, 0);
    expect(table.trust('partial', 4, 0)).toBeGreaterThan(0.3);
    expect(table.trust('partial', 8, 0)).toBe(0.2);
  });

  it('goes back to the prior as its samples age', () => {
    const table = new TrustTable(new TrustTable());
    for (let i = 0; i < 10; i++) table.learn('partial', 0, FULL, 0, 0);
    const soon = table.trust('partial', 0, 1 * MINUTE);
    const later = table.trust('partial', 0, 90 * MINUTE);
    expect(soon).toBeLessThan(0.05);
    expect(later).toBeGreaterThan(soon);
    expect(table.trust('partial', 0, 1_000 * MINUTE)).toBeCloseTo(0.7);
  });

  it('follows a server that was changed, however much was learned before', () => {
    const table = new TrustTable(new TrustTable());
    for (let i = 0; i < 5_000; i++) table.learn('partial', 0, FULL, 1, 0);
    for (let i = 0; i < 60; i++) table.learn('partial', 0, FULL, 0, 0);
    expect(table.trust('partial', 0, 0)).toBeLessThan(0.2);
  });

  it('gives little weight to prompts of a few bytes', () => {
    const [short, long] = [new TrustTable(), new TrustTable()];
    short.learn('partial', 0, 100, 0, 0);
    long.learn('partial', 0, FULL, 0, 0);
    expect(short.trust('partial', 0, 0)).toBeGreaterThan(0.6);
    expect(long.trust('partial', 0, 0)).toBeLessThan(0.5);
  });

  it('shows people each class with its own samples', () => {
    const table = new TrustTable(new TrustTable());
    table.learn('partial', 5, FULL, 0.5, 1_000);
    const estimates = table.estimates(3_000);
    expect(estimates).toHaveLength(10);
    expect(estimates[0]).toEqual({ kind: 'continuation', depth: 0, value: 0.9, samples: 0, ageMs: undefined });
    expect(estimates.find(({ samples }) => samples > 0)).toMatchObject({ kind: 'partial', depth: 4, ageMs: 2_000 });
  });
});
