import { describe, expect, it } from 'vitest';
import { shownKeys, withoutCredentials } from '../../../src/auth/credentials.ts';
import { goDuration } from '../../../src/auth/rate-headers.ts';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('the keys that a request shows', () => {
  it.each<[string | undefined, string | string[] | undefined, readonly string[]]>([
    [undefined, undefined, []],
    ['Bearer k', undefined, ['k']],
    ['bearer   k ', undefined, ['k']],
    [basic('user:k'), undefined, ['k']],
    [basic(':k:with:colons'), undefined, ['k:with:colons']],
    [basic('k'), undefined, []],
    ['Basic !!!', undefined, []],
    ['k', undefined, []],
    ['Bearer', undefined, []],
    [undefined, ' k ', ['k']],
    [undefined, ['k', 'l'], ['k']],
    ['Bearer a', 'b', ['a', 'b']],
    [`Bearer ${'k'.repeat(513)}`, undefined, []],
  ])('of %j and %j are %j', (authorization, own, keys) => {
    expect(shownKeys({ authorization, 'x-api-key': own })).toEqual(keys);
  });
});

describe('headers for a backend', () => {
  it('hold no credentials, however they are written and repeated', () => {
    const raw = ['Authorization', 'a', 'Host', 'h', 'AUTHORIZATION', 'b', 'X-API-Key', 'c', 'x-Api-kEy', 'd'];
    expect(withoutCredentials([...raw, 'Proxy-Authorization', 'e', 'X-Api-Keys', 'f'])).toEqual([
      'Host',
      'h',
      'X-Api-Keys',
      'f',
    ]);
  });
});

describe('a span in the headers of limits', () => {
  it.each<[number, string]>([
    [0, '0s'],
    [-5, '0s'],
    [0.2, '1ms'],
    [120, '120ms'],
    [1_000, '1s'],
    [8_640, '8.64s'],
    [59_999, '59.999s'],
    [360_000, '6m0s'],
    [25_923_000, '7h12m3s'],
    [86_400_000, '24h0m0s'],
  ])('of %d ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});
