import { describe, expect, it } from 'vitest';
import { shedChance } from '../../../src/admission/shedding.ts';
import { entrant, QueueScene } from '../../support/queue-scene.ts';

const codes = ({ refused }: QueueScene): string[] => refused.map(({ code }) => code);

/** A lane in which one of those who wait starts each second, `starts` times, and so many wait at the end. */
const served = (
  starts: number,
  waiting: number,
  settings: ConstructorParameters<typeof QueueScene>[1] = {},
  rng = { next: () => 0 },
): QueueScene => {
  const scene = new QueueScene({ m: 0 }, settings, rng);
  for (let i = 0; i < starts + waiting; i++) scene.add(`w${i}`, { priority: 'interactive', tenant: `t${i % 3}` });
  for (let i = 0; i < starts; i++) {
    scene.clock.advance(1_000);
    scene.free();
  }
  return scene;
};

describe('a newcomer that finds no place', () => {
  it('is refused when as many wait as may, unless it comes back', () => {
    const scene = new QueueScene({}, { maxWaiting: 2, maxWaitMs: 1_000 });
    for (let i = 0; i < 3; i++) scene.add('w');
    expect(scene.refused).toEqual([expect.objectContaining({ code: 'queue_full', retryAfterSeconds: 1 })]);
    scene.add('back', { returning: true });
    expect(scene.gate.size).toBe(3);
  });

  it('is refused when it would hold more bytes than may be held, until others have left', () => {
    const scene = new QueueScene({}, { maxBytes: 100 });
    const leave = scene.add('w', { bytes: 60 });
    scene.add('w', { bytes: 41 });
    expect(scene.refused[0]?.message).toContain('queue.max_bytes');
    leave();
    scene.add('w', { bytes: 41 });
    expect([scene.gate.size, scene.gate.bytes]).toEqual([1, 41]);
  });

  it('is refused when its tenant holds half of the queue while others wait, and not while none does', () => {
    const scene = new QueueScene({}, { maxWaiting: 10 });
    for (let i = 0; i < 8; i++) scene.add('w', { tenant: 'greedy' });
    expect(scene.refused).toEqual([]);
    scene.add('w', { tenant: 'modest' });
    scene.add('w', { tenant: 'greedy', priority: 'batch' });
    expect([codes(scene), scene.gate.size]).toEqual([['queue_full'], 9]);
    expect(scene.refused[0]?.message).toContain('tenant');
  });

  it('is told to come back when a place is predicted, and after the longest wait where nothing is known', () => {
    const unknown = new QueueScene({}, { maxWaiting: 1 });
    for (let i = 0; i < 2; i++) unknown.add('w');
    expect(unknown.refused[0]?.retryAfterSeconds).toBe(300);
    const scene = served(6, 5, { maxWaiting: 11 });
    scene.gate.configure({ ...scene.settings(), maxWaiting: 5 });
    scene.add('w', { priority: 'interactive', tenant: 't0' });
    expect(scene.refused[0]?.retryAfterSeconds).toBe(6);
  });
});

describe('the predicted wait', () => {
  it('is the place in line times the time that a place took lately', () => {
    const scene = served(6, 5);
    expect(scene.gate.predictedWaitMs(entrant({ priority: 'interactive', tenant: 't0' }))).toBe(6_000);
    expect(scene.gate.predictedWaitMs(entrant({ priority: 'batch' }))).toBe(6_000);
    expect(scene.gate.predictedWaitMs(entrant({ priority: 'interactive', returning: true }))).toBe(1_000);
    expect(scene.gate.predictedWaitMs(entrant({ lane: 'never seen' }))).toBeUndefined();
  });

  it('counts on the turns of classes and tenants', () => {
    const scene = new QueueScene({ m: 0 });
    for (let i = 0; i < 40; i++) scene.add('w', { priority: 'batch', tenant: 'many' });
    for (let i = 0; i < 10; i++) {
      scene.clock.advance(100);
      scene.free();
    }
    // Another tenant's first is second in turn; an interactive one has eight of nine turns.
    expect(scene.gate.predictedWaitMs(entrant({ priority: 'batch', tenant: 'new' }))).toBe(200);
    expect(scene.gate.predictedWaitMs(entrant({ priority: 'interactive' }))).toBeCloseTo(112.5);
  });

  it('grows while nobody starts, and rests on no time in which nobody waited', () => {
    const scene = served(6, 1);
    scene.clock.advance(6_000);
    expect(scene.gate.predictedWaitMs(entrant({ priority: 'interactive', tenant: 't0' }))).toBe(4_000);
    scene.free();
    scene.clock.advance(1_000_000);
    expect(scene.gate.predictedWaitMs(entrant())).toBeCloseTo(12_000 / 7);
  });
});

