import { expect, it } from 'vitest';
import { errorText } from '../../../src/core/errors.ts';

it.each([
  [new Error('disk full'), 'disk full'],
  ['a plain text', 'a plain text'],
  [undefined, 'undefined'],
  [Object.create(null), 'something without a text (object)'],
])('gives the text of whatever was thrown: %#', (thrown, text) => {
  expect(errorText(thrown)).toBe(text);
});
