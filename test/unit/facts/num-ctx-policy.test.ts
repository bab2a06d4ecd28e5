import { describe, expect, it } from 'vitest';
import { numCtxFor, type NumCtxPolicy } from '../../../src/facts/num-ctx-policy.ts';

type Case = readonly [
  what: string,
  policy: NumCtxPolicy,
  asked: number | undefined,
  resident: number | undefined,
  byDefault: number | undefined,
  pinned: number | undefined,
  numCtx: number | undefined,
  avoided: boolean,
];

const CASES: readonly Case[] = [
  ['keep sends what was asked', 'keep', 3000, 8192, 4096, 16_384, 3000, false],
  ['keep leaves an unsaid size unsaid', 'keep', undefined, 8192, 4096, 16_384, undefined, false],
  ['ladder rounds up when nothing is in memory', 'ladder', 3000, undefined, 4096, undefined, 4096, false],
  ['ladder begins at 2048', 'ladder', 100, undefined, undefined, undefined, 2048, false],
  ['ladder leaves a rung as it is', 'ladder', 8192, undefined, undefined, undefined, 8192, false],
  ['ladder rounds up to its last rung', 'ladder', 100_000, undefined, undefined, undefined, 131_072, false],
  ['ladder leaves sizes beyond its last rung', 'ladder', 131_073, undefined, undefined, undefined, 131_073, false],
  ['ladder uses a larger context in memory', 'ladder', 3000, 5000, undefined, undefined, 5000, true],
  ['ladder uses up to four times the rung', 'ladder', 3000, 16_384, undefined, undefined, 16_384, true],
  ['ladder loads anew beyond that', 'ladder', 3000, 16_385, undefined, undefined, 4096, false],
  ['ladder loads anew where the context is too small', 'ladder', 3000, 2048, undefined, undefined, 4096, false],
  ['ladder leaves a request that fits to the token', 'ladder', 3000, 3000, undefined, undefined, 3000, false],
  ['ladder uses what is in memory for an unsaid size', 'ladder', undefined, 8192, 4096, undefined, 8192, true],
  [
    'ladder gives an unsaid size no more than four times',
    'ladder',
    undefined,
    32_768,
    4096,
    undefined,
    undefined,
    false,
  ],
  ['pin uses any larger context in memory', 'pin', 2048, 65_536, undefined, 8192, 65_536, true],
  ['pin loads with the pinned size', 'pin', 2048, undefined, undefined, 8192, 8192, false],
  ['pin never gives less than was asked', 'pin', 16_384, 8192, undefined, 8192, 16_384, false],
  ['pin without a size sends what was asked', 'pin', 2048, undefined, undefined, undefined, 2048, false],
  ['pin uses what is in memory for an unsaid size', 'pin', undefined, 8192, 4096, 8192, 8192, true],
  ['pin leaves an unsaid size that the memory is too small for', 'pin', undefined, 2048, 4096, 8192, undefined, false],
  ['pin leaves an unsaid size where the default is unknown', 'pin', undefined, 8192, undefined, 8192, undefined, false],
  ['pin leaves an unsaid size where nothing is in memory', 'pin', undefined, undefined, 4096, 8192, undefined, false],
  ['pin leaves an unsaid size that is the one in memory', 'pin', undefined, 4096, 4096, 8192, undefined, false],
];

describe('the policy for context sizes', () => {
  it.each(CASES)('%s', (_, policy, asked, resident, byDefault, pinned, numCtx, avoided) => {
    expect(numCtxFor(policy, asked, resident, byDefault, pinned)).toEqual({ numCtx, avoided });
  });
});
