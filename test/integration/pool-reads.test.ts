import http from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSim, type SimOptions, type SimServer } from '../../src/sim/http/server.ts';
import { startFaulty, until } from '../support/faulty.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { whole } from '../support/scripts.ts';

interface Entry {
  readonly name: string;
  readonly model: string;
  readonly digest: string;
  readonly details: object;
}

const pool = async (
  servers: readonly SimOptions[],
  config = '',
): Promise<{ readonly sims: readonly SimServer[]; readonly proxy: TestProxy }> => {
  const sims = await Promise.all(servers.map((options) => startSim({ timeScale: 0.001, outputTokens: 3, ...options })));
  onTestFinished(async () => {
    await Promise.all(sims.map((sim) => sim.close()));
  });
  const backends = sims.map(({ url }, i) => ({ name: `s${i}`, url }));
  const proxy = await startProxy({ backends, config });
  onTestFinished(() => proxy.stop());
  return { sims, proxy };
};

const tags = async (proxy: TestProxy): Promise<readonly Entry[]> =>
  (JSON.parse((await proxy.call('/api/tags')).body) as { readonly models: readonly Entry[] }).models;
const names = async (proxy: TestProxy): Promise<readonly string[]> =>
  (await tags(proxy)).map(({ name }) => name).toSorted();

const load = (proxy: TestProxy | SimServer, model: string) =>
  fetch(`${proxy.url}/api/generate`, { method: 'POST', body: JSON.stringify({ model }) }).then((answer) =>
    answer.text(),
  );

describe('the list of models', () => {
  it('is the union of what the servers have, each name once, entries as the servers wrote them', async () => {
    const { sims, proxy } = await pool([
      { models: ['llama3.2:3b', 'nomic-embed-text:latest'] },
      { models: ['llama3.2:3b', 'qwen2.5-coder:7b'] },
    ]);
    expect(await names(proxy)).toEqual(['llama3.2:3b', 'nomic-embed-text:latest', 'qwen2.5-coder:7b']);
    const direct = (await (await fetch(`${sims[1]?.url}/api/tags`)).json()) as { models: readonly Entry[] };
    const ours = await tags(proxy);
    for (const entry of direct.models) {
      const found = ours.find(({ name }) => name === entry.name);
      expect(found && { ...found, modified_at: 0 }).toEqual({ ...entry, modified_at: 0 });
    }
  });

  it('is the same in OpenAI’s shape', async () => {
    const { proxy } = await pool([{ models: ['llama3.2:3b'] }, { models: ['qwen2.5-coder:7b'] }]);
    const { data } = JSON.parse((await proxy.call('/v1/models')).body) as { data: { id: string }[] };
    expect(data.map(({ id }) => id).toSorted()).toEqual(['llama3.2:3b', 'qwen2.5-coder:7b']);
  });

  it('is null there when there are none, as Ollama has it', async () => {
    const { proxy } = await pool([{ models: [] }]);
    expect((await proxy.call('/v1/models')).body).toBe('{"object":"list","data":null}\n');
    expect((await proxy.call('/api/tags')).body).toBe('{"models":[]}');
  });

  it('holds aliases and virtual models with the entry of a model that is there, and none that nobody can serve', async () => {
    const { proxy } = await pool(
      [{ models: ['llama3.2:3b'] }],
      `
aliases: { gpt-4o: llama3.2:3b, gone: not-here:1b, best: auto }
virtual_models:
  auto: { candidates: [not-here:1b, llama3.2:3b] }
  nowhere: { candidates: [not-here:1b] }
`,
    );
    expect(await names(proxy)).toEqual(['auto:latest', 'best:latest', 'gpt-4o:latest', 'llama3.2:3b']);
    const [first, ...others] = await tags(proxy);
    for (const other of others) {
      expect(other.digest).toBe(first?.digest);
      expect(other.model).toBe(other.name);
    }
  });

  it('holds a model that a server got a moment ago', async () => {
    const { sims, proxy } = await pool([{ models: ['llama3.2:3b'] }, { models: [] }]);
    expect(await names(proxy)).toEqual(['llama3.2:3b']);
    const body = JSON.stringify({ source: 'llama3.2:3b', destination: 'mine' });
    await (await fetch(`${sims[0]?.url}/api/copy`, { method: 'POST', body })).text();
    expect(await names(proxy)).toEqual(['llama3.2:3b', 'mine:latest']);
  });

  it('does not wait for a server that is silent, and shows what it had', async () => {
    const { sims, proxy } = await pool([{ models: ['llama3.2:3b'] }, { models: ['qwen2.5-coder:7b'] }]);
    sims[1]?.faults.set({ kind: 'hang', path: '/api/tags' });
    const answer = await Promise.race([names(proxy), new Promise((resolve) => setTimeout(resolve, 5_000, 'too late'))]);
    expect(answer).toEqual(['llama3.2:3b', 'qwen2.5-coder:7b']);
  });

  it('leaves out servers that are down or switched off', async () => {
    const { sims, proxy } = await pool(
      [{ models: ['llama3.2:3b'] }, { models: ['qwen2.5-coder:7b'] }, { models: ['nomic-embed-text:latest'] }],
      'health: { unhealthy_after: 1 }',
    );
    await proxy.admin('PATCH', 'backends/s1', { enabled: false });
    await sims[2]?.kill();
    await until(async () => (await names(proxy)).length === 1);
    expect(await names(proxy)).toEqual(['llama3.2:3b']);
  });
});

