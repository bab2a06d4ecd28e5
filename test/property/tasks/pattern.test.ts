import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patternProblem, compilePattern } from '../../../src/tasks/pattern/matcher.ts';

const atom = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\d', '\\w', '\\b', '^', '$', ' ', '1', '\\n', '\\.');
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}'))
      .map(([a, sign]) => `(?:${a})${sign}`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', '.', '_'), maxLength: 12 });

describe('patterns, whichever they are', () => {
  it('are found where the engine of the platform finds them', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
        fc.pre(patternProblem(source) === undefined);
        const matcher = compilePattern(source);
        const reference = new RegExp(source, 'm');
        for (const each of texts) expect([each, matcher.test(each)]).toEqual([each, reference.test(each)]);
      }),
      { numRuns: 400 },
    );
  });

  it('are taken or refused, and never break the reader', () => {
    const signs = fc.string({ unit: fc.constantFrom(...'ab\\()[]{}|*+?^$.-,0129:=wdbB'.split('')), maxLength: 20 });
    fc.assert(
      fc.property(signs, (source) => {
        const problem = patternProblem(source);
        if (problem === undefined) expect(typeof compilePattern(source).test('ab12')).toBe('boolean');
        else expect(problem).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });
});
