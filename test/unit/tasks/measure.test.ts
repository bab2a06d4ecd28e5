import { describe, expect, it } from 'vitest';
import {
  accuracy,
  calibrationBins,
  calibrationError,
  classScores,
  lengthClass,
  macroF1,
  tempered,
  type Row,
} from '../../../bench/tasks/measure.ts';

const row = (label: string, said: string, confidence = 0.5): Row => ({ label, said, confidence });

describe('the measures of a categorizer', () => {
  const rows = [row('coding', 'coding'), row('coding', 'testing'), row('testing', 'testing'), row('mine', 'mine')];

  it('count what was said right', () => {
    expect(accuracy(rows)).toBe(0.75);
    expect(accuracy([])).toBe(0);
  });

  it('give precision and recall for each category, own ones included', () => {
    const of = (name: string) => classScores(rows).find(({ category }) => category === name);
    expect(of('coding')).toMatchObject({ items: 2, precision: 1, recall: 0.5 });
    expect(of('testing')).toMatchObject({ items: 1, precision: 0.5, recall: 1 });
    expect(of('mine')).toMatchObject({ f1: 1 });
    expect(macroF1(rows)).toBeCloseTo((2 / 3 + 2 / 3 + 1) / 3);
  });

  it('compare what was promised with what was kept', () => {
    const sure = [row('a', 'a', 0.95), row('a', 'b', 0.95)];
    expect(calibrationBins(sure)).toEqual([{ said: 0.95, right: 0.5, count: 2 }]);
    expect(calibrationError(sure)).toBeCloseTo(0.45);
    expect(calibrationError([row('a', 'a', 1)])).toBe(0);
  });

  it('make less sure by a greater temperature', () => {
    expect(tempered([0.8, 0.2], 1)).toBeCloseTo(0.8);
    expect(tempered([0.8, 0.2], 2)).toBeLessThan(0.8);
    expect(tempered([0.8, 0.2], 0.5)).toBeGreaterThan(0.8);
  });

  it('tell lengths apart', () => {
    expect([10, 100, 500, 5000].map((size) => lengthClass('x'.repeat(size)).slice(0, 1))).toEqual(['1', '2', '3', '4']);
  });
});
