import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { call } from '../support/http-call.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const EMBED = 'nomic-embed-text:latest';

let sims: readonly SimServer[];
let proxy: TestProxy;
beforeAll(async () => {
  sims = await Promise.all([
    startSim({ timeScale: 0.001, models: [MODEL, EMBED], outputTokens: 5 }),
    startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 }),
  ]);
  const backends = sims.map(({ url }, i) => ({ name: `box-${i + 1}`, url }));
  proxy = await startProxy({
    backends,
    config: 'aliases: { small: "llama3.2:3b" }\nrouting: { strategy: round-robin }',
  });
});
afterAll(async () => {
  await proxy.stop();
  await Promise.all(sims.map((sim) => sim.close()));
});

const chat = (id: string) =>
  proxy.call('/api/chat', {
    body: { model: MODEL, messages: [{ role: 'user', content: 'hello' }], stream: false },
    headers: { 'x-request-id': id },
  });

/** What the API says of one backend. */
const backend = async (name: string) => (await proxy.admin('GET', `backends/${name}`)).body;

describe('the admin API shows', () => {
  it('the backends, with what they have and how they are', async () => {
    const { status, body, headers } = await proxy.admin('GET', 'backends');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
    expect(body).toEqual({
      backends: [
        expect.objectContaining({ name: 'box-1', url: sims[0]?.url, health: 'up', breaker: 'closed', inflight: 0 }),
        expect.objectContaining({ name: 'box-2', url: sims[1]?.url, enabled: true, draining: false, weight: 1 }),
      ],
    });
    expect(await backend('box-2')).toMatchObject({
      slots: 100,
      version: '0.32.15',
      models: [{ name: MODEL, running: 0, breaker: 'closed', digest: expect.stringMatching(/^[\da-f]{64}$/) }],
    });
  });

  it('the strategy and which ones there are', async () => {
    expect((await proxy.admin('GET', 'strategy')).body).toEqual({
      strategy: 'round-robin',
      available: ['round-robin', 'least-loaded', 'random', 'performance', 'affinity', 'hybrid', 'learned'],
    });
  });

  it('the models and where they are', async () => {
    const { body } = await proxy.admin('GET', 'models');
    const digest = expect.any(String);
    expect(body).toEqual({
      models: [
        {
          name: MODEL,
          digestsDiffer: false,
          backends: [
            { name: 'box-1', digest, loaded: expect.any(Boolean) },
            { name: 'box-2', digest, loaded: expect.any(Boolean) },
          ],
        },
        { name: EMBED, digestsDiffer: false, backends: [{ name: 'box-1', digest, loaded: false }] },
      ],
    });
  });

  it('health in short', async () => {
    expect((await proxy.admin('GET', 'health')).body).toEqual({
      ready: true,
      reason: '2 backends up',
      backends: {
        'box-1': { healthy: true, health: 'up', breaker: 'closed' },
        'box-2': { healthy: true, health: 'up', breaker: 'closed' },
      },
    });
  });

  it('the queue by class', async () => {
    expect((await proxy.admin('GET', 'queue')).body).toMatchObject({
      waiting: { interactive: 0, normal: 0, batch: 0 },
    });
  });

  it('totals per model and backend, and forgets them when told to', async () => {
    await proxy.admin('POST', 'metrics/reset');
    await chat('m-1');
    await chat('m-2');
    const { body } = await proxy.admin('GET', 'metrics');
    const one = { totalRequests: 1, successfulTasks: 1, failedTasks: 0 };
    expect(body).toEqual({
      models: {
        [`box-1/${MODEL}`]: expect.objectContaining({ ...one, byCategory: { unknown: expect.objectContaining(one) } }),
        [`box-2/${MODEL}`]: expect.objectContaining(one),
      },
    });
    const reset = await proxy.admin('POST', 'metrics/reset');
    expect([reset.status, reset.body]).toEqual([200, { reset: true }]);
    expect((await proxy.admin('GET', 'metrics')).body).toEqual({ models: {} });
    expect(proxy.log.events('metrics-reset').at(-1)?.fields).toMatchObject({ who: '127.0.0.1' });
  });

  it('the category of a prompt, and why', async () => {
    const { status, body } = await proxy.admin('POST', 'categorize', {
      prompt: 'Write unit tests for the date parser',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ category: 'testing', confidence: expect.any(Number), why: expect.any(String) });
    const { body: other } = await proxy.admin('POST', 'categorize', { prompt: '', system: '' });
    expect(other).toMatchObject({ category: 'unknown' });
  });

  it('decisions, newest first, as many as asked for', async () => {
    for (const id of ['d-1', 'd-2', 'd-3']) await chat(id);
    const { body } = await proxy.admin('GET', 'decisions?limit=2');
    expect(body).toEqual({
      decisions: [expect.objectContaining({ id: 'd-3' }), expect.objectContaining({ id: 'd-2' })],
    });
    const { body: one } = await proxy.admin('GET', 'decisions/d-1');
    expect(one).toMatchObject({
      id: 'd-1',
      method: 'POST',
      path: '/api/chat',
      endpoint: 'chat',
      model: MODEL,
      category: 'unknown',
      strategy: 'round-robin',
      outcome: 'served',
      status: 200,
      attempts: [{ backend: expect.stringMatching(/^box-[12]$/), model: MODEL, why: expect.any(String) }],
      usage: { outputTokens: 5 },
    });
    expect(JSON.stringify(one)).not.toContain('hello');
  });

  it('a decision under an id with slashes and blanks in its spelling', async () => {
    await chat('trace/7:a=b');
    expect((await proxy.admin('GET', 'decisions/trace%2F7%3Aa%3Db')).body).toMatchObject({ id: 'trace/7:a=b' });
  });
});