describe('what is in memory', () => {
  it('is what all servers have loaded, sizes added up, and holds at once what was just loaded', async () => {
    const { sims, proxy } = await pool([{ models: ['llama3.2:3b'] }, { models: ['llama3.2:3b', 'qwen2.5-coder:7b'] }]);
    interface Running {
      readonly models: readonly { readonly name: string; readonly size: number; readonly context_length: number }[];
    }
    const ps = async (url: string): Promise<Running['models']> =>
      ((await (await fetch(`${url}/api/ps`)).json()) as Running).models;
    expect(await ps(proxy.url)).toEqual([]);
    await load(proxy, 'qwen2.5-coder:7b');
    expect((await ps(proxy.url)).map(({ name }) => name)).toEqual(['qwen2.5-coder:7b']);
    for (const sim of sims) await load(sim, 'llama3.2:3b');
    const one = (await ps(sims[0]?.url ?? ''))[0];
    const both = (await ps(proxy.url)).find(({ name }) => name === 'llama3.2:3b');
    expect(both?.size).toBe(2 * (one?.size ?? 0));
    expect(both?.context_length).toBe(one?.context_length);
  });
});

describe('the version', () => {
  it('is the lowest in the pool', async () => {
    const { proxy } = await pool([{ version: '0.33.0' }, { version: '0.9.6' }, { version: '0.24.0' }]);
    expect((await proxy.call('/api/version')).body).toBe('{"version":"0.9.6"}');
  });
});

