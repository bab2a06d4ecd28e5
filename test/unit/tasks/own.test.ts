import { describe, expect, it } from 'vitest';
import type { PromptView } from '../../../src/core/types.ts';
import { createCategorizerChain, CurrentChain, type OwnCategory } from '../../../src/tasks/index.ts';
import { createOwnCategorizer, wildcard } from '../../../src/tasks/own.ts';

const own = (name: string, clues: Partial<OwnCategory>): OwnCategory => ({
  name,
  keywords: [],
  patterns: [],
  headers: {},
  paths: [],
  priority: 0,
  ...clues,
});
const ask = (text: string, more: Partial<PromptView> = {}): PromptView => ({ text, system: '', ...more });
const said = (categories: readonly OwnCategory[], prompt: PromptView): string | undefined =>
  createOwnCategorizer(categories).categorize(prompt)?.category;

describe('own categories', () => {
  it.each([
    ['a word', 'translate', 'Please TRANSLATE this', true],
    ['a word inside another one', 'late', 'translate this', false],
    ['a phrase, whatever the space in it', 'good  morning', 'say good\nmorning, please', true],
    ['accents', 'ubersetze', 'Übersetze das', true],
    ['a script without spaces', '翻译', '请帮我翻译一下', true],
    ['a word at the end', 'french', 'into French', true],
  ])('are told by %s', (_what, keyword, text, fits) => {
    expect(said([own('i18n', { keywords: [keyword] })], ask(text))).toBe(fits ? 'i18n' : undefined);
  });

  it('are told by a pattern, which does not mind case', () => {
    const categories = [own('i18n', { patterns: [String.raw`\binto (?:french|german)\b`] })];
    expect(said(categories, ask('Put this INTO German.'))).toBe('i18n');
    expect(said(categories, ask('into the germanic past'))).toBeUndefined();
  });

  it('are told by a header or by the path', () => {
    const categories = [own('batch', { headers: { 'X-Team': 'night*' }, paths: ['/v1/*'] })];
    expect(said(categories, ask('x', { headers: { 'x-team': 'Nightly jobs' } }))).toBe('batch');
    expect(said(categories, ask('x', { headers: { 'x-team': ['day', 'night'] } }))).toBe('batch');
    expect(said(categories, ask('x', { headers: { 'x-team': 'day' } }))).toBeUndefined();
    expect(said(categories, ask('x', { path: '/v1/responses' }))).toBe('batch');
    expect(said(categories, ask('x', { path: '/api/chat' }))).toBeUndefined();
    expect(said(categories, ask('x'))).toBeUndefined();
  });

  it('count by priority, and of equals the first', () => {
    const [a, b, c] = [
      own('a', { keywords: ['word'] }),
      own('b', { keywords: ['word'] }),
      own('c', { keywords: ['word'], priority: 1 }),
    ];
    expect(said([a, b], ask('a word'))).toBe('a');
    expect(said([a, b, c], ask('a word'))).toBe('c');
  });

  it('give reasons that fit a header and hold nothing of the prompt', () => {
    const categorizer = createOwnCategorizer([
      own('i18n', { keywords: ['翻译', 'translate'], patterns: ['geheim.*'] }),
    ]);
    expect(categorizer.categorize(ask('translate secret'))?.why).toBe('own rule: keyword "translate"');
    expect(categorizer.categorize(ask('请翻译'))?.why).toBe('own rule: keyword of the list');
    expect(categorizer.categorize(ask('geheimnis'))?.why).toBe('own rule: pattern 1');
  });

  it('come before the built-in ones and after the custom detectors', () => {
    const prompt = ask('write a unit test for the translation table');
    const mine = own('i18n', { keywords: ['translation'] });
    expect(createCategorizerChain({ own: [mine] }).categorize(prompt).category).toBe('i18n');
    const custom = { name: 'mine', categorize: () => ({ category: 'other', confidence: 1, why: '' }) };
    expect(createCategorizerChain({ own: [mine], custom }).categorize(prompt).category).toBe('other');
  });

  it('may add clues to a built-in category', () => {
    const chain = createCategorizerChain({ own: [own('testing', { keywords: ['quuxify'] })] });
    expect(chain.categorize(ask('quuxify the thing')).category).toBe('testing');
  });

  it('can be exchanged while the chain is in use', () => {
    const current = new CurrentChain(createCategorizerChain());
    const prompt = ask('hello there');
    expect(current.categorize(prompt).category).toBe('unknown');
    current.use(createCategorizerChain({ own: [own('greeting', { keywords: ['hello'] })] }));
    expect(current.categorize(prompt).category).toBe('greeting');
    expect(current.examine(prompt)).toMatchObject({ category: 'greeting', by: 'own' });
    expect(current.soon(prompt)).toMatchObject({ category: 'greeting' });
  });
});

describe('a wildcard', () => {
  it.each([
    ['abc', 'ABC', true],
    ['abc', 'abcd', false],
    ['a*', 'a', true],
    ['a*c', 'abc', true],
    ['ab*bc', 'abc', false],
    ['*b*', 'abc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['*', '', true],
  ])('%j fits %j: %j', (glob, text, fits) => {
    expect(wildcard(glob)(text)).toBe(fits);
  });
});

describe('the examination of a prompt', () => {
  it('shows how likely each category is and what spoke for it, but no word of the prompt', () => {
    const examined = createCategorizerChain().examine(ask('fix the crash in Zanzibar when the page loads'));
    expect(examined).toMatchObject({ category: 'debugging', by: 'lexical' });
    const sum = Object.values(examined.probabilities).reduce((total, p) => total + p, 0);
    expect(sum).toBeCloseTo(1, 2);
    expect(examined.evidence.some(({ weights }) => (weights['debugging'] ?? 0) > 1)).toBe(true);
    expect(JSON.stringify(examined)).not.toContain('anzibar');
  });
});
