import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { Reserver, type Wish } from '../../../src/dispatch/reserve.ts';
import { createStrategy } from '../../../src/routing/index.ts';
import { backendConfig } from '../../support/backend-pool.ts';
import { newPool } from './pool.ts';

const MODEL = 'm:latest';

describe('a request that is asked for the last time', () => {
  it('takes the free server that it would not have taken, while the one that it waits for is busy', () => {
    const pool = newPool('warm', 'cold');
    const { registry, facts, clock } = pool;
    registry.apply(['warm', 'cold'].map((name) => backendConfig(name, { slots: 1 })));
    pool.look('warm', [MODEL], [[MODEL]]);
    pool.look('cold', [MODEL], []);
    const reserver = new Reserver({
      registry,
      facts,
      clock,
      rng: seededRng(1),
      queue: () => ({ waiting: 0, hosts: 2 }),
    });
    const wish = (): Wish => ({
      id: 'r',
      model: MODEL,
      facts: { category: 'unknown', model: MODEL, affinityKey: undefined },
      demand: { ...NO_DEMAND, promptBytes: 400 },
      streams: true,
      strategy: createStrategy('hybrid'),
      since: clock.now(),
      attempt: 1,
      asked: 0,
    });
    const take = (which: Wish, last?: boolean) => {
      const runners = registry.eligible(MODEL).runners;
      const start = reserver.reserve(which, [runners], last);
      return start.kind === 'started' ? start.value.runner.backendId : start.kind;
    };
    expect(take(wish())).toBe('warm');
    const second = wish();
    expect(take(second)).toBe('leaning');
    expect(take(second, true)).toBe('cold');
  });
});
