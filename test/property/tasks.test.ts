import { array, assert, constantFrom, nat, oneof, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TASK_CATEGORIES } from '../../src/core/types.ts';
import { createCategorizerChain } from '../../src/tasks/index.ts';
import { HEAD_UNITS, TAIL_UNITS, layOut } from '../../src/tasks/layout.ts';
import { LEXICONS } from '../../src/tasks/lexicon/index.ts';
import { readSentences } from '../../src/tasks/reader.ts';
import { compileTrie, entriesOf } from '../../src/tasks/trie.ts';
import type { Trie } from '../../src/tasks/trie.ts';

const chain = createCategorizerChain();
const categorize = (text: string, system = '') => chain.categorize({ text, system });

const words = Object.values(LEXICONS).flatMap((lexicon) => entriesOf(lexicon).map(({ text }) => text));
const pieces = oneof(
  constantFrom(...words),
  constantFrom(
    '```',
    '\n',
    '. ',
    '? ',
    ', ',
    '"""',
    'def f(x):',
    'foo_bar',
    '    at a (b.js:1:2)',
    '@@ -1 +1 @@',
    "don't",
    '，',
    '。',
  ),
  string({ unit: 'binary', maxLength: 12 }),
);
const prompts = oneof(
  string({ unit: 'binary', maxLength: 400 }),
  array(pieces, { maxLength: 60 }).map((parts) => parts.join(' ')),
);

describe('the categorizer, for any prompt', () => {
  it('gives a known category, a confidence in 0…1 and a reason that fits a header', () => {
    assert(
      property(prompts, prompts, (text, system) => {
        const { category, confidence, why } = categorize(text, system);
        expect(TASK_CATEGORIES).toContain(category);
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(1);
        expect(why).toMatch(/^[ -~]+$/);
      }),
      { numRuns: 500 },
    );
  });

  it('says the same again', () => {
    assert(
      property(prompts, (text) => {
        expect(categorize(text)).toEqual(categorize(text));
      }),
    );
  });

  it('does not mind white space at the end', () => {
    const space = array(constantFrom(' ', '\n', '\t', '\r\n'), { maxLength: 8 }).map((parts) => parts.join(''));
    assert(
      property(prompts, space, (text, tail) => {
        expect(categorize(text + tail)).toEqual(categorize(text));
      }),
    );
  });

  it('does not look at the middle of a long prompt', () => {
    assert(
      property(prompts, (middle) => {
        const head = 'explain this code. '.repeat(Math.ceil(HEAD_UNITS / 19) + 1);
        const tail = 'thank you very much '.repeat(Math.ceil(TAIL_UNITS / 20) + 1);
        expect(categorize(head + middle + tail)).toEqual(categorize(head + tail));
      }),
      { numRuns: 50 },
    );
  });
});

/** The same tree, counting how often somebody steps through it. */
const counting = (trie: Trie): { readonly trie: Trie; readonly steps: () => number } => {
  let steps = 0;
  return {
    steps: () => steps,
    trie: {
      ...trie,
      step: (node, unit) => {
        steps++;
        return trie.step(node, unit);
      },
    },
  };
};

describe('the work of reading', () => {
  const longest = Math.max(...words.map((word) => word.length));
  const tree = compileTrie(Object.values(LEXICONS));
  const stepsFor = (text: string): number => {
    const { trie, steps } = counting(tree);
    readSentences(trie, text, 0, text.length, Infinity);
    return steps();
  };

  it('is at most the longest entry for each unit of the text', () => {
    assert(
      property(prompts, (text) => {
        expect(stepsFor(text)).toBeLessThanOrEqual((longest + 1) * (text.length + 1));
      }),
    );
  });

  it.each(['what does this ', 'a', '代码代', "don't ", 'you are given ', '((((', 'foo_', 'fix fix the '])(
    'grows no faster than a text made of %j',
    (unit) => {
      const short = stepsFor(unit.repeat(200));
      const long = stepsFor(unit.repeat(2000));
      expect(long).toBeLessThanOrEqual(10 * short + 10 * longest);
    },
  );

  it('never covers more than the head and the tail', () => {
    assert(
      property(nat({ max: 200_000 }), (length) => {
        expect(layOut('x'.repeat(length)).text.length).toBeLessThanOrEqual(HEAD_UNITS + TAIL_UNITS + 1);
      }),
    );
  });
});
