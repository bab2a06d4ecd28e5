import { describe, expect, it } from 'vitest';
import type { PrefixMark } from '../../../src/core/demand.ts';
import { Prefixes, type LearnedMemory } from '../../../src/facts/prefix-index.ts';

/** A prompt of pieces of 1,000 bytes; equal pieces from the start make equal marks. */
const marksOf = (...pieces: readonly string[]): readonly PrefixMark[] => {
  let hash = 17;
  return pieces.map((piece, index) => {
    for (const char of piece) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 9_007_199_254_740_881;
    return { hash, bytes: 1_000 * (index + 1) };
  });
};

const newIndex = (mostMarks?: number) => {
  const index = new Prefixes(mostMarks);
  /** Looks a prompt up that has `more` bytes behind its last mark. */
  const look = (marks: readonly PrefixMark[], at = 0, more = 0) =>
    index.look(marks, (marks.at(-1)?.bytes ?? 0) + more, at);
  const claimOf = (memory: LearnedMemory, marks: readonly PrefixMark[], at = 0) => {
    look(marks, at);
    return memory.claim;
  };
  return { index, look, claimOf };
};

describe('the prefix index', () => {
  it('finds the longest beginning that a runner was sent, and nothing on a runner that was not', () => {
    const { index, look } = newIndex();
    const [one, other] = [index.memory('m'), index.memory('m')];
    one.remember(marksOf('system', 'question'), 0);
    look(marksOf('system', 'another', 'more'));
    expect(one.claim).toEqual({ kind: 'partial', depth: 0, knownBytes: 1_000 });
    expect(one.expectedBytes).toBeCloseTo(700);
    expect(other.claim).toBeUndefined();
    expect(other.expectedBytes).toBe(0);
  });

  it('finds it on every runner that has it, each with its own length', () => {
    const { index, look } = newIndex();
    const memories = Array.from({ length: 6 }, () => index.memory('m'));
    const pieces = ['a', 'b', 'c', 'd', 'e'];
    memories.forEach((memory, known) => memory.remember(marksOf(...pieces.slice(0, known), `x${known}`), 0));
    look(marksOf(...pieces));
    expect(memories.map(({ claim }) => claim?.knownBytes ?? 0)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
  });

  it('finds what a very long prompt shares with one of which other marks were left out', () => {
    const { index, look } = newIndex();
    const [one, other] = [index.memory('m'), index.memory('m')];
    const all = marksOf(...Array.from({ length: 500 }, (_, i) => `piece ${i}`));
    one.remember(
      all.filter((_, i) => i % 3 === 0),
      0,
    );
    other.remember(
      all.filter((_, i) => i % 5 === 0 && i < 300),
      0,
    );
    look(all);
    expect(one.claim?.knownBytes).toBe(499_000);
    expect(other.claim?.knownBytes).toBe(296_000);
  });

  it('speaks about the last look-up only', () => {
    const { index, look } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a', 'b'), 0);
    look(marksOf('a', 'c'));
    look(marksOf('z'));
    expect(memory.expectedBytes).toBe(0);
    look([]);
    expect(memory.claim).toBeUndefined();
  });

  it('takes what goes on behind a remembered prompt for a continuation, and adds the answer', () => {
    const { index, look } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a', 'b'), 0);
    memory.answered(marksOf('a', 'b'), 300);
    look(marksOf('a', 'b', 'answer', 'next'));
    expect(memory.claim).toEqual({ kind: 'continuation', depth: 0, knownBytes: 2_300 });
    expect(memory.expectedBytes).toBeCloseTo(0.9 * 2_300);
  });

  it('never expects more than the prompt has', () => {
    const { index, look } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a', 'b'), 0);
    memory.answered(marksOf('a', 'b'), 50_000);
    look(marksOf('a', 'b'), 0, 400);
    expect(memory.claim?.knownBytes).toBe(2_400);
  });

  it('takes the same prompt once more for a partial reuse: its answer lies behind it', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a', 'b'), 0);
    memory.answered(marksOf('a', 'b'), 300);
    expect(claimOf(memory, marksOf('a', 'b'))).toEqual({ kind: 'partial', depth: 0, knownBytes: 2_000 });
  });

  it('says how many other prompts came since', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('mine'), 0);
    for (let i = 0; i < 12; i++) {
      expect(claimOf(memory, marksOf('mine', 'next'))?.depth).toBe(Math.min(i, 8));
      memory.remember(marksOf(`other ${i}`), i);
    }
  });

  it('lets a prompt replace the one that it continues, so that a conversation stays one sequence', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('other'), 0);
    memory.remember(marksOf('a'), 1);
    memory.remember(marksOf('a', 'b'), 2);
    memory.remember(marksOf('a', 'b', 'c'), 3);
    expect(memory.estimates(4)).toMatchObject({ sequences: 2, marks: 4, bytes: 4_000, ageMs: 1 });
    expect(claimOf(memory, marksOf('other', 'x'))?.depth).toBe(1);
  });

  it('keeps apart what two prompts share and what they do not', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('system', 'a'), 0);
    memory.remember(marksOf('system', 'b'), 1);
    expect(claimOf(memory, marksOf('system', 'a', 'x'))).toMatchObject({ kind: 'continuation', depth: 1 });
    expect(claimOf(memory, marksOf('system', 'c'))).toMatchObject({ kind: 'partial', depth: 0 });
    expect(index.marks).toBe(3);
  });

  it('forgets a prompt that failed before it was read', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('system', 'a'), 0);
    memory.remember(marksOf('system', 'b'), 1);
    memory.forget(marksOf('system', 'b'));
    expect(claimOf(memory, marksOf('system', 'b'))).toEqual({ kind: 'partial', depth: 0, knownBytes: 1_000 });
    memory.forget(marksOf('system', 'never sent'));
    expect(memory.estimates(2)).toMatchObject({ sequences: 1, marks: 2 });
  });

  it('goes back to the newest of the others where the newest failed', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    for (const question of ['a', 'b', 'c']) memory.remember(marksOf('system', question), 0);
    memory.forget(marksOf('system', 'c'));
    expect(claimOf(memory, marksOf('system', 'd'))?.depth).toBe(0);
  });

  it('remembers the earlier turn again when the next one failed', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a', 'b'), 0);
    memory.answered(marksOf('a', 'b'), 500);
    memory.remember(marksOf('a', 'b', 'c', 'd'), 1);
    memory.forget(marksOf('a', 'b', 'c', 'd'));
    expect(claimOf(memory, marksOf('a', 'b', 'c', 'e'))).toEqual({
      kind: 'continuation',
      depth: 0,
      knownBytes: 2_500,
    });
    expect(memory.estimates(2)).toMatchObject({ sequences: 1, marks: 2, bytes: 2_500 });
  });

  it('gives nothing back for a turn that was answered, or that another request has ended in since', () => {
    const { index } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a'), 0);
    memory.remember(marksOf('a', 'b'), 1);
    memory.answered(marksOf('a', 'b'), 10);
    memory.forget(marksOf('a', 'b'));
    expect(memory.estimates(2).sequences).toBe(0);

    memory.remember(marksOf('a'), 0);
    memory.remember(marksOf('a', 'b'), 1);
    memory.remember(marksOf('a'), 2);
    memory.forget(marksOf('a', 'b'));
    expect(memory.estimates(2)).toMatchObject({ sequences: 1, marks: 1 });
  });

  it('knows nothing after a flush, and leaves no trace in the index', () => {
    const { index, look } = newIndex();
    const [one, other] = [index.memory('m'), index.memory('m')];
    one.remember(marksOf('a', 'b'), 0);
    other.remember(marksOf('a', 'c'), 0);
    look(marksOf('a', 'b'));
    one.flush();
    expect(one.expectedBytes).toBe(0);
    look(marksOf('a', 'b'));
    expect(one.claim).toBeUndefined();
    expect(other.claim?.knownBytes).toBe(1_000);
    other.flush();
    expect(index.marks).toBe(0);
  });

  it('keeps 64 prompts and 8,192 marks per runner, the newest ones', () => {
    const { index, claimOf } = newIndex();
    const memory = index.memory('m');
    for (let i = 0; i < 70; i++) memory.remember(marksOf(`prompt ${i}`), i);
    expect(memory.estimates(70).sequences).toBe(64);
    expect(claimOf(memory, marksOf('prompt 5'))).toBeUndefined();
    expect(claimOf(memory, marksOf('prompt 6'))).toBeDefined();
    const long = (name: string) => marksOf(...Array.from({ length: 512 }, (_, i) => `${name} ${i}`));
    for (let i = 0; i < 20; i++) memory.remember(long(`long ${i}`), 100 + i);
    expect(memory.estimates(200)).toMatchObject({ sequences: 16, marks: 8_192 });
  });

  it('keeps no more marks over all runners than its bound, and drops the oldest whoever has it', () => {
    const { index, claimOf } = newIndex(6);
    const [one, other] = [index.memory('m'), index.memory('n')];
    one.remember(marksOf('a', 'b'), 0);
    other.remember(marksOf('c', 'd', 'e'), 1);
    other.remember(marksOf('f', 'g'), 2);
    expect(index.marks).toBe(5);
    expect(claimOf(one, marksOf('a', 'b'))).toBeUndefined();
    expect(claimOf(other, marksOf('c', 'd', 'e'))).toBeDefined();
  });

  it('does not keep a prompt with more marks than a runner may have', () => {
    const { index } = newIndex();
    const memory = index.memory('m');
    memory.remember(
      Array.from({ length: 8_193 }, (_, i) => ({ hash: i, bytes: i + 1 })),
      0,
    );
    expect(index.marks).toBe(0);
  });

  it('learns from its claims, and lets the other runners of the model have a share in it', () => {
    const { index, look } = newIndex();
    const [one, same, other] = [index.memory('m'), index.memory('m'), index.memory('n')];
    for (const memory of [one, same, other]) memory.remember(marksOf('a', 'b'), 0);
    look(marksOf('a', 'x'));
    const before = one.expectedBytes;
    for (let i = 0; i < 4; i++) {
      const { claim } = one;
      if (claim !== undefined) one.learned(claim, 0, 0);
    }
    expect(one.expectedBytes).toBeLessThan(0.15 * before);
    expect(same.expectedBytes).toBeLessThan(0.5 * before);
    expect(same.expectedBytes).toBeGreaterThan(one.expectedBytes);
    expect(other.expectedBytes).toBe(before);
  });

  it('takes no nonsense for a lesson', () => {
    const { index, look } = newIndex();
    const memory = index.memory('m');
    memory.remember(marksOf('a'), 0);
    memory.learned({ kind: 'partial', depth: 0, knownBytes: 1_000 }, Number.NaN, 0);
    memory.learned({ kind: 'partial', depth: 0, knownBytes: 0 }, 0.5, 0);
    look(marksOf('a'));
    expect(memory.expectedBytes).toBeCloseTo(700);
    memory.learned({ kind: 'partial', depth: 0, knownBytes: 1_000 }, 5, 0);
    expect(memory.expectedBytes).toBeLessThanOrEqual(1_000);
  });
});
