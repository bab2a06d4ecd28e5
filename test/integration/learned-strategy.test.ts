import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const ARMS = ['hybrid', 'hybrid-sticky', 'hybrid-latency', 'least-loaded', 'performance'];

let server: HeldBackend;
let proxy: TestProxy | undefined;
beforeAll(async () => {
  server = await startHeld(MODEL);
});
afterEach(() => proxy?.stop());
afterAll(() => server.close());

const start = async (config: string): Promise<TestProxy> => {
  proxy = await startProxy({ backends: [{ name: 'box', url: server.url }], config });
  return proxy;
};

const ask = async (at: TestProxy): Promise<unknown> => {
  const { status, headers } = await at.call('/api/generate', {
    body: { model: MODEL, prompt: 'x' },
    headers: { 'x-task-router-session': 's1' },
  });
  expect(status).toBe(200);
  return headers['x-task-router-strategy'];
};

describe('the learned strategy', () => {
  it('is set by the configuration, named in answers, and shows its arms', async () => {
    const at = await start('routing: { strategy: learned }');
    expect(await ask(at)).toBe('learned');
    const { status, body } = await at.admin('GET', 'strategy');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      strategy: 'learned',
      available: expect.arrayContaining(['learned']),
      learned: { shadow: false, default: 'hybrid', trying: 0, epochs: 0, decisions: 1 },
    });
    const { learned } = body as { readonly learned: { readonly arms: readonly { readonly arm: string }[] } };
    expect(learned.arms.map(({ arm }) => arm)).toEqual(ARMS);
    const metrics = await at.metrics();
    expect(ARMS.map((arm) => metrics.get(`task_router_learned_arm{arm="${arm}"}`))).toEqual([1, 0, 0, 0, 0]);
    const decisions = await at.admin('GET', 'decisions');
    expect(decisions.body).toMatchObject({ decisions: [{ strategy: 'learned', arm: 'learned/hybrid' }] });
  });

  it('comes and goes at run time, and is not shown while another one is in force', async () => {
    const at = await start('routing: { strategy: hybrid }');
    const before = await at.admin('GET', 'strategy');
    expect(before.body).not.toHaveProperty('learned');
    expect([...(await at.metrics()).keys()].filter((key) => key.startsWith('task_router_learned_arm'))).toEqual([]);
    expect((await at.admin('PUT', 'strategy', { strategy: 'learned' })).status).toBe(200);
    expect(await ask(at)).toBe('learned');
    expect((await at.admin('GET', 'strategy')).body).toHaveProperty('learned');
    expect((await at.admin('PUT', 'strategy', { strategy: 'hybrid' })).status).toBe(200);
    expect((await at.admin('GET', 'strategy')).body).not.toHaveProperty('learned');
  });

  it('works out in shadow what the arms would choose, and logs it', async () => {
    const at = await start('routing: { strategy: learned, learned: { shadow: true } }');
    await ask(at);
    expect((await at.admin('GET', 'strategy')).body).toMatchObject({ learned: { shadow: true, decisions: 1 } });
    expect(at.log.events('learned-foretold').map(({ fields }) => fields)).toEqual([
      expect.objectContaining({
        choices: ARMS.map((arm) => expect.objectContaining({ arm, candidate: `box/${MODEL}` })),
      }),
    ]);
  });
});
