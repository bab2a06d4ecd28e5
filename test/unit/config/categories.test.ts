import { describe, expect, it } from 'vitest';
import { parseConfig, redactConfig } from '../../../src/config/parse.ts';
import { patternProblem } from '../../../src/tasks/index.ts';
import { configOf, contextWith } from './context.ts';

const issuesOf = (text: string): readonly string[] => {
  const parsed = parseConfig(text, { ...contextWith(), pattern: patternProblem });
  return parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path}: ${message}`);
};

describe('own categories in a configuration', () => {
  it('are read with their defaults, header names in lower case', () => {
    const { categories } = configOf('categories: { threshold: 0.5, own: { docs: { headers: { X-Team: "doc*" } } } }');
    expect(categories.threshold).toBe(0.5);
    expect(categories.own).toEqual([
      { name: 'docs', keywords: [], patterns: [], headers: { 'x-team': 'doc*' }, paths: [], priority: 0 },
    ]);
    expect(configOf('').categories).toEqual({ threshold: 0.3, own: [] });
  });

  it('are shown as they were written', () => {
    const config = configOf('categories: { own: { docs: { keywords: [manual], priority: 2 } } }');
    expect(redactConfig(config)).toMatchObject({
      categories: { own: { docs: { keywords: ['manual'], patterns: [], headers: {}, paths: [], priority: 2 } } },
    });
  });

  it('may be preferred by virtual models', () => {
    const text = 'virtual_models: { auto: { candidates: [a, b], prefer: { docs: [a] } } }\n';
    expect(issuesOf(text)).toEqual([expect.stringContaining('unknown category "docs"')]);
    expect(issuesOf(`${text}categories: { own: { docs: { keywords: [manual] } } }`)).toEqual([]);
  });

  it.each([
    ['a name that no header can carry', '{ "büro": { keywords: [a] } }', 'is no name for a category'],
    ['a category without a clue', '{ docs: { priority: 1 } }', 'fits no prompt: give it one of keywords, patterns'],
    ['a pattern that cannot be read', '{ docs: { patterns: ["a("] } }', '"a(" has a "(" that is never closed'],
    ['a pattern that fits everything', '{ docs: { patterns: ["a*"] } }', 'fits every text'],
    ['a key that is not known', '{ docs: { keyword: [a] } }', 'keyword'],
    ['too many', `{ ${Array.from({ length: 58 }, (_, i) => `c${i}: { keywords: [a] }`).join(', ')} }`, '57 at most'],
  ])('are refused for %s', (_what, own, message) => {
    expect(issuesOf(`categories: { own: ${own} }`).join('\n')).toContain(message);
  });

  it('are refused with a threshold that is no confidence', () => {
    expect(issuesOf('categories: { threshold: 2 }').join()).toContain('is not a number from 0 to 1');
  });
});
