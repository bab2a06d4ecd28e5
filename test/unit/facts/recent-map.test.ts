import { expect, it } from 'vitest';
import { RecentMap } from '../../../src/facts/recent-map.ts';

it('drops what was used longest ago to make room, and looking is no use', () => {
  const map = new RecentMap(2, () => ({ n: 0 }));
  map.use('a').n = 1;
  map.use('b').n = 2;
  map.use('a');
  map.peek('b');
  map.use('c');
  expect([...map.entries()].map(([key]) => key)).toEqual(['a', 'c']);
  expect(map.peek('a')?.n).toBe(1);
  expect(map.size).toBe(2);
  map.clear();
  expect(map.size).toBe(0);
});
