import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/config/nearest.ts';

describe('the nearest known word', () => {
  const known = ['max_wait', 'max_waiting', 'class_weights', 'url', 'listen'];

  it.each([
    ['max_wai', 'max_wait'],
    ['maxWait', 'max_wait'],
    ['max-waiting', 'max_waiting'],
    ['clas_wieghts', 'class_weights'],
    ['ulr', 'url'],
    ['Listen', 'listen'],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  it.each(['strategy', 'x', '', 'zzz', 'a'.repeat(100_000)])('is none where nothing is near (%#)', (word) => {
    expect(nearest(word, known)).toBeUndefined();
  });
});
