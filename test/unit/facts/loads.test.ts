import { describe, expect, it } from 'vitest';
import { NO_DEMAND, type Demand } from '../../../src/core/demand.ts';
import { Facts } from '../../../src/facts/facts.ts';
import { NOTHING_EXPECTED, type Expectation } from '../../../src/facts/work.ts';

const cold: Expectation = { ...NOTHING_EXPECTED, loadMs: 5_000 };
const LOAD: Demand = { ...NO_DEMAND, kind: 'load' };

const send = (facts: Facts, model: string, demand: Demand, streams: boolean, at: number, expected = cold) => {
  const runner = facts.runner('a', model, 5e9);
  return { runner, work: facts.sent(runner, demand, demand.shape, streams, expected, at) };
};

const end = (facts: Facts, { runner, work }: ReturnType<typeof send>, at: number): void => {
  const totalMs = at - work.sentAt;
  facts.ended(runner, work, { kind: 'served', status: 200, firstByteMs: totalMs, totalMs, usage: undefined }, at);
};

describe('a request that only loads its model', () => {
  it('teaches how long the load takes, when nobody else was at work', () => {
    const facts = new Facts();
    const load = send(facts, 'm', LOAD, false, 0);
    const before = load.runner.speeds.loadMs(0);
    end(facts, load, 4 * before);
    expect(load.runner.speeds.loadMs(4 * before)).toBeGreaterThan(before);
  });

  it('teaches nothing when somebody was, or when the model was in memory', () => {
    const facts = new Facts();
    const other = send(facts, 'n', NO_DEMAND, true, 0);
    facts.began(other.runner, other.work, 1);
    const load = send(facts, 'm', LOAD, false, 10);
    end(facts, load, 60_000);
    end(facts, other, 60_001);
    end(facts, send(facts, 'm', LOAD, false, 70_000, { ...cold, loadMs: 0 }), 200_000);
    expect(load.runner.speeds.estimates(200_000).load.samples).toBe(0);
  });
});

describe('a model on its way into memory', () => {
  it('is pending for others, and not for itself, until an answer has begun', () => {
    const facts = new Facts();
    const { runner, work } = send(facts, 'm', NO_DEMAND, true, 0);
    const beside = facts.runner('a', 'n', 5e9);
    expect([runner.keepAliveUnsafe, beside.keepAliveUnsafe]).toEqual([false, true]);
    facts.began(runner, work, 3_000);
    expect([runner.keepAliveUnsafe, beside.keepAliveUnsafe]).toEqual([false, false]);
  });

  it('is there when an answer came whole, although nobody told of its beginning', () => {
    const facts = new Facts();
    const sent = send(facts, 'm', NO_DEMAND, false, 0);
    end(facts, sent, 5_000);
    expect(facts.host('a').residency.list(5_000)).toMatchObject([{ model: 'm', loading: false }]);
  });

  it('makes a keep_alive for its victim unsafe', () => {
    const facts = new Facts();
    facts.configure('a', { slots: 1, vramBytes: 6e9 });
    facts.installed('a', new Map(['m', 'n'].map((name) => [name, { digest: name, sizeBytes: 5e9 }])));
    const first = send(facts, 'm', NO_DEMAND, true, 0);
    facts.began(first.runner, first.work, 1);
    send(facts, 'n', NO_DEMAND, true, 10);
    expect(facts.host('a').residency.leaving()).toEqual(['m']);
    expect(first.runner.keepAliveUnsafe).toBe(true);
  });
});
