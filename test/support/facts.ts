import type { RequestFacts } from '../../src/core/types.ts';

/** The facts of a plain chat request, with whatever a test cares about in their place. */
export const factsOf = (some: Partial<RequestFacts> = {}): RequestFacts => ({
  id: 'r',
  category: 'unknown',
  model: 'm:latest',
  affinityKey: undefined,
  endpoint: 'chat',
  dialect: 'native',
  stream: true,
  priority: 'normal',
  deadline: Infinity,
  ...some,
});
