import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PrefixMark } from '../../../src/core/demand.ts';
import { Prefixes, type LearnedMemory } from '../../../src/facts/prefix-index.ts';

/** The first `shared` of 24 marks are those of every prompt, the others this conversation's. */
const marksOf = (conversation: number, shared = 4, length = 24): readonly PrefixMark[] =>
  Array.from({ length }, (_, i) => ({
    hash: i < shared ? i + 1 : 1_000 * (conversation + 1) + i,
    bytes: 1_000 * (i + 1),
  }));

const crowd = (count: number): { readonly index: Prefixes; readonly memories: readonly LearnedMemory[] } => {
  const index = new Prefixes();
  const memories = Array.from({ length: count }, () => index.memory('m'));
  memories.forEach((memory, i) => memory.remember(marksOf(i), i));
  return { index, memories };
};

describe('looking a prompt up for a few memories of very many', () => {
  it('says of each what looking it up for all of them says', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 299 }), { minLength: 1, maxLength: 8 }),
        fc.nat({ max: 320 }),
        fc.integer({ min: 1, max: 24 }),
        (few, conversation, length) => {
          const { index, memories } = crowd(300);
          const marks = marksOf(conversation, 4, length);
          const chosen = few.flatMap((i) => memories[i] ?? []);
          index.lookFor(chosen, marks, 1_000 * length, 400);
          const alone = chosen.map(({ claim, expectedBytes }) => ({ claim, expectedBytes }));
          index.look(marks, 1_000 * length, 400);
          expect(alone).toEqual(chosen.map(({ claim, expectedBytes }) => ({ claim, expectedBytes })));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves nothing of the prompt before on memories that were not asked', () => {
    const { index, memories } = crowd(300);
    const [first, second] = memories;
    index.look(marksOf(0), 24_000, 400);
    expect(first?.claim?.knownBytes).toBe(24_000);
    index.lookFor(second === undefined ? [] : [second], marksOf(1), 24_000, 400);
    expect([first?.claim, second?.claim?.knownBytes]).toEqual([undefined, 24_000]);
  });
});

describe('the owners of a prompt', () => {
  it('come with whoever remembers most of it first', () => {
    const { index, memories } = crowd(300);
    const shown: LearnedMemory[] = [];
    index.owners(marksOf(7), (memory) => shown.push(memory) < 3);
    expect(shown.length).toBe(3);
    expect(shown[0]).toBe(memories[7]);
  });

  it('are a bounded number, however many share the beginning', () => {
    const { index } = crowd(2_000);
    let shown = 0;
    index.owners(marksOf(5_000), () => ++shown > 0);
    expect(shown).toBeGreaterThan(4);
    expect(shown).toBeLessThanOrEqual(16);
  });

  it('are nobody for a prompt that nobody knows', () => {
    const { index } = crowd(10);
    index.owners(marksOf(77, 0), () => {
      throw new Error('nobody was to be shown');
    });
    index.owners([], () => {
      throw new Error('nobody was to be shown');
    });
  });
});
