import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';

let sim: SimServer;
let proxy: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 });
  proxy = await startProxy({
    backends: [{ name: 'box', url: sim.url }],
    config: 'categories: { own: { translation: { keywords: [translate] } } }',
  });
});
afterAll(async () => {
  await proxy.stop();
  await sim.close();
});

describe('a category of the configuration', () => {
  it('is in the answer, in the metrics and in what the admin API says of the prompt', async () => {
    const answer = await proxy.call('/api/chat', {
      body: { model: MODEL, messages: [{ role: 'user', content: 'Translate this to French: hello' }], stream: false },
    });
    expect(answer.headers['x-task-router-category']).toBe('translation');
    const { body } = await proxy.admin('POST', 'categorize', { prompt: 'translate this' });
    expect(body).toMatchObject({ category: 'translation', by: 'own', why: 'own rule: keyword "translate"' });
    const { body: builtIn } = await proxy.admin('POST', 'categorize', { prompt: 'write unit tests for the parser' });
    expect(builtIn).toMatchObject({ category: 'testing', by: 'lexical', evidence: expect.any(Array) });
    const { body: metrics } = await proxy.admin('GET', 'models');
    expect(JSON.stringify(metrics)).toContain(MODEL);
  });
});
