import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  calibrationError,
  classScores,
  lengthClass,
  macroF1,
  type Row,
} from '../../../bench/tasks/measure.ts';
import { TASK_CATEGORIES } from '../../../src/core/types.ts';
import { createCategorizerChain } from '../../../src/tasks/index.ts';

interface Item {
  readonly text: string;
  readonly label: string;
  readonly language: string;
  /** What kind of text it is: an ask, a commit subject, a trace, a slash command, … */
  readonly source: string;
}

const folder = new URL('corpus/', import.meta.url);
const items: readonly Item[] = readdirSync(folder)
  .toSorted()
  .flatMap((file) => readFileSync(new URL(file, folder), 'utf8').split('\n'))
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Item);

const chain = createCategorizerChain();
const rows = items.map((item) => {
  const { category, confidence } = chain.categorize({ text: item.text, system: '' });
  return { item, label: item.label, said: category, confidence } satisfies Row & { item: Item };
});

const groups = (key: (item: Item) => string): [string, Row[]][] => {
  const out = new Map<string, Row[]>();
  for (const row of rows) out.set(key(row.item), [...(out.get(key(row.item)) ?? []), row]);
  return [...out];
};

/** Floors against going back. The prompts were seen while the vocabulary grew, so none of these is an estimate. */
describe('the corpus of labelled prompts', () => {
  it('has at least 600 prompts, of every category and of twenty languages', () => {
    expect(items.length).toBeGreaterThanOrEqual(600);
    expect(new Set(items.map(({ label }) => label))).toEqual(new Set(TASK_CATEGORIES));
    expect(new Set(items.map(({ language }) => language)).size).toBeGreaterThanOrEqual(20);
  });

  it('is told right as a whole', () => {
    expect(accuracy(rows)).toBeGreaterThanOrEqual(0.94);
    expect(macroF1(rows)).toBeGreaterThanOrEqual(0.94);
  });

  it.each(TASK_CATEGORIES)('is told right where it is %s', (category) => {
    const score = classScores(rows).find((each) => each.category === category);
    expect(score?.f1).toBeGreaterThanOrEqual(0.91);
    expect(score?.recall).toBeGreaterThanOrEqual(0.88);
  });

  it.each(groups(({ language }) => language).filter(([, own]) => own.length >= 8))(
    'is told right in the language %s',
    (_language, own) => expect(accuracy(own)).toBeGreaterThanOrEqual(0.8),
  );

  it.each(groups(({ text }) => lengthClass(text)))('is told right at the length %s', (_length, own) => {
    expect(accuracy(own)).toBeGreaterThanOrEqual(0.85);
  });

  it.each(groups(({ source }) => source).filter(([, own]) => own.length >= 10))(
    'is told right where it is of the kind %s',
    (_source, own) => expect(accuracy(own)).toBeGreaterThanOrEqual(0.8),
  );

  it('is told with a confidence that is not above what is right', () => {
    const mean = rows.reduce((sum, { confidence }) => sum + confidence, 0) / rows.length;
    expect(mean).toBeLessThanOrEqual(accuracy(rows));
    expect(calibrationError(rows)).toBeLessThanOrEqual(0.15);
  });
});
