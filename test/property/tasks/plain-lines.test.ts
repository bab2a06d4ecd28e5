import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { signsOfLine } from '../../../src/tasks/signs.ts';

const WORDS = [
  ...[
    'write',
    'a',
    'parser',
    'assert',
    'error',
    'INFO',
    'ERROR',
    'index',
    'diff',
    '--git',
    '---',
    'b',
    'feature',
    'E  ',
  ],
  ...['Segmentation fault', 'core dumped', 'undefined reference to', "thread 'main' panicked", 'Uncaught', 'TypeError'],
  ...[
    'Unhandled rejection',
    'README',
    'changelog',
    'CONTRIBUTING',
    'npm ERR!',
    'Fehler',
    'naïve',
    'тест',
    'it',
    'panic',
  ],
];
const ENDS = ['', '', '', ',', '.', '?', '!', '...'];

const sentence = fc
  .array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(...ENDS)), { minLength: 1, maxLength: 12 })
  .map((words) => words.map(([word, end]) => word + end).join(' '));

it('finds in several plain sentences what it finds where a sign beside them has every pattern tried', () => {
  fc.assert(
    fc.property(sentence, sentence, (first, second) => {
      const line = `${first}. ${second}.`;
      expect(signsOfLine(line)).toEqual(signsOfLine(`${line} §`));
    }),
    { numRuns: 500 },
  );
});
