import { describe, expect, it } from 'vitest';
import type { PriorityClass } from '../../../src/core/types.ts';
import { entrant, QueueScene } from '../../support/queue-scene.ts';

describe('the order in which those who wait are asked', () => {
  it('is that of arrival within a class and tenant', () => {
    const scene = new QueueScene({ m: 0 });
    for (const name of ['a', 'b', 'c']) scene.add(name);
    scene.free(2);
    expect(scene.started).toEqual(['a', 'b']);
  });

  it('lets a full model hold up nobody else', () => {
    const scene = new QueueScene({ full: 0, free: 0 });
    for (let i = 0; i < 100; i++) scene.add(`waits ${i}`, { lane: 'full', priority: 'interactive' });
    scene.add('starts', { lane: 'free', priority: 'batch' });
    scene.free(1, 'free');
    expect(scene.started).toEqual(['starts']);
  });

  it('asks one of each lane when nothing is free, however many wait', () => {
    const scene = new QueueScene();
    const classes: PriorityClass[] = ['interactive', 'normal', 'batch'];
    for (let i = 0; i < 1_000; i++) {
      scene.add(String(i), { lane: i < 900 ? 'm' : 'n', tenant: `t${i % 40}`, priority: classes[i % 3] ?? 'normal' });
    }
    scene.take('asked');
    scene.gate.pump();
    expect(scene.take('asked').length).toBe(2);
  });

  it('gives the classes their shares over any stretch, spread and not in bursts', () => {
    const scene = new QueueScene({ m: 0 });
    for (const priority of ['batch', 'normal', 'interactive'] as const) {
      for (let i = 0; i < 24; i++) scene.add(priority, { priority });
    }
    scene.free(24);
    const count = (name: string): number => scene.started.filter((each) => each === name).length;
    expect([count('interactive'), count('normal'), count('batch')]).toEqual([16, 6, 2]);
    expect(new Set(scene.started.slice(0, 6))).toEqual(new Set(['interactive', 'normal', 'batch']));
  });

  it('gives the classes their shares among lanes that compete for the same places too', () => {
    const scene = new QueueScene({ m: 1, n: 1 });
    let places = 0;
    const shared = (): boolean => places-- > 0;
    for (let i = 0; i < 30; i++) {
      scene.add('batch', { priority: 'batch', lane: 'm' }, shared);
      scene.add('interactive', { priority: 'interactive', lane: 'n' }, shared);
    }
    Object.assign(scene.room, { m: 100, n: 100 });
    for (let i = 0; i < 27; i++) {
      places = 1;
      scene.gate.pump();
    }
    expect(scene.started.filter((each) => each === 'batch').length).toBe(3);
  });

  it('charges a class nothing for places that the others could not have used', () => {
    const scene = new QueueScene({ m: 0, n: 0 }, { classWeights: { interactive: 1, normal: 1, batch: 1 } });
    for (let i = 0; i < 40; i++) scene.add(`n-batch-${i}`, { lane: 'n', priority: 'batch' });
    for (let i = 0; i < 8; i++) scene.add('i', { priority: 'interactive' });
    for (let i = 0; i < 8; i++) scene.add('b', { priority: 'batch' });
    for (let i = 0; i < 20; i++) scene.free(1, 'n');
    expect(scene.take('started').length).toBe(20);
    for (let i = 0; i < 8; i++) scene.free(1, 'm');
    expect(scene.started.toSorted().join('')).toBe('bbbbiiii');
  });

  it('lets no class save up turns while none of it waits', () => {
    const scene = new QueueScene({ m: 0 }, { classWeights: { interactive: 3, normal: 1, batch: 1 } });
    for (let i = 0; i < 5; i++) scene.add('i', { priority: 'interactive' });
    const leave = scene.add('b', { priority: 'batch' });
    scene.free(2);
    leave();
    // Had it stayed, the third turn would have been its own.
    scene.add('b', { priority: 'batch' });
    scene.free();
    expect(scene.started).toEqual(['i', 'i', 'i']);
  });

  it('lets a lower class start when those of a higher one lean', () => {
    const scene = new QueueScene({ m: 0 });
    scene.add('leans', { priority: 'interactive' });
    scene.add('starts', { priority: 'batch' });
    scene.lean.add('leans');
    scene.free();
    expect(scene.started).toEqual(['starts']);
  });

  it('takes those who come back first, and passes over those who cannot use the room', () => {
    const scene = new QueueScene({ m: 0 });
    scene.add('fresh');
    scene.add('cannot', { returning: true }, () => false);
    scene.add('back', { returning: true });
    scene.free(2);
    expect(scene.started).toEqual(['back', 'fresh']);
    expect(scene.gate.depth('normal')).toBe(1);
  });

  it('promotes by one class after a minute, and by another one after the next', () => {
    const scene = new QueueScene({ m: 0 });
    scene.add('old', { priority: 'batch' });
    const depths = (): number[] => [
      scene.gate.depth('interactive'),
      scene.gate.depth('normal'),
      scene.gate.depth('batch'),
    ];
    scene.clock.advance(59_999);
    scene.gate.pump();
    expect(depths()).toEqual([0, 0, 1]);
    scene.clock.advance(1);
    scene.gate.pump();
    expect(depths()).toEqual([0, 1, 0]);
    scene.clock.advance(60_000);
    scene.gate.pump();
    expect([depths(), scene.gate.counts]).toEqual([[1, 0, 0], { promotions: 2, shed: 0 }]);
    scene.clock.advance(60_000);
    scene.free();
    expect(scene.started).toEqual(['old']);
  });

  it('brings a request with a tight deadline forward among its tenant’s, and one with a loose deadline nowhere', () => {
    const scene = new QueueScene({ m: 0 });
    scene.clock.advance(100_000);
    scene.add('first');
    scene.clock.advance(10);
    scene.add('loose', { deadline: 10_000_000 });
    scene.clock.advance(10);
    scene.add('tight', { deadline: 110_000 });
    scene.free(3);
    expect(scene.started).toEqual(['tight', 'first', 'loose']);
  });

  it('sorts by estimated work where told to, aged so that long ones come up', () => {
    const scene = new QueueScene({ m: 0 }, { order: 'sjf' });
    scene.add('long', { estimateMs: 3_000 });
    scene.add('short', { estimateMs: 100 });
    scene.clock.advance(20_000);
    scene.add('later and short', { estimateMs: 100 });
    scene.free(3);
    expect(scene.started).toEqual(['short', 'long', 'later and short']);
  });

  it('sorts those who wait already by a new order', () => {
    const scene = new QueueScene({ m: 0 });
    scene.add('long', { estimateMs: 3_000 });
    scene.add('short', { estimateMs: 100 });
    scene.gate.configure({ ...scene.settings(), order: 'sjf' });
    scene.free(2);
    expect(scene.started).toEqual(['short', 'long']);
  });
});

