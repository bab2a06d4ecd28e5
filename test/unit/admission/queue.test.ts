import { describe, expect, it } from 'vitest';
import { WaitingQueue, type Waiter } from '../../../src/admission/queue.ts';
import type { PriorityClass } from '../../../src/core/types.ts';

const WEIGHTS = { interactive: 8, normal: 3, batch: 1 };

/** A queue over lanes with so much room, and the order in which waiters start. */
const scene = (
  room: Record<string, number>,
): {
  readonly queue: WaitingQueue;
  readonly started: string[];
  readonly add: (
    name: string,
    some?: Partial<Omit<Waiter, 'tryStart'>> & { readonly can?: () => boolean },
  ) => () => void;
} => {
  const queue = new WaitingQueue(WEIGHTS);
  const started: string[] = [];
  return {
    queue,
    started,
    add(name, { lane = 'm', priority = 'normal', returning = false, can = () => true } = {}) {
      const leave = queue.push({
        lane,
        priority,
        returning,
        tryStart: () => {
          if ((room[lane] ?? 0) < 1 || !can()) return false;
          room[lane] = (room[lane] ?? 0) - 1;
          started.push(name);
          leave();
          return true;
        },
      });
      return leave;
    },
  };
};

describe('the waiting queue', () => {
  it('starts as many as there is room for, first come, first served', () => {
    const room = { m: 2 };
    const { queue, started, add } = scene(room);
    for (const name of ['a', 'b', 'c']) add(name);
    queue.pump();
    expect(started).toEqual(['a', 'b']);
    expect(queue.size).toBe(1);
  });

  it('lets a full model hold up nobody else', () => {
    const { queue, started, add } = scene({ full: 0, free: 1 });
    add('waits', { lane: 'full' });
    add('starts', { lane: 'free' });
    queue.pump();
    expect(started).toEqual(['starts']);
  });

  it('gives the classes their shares over any stretch', () => {
    const room = { m: 0 };
    const { queue, started, add } = scene(room);
    for (const priority of ['batch', 'normal', 'interactive'] as PriorityClass[]) {
      for (let i = 0; i < 24; i++) add(priority, { priority });
    }
    room.m = 24;
    queue.pump();
    const count = (name: string): number => started.filter((each) => each === name).length;
    expect([count('interactive'), count('normal'), count('batch')]).toEqual([16, 6, 2]);
    // Spread, not in bursts: nobody waits for a whole cycle.
    expect(new Set(started.slice(0, 6))).toEqual(new Set(['interactive', 'normal', 'batch']));
  });

  it('lets a lower class start when the higher ones cannot', () => {
    const { queue, started, add } = scene({ m: 5 });
    add('cannot', { priority: 'interactive', can: () => false });
    add('can', { priority: 'batch' });
    queue.pump();
    expect(started).toEqual(['can']);
  });

  it('takes those who come back first, in the order in which they came back', () => {
    const { queue, started, add } = scene({ m: 3 });
    add('fresh');
    add('back-1', { returning: true });
    add('back-2', { returning: true });
    queue.pump();
    expect(started).toEqual(['back-1', 'back-2', 'fresh']);
  });

  it('passes over one who came back and cannot use the room, for those behind it who can', () => {
    const { queue, started, add } = scene({ m: 2 });
    add('cannot', { returning: true, can: () => false });
    add('back', { returning: true });
    add('fresh');
    queue.pump();
    expect(started).toEqual(['back', 'fresh']);
    expect(queue.depth('normal')).toBe(1);
  });

  it('forgets whoever leaves, from the front, the middle or the end, however often they say so', () => {
    const room = { m: 9 };
    const { queue, started, add } = scene(room);
    const leaves = ['a', 'b', 'c', 'd', 'e'].map((name) => add(name));
    for (const i of [0, 2, 4, 2]) leaves[i]?.();
    expect(queue.size).toBe(2);
    queue.pump();
    expect(started).toEqual(['b', 'd']);
    expect(queue.size).toBe(0);
  });

  it('starts nobody twice when starting itself announces room', () => {
    const room = { m: 2 };
    const { queue, started, add } = scene(room);
    add('a', {
      can: () => {
        queue.pump();
        return true;
      },
    });
    add('b');
    queue.pump();
    expect(started).toEqual(['a', 'b']);
    expect(room.m).toBe(0);
  });

  it('looks at one lane alone when told to', () => {
    const { queue, started, add } = scene({ x: 1, y: 1 });
    add('in x', { lane: 'x' });
    add('in y', { lane: 'y' });
    queue.pump('y');
    queue.pump('no such lane');
    expect(started).toEqual(['in y']);
  });

  it('removes from the middle in constant time: a hundred thousand leave in any order', () => {
    const { queue, add } = scene({ m: 0 });
    const leaves = Array.from({ length: 100_000 }, (_, i) => add(String(i)));
    for (let i = 0; i < leaves.length; i += 2) leaves[i]?.();
    for (let i = leaves.length - 1; i > 0; i -= 2) leaves[i]?.();
    expect(queue.size).toBe(0);
  });
});
