import { describe, expect, it } from 'vitest';
import { PrefixHasher } from '../../../src/forward/prefix-hash.ts';

const hashOf = (hasher: PrefixHasher, text: Buffer): number => {
  hasher.start(text);
  hasher.bytes(0, text.length);
  return hasher.digest();
};

const bits = (value: number): string => value.toString(2).padStart(53, '0');

describe('the hash of a prompt', () => {
  const hasher = new PrefixHasher([1, 2]);

  it('is the same for the same bytes under the same key, wherever they lie in memory', () => {
    const text = Buffer.from('the quick brown fox');
    const shifted = Buffer.from('x the quick brown fox').subarray(2);
    expect(hashOf(hasher, shifted)).toBe(hashOf(new PrefixHasher([1, 2]), text));
  });

  it('is another one under another key, whichever half of the key differs', () => {
    const text = Buffer.from('the quick brown fox');
    const hashes = [new PrefixHasher([1, 2]), new PrefixHasher([1, 3]), new PrefixHasher([2, 2])].map((each) =>
      hashOf(each, text),
    );
    expect(new Set(hashes).size).toBe(3);
  });

  it('goes on from what came before, and reading it changes nothing', () => {
    const text = Buffer.from('abcdefghijkl');
    hasher.start(text);
    hasher.bytes(0, 8);
    hasher.digest();
    hasher.bytes(8, 12);
    expect(hasher.digest()).toBe(hashOf(hasher, text));
    hasher.start(text);
    hasher.bytes(8, 12);
    expect(hasher.digest()).not.toBe(hashOf(hasher, text));
  });

  it('tells apart texts that differ only in length when the lengths are given', () => {
    const text = Buffer.from('ab\0\0');
    const lengths = [2, 3, 4].map((length) => {
      hasher.start(text);
      hasher.bytes(0, length);
      hasher.word(length);
      return hasher.digest();
    });
    expect(new Set(lengths).size).toBe(3);
  });

  it('never repeats over a hundred thousand texts that differ in a few bits', () => {
    const text = Buffer.alloc(64, 'a');
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      text.writeUInt32LE(i, (i % 15) * 4);
      seen.add(hashOf(hasher, text));
      text.fill('a');
    }
    expect(seen.size).toBe(100_000);
  });

  it('does not lose two changes of the top bit that would cancel in a mere multiplication', () => {
    const text = Buffer.alloc(32, 'a');
    const plain = hashOf(hasher, text);
    for (let i = 3; i < 28; i += 4) {
      for (let k = i + 4; k < 32; k += 4) {
        const changed = Buffer.from(text);
        changed[i] = 0xe1;
        changed[k] = 0xe1;
        expect(hashOf(hasher, changed)).not.toBe(plain);
      }
    }
  });

  it('flips every one of its 53 bits about half of the time, whichever bit of the text changes', () => {
    const flips = Array.from({ length: 53 }, () => 0);
    let trials = 0;
    for (let seed = 0; seed < 40; seed++) {
      const text = Buffer.from(`message ${seed * 7919} of a chat, 32 bytes.`.slice(0, 32).padEnd(32));
      const plain = bits(hashOf(hasher, text));
      for (let bit = 0; bit < 256; bit++) {
        const changed = Buffer.from(text);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const other = bits(hashOf(hasher, changed));
        for (let k = 0; k < 53; k++) if (plain[k] !== other[k]) flips[k] = (flips[k] ?? 0) + 1;
        trials++;
      }
    }
    for (const count of flips) {
      expect(count / trials).toBeGreaterThan(0.47);
      expect(count / trials).toBeLessThan(0.53);
    }
  });
});
