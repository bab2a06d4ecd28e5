import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../src/forward/retry-budget.ts';

const MINUTE = 60_000;
const FLOOR = 10;

/** How many retries are allowed in a row at that time. */
const allowed = (budget: RetryBudget, at: number): number => {
  let count = 0;
  while (count < 1_000 && budget.take(at)) count++;
  return count;
};

describe('the retry budget', () => {
  it('allows a floor of retries however little traffic there is', () => {
    expect(allowed(new RetryBudget(0), 5)).toBe(FLOOR);
  });

  it('allows a share of the requests beyond it', () => {
    const budget = new RetryBudget(0.2);
    for (let i = 0; i < 100; i++) budget.request(1_000);
    expect(allowed(budget, 1_000)).toBe(FLOOR + 20);
  });

  it('lets the minute before fade, so that there is no jump at its border', () => {
    const budget = new RetryBudget(0.5);
    for (let i = 0; i < 100; i++) budget.request(0);
    expect(allowed(budget, 0)).toBe(FLOOR + 50);
    // Half of what was asked and of what was spent still counts: (10 + 50 · ½) − 60 · ½.
    expect(allowed(budget, 1.5 * MINUTE)).toBe(5);
  });

  it('starts anew after two minutes without anything', () => {
    const budget = new RetryBudget(0);
    expect(allowed(budget, 0)).toBe(FLOOR);
    expect(allowed(budget, 10)).toBe(0);
    expect(allowed(budget, 2 * MINUTE)).toBe(FLOOR);
  });

  it('follows a new setting at once', () => {
    const budget = new RetryBudget(0);
    for (let i = 0; i < 10; i++) budget.request(0);
    budget.configure(1);
    expect(allowed(budget, 0)).toBe(FLOOR + 10);
  });
});
