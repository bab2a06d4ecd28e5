import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { Keeper } from '../../../src/state/keeper.ts';
import type { StateEntry, StateStore } from '../../../src/state/store.ts';
import { LogBook } from '../../support/log-book.ts';

/** A store that notes what it is given, and fails or hangs when told to. */
class ScriptedStore implements StateStore {
  readonly where = 'there';
  readonly saved: (readonly string[])[] = [];
  closed = 0;
  error: Error | undefined;
  wait: Promise<void> = Promise.resolve();
  /** What happens during a write. */
  during: () => void = () => undefined;
  dropped = 0;

  load(): Promise<undefined> {
    return this.error === undefined ? Promise.resolve(undefined) : Promise.reject(this.error);
  }

  async save(entries: Iterable<StateEntry>): Promise<{ readonly bytes: number; readonly dropped: number }> {
    const kinds = Array.from(entries, ({ record }) => record.kind);
    await this.wait;
    this.during();
    if (this.error !== undefined) throw this.error;
    this.saved.push(kinds);
    return { bytes: kinds.length, dropped: this.dropped };
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

const scene = () => {
  const store = new ScriptedStore();
  const log = new LogBook();
  const results: string[] = [];
  const pauses: number[] = [];
  let run: () => void = () => expect.fail('nothing is scheduled');
  let word = 'first';
  const clock = new ManualClock();
  const keeper = new Keeper({
    now: () => clock.now(),
    store,
    capture: () => [{ ageMs: 0, record: { kind: word } }],
    log,
    ended: (result) => results.push(result),
    schedule: (ms, next) => {
      pauses.push(ms);
      run = next;
      return () => undefined;
    },
  });
  return {
    store,
    log,
    results,
    pauses,
    keeper,
    clock,
    say: (next: string) => void (word = next),
    /** The beat, and all that it sets off. */
    beat: async (): Promise<void> => {
      const before = pauses.length;
      run();
      while (pauses.length === before) await new Promise(setImmediate);
    },
  };
};

describe('a keeper of state', () => {
  it('writes every ten seconds, when something has changed', async () => {
    const { keeper, beat, store, results, pauses } = scene();
    keeper.start();
    await beat();
    expect(store.saved).toEqual([]);
    keeper.touch();
    await beat();
    await beat();
    expect([store.saved, results]).toEqual([[['first']], ['written']]);
    expect(pauses).toEqual([10_000, 10_000, 10_000, 10_000]);
  });

  it('pauses fifty times as long as a write has taken', async () => {
    const { keeper, beat, store, clock, pauses } = scene();
    store.during = () => clock.advance(1_500);
    keeper.start();
    keeper.touch();
    await beat();
    expect(pauses).toEqual([10_000, 75_000]);
  });

  it('says once that it cannot write, tries again after growing pauses, and says when it can again', async () => {
    const { keeper, beat, store, log, results, pauses } = scene();
    keeper.start();
    keeper.touch();
    store.error = new Error('ENOSPC: no space left on device');
    for (let i = 0; i < 7; i++) await beat();
    expect(log.events('state-unwritable')).toMatchObject([
      { level: 'warn', message: expect.stringContaining('ENOSPC') },
    ]);
    expect(pauses.slice(1)).toEqual([20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
    store.error = undefined;
    await beat();
    expect(log.events('state-recovered')).toHaveLength(1);
    expect(pauses.at(-1)).toBe(10_000);
    expect(results).toEqual([...Array<string>(7).fill('failed'), 'written']);
  });

  it('says once that there is no room for everything', async () => {
    const { keeper, beat, store, log } = scene();
    keeper.start();
    store.dropped = 3;
    for (let i = 0; i < 3; i++) {
      keeper.touch();
      await beat();
    }
    expect(log.events('state-trimmed')).toMatchObject([{ fields: { dropped: 3 } }]);
  });

  it('writes what is known at the end, after a write that is under way', async () => {
    const { keeper, store, say } = scene();
    let release = (): void => undefined;
    store.wait = new Promise((resolve) => {
      release = resolve;
    });
    keeper.start();
    const under = keeper.flush();
    await new Promise(setImmediate);
    say('last');
    const stopped = keeper.stop();
    release();
    await Promise.all([under, stopped]);
    expect(store.saved).toEqual([['first'], ['last']]);
    expect(store.closed).toBe(1);
  });

  it('writes nothing before it has begun, nor after its end', async () => {
    const { keeper, store } = scene();
    await keeper.stop();
    expect([store.saved, store.closed]).toEqual([[], 0]);
    keeper.start();
    await keeper.stop();
    await keeper.stop();
    keeper.touch();
    await keeper.flush();
    expect(store.saved).toEqual([['first']]);
  });

  it('lets nobody wait for a store that hangs', async () => {
    const { keeper, store } = scene();
    store.wait = new Promise(() => undefined);
    keeper.start();
    await keeper.flush(1);
    expect(store.saved).toEqual([]);
  });

  it('starts without what a store cannot load', async () => {
    const { keeper, store, log } = scene();
    store.error = new Error('no connection');
    expect(await keeper.load()).toBeUndefined();
    expect(log.events('state-unreadable')).toMatchObject([{ message: expect.stringContaining('no connection') }]);
  });
});
