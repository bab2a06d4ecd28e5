import { describe, expect, it } from 'vitest';
import { CONCEPTS } from '../../../src/tasks/concepts.ts';
import { LEXICONS } from '../../../src/tasks/lexicon/index.ts';
import { CONCEPT_ROWS } from '../../../src/tasks/weights.ts';
import { REQUEST_ROWS } from '../../../src/tasks/requests.ts';
import { entriesOf } from '../../../src/tasks/trie.ts';

describe.each(Object.entries(LEXICONS))('the lexicon of %s', (_language, lexicon) => {
  it('uses known concepts only', () => {
    expect(Object.keys(lexicon).filter((concept) => !Object.hasOwn(CONCEPTS, concept))).toEqual([]);
  });

  it('has no empty entry', () => {
    const raw = Object.values(lexicon).flatMap((list) => list.split(','));
    expect(raw.filter((word) => word.trim() === '')).toEqual([]);
    expect(entriesOf(lexicon)).toHaveLength(raw.length);
  });

  it('lets no stem of fewer than three units match the beginnings of other words', () => {
    const spaced = entriesOf(lexicon).filter(({ text, open }) => open && text.length < 3);
    expect(spaced.map(({ text }) => text)).toEqual([]);
  });

  it('can ask for every category of software work', () => {
    const concepts = new Set(entriesOf(lexicon).map(({ concept }) => concept));
    for (const needed of ['create', 'fix', 'restructure', 'explain', 'review', 'test', 'code', 'life'] as const) {
      expect(concepts).toContain(needed);
    }
  });
});

describe('the weights', () => {
  it('give every verb that can lead a request a row for when its object is not known', () => {
    const verbs = Object.entries(CONCEPTS).filter(
      ([name, kind]) => kind === 'verb' && name !== 'order' && name !== 'light',
    );
    for (const [verb] of verbs) expect(Object.keys(REQUEST_ROWS[verb] ?? {})).toContain('none');
  });

  it('stay within reason, so that no single word decides alone', () => {
    const all = Object.values(CONCEPT_ROWS).flatMap((row) => Object.values(row));
    expect(Math.max(...all.map(Math.abs))).toBeLessThanOrEqual(1.6);
  });
});
