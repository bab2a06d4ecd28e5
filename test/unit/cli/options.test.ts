import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../../../src/cli/options.ts';
import { problemOf } from '../../../src/cli/usage-problem.ts';
import { OVERVIEW, USAGE, VERBS } from '../../../src/cli/usage.ts';

describe('the help', () => {
  it.each(VERBS)('of %s names each of its options, no other, and has an example', (verb) => {
    const text = USAGE[verb];
    const described = text.matchAll(/^ {2}--([a-z-]+)/gm);
    expect(new Set(Array.from(described, ([, name]) => name))).toEqual(new Set(OPTIONS[verb].map(({ name }) => name)));
    expect(text).toMatch(new RegExp(`^examples?:\\n {2}.*ollama-task-router ${verb}\\b`, 'm'));
  });

  it('lists every verb and keeps to 100 columns', () => {
    for (const verb of VERBS) expect(OVERVIEW).toMatch(new RegExp(`^ {2}${verb} {2,}\\S`, 'm'));
    for (const text of [OVERVIEW, ...Object.values(USAGE)]) {
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    }
  });
});

describe('an option that there is not', () => {
  it('is answered with the one that was probably meant', () => {
    const thrown = new TypeError(
      "Unknown option '--strategi'. To specify a positional argument starting with a '-', …",
    );
    expect(problemOf(thrown, 'serve')).toBe(`Unknown option '--strategi', did you mean "--strategy"?`);
    expect(problemOf(thrown, 'demo')).toBe("Unknown option '--strategi'");
    expect(problemOf(new Error('which file?'), 'check')).toBe('which file?');
  });
});
