import { describe, expect, it } from 'vitest';
import { Saved, SavedFactsError } from '../../../src/facts/saved.ts';

const saved = (value: unknown): Saved => new Saved(value, 'x');

describe('reading saved facts', () => {
  it('takes what has the right shape', () => {
    const root = saved({ version: 1, list: [{ name: '' }], on: true, n: -1.5, zero: 0, whole: 3, nothing: null });
    expect(() => root.version(1)).not.toThrow();
    expect(root.field('list').list()[0]?.field('name').text()).toBe('');
    expect(root.field('on').flag()).toBe(true);
    expect(root.field('n').number()).toBe(-1.5);
    expect(root.field('zero').amount()).toBe(0);
    expect(root.field('whole').whole(1, 3)).toBe(3);
    expect(root.field('nothing').absent).toBe(true);
    expect(root.field('zero').absent).toBe(false);
  });

  it.each([
    [() => saved(null).field('a'), 'x must be an object, found null'],
    [() => saved({ a: [] }).field('a').field('b'), 'x.a must be an object, found a list'],
    [
      () =>
        saved({ a: [1] })
          .field('a')
          .list()[0]
          ?.text(),
      'x.a[0] must be a string, found 1',
    ],
    [() => saved({}).list(), 'x must be a list, found an object'],
    [() => saved('yes').flag(), 'x must be true or false, found "yes"'],
    [() => saved(Number.NaN).number(), 'x must be a finite number, found NaN'],
    [() => saved('5').number(), 'x must be a finite number, found "5"'],
    [() => saved(-1).amount(), 'x must be a number of 0 or more, found -1'],
    [() => saved(0).whole(1, 64), 'x must be a whole number from 1 to 64, found 0'],
    [() => saved(1.5).whole(1, 64), 'x must be a whole number from 1 to 64, found 1.5'],
    [() => saved(65).whole(1, 64), 'x must be a whole number from 1 to 64, found 65'],
    [() => saved({ version: 2 }).version(1), 'x.version must be 1, the only version this release reads, found 2'],
  ])('says what is wrong and where (%#)', (read, message) => {
    expect(read).toThrow(SavedFactsError);
    expect(read).toThrow(message);
  });
});
