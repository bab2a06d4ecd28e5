import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatHostPort,
  formatSize,
  MAX_DURATION_MS,
  readDuration,
  readHostPort,
  readSize,
} from '../../../src/config/units.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['596h', MAX_DURATION_MS],
  ])('reads %s as %d ms', (text, ms) => {
    expect(readDuration(text)).toEqual({ ok: true, value: ms });
  });

  it.each([30, '30', '1.5'])('tells to add a unit to the bare number %j', (value) => {
    expect(readDuration(value)).toEqual({
      ok: false,
      message: expect.stringContaining(`has no unit: write ${value}s`),
    });
  });

  it.each(['', 's', '5 m', '5x', '-5s', '30s1m', '1m1m', '1h ', '1e3s', 'Infinity', null, [], true])(
    'refuses %j',
    (value) => {
      expect(readDuration(value).ok).toBe(false);
    },
  );

  it('refuses what a timer of Node would turn into one millisecond', () => {
    expect(MAX_DURATION_MS).toBeLessThan(2 ** 31);
    expect(readDuration('597h')).toEqual({ ok: false, message: '"597h" is too long: at most 596h' });
  });

  it('reads back every duration that it prints', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_DURATION_MS }), (ms) => {
        expect(readDuration(formatDuration(ms))).toEqual({ ok: true, value: ms });
      }),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['512KiB', 524_288],
    ['64MiB', 67_108_864],
    ['24GiB', 25_769_803_776],
    ['10MB', 10_000_000],
    ['1.5KiB', 1536],
    ['7B', 7],
    ['64 MiB', 67_108_864],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(readSize(text)).toEqual({ ok: true, value: bytes });
  });

  it.each([256, '256'])('tells to add a unit to the bare number %j', (value) => {
    expect(readSize(value)).toEqual({ ok: false, message: expect.stringContaining('has no unit: write 256MiB') });
  });

  it.each(['', 'MiB', '64mib', '64M', '-1B', '99999999999TiB', {}, null])('refuses %j', (value) => {
    expect(readSize(value).ok).toBe(false);
  });

  it('reads back every size that it prints', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(readSize(formatSize(bytes))).toEqual({ ok: true, value: bytes });
      }),
    );
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1:11435', '127.0.0.1', 11_435],
    ['[::1]:0', '::1', 0],
    ['Router.local:80', 'router.local', 80],
    ['0.0.0.0:65535', '0.0.0.0', 65_535],
  ])('reads %s and prints it again', (text, host, port) => {
    expect(readHostPort(text)).toEqual({ ok: true, value: { host, port } });
    expect(formatHostPort({ host, port })).toBe(text.toLowerCase());
  });

  it.each(['', ':80', '127.0.0.1', '11435', 11_435, '::1:80', '[zz]:80', 'a:65536', 'a:-1', 'http://a:80', 'a:80/x'])(
    'refuses %j',
    (value) => {
      expect(readHostPort(value).ok).toBe(false);
    },
  );
});
