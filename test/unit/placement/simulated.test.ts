import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { SERVICE_MS, SimulatedPool, type Sent } from './simulated-pool.ts';

const MINUTE = 60_000;

/** Shortest time between two loads of one model on one host by placement. */
const shortestReturn = (loads: readonly Sent[]): number => {
  const last = new Map<string, number>();
  let shortest = Number.POSITIVE_INFINITY;
  for (const { at, action } of loads) {
    const pair = `${action.host} ${action.model}`;
    shortest = Math.min(shortest, at - (last.get(pair) ?? Number.NEGATIVE_INFINITY));
    last.set(pair, at);
  }
  return shortest;
};

describe('placement over simulated servers', () => {
  const rising = (placement: boolean): SimulatedPool => {
    const pool = new SimulatedPool({ hosts: ['h1', 'h2', 'h3'], models: ['a', 'b'], maxLoadedModels: 2, placement });
    pool.stream('a', 10_000, MINUTE);
    // Three quarters of what three hosts can do: far more than one.
    pool.stream('a', SERVICE_MS / (3 * 0.75), 3 * MINUTE);
    return pool;
  };

  it('gives a model that becomes hot as many copies as it needs, and its queue melts', () => {
    const alone = rising(false);
    const placed = rising(true);
    expect([alone.holders('a').length, alone.waiting > 80]).toEqual([1, true]);
    expect(placed.holders('a')).toEqual(['h1', 'h2', 'h3']);
    expect(placed.loads().length).toBe(2);
    expect(placed.waiting).toBeLessThan(3);
  });

  it('lets the copies go again when the model cools down', () => {
    const pool = rising(true);
    pool.stream('a', 20 * MINUTE, 59 * MINUTE);
    expect(pool.holders('a').length).toBeLessThanOrEqual(1);
    expect(pool.loads().length).toBe(2);
  });

  it('does not move models to and fro while popularity flips for an hour', () => {
    const pool = new SimulatedPool({
      hosts: ['h1', 'h2', 'h3', 'h4'],
      models: ['a', 'b', 'c'],
      maxLoadedModels: 1,
      rateMs: MINUTE,
    });
    const rng = seededRng(7);
    let flips = 0;
    while (pool.clock.now() < 60 * MINUTE) {
      flips += 1;
      const name = ['a', 'b', 'c'][Math.floor(rng.next() * 3)] ?? 'a';
      pool.stream(name, 800, 30_000 + rng.next() * 90_000);
    }
    const loads = pool.loads();
    // Every model that is up needs three of the four hosts, so following each flip at once would take two or three loads.
    expect(loads.length).toBeGreaterThan(0);
    expect(loads.length).toBeLessThanOrEqual(1.25 * flips);
    expect(shortestReturn(loads)).toBeGreaterThanOrEqual(5 * MINUTE);
    expect(pool.unsafe).toEqual([]);
  });

  it('brings a pinned model back after it was unloaded, and holds it for good', () => {
    const pool = new SimulatedPool({
      hosts: ['h1', 'h2'],
      models: ['a', 'b'],
      maxLoadedModels: 2,
      pins: new Map([['h2', ['a']]]),
    });
    pool.clock.run(MINUTE);
    expect(pool.holders('a')).toEqual(['h2']);
    pool.clock.run(20 * MINUTE);
    pool.machine('h2').unload(pool.model('a'));
    expect(pool.holders('a')).toEqual([]);
    pool.clock.run(21 * MINUTE);
    expect(pool.holders('a')).toEqual(['h2']);
    pool.clock.run(25 * 60 * MINUTE);
    expect(pool.holders('a')).toEqual(['h2']);
    expect(pool.loads().length).toBe(2);
  });

  it('does not let two pins that do not fit together chase each other', () => {
    const pins = new Map([['h1', ['a', 'b']]]);
    const pool = new SimulatedPool({ hosts: ['h1'], models: ['a', 'b'], maxLoadedModels: 1, pins });
    pool.clock.run(60 * MINUTE);
    expect(pool.loads().map(({ action }) => action.model)).toEqual(['a']);
  });

  it('keeps a model that is used now and then in memory between its requests', () => {
    const pool = new SimulatedPool({ hosts: ['h1'], models: ['a'], maxLoadedModels: 2 });
    pool.stream('a', 5.5 * MINUTE, 60 * MINUTE);
    const { counters } = pool.machine('h1');
    expect([counters.loads, pool.sent.some(({ action }) => action.kind === 'renew')]).toEqual([1, true]);
  });
});
