import { describe, expect, it } from 'vitest';
import { Facts } from '../../../src/facts/facts.ts';
import { SavedFactsError } from '../../../src/facts/saved.ts';

const GB = 1e9;

/** Facts of one host with a model of 5 GB that was measured at 10 ms a token and seen to work on three at once. */
const measured = (): Facts => {
  const facts = new Facts();
  const { speeds, slots } = facts.runner('h', 'm', 5 * GB);
  for (let i = 0; i < 30; i++) speeds.decoded(100, 1_000, 1, 0);
  slots.overlapped(3, 0);
  return facts;
};

const pass = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('facts that outlive the process', () => {
  it('are those of a runner once it is there, and of its host at once', () => {
    const before = measured();
    const facts = new Facts();
    facts.state.restoreRunner('h', 'm', pass(before.state.saveRunner('h', 'm', 0)), 0);
    facts.state.restoreHost('h', pass(before.state.saveHost('h', 0)), 0);
    facts.state.restorePool(pass(before.state.savePool(0)), 0);
    expect(facts.host('h').slots.proven).toBe(3);
    expect(facts.runner('h', 'm', 5 * GB).speeds.snapshot(0)).toEqual(
      before.runner('h', 'm', 5 * GB).speeds.snapshot(0),
    );
    expect(facts.runner('h', 'other', 5 * GB).speeds.decodeMs(0)).toBe(
      before.runner('h', 'other', 5 * GB).speeds.decodeMs(0),
    );
  });

  it('are not the speeds of other weights under the same name', () => {
    const facts = new Facts();
    facts.state.restoreRunner('h', 'm', pass(measured().state.saveRunner('h', 'm', 0)), 0);
    const { speeds, slots } = facts.runner('h', 'm', 9 * GB);
    expect(speeds.estimates(0).decode.samples).toBe(0);
    expect(slots.limit(0)).toBe(3);
  });

  it('are nothing of a model that the host no longer has, nor of a host that is gone', () => {
    const saved = pass(measured().state.saveRunner('h', 'm', 0));
    const facts = new Facts();
    facts.state.restoreRunner('h', 'm', saved, 0);
    facts.installed('h', new Map([['other', { digest: 'd', sizeBytes: GB }]]));
    expect(facts.state.saveRunner('h', 'm', 0)).toBeUndefined();
    facts.state.restoreRunner('h', 'm', saved, 0);
    facts.forgetHost('h');
    expect(facts.state.saveRunner('h', 'm', 0)).toBeUndefined();
  });

  it('are nothing of a runner that taught nothing', () => {
    const facts = new Facts();
    facts.runner('h', 'm', GB);
    expect(facts.state.saveRunner('h', 'm', 0)).toBeUndefined();
  });

  it('stay as they are when what comes is no such data', () => {
    const facts = measured();
    const [runner, host, pool] = [
      facts.state.saveRunner('h', 'm', 0),
      facts.state.saveHost('h', 0),
      facts.state.savePool(0),
    ];
    const wrong = [
      () => facts.state.restoreRunner('h', 'm', { ...runner, slots: { ...runner?.slots, proven: 0 } }, 0),
      () => facts.state.restoreHost('h', { ...host, slots: { version: 1, proven: 0, runners: [] } }, 0),
      () => facts.state.restorePool({ ...pool, service: 'x' }, 0),
      () => facts.state.restoreLengths(pool.length, [{ model: 1 }], 0),
    ];
    for (const restore of wrong) expect(restore).toThrow(SavedFactsError);
    expect(facts.state.saveRunner('h', 'm', 0)).toEqual(runner);
    expect(facts.state.saveHost('h', 0)).toEqual(host);
    expect(facts.state.savePool(0)).toEqual(pool);
  });
});