describe('tenants of a class', () => {
  it('are served least first, by tokens and weight', () => {
    const scene = new QueueScene({ m: 0 });
    for (let i = 0; i < 6; i++) scene.add('a', { tenant: 'a', promptTokens: 100 });
    for (let i = 0; i < 6; i++) scene.add('b', { tenant: 'b', promptTokens: 300 });
    for (let i = 0; i < 6; i++) scene.add('c', { tenant: 'c', promptTokens: 300, tenantWeight: 3 });
    scene.free(7);
    expect(scene.started.toSorted().join('')).toBe('aaabccc');
  });

  it('pay twice for what was written, and get back what failed', () => {
    const scene = new QueueScene({ m: 2 });
    const a = entrant({ tenant: 'a', promptTokens: 100 });
    const b = entrant({ tenant: 'b', promptTokens: 100 });
    for (const who of [a, b])
      scene.gate.enter(who, () => scene.start(who.tenant, who), { started: () => {}, refused: () => {} });
    scene.gate.settle(a, { promptTokens: 40, outputTokens: 10 });
    scene.gate.settle(a, { promptTokens: 40, outputTokens: 10 });
    scene.gate.settle(b, undefined);
    const counters = Object.fromEntries(scene.gate.tenants(9).map(({ tenant, counter }) => [tenant, counter]));
    // Where nobody waits a newcomer starts level with the one served last: 100 for b, of which its own 100 came back.
    expect(counters).toEqual({ a: 60, b: 100 });
  });

  it('cannot save up by idling', () => {
    const scene = new QueueScene({ m: 0 });
    for (let i = 0; i < 20; i++) scene.add('busy', { tenant: 'busy', promptTokens: 100 });
    scene.free(10);
    scene.take('started');
    for (let i = 0; i < 10; i++) scene.add('idle', { tenant: 'idle', promptTokens: 100 });
    scene.free(6);
    expect(scene.started.filter((name) => name === 'idle').length).toBe(3);
  });

  it('are not charged for having an idle pool to themselves', () => {
    const scene = new QueueScene({ m: 100 });
    for (let i = 0; i < 100; i++) scene.add('early', { tenant: 'early', promptTokens: 1_000 });
    scene.take('started');
    for (let i = 0; i < 4; i++) scene.add('late', { tenant: 'late', promptTokens: 1_000 });
    for (let i = 0; i < 4; i++) scene.add('early', { tenant: 'early', promptTokens: 1_000 });
    scene.free(4);
    expect(scene.started.toSorted()).toEqual(['early', 'early', 'late', 'late']);
  });

  it('who lean in one lane come later in the others', () => {
    const scene = new QueueScene();
    for (const [name, tenant, lane] of [
      ['x in m', 'x', 'm'],
      ['x in n', 'x', 'n'],
      ['y in n', 'y', 'n'],
    ] as const) {
      scene.lean.add(name);
      scene.add(name, { tenant, lane, promptTokens: 100 });
    }
    scene.take('asked');
    scene.gate.pump();
    expect(scene.asked).toEqual(['x in m', 'y in n', 'x in n']);
  });

  it('who lean count as served for the rest of the walk, so that one with many does not take all of its depth', () => {
    const scene = new QueueScene({ m: 0 });
    for (let i = 0; i < 100; i++) {
      scene.add(`many ${i}`, { tenant: 'many', promptTokens: 100 });
      scene.lean.add(`many ${i}`);
    }
    for (let i = 0; i < 10; i++) {
      scene.add(`few ${i}`, { tenant: 'few', promptTokens: 100 });
      scene.lean.add(`few ${i}`);
    }
    scene.take('asked');
    scene.gate.pump();
    expect(scene.asked.length).toBe(32);
    expect(scene.asked.filter((name) => name.startsWith('few')).length).toBe(10);
    expect(scene.asked.slice(0, 4)).toEqual(['many 0', 'few 0', 'many 1', 'few 1']);
  });
});

