import { describe, expect, it } from 'vitest';
import { rankByCost, rankByHead } from '../../../src/routing/rank.ts';
import { candidatesOf } from './candidates.ts';

const candidates = candidatesOf({ a: {}, b: {}, c: {}, d: {} });
const idsOf = (costs: readonly number[]) =>
  rankByCost(candidates, costs, String)
    .all()
    .map((c) => c.candidate.id);

describe('rankByCost', () => {
  it('orders by cost, lowest first, and equals in the order given', () => {
    expect(idsOf([3, 1, 2, 1])).toEqual(['b', 'd', 'c', 'a']);
  });

  it('puts infinite costs and costs that are no number last, in the order given', () => {
    expect(idsOf([Infinity, NaN, 5, Infinity])).toEqual(['c', 'a', 'b', 'd']);
  });

  it('gives the same choice at every index before and after the order was asked for', () => {
    const ranking = rankByCost(candidates, [3, 1, 2, 0], String);
    expect(ranking.at(0)?.candidate.id).toBe('d');
    expect(ranking.at(3)?.candidate.id).toBe('a');
    expect(ranking.at(0)?.candidate.id).toBe('d');
    expect(ranking.all().map(({ cost }) => cost)).toEqual([0, 1, 2, 3]);
  });

  it('has nothing outside its range', () => {
    const ranking = rankByCost(candidates, [0, 0, 0, 0], String);
    expect([-1, 4, 0.5, NaN].map((index) => ranking.at(index))).toEqual([undefined, undefined, undefined, undefined]);
    expect(rankByCost([], [], String).at(0)).toBeUndefined();
  });

  it('asks for the reason only of a choice whose reason is read', () => {
    const asked: number[] = [];
    const ranking = rankByCost(candidates, [3, 1, 2, 0], (index) => {
      asked.push(index);
      return `reason ${index}`;
    });
    const [best] = ranking.all();
    expect(asked).toEqual([]);
    expect(best?.why).toBe('reason 3');
    expect(asked).toEqual([3]);
  });
});

describe('rankByHead', () => {
  const own = [0, 7, 3, 5];

  it('orders the head, and behind it the others by their own cost', () => {
    const ranking = rankByHead(candidates, [3, 1], [5, 7], (i) => own[i] ?? 0, String);
    expect(ranking.at(0)?.candidate.id).toBe('d');
    expect(ranking.all().map(({ candidate, cost }) => [candidate.id, cost])).toEqual([
      ['d', 5],
      ['b', 7],
      ['a', 8],
      ['c', 11],
    ]);
    expect(ranking.at(0)?.candidate.id).toBe('d');
  });

  it('gives the same first one before and after the order was asked for where costs are equal', () => {
    const ranking = rankByHead(candidates, [3, 1, 2], [0, 0, 0], () => 0, String);
    expect(ranking.at(0)?.candidate.id).toBe('b');
    expect(ranking.all().map(({ candidate }) => candidate.id)).toEqual(['b', 'c', 'd', 'a']);
    expect(ranking.at(0)?.candidate.id).toBe('b');
  });

  it('works out no cost outside the head while only the best is asked for', () => {
    const asked: number[] = [];
    const costOf = (i: number): number => asked.push(i);
    const ranking = rankByHead(candidates, [2], [1], costOf, String);
    expect([ranking.size, ranking.at(0)?.why]).toEqual([4, '2']);
    expect(asked).toEqual([]);
  });
});