describe('one model', () => {
  it('is shown by a server that has it', async () => {
    const { proxy } = await pool([{ models: ['llama3.2:3b'] }, { models: ['qwen2.5-coder:7b'] }]);
    for (const [model, backend] of [
      ['llama3.2:3b', 's0'],
      ['qwen2.5-coder:7b', 's1'],
    ]) {
      const shown = await proxy.call('/api/show', { body: { model: '', name: model } });
      expect([shown.status, shown.headers['x-task-router-backend']]).toEqual([200, backend]);
      const retrieved = await proxy.call(`/v1/models/${model}`);
      expect([retrieved.status, retrieved.headers['x-task-router-backend']]).toEqual([200, backend]);
    }
  });

  it('is looked for at the next server when one that had it has lost it', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(200, { id: 'm' }) });
    faulty.at(0).otherwise = whole(404, { error: "model 'm' not found" });
    for (const [path, body] of [
      ['/api/show', { model: 'm' }],
      ['/v1/models/m', undefined],
    ] as const) {
      const answer = await faulty.proxy.call(path, { body });
      expect([answer.status, answer.headers['x-task-router-backend']]).toEqual([200, 'b1']);
    }
    expect(faulty.at(0).calls.length + faulty.at(1).calls.length).toBeGreaterThan(2);
  });

  it('is absent in the words of a server when all that had it have lost it', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(404, { error: "model 'm' not found" }) });
    const answer = await faulty.proxy.call('/api/show', { body: { model: 'm' } });
    expect([answer.status, answer.body]).toEqual([404, '{"error":"model \'m\' not found"}']);
    expect([faulty.at(0).calls.length, faulty.at(1).calls.length]).toEqual([1, 1]);
  });

  it('by its alias is the model that is meant', async () => {
    const { proxy } = await pool([{ models: ['llama3.2:3b'] }], 'aliases: { gpt-4o: llama3.2:3b }');
    const answer = await proxy.call('/v1/models/GPT-4o');
    expect(answer.headers['x-task-router-model']).toBe('llama3.2:3b');
    expect(JSON.parse(answer.body)).toMatchObject({ id: 'llama3.2:3b', object: 'model' });
  });
});

describe('reads', () => {
  it('come with a length or without as Ollama frames them, and HEAD with the head of GET', async () => {
    const many = Array.from({ length: 12 }, (_, i) => `team/model-${i}:1b`);
    for (const [models, length] of [
      [['llama3.2:3b'], true],
      [many, false],
    ] as const) {
      const { proxy } = await pool([{ models }]);
      for (const method of ['GET', 'HEAD']) {
        const { headers, body, complete } = await proxy.call('/api/tags', { method });
        expect(headers['content-type']).toBe('application/json; charset=utf-8');
        expect(headers['content-length'] !== undefined).toBe(length);
        expect(headers['transfer-encoding']).toBe(length || method === 'HEAD' ? undefined : 'chunked');
        expect(complete).toBe(true);
        expect(body === '').toBe(method === 'HEAD');
      }
    }
  });

  it('answer for the proxy alone when no backend is up, and say so of the rest', async () => {
    const proxy = await startProxy({ backends: [{ name: 'gone', url: 'http://127.0.0.1:1' }] });
    onTestFinished(() => proxy.stop());
    expect(await proxy.call('/')).toMatchObject({ status: 200, body: 'Ollama is running' });
    expect(await proxy.call('/', { method: 'HEAD' })).toMatchObject({
      status: 200,
      headers: { 'content-length': '17' },
    });
    for (const path of ['/api/version', '/api/tags', '/api/ps', '/v1/models', '/api/status', '/api/nosuch']) {
      const answer = await proxy.call(path);
      expect([path, answer.status, answer.headers['x-task-router-error']]).toEqual([path, 503, 'no_backend']);
      expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    }
  });

  it('are recorded as served, by no backend', async () => {
    const { proxy } = await pool([{}]);
    const { headers } = await proxy.call('/api/tags');
    expect((await proxy.admin('GET', `decisions/${String(headers['x-request-id'])}`)).body).toMatchObject({
      outcome: 'served',
      status: 200,
      attempts: [],
    });
  });
});

it('a model has one spelling in the metrics, however clients write it', async () => {
  const { proxy } = await pool([{ models: ['llama3.2:3b'] }], 'aliases: { GPT-4o: llama3.2:3b }');
  for (const model of [
    'llama3.2:3b',
    'LLAMA3.2:3B',
    'registry.ollama.ai/library/llama3.2:3b',
    'gpt-4O',
    'unheard-of',
  ]) {
    await proxy.call('/api/show', { body: { model } });
    await proxy.call('/api/chat', { body: { model, messages: [], stream: false } });
  }
  const labels = [...(await proxy.metrics()).keys()].flatMap(
    (key) => /^task_router_requests_total.*model="([^"]*)"/.exec(key)?.[1] ?? [],
  );
  expect([...new Set(labels)].toSorted()).toEqual(['gpt-4o:latest', 'llama3.2:3b', 'other']);
});

