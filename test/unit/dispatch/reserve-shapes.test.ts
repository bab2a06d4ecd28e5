import { expect, it } from 'vitest';
import type { Ask } from '../../support/dispatch-ask.ts';
import type { ServerPlan } from '../../support/dispatch-server.ts';
import { DispatchWorld } from '../../support/dispatch-world.ts';

const server = (some: Partial<ServerPlan>): ServerPlan => ({
  slots: 1,
  told: true,
  speed: 1,
  maxLoaded: 1,
  models: ['a:latest', 'b:latest', 'embed:latest'],
  ...some,
});

const ask = (some: Partial<Ask>): Ask => ({
  model: 'a:latest',
  promptTokens: 1,
  outputTokens: 1,
  streams: false,
  session: 0,
  turn: 0,
  tenant: 'x',
  priority: 'interactive',
  numCtx: undefined,
  patienceMs: undefined,
  ...some,
});

it('a request that wants another context is not sent while the only slot is taken by an answer that is overdue', () => {
  const world = new DispatchWorld([server({})], 'round-robin');
  const most: number[] = [];
  world.onSent = (_request, { runner }) => most.push(runner.facts?.works.length ?? 0);
  // Of an embedding nothing is expected once its answer has begun.
  world.arrive(ask({ model: 'embed:latest', outputTokens: 0 }));
  world.arrive(ask({ model: 'embed:latest', outputTokens: 0, numCtx: 2_048 }));
  world.play(60_000, () => {});
  expect(world.requests.map(({ ends }) => ends)).toEqual([['served'], ['served']]);
  expect(most).toEqual([1, 1]);
});

it('a request that has to wait for a load in another context holds nobody up who can use the slots of the one in memory', () => {
  const world = new DispatchWorld([server({ slots: 2, maxLoaded: 3 })], 'round-robin');
  const sent: (number | undefined)[] = [];
  world.onSent = ({ ask: { numCtx, model } }) => {
    if (model === 'a:latest') sent.push(numCtx);
  };
  world.arrive(ask({ outputTokens: 300 }));
  world.play(5_000, () => {});
  // It came first, and waits until nobody runs in the context that is in memory.
  world.arrive(ask({ numCtx: 2_048 }));
  world.arrive(ask({ outputTokens: 300 }));
  expect(sent).toEqual([undefined, undefined]);
});
