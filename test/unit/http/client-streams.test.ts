import { describe, expect, it } from 'vitest';
import { ClientStreams } from '../../../src/http/client-streams.ts';
import { thrownBy } from './thrown-by.ts';

describe('open requests per client', () => {
  it('are bounded for each address by itself', () => {
    const streams = new ClientStreams();
    streams.enter('a', 2);
    streams.enter('a', 2);
    streams.enter('b', 2);
    expect(thrownBy(() => streams.enter('a', 2))).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
  });

  it('make room when they end, and leave nothing behind', () => {
    const streams = new ClientStreams();
    const leave = streams.enter('a', 1);
    leave();
    expect(streams.size).toBe(0);
    streams.enter('a', 1);
  });

  it('are counted while there is no limit, for one that is set later', () => {
    const streams = new ClientStreams();
    for (let i = 0; i < 3; i++) streams.enter('a', undefined);
    expect(thrownBy(() => streams.enter('a', 3))).toMatchObject({ code: 'rate_limited' });
  });
});
