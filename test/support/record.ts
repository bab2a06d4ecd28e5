import type { RequestRecord } from '../../src/results/history.ts';

/** A chat that was served by `a` at once, with whatever a test cares about in its place. */
export const recordOf = (some: Partial<RequestRecord> = {}): RequestRecord => ({
  id: 'r',
  time: '2026-01-01T00:00:00.000Z',
  method: 'POST',
  path: '/api/chat',
  endpoint: 'chat',
  model: 'm',
  category: 'coding',
  categoryWhy: 'a word',
  strategy: 'hybrid',
  attempts: [
    {
      backend: 'a',
      model: 'm',
      why: 'only candidate',
      outcome: { kind: 'served', status: 200, firstByteMs: 10, totalMs: 20, usage: undefined },
    },
  ],
  outcome: 'served',
  status: 200,
  error: undefined,
  queueMs: 0,
  firstByteMs: 10,
  totalMs: 20,
  usage: undefined,
  ...some,
});
