import { describe, expect, it } from 'vitest';
import { scanBody } from '../../../src/forward/json-scan.ts';
import { readKeepAlive } from '../../../src/forward/read-keep-alive.ts';

const read = (json: string): number | undefined => {
  const body = Buffer.from(json);
  return readKeepAlive(body, scanBody(body));
};

describe('keep_alive of a native request', () => {
  it('is a number of seconds, or a Go duration', () => {
    expect(read('{"keep_alive":90}')).toBe(90_000);
    expect(read('{"keep_alive":1.5}')).toBe(1_500);
    expect(read('{"keep_alive":0}')).toBe(0);
    expect(read('{"keep_alive":"1h30m"}')).toBe(5_400_000);
    expect(read('{"keep_alive":"0"}')).toBe(0);
    expect(read('{"Keep_Alive":"10s"}')).toBe(10_000);
  });

  it('is for good below 0', () => {
    expect([read('{"keep_alive":-1}'), read('{"keep_alive":"-1m"}')]).toEqual([Infinity, Infinity]);
  });

  it('is unknown where it is absent, or what a server refuses', () => {
    const bodies = ['{}', '{"keep_alive":null}', '{"keep_alive":"5"}', '{"keep_alive":"soon"}', '{"keep_alive":[1]}'];
    expect(bodies.map(read)).toEqual(bodies.map(() => undefined));
    expect(read(`{"keep_alive":"${'1s'.repeat(100)}"}`)).toBeUndefined();
  });
});
