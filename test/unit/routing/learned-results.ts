import type { LearnedResult, Moment } from '../../../src/routing/learned-epoch.ts';

/** A good answer of `hybrid` in half a second, where nothing else is said. */
export const result = (over: Partial<LearnedResult> = {}): LearnedResult => ({
  arm: 'hybrid',
  served: true,
  firstTokenMs: 500,
  tokenMs: 20,
  loaded: false,
  model: 'm',
  promptTokens: 1000,
  cachedTokens: 500,
  ...over,
});

/** Nothing waits, and four servers are up. */
export const moment = (at: number, over: Partial<Moment> = {}): Moment => ({
  at,
  waiting: 0,
  hosts: 4,
  dayShare: 0,
  ...over,
});