describe('a name that is not the same everywhere', () => {
  const skewOf = async (proxy: TestProxy, model: string): Promise<number | undefined> =>
    (await proxy.metrics()).get(`task_router_model_digest_skew{model="${model}"}`);

  it('is told of once, shown in the metrics, and forgotten when it is over', async () => {
    const faulty = await startFaulty(2, { models: ['m', 'same'], otherwise: whole(200, { done: true }) });
    expect(await skewOf(faulty.proxy, 'm:latest')).toBeUndefined();
    faulty.at(1).entries.set('m', { digest: 'sha256:other' });
    await faulty.proxy.call('/api/tags');
    await faulty.proxy.call('/api/tags');
    expect(await skewOf(faulty.proxy, 'm:latest')).toBe(2);
    expect(await skewOf(faulty.proxy, 'same:latest')).toBeUndefined();
    const told = faulty.proxy.log.events('digest-skew');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      level: 'warn',
      fields: {
        model: 'm:latest',
        digests: [
          { backend: 'b0', digest: 'sha256:m' },
          { backend: 'b1', digest: 'sha256:other' },
        ],
      },
    });
    faulty.at(0).entries.set('m', { digest: 'sha256:other' });
    await faulty.proxy.call('/api/tags');
    expect(await skewOf(faulty.proxy, 'm:latest')).toBeUndefined();
    expect(faulty.proxy.log.events('digest-skew-over')).toHaveLength(1);
  });
});

/** With the path as it is: URL parsers clean it. */
const rawGet = (port: number, path: string): Promise<{ status: number; location: string | undefined }> =>
  new Promise((resolve, reject) => {
    const req = http.get({ port, host: '127.0.0.1', path, agent: false }, (res) => {
      res.resume();
      resolve({ status: res.statusCode ?? 0, location: res.headers.location });
    });
    req.once('error', reject);
  });

describe('the door', () => {
  it('answers pages for itself, tells them what they may read on every answer, and asks no backend with their Origin', async () => {
    const faulty = await startFaulty(1, {
      otherwise: whole(200, { done: true }),
      config: 'cors: { origins: ["https://chat.example.com"] }',
    });
    const origin = 'https://chat.example.com';
    for (const [path, body] of [
      ['/api/tags', undefined],
      ['/api/show', { model: 'm' }],
      ['/api/chat', { model: 'm', messages: [], stream: false }],
      ['/api/chat', { model: 'nobody' }],
      ['/api/chat', 'no JSON'],
    ] as const) {
      const { headers } = await faulty.proxy.call(path, { body, headers: { origin } });
      expect([path, headers['access-control-allow-origin'], headers.vary]).toEqual([path, origin, 'Origin']);
    }
    for (const call of faulty.at(0).calls) expect(call.headers.origin).toBeUndefined();
    const refused = await faulty.proxy.call('/api/tags', { headers: { origin: 'https://evil.example' } });
    expect(refused).toMatchObject({
      status: 403,
      body: '',
      headers: { 'content-length': '0', 'x-task-router-error': 'forbidden', 'x-request-id': expect.any(String) },
    });
  });

  it('lets no path lead out of the prefix of a backend', async () => {
    const faulty = await startFaulty(1, { prefix: '/ollama' });
    for (const path of ['/../admin', '/api/%2e%2e/%2e%2e/admin', '/x/..%2fadmin?y']) {
      const answer = await rawGet(faulty.proxy.port, path);
      expect(answer.status).toBe(307);
      expect(answer.location).toMatch(/^\/admin(\?y)?$/);
    }
    expect(faulty.at(0).calls).toEqual([]);
  });
});
