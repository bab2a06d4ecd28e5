import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { Placement, type ActOutcome, type PlacementSettings } from '../../../src/placement/loop.ts';
import type { PlacementAction, PoolView } from '../../../src/placement/view.ts';
import { LogBook } from '../../support/log-book.ts';
import { asked, host, pool, resident } from './pool-view.ts';

const ON: PlacementSettings = { enabled: true, pins: new Map() };

const busyA = pool(
  [host('one', { busy: 1, residents: [resident('a', { running: 1 })] }), host('two')],
  [asked('a', { backlogMs: 60_000, arrivalsPerMinute: 10 })],
);

interface Scene {
  readonly placement: Placement;
  readonly log: LogBook;
  readonly clock: ManualClock;
  readonly acts: PlacementAction[];
  readonly waits: number[];
  readonly timers: () => number;
  /** The interval is over: plans, and lets the actions end. */
  readonly tick: (ms?: number) => Promise<void>;
  view: PoolView;
  answer: (action: PlacementAction) => Promise<ActOutcome>;
}

const scene = (settings = ON): Scene => {
  const clock = new ManualClock();
  const log = new LogBook();
  const planned = new Set<() => void>();
  const acts: PlacementAction[] = [];
  const waits: number[] = [];
  const made: Omit<Scene, 'placement'> = {
    log,
    clock,
    acts,
    waits,
    view: busyA,
    answer: () => Promise.resolve({ ok: true, message: '' }),
    timers: () => planned.size,
    async tick(ms = 1_000) {
      clock.advance(ms);
      const due = [...planned];
      planned.clear();
      for (const run of due) run();
      await new Promise(setImmediate);
    },
  };
  const placement = new Placement(
    {
      view: () => made.view,
      act(action) {
        acts.push(action);
        return made.answer(action);
      },
      clock,
      rng: { next: () => 0.75 },
      schedule(ms, run) {
        waits.push(ms);
        planned.add(run);
        return () => planned.delete(run);
      },
      log,
    },
    settings,
  );
  return Object.assign(made, { placement });
};

describe('the loop of placement', () => {
  it('plans about every second and carries the plan out', async () => {
    const { acts, waits, tick, placement, timers } = scene();
    expect([acts.length, timers()]).toEqual([0, 1]);
    await tick();
    expect(acts).toMatchObject([{ kind: 'load', model: 'a', host: 'two' }]);
    expect(waits).toEqual([1_050, 1_050]);
    placement.stop();
  });

  it('logs what it did, why, at which price and for which gain, and counts it', async () => {
    const { log, tick, placement } = scene();
    await tick();
    expect(log.events('placement')).toMatchObject([
      {
        level: 'info',
        fields: { action: 'load', backend: 'two', model: 'a', price_ms: 6_000, gain_ms: 60_000, result: 'done' },
      },
    ]);
    expect(log.events('placement')[0]?.fields['reason']).toContain('60000 ms of work wait');
    expect(placement.counts().filter(({ count }) => count > 0)).toEqual([{ kind: 'load', result: 'done', count: 1 }]);
    expect(placement.recent()).toMatchObject([{ kind: 'load', host: 'two', result: 'done', at: 1_000 }]);
  });

  it('warns of a failure and waits before it tries again', async () => {
    const made = scene();
    made.answer = () => Promise.reject(new Error('no room'));
    await made.tick();
    expect(made.log.events('placement')).toMatchObject([
      { level: 'warn', fields: { error: 'no room', retry_ms: 10_000 } },
    ]);
    await made.tick();
    expect(made.acts.length).toBe(1);
    await made.tick(10_000);
    expect(made.acts.length).toBe(2);
    expect(made.placement.counts()).toContainEqual({ kind: 'load', result: 'failed', count: 2 });
  });

  it('takes an action that was not sent for no failure', async () => {
    const made = scene();
    made.answer = () => Promise.resolve({ ok: false, skipped: true, message: 'a load is pending there' });
    await made.tick();
    expect(made.log.events('placement')).toMatchObject([{ level: 'debug', fields: { result: 'skipped' } }]);
  });

  it('sends a host nothing while the last action there is under way', async () => {
    const made = scene();
    let finish = (_outcome: ActOutcome): void => {};
    made.answer = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    await made.tick();
    await made.tick(60_000);
    expect([made.acts.length, made.placement.pending().length]).toEqual([1, 1]);
    finish({ ok: true, message: '' });
    await new Promise(setImmediate);
    expect(made.placement.pending()).toEqual([]);
    expect(made.placement.recent()).toMatchObject([{ tookMs: 60_000 }]);
  });

  it('goes on after a plan that failed', async () => {
    const made = scene();
    made.view = {
      models: busyA.models,
      hosts: () => {
        throw new Error('odd');
      },
    };
    await made.tick();
    expect(made.log.events('placement-plan')).toMatchObject([{ level: 'error', fields: { error: 'odd' } }]);
    made.view = busyA;
    await made.tick();
    expect(made.acts.length).toBe(1);
  });

  it('is off when it is disabled, and follows new settings', async () => {
    const made = scene({ enabled: false, pins: new Map() });
    expect(made.timers()).toBe(0);
    made.view = pool([host('one')]);
    made.placement.configure({ enabled: true, pins: new Map([['one', ['b']]]) });
    made.placement.configure({ enabled: true, pins: new Map([['one', ['a']]]) });
    expect(made.timers()).toBe(1);
    await made.tick();
    expect(made.acts).toMatchObject([{ kind: 'load', model: 'a', reason: 'pinned' }]);
    made.placement.configure({ enabled: false, pins: new Map() });
    expect(made.timers()).toBe(0);
  });

  it('goes quiet when it is stopped, even from within an action', async () => {
    const made = scene();
    made.answer = () => {
      made.placement.stop();
      return Promise.resolve({ ok: true, message: '' });
    };
    await made.tick();
    expect([made.timers(), made.log.lines.length, made.placement.recent().length]).toEqual([0, 0, 0]);
    made.placement.configure(ON);
    expect(made.timers()).toBe(0);
  });

  it('keeps the last hundred actions, newest first', async () => {
    const made = scene();
    for (let n = 0; n < 110; n++) {
      made.view = pool([host(`h${n}`)], [asked('a', { backlogMs: 60_000 })]);
      await made.tick();
    }
    const hosts = made.placement.recent().map(({ host }) => host);
    expect([hosts.length, hosts[0], hosts.at(-1)]).toEqual([100, 'h109', 'h10']);
  });
});
