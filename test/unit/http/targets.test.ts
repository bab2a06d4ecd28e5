import { describe, expect, it } from 'vitest';
import { TargetTable } from '../../../src/http/targets.ts';
import { configOf } from '../config/context.ts';

const { aliases, virtualModels } = configOf(`
aliases: { gpt-4o: "Writer:7b", best: auto }
virtual_models:
  auto:
    candidates: ["coder:7b", "writer:7b", "both:7b"]
    prefer: { coding: ["both:7b", "coder:7b"] }
`);
const table = new TargetTable(aliases, virtualModels);

const names = (model: string, category = 'unknown') =>
  table.tiers(model, category).map((tier) => tier.map(({ name }) => name));

describe('what a model name stands for', () => {
  it('is itself, when nothing else is said', () => {
    expect(table.tiers('Qwen3', 'coding')).toEqual([[{ key: 'qwen3:latest', name: 'Qwen3' }]]);
    expect(table.knows('Qwen3')).toBe(false);
  });

  it('is another name, for an alias, however it is spelled', () => {
    for (const name of ['gpt-4o', 'GPT-4o:latest', 'library/gpt-4o']) {
      expect(table.tiers(name, 'coding')).toEqual([[{ key: 'writer:7b', name: 'Writer:7b' }]]);
      expect(table.knows(name)).toBe(true);
    }
    expect(table.knows('gpt-4o:other')).toBe(false);
  });

  it('is several, for a virtual model: those that suit the category first', () => {
    expect(names('auto', 'coding')).toEqual([['both:7b', 'coder:7b'], ['writer:7b']]);
    expect(names('auto', 'testing')).toEqual([['coder:7b', 'writer:7b', 'both:7b']]);
    expect(names('best', 'coding')).toEqual([['both:7b', 'coder:7b'], ['writer:7b']]);
  });

  it('ends even where an alias leads back to itself', () => {
    // The configuration refuses this; a table that was given it must not hang a request.
    const loops = new TargetTable({ a: 'b', b: 'a' }, []);
    expect(loops.tiers('a', 'unknown')).toHaveLength(1);
  });

  it.each(['__proto__', 'constructor', 'toString'])('is no member of an object: %s', (name) => {
    expect(names(name)).toEqual([[name]]);
    expect(names('auto', name)).toEqual([['coder:7b', 'writer:7b', 'both:7b']]);
  });
});
