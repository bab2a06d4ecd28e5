import { describe, expect, it } from 'vitest';
import { ACTIONS_PER_HOST, ACTION_WINDOW_MS, PlacementMemory } from '../../../src/placement/memory.ts';
import type { PlacementAction } from '../../../src/placement/view.ts';
import { DEFAULT_SHAPE } from '../../../src/core/demand.ts';

const MINUTE = 60_000;

const action = (changes: Partial<PlacementAction> = {}): PlacementAction => ({
  kind: 'load',
  host: 'one',
  model: 'a',
  embedding: false,
  shape: DEFAULT_SHAPE,
  keepAliveMs: undefined,
  reason: '',
  priceMs: 0,
  gainMs: 0,
  loadMs: 6_000,
  victims: [],
  pinned: false,
  ...changes,
});

const done = (memory: PlacementMemory, what: PlacementAction, at: number): void => {
  memory.begin(what, at);
  memory.end(what, 'done', at);
};

describe('the memory of placement', () => {
  it('lets one action at a time go to a host', () => {
    const memory = new PlacementMemory();
    const load = action();
    memory.begin(load, 0);
    expect([memory.free('one', 0), memory.free('two', 0)]).toEqual([false, true]);
    memory.end(load, 'done', 10);
    expect(memory.free('one', 10)).toBe(true);
  });

  it('gives a host its share of actions in ten minutes and no more', () => {
    const memory = new PlacementMemory();
    for (let n = 0; n < ACTIONS_PER_HOST; n++) done(memory, action({ model: `m${n}`, kind: 'renew' }), n * 1_000);
    expect(memory.free('one', ACTION_WINDOW_MS - 1)).toBe(false);
    expect(memory.free('one', ACTION_WINDOW_MS)).toBe(true);
  });

  it('does not count an action that was not sent, but waits a little before the next try', () => {
    const memory = new PlacementMemory();
    for (let n = 0; n < 2 * ACTIONS_PER_HOST; n++) {
      const load = action();
      memory.begin(load, n);
      expect(memory.end(load, 'skipped', n)).toBe(5_000);
    }
    expect(memory.free('one', 100)).toBe(true);
    expect(memory.mayLoad('one', 'a', 4_000)).toBe(false);
    expect(memory.mayLoad('one', 'a', 6_000)).toBe(true);
  });

  it('waits twice as long after each failure, at most ten minutes, and from the start after a success', () => {
    const memory = new PlacementMemory();
    const fail = (at: number): number => {
      const renew = action({ kind: 'renew' });
      memory.begin(renew, at);
      return memory.end(renew, 'failed', at);
    };
    const waits = Array.from({ length: 8 }, (_, n) => fail(n) / 1_000);
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 600, 600]);
    expect(memory.mayRenew('one', 'a', 600_000)).toBe(false);
    expect(memory.mayRenew('one', 'a', 600_007)).toBe(true);
    expect(memory.mayRenew('one', 'b', 0)).toBe(true);
    done(memory, action({ kind: 'renew' }), 700_000);
    expect(fail(700_001)).toBe(10_000);
  });

  it('guards what it loaded for two minutes or ten loads', () => {
    const memory = new PlacementMemory();
    done(memory, action({ loadMs: 1_000 }), 0);
    done(memory, action({ loadMs: 60_000, model: 'big' }), 0);
    expect([119_999, 120_000].map((at) => memory.mayGo('one', 'a', at))).toEqual([false, true]);
    expect([599_999, 600_000].map((at) => memory.mayGo('one', 'big', at))).toEqual([false, true]);
  });

  it('does not bring back for five minutes what it let go or pushed out', () => {
    const memory = new PlacementMemory();
    done(memory, action({ kind: 'let-go', model: 'b' }), 0);
    done(memory, action({ victims: ['c'] }), 0);
    for (const model of ['b', 'c']) {
      expect([5 * MINUTE - 1, 5 * MINUTE].map((at) => memory.mayLoad('one', model, at))).toEqual([false, true]);
    }
    expect(memory.mayLoad('two', 'b', 1)).toBe(true);
  });

  it('waits longer and longer, up to an hour, for a model that is gone whenever it was loaded', () => {
    const memory = new PlacementMemory();
    const gaps: number[] = [];
    let at = 0;
    for (let n = 0; n < 7; n++) {
      done(memory, action(), at);
      const from = at;
      while (!memory.mayLoad('one', 'a', at)) at += MINUTE;
      gaps.push((at - from) / MINUTE);
    }
    expect(gaps).toEqual([5, 10, 20, 40, 60, 60, 60]);
  });

  it('stays bounded, forgetting what was touched longest ago', () => {
    const memory = new PlacementMemory();
    for (let n = 0; n < 10_001; n++) done(memory, action({ host: `h${n}`, kind: 'let-go', pinned: true }), 0);
    expect(memory.heldCount).toBe(10_000);
    expect([memory.mayLoad('h0', 'a', 1), memory.mayLoad('h1', 'a', 1)]).toEqual([true, false]);
  });
});
