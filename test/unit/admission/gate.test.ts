import { describe, expect, it } from 'vitest';
import { Gate, type GateSettings } from '../../../src/admission/gate.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { factsOf } from '../../support/facts.ts';

const SETTINGS: GateSettings = {
  maxWaiting: 2,
  maxWaitMs: 1_000,
  classWeights: { interactive: 8, normal: 3, batch: 1 },
};

interface Timer {
  readonly ms: number;
  readonly run: () => void;
  cancelled: boolean;
}

const scene = (): {
  readonly gate: Gate;
  readonly clock: ManualClock;
  readonly timers: Timer[];
  readonly signal: AbortSignal;
} => {
  const clock = new ManualClock();
  const timers: Timer[] = [];
  const gate = new Gate(
    clock,
    (ms, run) => {
      const timer: Timer = { ms, run, cancelled: false };
      timers.push(timer);
      return () => {
        timer.cancelled = true;
      };
    },
    SETTINGS,
  );
  return { gate, clock, timers, signal: new AbortController().signal };
};

describe('the gate', () => {
  it('starts in the tick of arrival when there is room', () => {
    const { gate, signal } = scene();
    expect(gate.enter(factsOf(), () => 'started', signal)).toBe('started');
  });

  it('starts a waiter in the tick in which room appears', async () => {
    const { gate, timers, signal } = scene();
    let room = false;
    let started = false;
    const waits = gate.enter(
      factsOf(),
      () => {
        started = room;
        return room ? 'now' : undefined;
      },
      signal,
    );
    expect(gate.depth('normal')).toBe(1);
    room = true;
    gate.pump();
    expect(started).toBe(true);
    expect(await waits).toBe('now');
    expect(timers.map(({ cancelled }) => cancelled)).toEqual([true]);
  });

  it('asks those who wait before a newcomer, even if nobody announced the room', async () => {
    const { gate, signal } = scene();
    let room = 0;
    const order: string[] = [];
    const start = (name: string) => (): string | undefined => {
      if (room < 1) return undefined;
      room--;
      order.push(name);
      return name;
    };
    const first = gate.enter(factsOf(), start('first'), signal);
    room = 1;
    void gate.enter(factsOf(), start('second'), signal);
    expect(order).toEqual(['first']);
    expect(await first).toBe('first');
  });

  it('refuses when as many wait as may, but never one who comes back', () => {
    const { gate, signal } = scene();
    const full = (): undefined => undefined;
    for (let i = 0; i < SETTINGS.maxWaiting; i++) void gate.enter(factsOf(), full, signal);
    expect(() => gate.enter(factsOf(), full, signal)).toThrow(
      expect.objectContaining({ code: 'queue_full', retryAfterSeconds: 1 }),
    );
    void gate.enter(factsOf(), full, signal, true);
    expect(gate.depth('normal')).toBe(SETTINGS.maxWaiting + 1);
  });

  it('passes on what the start throws, at once and later', async () => {
    const { gate, signal } = scene();
    const fail = (): never => {
      throw new Error('nobody left');
    };
    expect(() => gate.enter(factsOf(), fail, signal)).toThrow('nobody left');
    let lost = false;
    const waits = gate.enter(factsOf(), () => (lost ? fail() : undefined), signal);
    lost = true;
    gate.pump();
    await expect(waits).rejects.toThrow('nobody left');
    expect(gate.depth('normal')).toBe(0);
  });

  it.each([
    [Infinity, 1_000, 'queue_timeout'],
    [5_000, 1_000, 'queue_timeout'],
    [300, 300, 'deadline_exceeded'],
    [-5, 0, 'deadline_exceeded'],
  ])('waits until the deadline (%s ms) or the longest wait, whichever comes first', async (deadline, ms, code) => {
    const { gate, timers, signal } = scene();
    const waits = gate.enter(factsOf({ deadline }), () => undefined, signal);
    expect(timers.map((timer) => timer.ms)).toEqual([ms]);
    timers[0]?.run();
    await expect(waits).rejects.toMatchObject({ code });
    expect(gate.depth('normal')).toBe(0);
  });

  it('gives the place up when the client leaves, before it came in or after', async () => {
    const { gate, timers } = scene();
    const leaving = new AbortController();
    const waits = gate.enter(factsOf(), () => undefined, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(waits).rejects.toThrow('left');
    await expect(gate.enter(factsOf(), () => undefined, leaving.signal)).rejects.toThrow('left');
    expect(gate.depth('normal')).toBe(0);
    expect(timers.every(({ cancelled }) => cancelled)).toBe(true);
  });
});
