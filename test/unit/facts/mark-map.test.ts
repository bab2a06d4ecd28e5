import { describe, expect, it } from 'vitest';
import { MarkMap } from '../../../src/facts/mark-map.ts';

interface Item {
  readonly hash: number;
  readonly name: string;
}

describe('the map from hashes to their values', () => {
  it('keeps hashes apart that agree in their low 32 bits', () => {
    const map = new MarkMap<Item>();
    const hashes = [7, 7 + 2 ** 32, 7 + 2 ** 52];
    hashes.forEach((hash, index) => map.set({ hash, name: `item ${index}` }, index));
    expect(hashes.map((hash) => map.get(hash)?.name)).toEqual(['item 0', 'item 1', 'item 2']);
    expect(hashes.map((hash) => map.note(map.slot(hash)))).toEqual([0, 1, 2]);
    map.delete(7);
    expect(hashes.map((hash) => map.get(hash)?.name)).toEqual([undefined, 'item 1', 'item 2']);
  });

  it('replaces the value and the note of a hash that it has', () => {
    const map = new MarkMap<Item>();
    map.set({ hash: 1, name: 'old' }, 5);
    map.set({ hash: 1, name: 'new' }, 6);
    expect(map.size).toBe(1);
    expect(map.get(1)?.name).toBe('new');
    expect(map.note(map.slot(1))).toBe(6);
  });

  it('says that a hash is not there, and takes out nothing then', () => {
    const map = new MarkMap<Item>();
    map.set({ hash: 1, name: 'only' });
    map.delete(2);
    expect(map.slot(2)).toBe(-1);
    expect(map.get(2)).toBeUndefined();
    expect(map.size).toBe(1);
  });

  it('is empty after a clear', () => {
    const map = new MarkMap<Item>();
    for (let hash = 0; hash < 100; hash++) map.set({ hash, name: 'x' });
    expect([...map.values()]).toHaveLength(100);
    map.clear();
    expect(map.size).toBe(0);
    expect(map.get(3)).toBeUndefined();
    expect([...map.values()]).toEqual([]);
  });
});
