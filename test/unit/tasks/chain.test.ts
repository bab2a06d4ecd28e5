import { describe, expect, it } from 'vitest';
import type { Categorizer, Log, Verdict } from '../../../src/core/types.ts';
import { createCategorizerChain } from '../../../src/tasks/index.ts';

const warnings = (): { readonly log: Log; readonly lines: string[] } => {
  const lines: string[] = [];
  const ignore = (): void => undefined;
  return {
    lines,
    log: { debug: ignore, info: ignore, error: ignore, warn: (_fields, message) => lines.push(message) },
  };
};

const answering = (name: string, answer: unknown): Categorizer => ({
  name,
  categorize: () => answer as Verdict | undefined,
});

const prompt = { text: 'write a unit test for the parser', system: '' };

describe('the chain of categorizers', () => {
  it('asks a custom categorizer before the built-in one', () => {
    const custom = answering('mine', { category: 'translation', confidence: 0.9, why: 'said so' });
    expect(createCategorizerChain({ custom }).categorize(prompt)).toEqual({
      category: 'translation',
      confidence: 0.9,
      why: 'said so',
    });
  });

  it('asks several custom categorizers in their order and takes the first opinion', () => {
    const custom = [
      answering('silent', undefined),
      answering('first', { category: 'one', confidence: 1, why: '' }),
      answering('second', { category: 'two', confidence: 1, why: '' }),
    ];
    expect(createCategorizerChain({ custom }).categorize(prompt).category).toBe('one');
  });

  it('falls through to the built-in categorizer when no custom one has an opinion', () => {
    expect(createCategorizerChain({ custom: answering('silent', undefined) }).categorize(prompt).category).toBe(
      'testing',
    );
  });

  it('passes over a custom categorizer that throws and names it in the log once', () => {
    const { log, lines } = warnings();
    const custom: Categorizer = {
      name: 'broken',
      categorize: () => {
        throw new Error('no network');
      },
    };
    const chain = createCategorizerChain({ custom, log });
    expect(chain.categorize(prompt).category).toBe('testing');
    expect(chain.categorize(prompt).category).toBe('testing');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"broken" threw: no network');
  });

  it('warns once for each broken categorizer, not once for all', () => {
    const { log, lines } = warnings();
    const chain = createCategorizerChain({ custom: [answering('a', 1), answering('b', 'x')], log });
    chain.categorize(prompt);
    chain.categorize(prompt);
    expect(lines.map((line) => line.includes('"a"'))).toEqual([true, false]);
  });

  it('survives something thrown that has no text', () => {
    const custom: Categorizer = {
      name: 'odd',
      categorize: () => {
        // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- people's detectors may do this
        throw Object.create(null);
      },
    };
    expect(createCategorizerChain({ custom }).categorize(prompt).category).toBe('testing');
  });

  it.each([
    ['a number', 7],
    ['a string', 'coding'],
    ['an empty category', { category: '', confidence: 1, why: '' }],
    ['a category that would break a header', { category: 'a\r\nb', confidence: 1, why: '' }],
    ['a category that is not ASCII', { category: 'テスト', confidence: 1, why: '' }],
    ['a confidence above 1', { category: 'coding', confidence: 1.5, why: '' }],
    ['a confidence that is no number', { category: 'coding', confidence: Number.NaN, why: '' }],
    ['no reason', { category: 'coding', confidence: 1 }],
  ])('passes over %s as an answer', (_what, answer) => {
    const { log, lines } = warnings();
    expect(createCategorizerChain({ custom: answering('odd', answer), log }).categorize(prompt).category).toBe(
      'testing',
    );
    expect(lines).toHaveLength(1);
  });

  it('passes over a promise, even one that rejects later', async () => {
    const rejected = Promise.reject(new Error('late'));
    const chain = createCategorizerChain({ custom: answering('async', rejected) });
    expect(chain.categorize(prompt).category).toBe('testing');
    await expect(rejected).rejects.toThrow('late');
  });

  it('answers unknown below the threshold and says what it would have been', () => {
    const verdict = createCategorizerChain({ threshold: 1 }).categorize(prompt);
    expect(verdict.category).toBe('unknown');
    expect(verdict.why).toContain('not sure enough of testing');
  });

  it('refuses a threshold that is no confidence', () => {
    expect(() => createCategorizerChain({ threshold: 2 })).toThrow('threshold is a confidence from 0 to 1, not 2');
  });
});
