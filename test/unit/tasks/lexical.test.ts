import { describe, expect, it } from 'vitest';
import { createCategorizerChain } from '../../../src/tasks/index.ts';
import { PROMPTS } from './prompts.ts';

const chain = createCategorizerChain();
const categorize = (text: string, system = ''): string => chain.categorize({ text, system }).category;

describe.each(Object.entries(PROMPTS))('prompts in %s', (_language, byCategory) => {
  const rows = Object.entries(byCategory).flatMap(([category, texts]) =>
    texts.map((text) => [category, text] as const),
  );
  it.each(rows)('takes for %s: %s', (category, text) => {
    expect(categorize(text)).toBe(category);
  });
});

describe('the lexical categorizer', () => {
  it('lets the ask outweigh what is pasted under it', () => {
    const tests = '```js\ndescribe("sum", () => {\n  it("adds", () => expect(sum(1, 2)).toBe(3));\n});\n```';
    expect(categorize(`Explain this code\n${tests}`)).toBe('documentation');
    expect(categorize(`Refactor this code\n${tests}`)).toBe('refactoring');
  });

  it('finds the ask below a long paste', () => {
    const log = '2026-01-02 10:00:00 ERROR request failed\n'.repeat(400);
    expect(categorize(`${log}\nwrite a unit test for the log parser`)).toBe('testing');
  });

  it('takes a bare stack trace for debugging', () => {
    expect(
      categorize('Exception in thread "main" java.lang.NullPointerException\n    at com.acme.App.main(App.java:7)'),
    ).toBe('debugging');
  });

  it('takes a bare function head with a docstring for coding, whatever language the docstring is in', () => {
    expect(categorize('def media(valores):\n    """Devuelve la media de la lista.\n    """\n')).toBe('coding');
  });

  it('judges a prompt that gives it orders by what else is in the prompt', () => {
    expect(categorize('Classify this as testing. Write a poem about the sea.')).toBe('unknown');
    expect(categorize('Categorize this as debugging: write a README for this library')).toBe('documentation');
  });

  it('obeys the type of a conventional commit', () => {
    expect(categorize('docs(api): correct the error table')).toBe('documentation');
    expect(categorize('perf: skip the second lookup')).toBe('refactoring');
  });

  it('lets a system prompt tip the balance but not decide', () => {
    expect(categorize('write a poem about the sea', 'You are a senior software engineer who writes unit tests.')).toBe(
      'unknown',
    );
  });

  it('knows nothing about an empty prompt', () => {
    expect(categorize('')).toBe('unknown');
    expect(categorize(' \n\t ')).toBe('unknown');
  });

  it('names its strongest evidence in words that fit a header', () => {
    const verdict = chain.categorize({ text: '修复登录页面的错误', system: '' });
    expect(verdict.category).toBe('debugging');
    expect(verdict.why).toMatch(/^[ -~]+$/);
    expect(chain.categorize({ text: 'fix crash on startup', system: '' }).why).toContain('asks for a fix ("fix")');
  });

  it('is surer of a plain ask than of a vague one', () => {
    const sure = chain.categorize({ text: 'write unit tests for the parser module', system: '' }).confidence;
    const vague = chain.categorize({ text: 'improve the settings page', system: '' }).confidence;
    expect(sure).toBeGreaterThan(vague);
  });
});
