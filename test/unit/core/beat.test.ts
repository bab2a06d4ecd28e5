import { describe, expect, it } from 'vitest';
import { Beat } from '../../../src/core/beat.ts';
import { VirtualTime } from '../../../src/sim/model/scheduler.ts';

const beating = (draws: readonly number[], run: (at: number) => void = () => {}) => {
  const time = new VirtualTime();
  const ran: number[] = [];
  let drawn = 0;
  const schedule = (ms: number, then: () => void): (() => void) => time.at(time.now() + ms, then);
  const beat = new Beat(1_000, { next: () => draws[drawn++ % draws.length] ?? 0.5 }, schedule, () => {
    ran.push(time.now());
    run(time.now());
  });
  return { time, ran, beat };
};

describe('a beat', () => {
  it('comes about every interval, a tenth sooner or later by chance', () => {
    const { time, ran, beat } = beating([0, 0.5, 1]);
    beat.start();
    time.run(3_500);
    expect(ran).toEqual([900, 1_900, 3_000]);
  });

  it('is one, however often it is started', () => {
    const { time, ran, beat } = beating([0.5]);
    beat.start();
    beat.start();
    time.run(1_500);
    expect(ran).toEqual([1_000]);
  });

  it('ends when it is stopped, from within too, and can be started again', () => {
    const scene = beating([0.5], (at) => {
      if (at === 2_000) scene.beat.stop();
    });
    scene.beat.start();
    scene.time.run(5_000);
    expect(scene.ran).toEqual([1_000, 2_000]);
    scene.beat.start();
    scene.time.run(6_500);
    expect(scene.ran).toEqual([1_000, 2_000, 6_000]);
  });
});
