import { describe, expect, it } from 'vitest';
import { History } from '../../../src/results/history.ts';
import { recordOf } from '../../support/record.ts';

describe('the history', () => {
  it('gives the last requests, newest first, and keeps no more than its size', () => {
    const history = new History(3);
    expect(history.last(5)).toEqual([]);
    for (const id of ['a', 'b', 'c', 'd']) history.add(recordOf({ id }));
    expect(history.last(5).map(({ id }) => id)).toEqual(['d', 'c', 'b']);
    expect(history.last(2).map(({ id }) => id)).toEqual(['d', 'c']);
  });

  it('finds a request by its id until it has fallen out', () => {
    const history = new History(2);
    for (const id of ['a', 'b', 'c']) history.add(recordOf({ id }));
    expect([history.get('a'), history.get('c')?.id]).toEqual([undefined, 'c']);
  });

  it('finds the newest of several with one id, and does not lose it when an older one falls out', () => {
    const history = new History(2);
    history.add(recordOf({ id: 'same', status: 500 }));
    history.add(recordOf({ id: 'same', status: 200 }));
    history.add(recordOf({ id: 'other' }));
    expect(history.get('same')?.status).toBe(200);
  });
});
