import { describe, expect, it } from 'vitest';
import { HEAD_UNITS, TAIL_UNITS, layOut } from '../../../src/tasks/layout.ts';

const kinds = (text: string): string[] => {
  const layout = layOut(text);
  return layout.blocks.map(({ start, end, kind }) => `${kind}: ${layout.text.slice(start, end)}`);
};
const signs = (text: string): string[] => [...layOut(text).signs.keys()];

describe('the layout of a prompt', () => {
  it('takes fenced lines for pasted, whatever they say', () => {
    expect(kinds('Look:\n```\nhello world\n```\nthanks')).toEqual([
      'prose: Look:',
      'pasted: hello world',
      'prose: thanks',
    ]);
  });

  it('takes an unclosed fence for pasted to the end', () => {
    expect(kinds('Look:\n~~~\none\ntwo')).toEqual(['prose: Look:', 'pasted: one\ntwo']);
  });

  it.each([
    ['a Python head', 'def total(items):'],
    ['an import', "import { a } from './a.js';"],
    ['a brace', '  if (a) { b(); }'],
    ['a quotation', '> they said so'],
    ['a docstring', '"""Return the total."""'],
  ])('takes %s without a fence for pasted', (_what, line) => {
    expect(kinds(line)).toEqual([`pasted: ${line}`]);
  });

  it.each([
    'import the data from our partner',
    'return correct line numbers',
    'class of 2010 reunion speech',
    'from here to there',
  ])('takes prose that begins like code for prose: %s', (line) => {
    expect(kinds(line)).toEqual([`prose: ${line}`]);
  });

  it('keeps a docstring over several lines together', () => {
    expect(kinds('def f(x):\n    """Explain\n    the thing.\n    """')).toHaveLength(1);
  });

  it.each([
    ['a Python trace', '  File "main.py", line 3, in <module>', 'trace'],
    ['a Java trace', '    at com.acme.App.main(App.java:7)', 'trace'],
    ['a Node trace', '    at render (app.js:12:7)', 'trace'],
    ['a Rust panic', "thread 'main' panicked at src/main.rs:2", 'trace'],
    ['a Go panic', 'panic: runtime error: index out of range', 'trace'],
    ['a TypeScript error', 'src/a.ts(3,4): error TS2345: Argument of type', 'trace'],
    ['a diff', '@@ -1,4 +1,4 @@', 'diff'],
    ['a log line', '2026-01-02T10:00:00Z WARN slow', 'log'],
    ['a pytest head', 'def test_sum():', 'testCode'],
    ['a test file', 'see src/parser.test.ts', 'testFile'],
    ['a readme', 'see README.md', 'docFile'],
  ])('recognises %s', (_what, line, sign) => {
    expect(signs(line)).toContain(sign);
  });

  it('reads no more than the head and the tail of a long text', () => {
    const { text } = layOut(`start ${'x'.repeat(1_000_000)} end`);
    expect(text.length).toBe(HEAD_UNITS + TAIL_UNITS + 1);
    expect(text.startsWith('start')).toBe(true);
    expect(text.endsWith('end')).toBe(true);
  });
});
