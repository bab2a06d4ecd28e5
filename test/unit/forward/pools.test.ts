import { afterEach, describe, expect, it } from 'vitest';
import { Pools } from '../../../src/forward/pools.ts';

describe('the connections to backends', () => {
  const pools = new Pools();
  afterEach(() => pools.destroy());

  it('are kept per backend for as long as its address stays', () => {
    const a = pools.get({ id: 'a', origin: 'http://127.0.0.1:1' });
    expect(pools.get({ id: 'a', origin: 'http://127.0.0.1:1' })).toBe(a);
    expect(pools.get({ id: 'b', origin: 'http://127.0.0.1:1' })).not.toBe(a);
    expect(pools.get({ id: 'a', origin: 'http://127.0.0.1:2' })).not.toBe(a);
  });

  it('are let go of with a backend that is no longer configured', () => {
    const a = pools.get({ id: 'a', origin: 'http://127.0.0.1:1' });
    const b = pools.get({ id: 'b', origin: 'http://127.0.0.1:1' });
    pools.keep(new Set(['b']));
    expect(pools.get({ id: 'b', origin: 'http://127.0.0.1:1' })).toBe(b);
    expect(pools.get({ id: 'a', origin: 'http://127.0.0.1:1' })).not.toBe(a);
  });
});
