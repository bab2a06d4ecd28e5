import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PrefixMark } from '../../src/core/demand.ts';
import { MarkMap } from '../../src/facts/mark-map.ts';
import { Prefixes } from '../../src/facts/prefix-index.ts';

/** Prompts are paths of a small tree: every piece is one of three, mostly the first, and 100 bytes long. */
const path = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 1, 2), { minLength: 1, maxLength: 16 });

const marksOf = (pieces: readonly number[]): readonly PrefixMark[] => {
  let hash = 1;
  return pieces.map((piece, index) => {
    hash = hash * 4 + piece;
    return { hash, bytes: 100 * (index + 1) };
  });
};

const startsWith = (long: readonly number[], short: readonly number[]): boolean =>
  short.length <= long.length && short.every((piece, index) => piece === long[index]);

const step = fc.record({
  do: fc.constantFrom(
    'remember' as const,
    'remember' as const,
    'remember' as const,
    'answered' as const,
    'forget' as const,
    'flush' as const,
  ),
  memory: fc.nat({ max: 3 }),
  pieces: path,
  bytes: fc.nat({ max: 150 }),
});

interface Turn {
  readonly pieces: readonly number[];
  readonly answer: number;
}

/** The same in the plainest way: a list of prompts, newest first. */
class Plain {
  turns: Turn[] = [];
  /** What a failed turn gives back, by the turn. */
  readonly #before = new Map<Turn, Turn>();

  remember(pieces: readonly number[]): void {
    const replaced = this.turns.filter((turn) => startsWith(pieces, turn.pieces));
    const turn = { pieces, answer: 0 };
    const longest = replaced.toSorted((a, b) => b.pieces.length - a.pieces.length)[0];
    if (longest !== undefined) this.#before.set(turn, longest);
    this.turns = [turn, ...this.turns.filter((other) => !replaced.includes(other))];
  }

  answered(pieces: readonly number[], answer: number): void {
    this.#replace(pieces, () => ({ pieces, answer }));
  }

  forget(pieces: readonly number[]): void {
    this.#replace(pieces, (turn) => {
      const before = this.#before.get(turn);
      const taken = this.turns.some((other) => other !== turn && same(other.pieces, before?.pieces ?? []));
      return before === undefined || taken ? undefined : { ...before };
    });
  }

  claim(pieces: readonly number[]) {
    let best = { marks: 0, depth: 0 };
    this.turns.forEach((turn, depth) => {
      const marks = commonOf(turn.pieces, pieces);
      if (marks > best.marks) best = { marks, depth };
    });
    if (best.marks === 0) return undefined;
    const turn = this.turns[best.depth];
    const ends = turn !== undefined && turn.pieces.length === best.marks;
    return {
      kind: ends && best.marks < pieces.length ? 'continuation' : 'partial',
      depth: Math.min(8, best.depth),
      knownBytes: Math.min(100 * pieces.length, 100 * best.marks + (ends ? turn.answer : 0)),
    };
  }

  #replace(pieces: readonly number[], by: (turn: Turn) => Turn | undefined): void {
    this.turns = this.turns.flatMap((turn) => (same(turn.pieces, pieces) ? (by(turn) ?? []) : turn));
  }
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && startsWith(a, b);

const commonOf = (a: readonly number[], b: readonly number[]): number => {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
};

describe('the prefix index, whatever happens', () => {
  it('claims what a plain list of the prompts says', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(path, { minLength: 1, maxLength: 6 }), (steps, asked) => {
        const index = new Prefixes();
        const pairs = Array.from({ length: 4 }, () => ({ learned: index.memory('m'), plain: new Plain() }));
        steps.forEach((one, at) => {
          const pair = pairs[one.memory];
          if (pair === undefined) return;
          const marks = marksOf(one.pieces);
          if (one.do === 'flush') {
            pair.learned.flush();
            pair.plain.turns = [];
          } else if (one.do === 'answered') {
            pair.learned.answered(marks, one.bytes);
            pair.plain.answered(one.pieces, one.bytes);
          } else {
            pair.learned[one.do](marks, at);
            pair.plain[one.do](one.pieces);
          }
        });
        for (const pieces of asked) {
          index.look(marksOf(pieces), 100 * pieces.length, 100);
          for (const { learned, plain } of pairs) {
            expect(learned.claim).toEqual(plain.claim(pieces));
            expect(learned.expectedBytes).toBeGreaterThanOrEqual(0);
            expect(learned.expectedBytes).toBeLessThanOrEqual(learned.claim?.knownBytes ?? 0);
          }
        }
        let marks = 0;
        for (const { learned, plain } of pairs) {
          const own = new Set(plain.turns.flatMap(({ pieces }) => marksOf(pieces).map(({ hash }) => hash)));
          expect(learned.estimates(100)).toMatchObject({ sequences: plain.turns.length, marks: own.size });
          marks += own.size;
        }
        expect(index.marks).toBe(marks);
      }),
      { numRuns: 200 },
    );
  });

  it('stays within its bound, and is empty once all runners are given up', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 16, max: 40 }), (steps, most) => {
        const index = new Prefixes(most);
        const memories = Array.from({ length: 4 }, () => index.memory('m'));
        steps.forEach(({ memory, pieces }, at) => {
          memories[memory]?.remember(marksOf(pieces), at);
          expect(index.marks).toBeLessThanOrEqual(most);
          index.look(marksOf(pieces), 100 * pieces.length, at);
          expect(memories[memory]?.claim?.knownBytes).toBe(100 * pieces.length);
        });
        for (const memory of memories) memory.flush();
        expect(index.marks).toBe(0);
      }),
    );
  });
});

describe('the map from hashes, whatever happens', () => {
  it('holds what a Map holds', () => {
    // Hashes that collide: few low bits differ.
    const hash = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 2 })).map(([low, high]) => low * 2 ** 24 + high * 2 ** 40);
    const change = fc.record({ hash, out: fc.boolean(), note: fc.nat() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const map = new MarkMap<{ readonly hash: number }>();
        const plain = new Map<number, { readonly value: object; readonly note: number }>();
        for (const one of changes) {
          const value = { hash: one.hash };
          if (one.out) {
            map.delete(one.hash);
            plain.delete(one.hash);
          } else {
            map.set(value, one.note);
            plain.set(one.hash, { value, note: one.note });
          }
          expect(map.size).toBe(plain.size);
        }
        for (const [key, { value, note }] of plain) {
          expect(map.get(key)).toBe(value);
          expect(map.note(map.slot(key))).toBe(note);
        }
        expect(new Set(map.values())).toEqual(new Set([...plain.values()].map(({ value }) => value)));
      }),
    );
  });
});
