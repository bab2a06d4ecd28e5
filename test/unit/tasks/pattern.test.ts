import { describe, expect, it } from 'vitest';
import { compilePattern, patternProblem } from '../../../src/tasks/pattern/matcher.ts';

const found = (pattern: string, text: string): boolean => compilePattern(pattern).test(text.toLowerCase());

describe('a pattern', () => {
  it.each([
    ['a+b', 'xaab', true],
    ['a+b', 'xa b', false],
    ['^fix', 'please\nfix it', true],
    ['^fix', 'do fix it', false],
    ['now$', 'do it now\nplease', true],
    [String.raw`\bcat\b`, 'a cat!', true],
    [String.raw`\bcat\b`, 'concat', false],
    [String.raw`\Bcat`, 'concat', true],
    ['(?:de|en)code', 'ENCODE this', true],
    ['(de|en)code', 'decode', true],
    ['[^a-z]x', 'ax Bx', false],
    ['[^a-z]x', 'a 1X', true],
    ['[^a-z ]x', 'AX bx', false],
    [String.raw`[\d.-]+%`, 'by 3.5%', true],
    ['a{2,3}c', 'aac', true],
    ['a{2,3}c', 'bac', false],
    ['a{3}', 'aa', false],
    ['x{', 'x{', true],
    [String.raw`\d{4}-\d\d-\d\d`, 'on 2026-01-02', true],
    ['a.c', 'a\nc', false],
    ['Ünï', 'ÜNÏ', true],
    ['[À-Ö]', 'à', true],
    ['翻译|übersetz', '请翻译', true],
    ['a*?b', 'aab', true],
    ['a|', '', true],
  ])('%j in %j: %j', (pattern, text, expected) => {
    if (pattern === 'a|') expect(patternProblem(pattern)).toContain('fits every text');
    else expect(found(pattern, text)).toBe(expected);
  });

  it.each([
    ['', 'is empty'],
    ['a*', 'fits every text'],
    ['(', 'has a "(" that is never closed (at character 1)'],
    ['a)', 'has a ")" that closes nothing (at character 2)'],
    ['[a', 'has a "[" that is never closed'],
    ['(?=a)', 'look-around is not offered'],
    [String.raw`(a)\1`, String.raw`has a "\1", which is not known here`],
    ['[z-a]', 'has a range that does not go from a character to a later one'],
    ['a**', 'repeats a repetition'],
    ['*a', 'has a "*" with nothing before it'],
    ['^*a', 'repeats something that has no length'],
    ['a{2000}', 'has a repetition that is not from 0 to 1000'],
    ['(?:a{1000}){1000}', 'needs more than 2000 steps'],
    ['a\\', String.raw`ends with a "\"`],
    ['('.repeat(60) + 'a' + ')'.repeat(60), 'nests more than 50 groups'],
    ['a'.repeat(1001), 'is longer than 1000 characters'],
  ])('%j is refused, in words', (pattern, problem) => {
    expect(patternProblem(pattern)).toContain(problem);
  });

  it.each([
    ['(a+)+$', 'a'.repeat(2500) + 'b', false],
    ['(a|aa)*c', 'a'.repeat(2500), false],
    ['(x+x+)+y', 'x'.repeat(2500), false],
    ['(?:.*a){20}$', 'a '.repeat(1000) + 'b', false],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(2500), true],
    [String.raw`(\w*\s*)*\d`, 'word '.repeat(500), false],
  ])('%j, which back-tracking engines drown in, is done', (pattern, text, expected) => {
    // An engine that tries all ways would not be done with these before the test times out.
    expect(found(pattern, text)).toBe(expected);
  });

  it('forgets states rather than growing with the text, and still answers right', () => {
    const matcher = compilePattern('[ab]*a[ab]{12}c');
    let seed = 1;
    const noise = Array.from({ length: 20_000 }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed & 0x1_0000 ? 'a' : 'b';
    }).join('');
    expect(matcher.test(noise)).toBe(false);
    expect(matcher.test(`${noise}a${'b'.repeat(12)}c`)).toBe(true);
    expect(matcher.test(noise)).toBe(false);
  });
});