describe('the admin API changes', () => {
  afterEach(async () => {
    await proxy.admin('PATCH', 'backends/box-1', { weight: 1, enabled: true, drain: false });
    await proxy.admin('PUT', 'strategy', { strategy: 'round-robin' });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['switching off', { enabled: false }, { enabled: false }],
    ['draining', { drain: true }, { draining: true }],
  ])('who gets requests: %s', async (_how, patch, shown) => {
    const { status, body } = await proxy.admin('PATCH', 'backends/box-1', patch);
    expect([status, body]).toEqual([200, expect.objectContaining(shown)]);
    for (let i = 0; i < 4; i++) expect((await chat(`off-${i}`)).headers['x-task-router-backend']).toBe('box-2');
    // Nobody else has the model: the refusal says what stands in the way.
    const refused = await proxy.call('/api/embed', { body: { model: EMBED, input: 'x' } });
    expect(refused.status).toBe(503);
    expect(refused.body).toContain(`box-1: ${patch['drain'] === true ? 'draining' : 'disabled by the operator'}`);
  });

  it('a weight, which the next requests follow, and logs who, before and after', async () => {
    const { body } = await proxy.admin('PATCH', 'backends/box-1', { weight: 3 });
    expect(body).toMatchObject({ name: 'box-1', weight: 3 });
    const seen: unknown[] = [];
    for (let i = 0; i < 8; i++) seen.push((await chat(`w-${i}`)).headers['x-task-router-backend']);
    expect(seen.filter((name) => name === 'box-1')).toHaveLength(6);
    expect(proxy.log.events('backend-changed').at(-1)?.fields).toEqual({
      event: 'backend-changed',
      backend: 'box-1',
      before: { weight: 1, enabled: true, drain: false },
      after: { weight: 3, enabled: true, drain: false },
      who: '127.0.0.1',
    });
  });

  it('breakers by hand, and logs it', async () => {
    const [first] = sims;
    first?.faults.set({ kind: 'status', status: 500, path: '/api/embed' });
    for (let i = 0; i < 5; i++) await proxy.call('/api/embed', { body: { model: EMBED, input: 'x' } });
    const model = expect.objectContaining({ name: EMBED, breaker: 'open' });
    expect(await backend('box-1')).toMatchObject({ models: expect.arrayContaining([model]) });
    first?.faults.clear();
    const { status, body } = await proxy.admin('POST', 'backends/box-1/recover');
    expect(status).toBe(200);
    expect(body).toMatchObject({ models: expect.not.arrayContaining([model]) });
    expect((await proxy.call('/api/embed', { body: { model: EMBED, input: 'x' } })).status).toBe(200);
    expect(proxy.log.events('backend-recovered').at(-1)?.fields).toMatchObject({ backend: 'box-1', who: '127.0.0.1' });
  });

  it('the strategy', async () => {
    const { status, body } = await proxy.admin('PUT', 'strategy', { strategy: 'least-loaded' });
    expect([status, body]).toEqual([200, expect.objectContaining({ strategy: 'least-loaded' })]);
    expect((await chat('s-1')).headers['x-task-router-strategy']).toBe('least-loaded');
  });
});

