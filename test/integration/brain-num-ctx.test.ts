import { expect, it } from 'vitest';
import { startPool } from '../support/pool.ts';

const MODEL = 'llama3.2:3b';
const ROUNDS = 4;

/** Two clients ask by turns, each for its own context; what the server made of it and what the proxy counted. */
const turns = async (policy: string) => {
  const pool = await startPool([{ name: 'a', models: [MODEL] }], `routing: { num_ctx: ${policy} }`);
  const { proxy } = pool;
  const contexts: unknown[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const num_ctx of [6_000, 3_000]) {
      const messages = [{ role: 'user', content: 'hello' }];
      const body = { model: MODEL, messages, options: { num_ctx, num_predict: 2 }, stream: false };
      expect((await proxy.call('/api/chat', { body })).status).toBe(200);
      contexts.push(pool.sim('a').state().models[MODEL]?.contextLength);
    }
  }
  const { loads, reloads } = pool.sim('a').state().counters;
  const avoided = (await proxy.metrics()).get(`task_router_reloads_avoided_total{model="${MODEL}"}`) ?? 0;
  return { contexts: new Set(contexts), loads, reloads, avoided };
};

it('two clients with contexts of their own make a server load for each request where num_ctx is kept', async () => {
  expect(await turns('keep')).toEqual({
    contexts: new Set([6_000, 3_000]),
    loads: 2 * ROUNDS,
    reloads: 2 * ROUNDS - 1,
    avoided: 0,
  });
});

it('they share one runner on the ladder, with the next power of two', async () => {
  expect(await turns('ladder')).toEqual({ contexts: new Set([8_192]), loads: 1, reloads: 0, avoided: 2 * ROUNDS - 1 });
});

it('they share one runner where the largest context is pinned, and each reload that did not happen is counted', async () => {
  expect(await turns('pin')).toEqual({ contexts: new Set([6_000]), loads: 1, reloads: 0, avoided: ROUNDS });
});
