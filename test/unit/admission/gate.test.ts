import { describe, expect, it } from 'vitest';
import { FULL, type Start } from '../../../src/admission/entrant.ts';
import { entrant, QueueScene } from '../../support/queue-scene.ts';

const signal = new AbortController().signal;
const full = (): Start<string> => FULL;

describe('the gate', () => {
  it('starts in the tick of arrival when there is room', () => {
    const { gate } = new QueueScene();
    expect(gate.wait(entrant(), () => ({ kind: 'started', value: 'now' }), signal)).toBe('now');
    expect(gate.size).toBe(0);
  });

  it('starts a waiter in the tick in which room appears, and cancels its timer', async () => {
    const scene = new QueueScene({ m: 0 });
    const waits = scene.gate.wait(entrant(), () => scene.start('a', entrant()), signal);
    expect([scene.gate.size, scene.gate.depth('normal'), scene.gate.depth('batch')]).toEqual([1, 1, 0]);
    scene.free();
    expect([scene.gate.size, scene.room]).toEqual([0, { m: 0 }]);
    expect(await waits).toBe('a');
    expect(scene.timers.map(({ cancelled }) => cancelled)).toEqual([true]);
  });

  it('asks those who wait before a newcomer, even if nobody announced the room', () => {
    const scene = new QueueScene({ m: 0 });
    scene.add('first');
    scene.room['m'] = 1;
    scene.add('second');
    expect(scene.started).toEqual(['first']);
    expect(scene.gate.size).toBe(1);
  });

  it('does not ask a newcomer when one of its lane just found everything full, unless it comes back', () => {
    const scene = new QueueScene({ m: 0 });
    scene.add('first');
    scene.take('asked');
    scene.add('second');
    expect(scene.take('asked')).toEqual(['first']);
    scene.add('back', { returning: true });
    expect(scene.take('asked')).toEqual(['first', 'back']);
    scene.add('elsewhere', { lane: 'other' });
    expect(scene.take('asked')).toEqual(['elsewhere']);
  });

  it('passes on what the start throws, at once and later', async () => {
    const { gate } = new QueueScene();
    const fail = (): never => {
      throw new Error('nobody left');
    };
    expect(() => gate.wait(entrant(), fail, signal)).toThrow(
      expect.objectContaining({ code: 'internal', message: 'nobody left' }),
    );
    let lost = false;
    const waits = gate.wait(entrant(), () => (lost ? fail() : FULL), signal);
    lost = true;
    gate.pump();
    await expect(waits).rejects.toThrow('nobody left');
    expect(gate.size).toBe(0);
  });

  it.each([
    [Infinity, 1_000, 'queue_timeout'],
    [5_000, 1_000, 'queue_timeout'],
    [300, 300, 'deadline_exceeded'],
    [-5, 0, 'deadline_exceeded'],
  ])('waits until the deadline (%s ms) or the longest wait, whichever comes first', async (deadline, ms, code) => {
    const { gate, timers } = new QueueScene({}, { maxWaitMs: 1_000 });
    const waits = gate.wait(entrant({ deadline }), full, signal);
    expect(timers.map((timer) => timer.ms)).toEqual([ms]);
    timers[0]?.run();
    await expect(waits).rejects.toMatchObject({ code });
    expect(gate.size).toBe(0);
  });

  it('gives the place up when the client leaves, before it came in or after', async () => {
    const { gate, timers } = new QueueScene();
    const leaving = new AbortController();
    const waits = gate.wait(entrant(), full, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(waits).rejects.toThrow('left');
    await expect(gate.wait(entrant(), full, leaving.signal)).rejects.toThrow('left');
    expect(gate.size).toBe(0);
    expect(timers.every(({ cancelled }) => cancelled)).toBe(true);
  });

  it('tells nobody anything who has left, and lets them leave any number of times', () => {
    const scene = new QueueScene({ m: 0 });
    const leaves = ['a', 'b', 'c', 'd', 'e'].map((name) => scene.add(name));
    for (const i of [0, 2, 4, 2]) leaves[i]?.();
    expect(scene.gate.size).toBe(2);
    scene.free(9);
    expect(scene.started).toEqual(['b', 'd']);
    leaves[1]?.();
    for (const { run } of scene.timers) run();
    expect([scene.gate.size, scene.refused]).toEqual([0, []]);
  });

  it('starts nobody twice when starting itself announces room, and uses that room in the same tick', () => {
    const scene = new QueueScene({ m: 0, n: 0 });
    scene.add('in n', { lane: 'n' });
    scene.add('a', {}, () => {
      if (scene.started.length === 0) scene.free(1, 'n');
      return true;
    });
    scene.add('b');
    scene.free(2);
    expect(scene.started.toSorted()).toEqual(['a', 'b', 'in n']);
    expect(scene.room).toEqual({ m: 0, n: 0 });
  });

  it('uses the room that a newcomer’s own start announces', () => {
    const scene = new QueueScene({ m: 1, n: 0 });
    scene.add('in n', { lane: 'n' });
    scene.add('newcomer', {}, () => {
      scene.free(1, 'n');
      return true;
    });
    expect(scene.started).toEqual(['newcomer', 'in n']);
  });

  it('does not go on for ever when a start announces room each time and takes none', () => {
    const scene = new QueueScene({ m: 1 });
    scene.add('a', {}, () => {
      scene.gate.pump();
      return false;
    });
    scene.gate.pump();
    expect(scene.gate.size).toBe(1);
    expect(scene.asked.length).toBeLessThan(10);
  });

  it('takes in those who enter while another one is told that it started', () => {
    const scene = new QueueScene({ m: 0 });
    const who = entrant();
    scene.gate.enter(who, () => scene.start('a', who), {
      started: () => {
        scene.started.push('a');
        scene.add('entered by a');
        scene.add('entered by a, elsewhere', { lane: 'n' });
      },
      refused: () => {},
    });
    scene.add('b');
    scene.room['n'] = 1;
    scene.free(3);
    expect(scene.started).toEqual(['a', 'entered by a, elsewhere', 'b', 'entered by a']);
  });

  it('looks at one lane alone when told to', () => {
    const scene = new QueueScene({ x: 0, y: 0 });
    scene.add('in x', { lane: 'x' });
    scene.add('in y', { lane: 'y' });
    Object.assign(scene.room, { x: 1, y: 1 });
    scene.gate.pump('y');
    scene.gate.pump('no such lane');
    expect(scene.started).toEqual(['in y']);
  });

  it('tells who waits, for how long, and what tenants were served', () => {
    const scene = new QueueScene({ m: 1 });
    scene.add('served', { tenant: 'ann', promptTokens: 70 });
    scene.clock.advance(10);
    scene.add('a', { tenant: 'ann', bytes: 100, deadline: 1_010 });
    scene.add('b', { tenant: 'bob', bytes: 50, priority: 'interactive' });
    scene.clock.advance(500);
    expect(scene.gate.bytes).toBe(150);
    expect(scene.gate.waiting(10)).toEqual([
      {
        id: 'b',
        lane: 'm',
        class: 'interactive',
        tenant: 'bob',
        returning: false,
        waitedMs: 500,
        deadlineInMs: undefined,
      },
      { id: 'a', lane: 'm', class: 'normal', tenant: 'ann', returning: false, waitedMs: 500, deadlineInMs: 500 },
    ]);
    expect(scene.gate.waiting(1).length).toBe(1);
    expect(scene.gate.tenants(10)).toEqual([
      { tenant: 'bob', class: 'interactive', counter: 0, waiting: 1 },
      { tenant: 'ann', class: 'normal', counter: 70, waiting: 1 },
    ]);
  });

  it('leaves no trace of ten thousand who leave in any order', () => {
    const scene = new QueueScene({ m: 0 }, { maxWaiting: 20_000 });
    const leaves = Array.from({ length: 10_000 }, (_, i) =>
      scene.add(String(i), { tenant: `t${i % 50}`, bytes: i % 7 }),
    );
    for (let i = 0; i < leaves.length; i += 2) leaves[i]?.();
    for (let i = leaves.length - 1; i > 0; i -= 2) leaves[i]?.();
    expect([scene.gate.size, scene.gate.bytes, scene.gate.waiting(1)]).toEqual([0, 0, []]);
    expect(scene.gate.tenants(100).every(({ waiting }) => waiting === 0)).toBe(true);
  });
});