describe('a deadline', () => {
  it('that cannot be met is refused at once', () => {
    const scene = served(6, 5, { shed: false });
    const at = scene.clock.now();
    scene.add('late', { deadline: at + 6_500, estimateMs: 1_000, priority: 'batch' });
    expect(codes(scene)).toEqual(['deadline_exceeded']);
    scene.add('in time', { deadline: at + 7_000, estimateMs: 1_000, priority: 'batch' });
    scene.add('back', { deadline: at + 1, returning: true });
    expect([codes(scene).length, scene.gate.size]).toEqual([1, 7]);
  });

  it('is not judged by fewer than five starts', () => {
    const scene = served(4, 5, { shed: false });
    scene.add('late', { deadline: scene.clock.now() + 1 });
    expect(scene.refused).toEqual([]);
  });
});

describe('shedding', () => {
  it.each([
    ['batch', 0.8, 0],
    ['batch', 1, 0.25],
    ['batch', 1.2, 1],
    ['batch', 9, 1],
    ['normal', 1.2, 0],
    ['normal', 1.4, 0.25],
    ['normal', 1.6, 1],
    ['interactive', 99, 0],
  ] as const)('drops %s at saturation %s with chance %s', (priority, saturation, chance) => {
    expect(shedChance(priority, saturation)).toBeCloseTo(chance);
  });

  it('turns lower classes away when half of those who wait wait longer than aimed at, and says so', () => {
    const scene = served(6, 10, { targetMs: 4_000 });
    scene.add('b', { priority: 'batch' });
    expect(scene.refused[0]).toMatchObject({ code: 'queue_full' });
    expect(scene.refused[0]?.message).toContain('batch requests are being shed');
    expect(scene.refused[0]?.retryAfterSeconds).toBeGreaterThan(0);
    scene.add('i', { priority: 'interactive' });
    scene.add('back', { priority: 'batch', returning: true });
    expect([scene.refused.length, scene.gate.counts.shed]).toEqual([1, 1]);
  });

  it.each([
    ['told not to', 6, 10, { targetMs: 1_000, shed: false }],
    ['few wait', 6, 7, { targetMs: 1_000 }],
    ['little is known', 4, 10, { targetMs: 1_000 }],
    ['waits are short', 6, 10, { targetMs: 10_000 }],
  ])('turns nobody away where %s', (_why, starts, waiting, settings) => {
    const scene = served(starts, waiting, settings);
    scene.add('b', { priority: 'batch' });
    expect(scene.refused).toEqual([]);
  });

  it('turns nobody away who only chose to wait', () => {
    const scene = new QueueScene({ m: 0 }, { targetMs: 1 }, { next: () => 0 });
    for (let i = 0; i < 20; i++) scene.add(`w${i}`);
    for (let i = 0; i < 6; i++) {
      scene.clock.advance(1_000);
      scene.free();
    }
    for (let i = 6; i < 20; i++) scene.lean.add(`w${i}`);
    scene.lean.add('leans');
    scene.add('leans', { priority: 'batch' });
    expect([scene.refused, scene.gate.depth('batch')]).toEqual([[], 1]);
  });
});