describe('the admin API refuses', () => {
  it.each<[string, string, string, unknown, number, unknown]>([
    ['an unknown backend', 'GET', 'backends/box-9', undefined, 404, /^no backend is called "box-9"$/],
    ['a change of an unknown backend', 'PATCH', 'backends/box-9', { weight: 2 }, 404, /box-9/],
    ['the recovery of an unknown backend', 'POST', 'backends/box-9/recover', undefined, 404, /box-9/],
    ['an unknown decision', 'GET', 'decisions/nothing', undefined, 404, /^no request "nothing" among the last 1000$/],
    ['an unknown call', 'GET', 'nothing', undefined, 404, /^no call \/admin\/v1\/nothing$/],
    ['a name with broken escapes', 'GET', 'backends/%zz', undefined, 404, /^no call/],
    ['a body that is no JSON', 'PUT', 'strategy', 'hello', 400, /^the body is not JSON: /],
    ['no body where one is needed', 'PUT', 'strategy', undefined, 400, /^strategy: /],
    [
      'an unknown strategy',
      'PUT',
      'strategy',
      { strategy: 'best' },
      400,
      /unknown strategy "best": choose one of round-r/,
    ],
    ['an unknown key', 'PATCH', 'backends/box-1', { wieght: 2 }, 400, /wieght/],
    ['no key at all', 'PATCH', 'backends/box-1', {}, 400, /^name at least one of weight, enabled, drain$/],
    ['a weight that is text', 'PATCH', 'backends/box-1', { weight: '2' }, 400, /^weight: /],
    ['a weight of zero', 'PATCH', 'backends/box-1', { weight: 0 }, 400, /^weight: /],
    ['a negative weight', 'PATCH', 'backends/box-1', { weight: -1 }, 400, /^weight: /],
    ['a weight beyond bounds', 'PATCH', 'backends/box-1', { weight: 1001 }, 400, /^weight: /],
    ['a list for a body', 'PATCH', 'backends/box-1', [], 400, /./],
    ['null for a body', 'PATCH', 'backends/box-1', 'null', 400, /./],
    ['a prompt that is a number', 'POST', 'categorize', { prompt: 1 }, 400, /^prompt: /],
    [
      'decisions without number',
      'GET',
      'decisions?limit=many',
      undefined,
      400,
      /^limit: a whole number from 1 to 1000/,
    ],
    ['no decisions', 'GET', 'decisions?limit=0', undefined, 400, /^limit: /],
    ['too many decisions', 'GET', 'decisions?limit=1001', undefined, 400, /^limit: /],
    ['a reload where there is no file', 'POST', 'config/reload', undefined, 422, /^the configuration was not reloaded/],
    ['a body beyond all bounds', 'PUT', 'strategy', 'x'.repeat(1024 * 1024 + 1), 413, /1048576 bytes/],
  ])('%s', async (_what, method, path, body, status, message) => {
    const answer = await proxy.admin(method, path, body);
    expect(answer.body).toMatchObject({ error: expect.stringMatching(message as RegExp) });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('a change that is wrong in part, as a whole', async () => {
    const { status } = await proxy.admin('PATCH', 'backends/box-1', { weight: 2, enabled: 'no' });
    expect(status).toBe(400);
    expect(await backend('box-1')).toMatchObject({ weight: 1, enabled: true });
  });

  it.each<[string, string, string]>([
    ['DELETE', 'backends', 'GET, POST'],
    ['PUT', 'backends/box-1', 'GET, DELETE, PATCH'],
    ['POST', 'strategy', 'GET, PUT'],
    ['GET', 'config/reload', 'POST'],
    ['GET', 'backends/box-1/recover', 'POST'],
  ])('%s %s, and says what is allowed', async (method, path, allow) => {
    const { status, headers, body } = await proxy.admin(method, path);
    expect([status, headers.allow]).toEqual([405, allow]);
    expect(body).toMatchObject({ error: expect.stringContaining(method) });
  });

  it('paths outside of the API', async () => {
    const answer = await call(`${proxy.adminUrl}/nothing`);
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.body)).toEqual({ error: 'nothing is at /nothing; the API is under /admin/v1/' });
  });
});
