import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { matchesWildcard } from '../../../src/core/wildcard.ts';

it.each([
  ['llama3*', 'llama3:8b', true],
  ['llama3*', 'llama2', false],
  ['*70b*', 'llama3:70b-q4', true],
  ['*70b*', 'llama3:7b', false],
  ['a*a', 'a', false],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['exact', 'exact', true],
  ['exact', 'exactly', false],
  ['*', '', true],
])('%s against %s is %s', (pattern, text, fits) => {
  expect(matchesWildcard(pattern, text)).toBe(fits);
});

it('agrees with a regular expression for any pattern', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, (pattern, text) => {
      const pieces = pattern.split('*').map((piece) => piece.replaceAll('.', String.raw`\.`));
      expect(matchesWildcard(pattern, text)).toBe(new RegExp(`^${pieces.join('.*')}$`).test(text));
    }),
  );
});
