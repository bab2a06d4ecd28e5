import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Processor } from '../../../../src/sim/model/processor.ts';
import { VirtualTime } from '../../../../src/sim/model/scheduler.ts';

describe('virtual time', () => {
  it('runs events by time and, for equal times, in the order of planning', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), (times) => {
        const clock = new VirtualTime();
        const ran: (readonly [number, number])[] = [];
        times.forEach((time, order) => clock.at(time, () => ran.push([clock.now(), order])));
        clock.run();
        const wanted = times.map((time, order) => [time, order] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(ran).toEqual(wanted);
      }),
    );
  });

  it('never runs a cancelled event', () => {
    const clock = new VirtualTime();
    let ran = 0;
    const cancel = clock.at(5, () => (ran += 1));
    cancel();
    expect(clock.next()).toBeUndefined();
    clock.run(10);
    expect([ran, clock.now()]).toEqual([0, 10]);
  });

  it('never goes back for an event planned in the past', () => {
    const clock = new VirtualTime(100);
    let at = 0;
    clock.at(50, () => (at = clock.now()));
    clock.run();
    expect(at).toBe(100);
  });

  it('stops at the asked time and leaves later events for later', () => {
    const clock = new VirtualTime();
    const ran: number[] = [];
    for (const time of [10, 20, 30]) clock.at(time, () => ran.push(time));
    clock.run(20);
    expect([ran, clock.now(), clock.next()]).toEqual([[10, 20], 20, 30]);
  });
});

describe('shared compute', () => {
  it('stretches what is left of a piece when company comes, and only that', () => {
    const clock = new VirtualTime();
    const processor = new Processor(clock, 0.5);
    const ends: Record<string, number> = {};
    const enter = (name: string, ms: number): void => {
      const work = processor.enter(ms, () => {
        ends[name] = clock.now();
        processor.leave(work);
      });
    };
    enter('long', 100);
    clock.at(40, () => enter('short', 20));
    clock.run();
    // short: 20 ms at 1.5; long: 40 alone, 20 of its own done in those 30, then 40 alone again.
    expect(ends).toEqual({ short: 70, long: 110 });
    expect(processor.busy).toBe(0);
  });
});