describe('those who lean', () => {
  const leaning = (count: number): QueueScene => {
    const scene = new QueueScene({ m: 1 });
    for (let i = 0; i < count; i++) {
      scene.lean.add(`l${i}`);
      scene.clock.advance(30);
      scene.add(`l${i}`);
    }
    scene.clock.advance(30);
    scene.take('asked');
    scene.walks.length = 0;
    return scene;
  };

  it('are passed over for those behind them', () => {
    const scene = leaning(3);
    scene.add('behind');
    expect([scene.asked, scene.started, scene.walks]).toEqual([['l0', 'l1', 'l2', 'behind'], ['behind'], ['m']]);
  });

  it('are asked again by an arrival or a poke at most every 20 ms, and what they lean on stays noted meanwhile', () => {
    const scene = leaning(2);
    scene.gate.poke();
    expect([scene.take('asked'), scene.walks]).toEqual([['l0', 'l1'], [undefined]]);
    scene.clock.advance(19);
    scene.gate.poke();
    scene.lean.add('l2');
    scene.add('l2');
    scene.gate.poke('m');
    expect([scene.take('asked'), scene.walks]).toEqual([['l2'], [undefined]]);
    scene.clock.advance(1);
    scene.gate.poke('m');
    expect([scene.take('asked'), scene.walks]).toEqual([
      ['l0', 'l1', 'l2'],
      [undefined, 'm'],
    ]);
  });

  it('are always asked when room appears', () => {
    const scene = leaning(2);
    scene.gate.pump();
    scene.gate.pump();
    expect(scene.asked).toEqual(['l0', 'l1', 'l0', 'l1']);
  });

  it('are asked 32 at a time in a class, and the other classes besides', () => {
    const scene = leaning(50);
    scene.lean.add('batch');
    scene.add('batch', { priority: 'batch' });
    scene.take('asked');
    scene.gate.pump();
    expect(scene.asked.length).toBe(33);
    expect(scene.asked).toContain('batch');
    scene.clock.advance(5);
    scene.take('asked');
    scene.gate.poke();
    expect(scene.asked).toEqual([]);
  });
});
