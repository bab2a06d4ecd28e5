import { Ollama } from 'ollama';
import { describe, expect, it } from 'vitest';
import { startPool, type Pool } from '../support/pool.ts';

const MODEL = 'llama3.2:3b';
const OTHER = 'llama3.2:1b';
const EMBED = 'all-minilm:latest';
const three = ['a', 'b', 'c'].map((name) => ({ name, models: [MODEL, OTHER, EMBED] }));

const loaded = (pool: Pool, model = MODEL): readonly string[] =>
  ['a', 'b', 'c'].filter((name) => pool.sim(name).state().models[model]?.loaded === true);
const loadOn = (pool: Pool, name: string, model = MODEL): Promise<unknown> =>
  new Ollama({ host: pool.sim(name).url }).generate({ model, prompt: '' });
const look = async (pool: Pool): Promise<void> => {
  await new Ollama({ host: pool.proxy.url }).ps();
};

describe('a request that only loads its model', () => {
  it.each(['/api/generate', '/api/chat'])('loads it on one server: %s', async (path) => {
    const pool = await startPool(three);
    const answer = await pool.proxy.call(path, { body: { model: MODEL } });
    expect(JSON.parse(answer.body)).toMatchObject({ model: MODEL, done: true, done_reason: 'load' });
    expect(loaded(pool)).toHaveLength(1);
  });

  it('goes where it is loaded, whatever the strategy would like better', async () => {
    const pool = await startPool(three, 'routing: { strategy: round-robin }');
    await loadOn(pool, 'b');
    await look(pool);
    for (let i = 0; i < 4; i++) {
      const answer = await pool.proxy.call('/api/generate', { body: { model: MODEL, keep_alive: '10m' } });
      expect(answer.headers['x-task-router-backend']).toBe('b');
    }
    expect(loaded(pool)).toEqual(['b']);
    // What has something to answer goes in turn.
    const turns = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      const answer = await pool.proxy.call('/api/generate', { body: { model: MODEL, prompt: 'hi', stream: false } });
      turns.add(answer.headers['x-task-router-backend']);
    }
    expect(turns.size).toBe(3);
  });
});

describe('a request that unloads its model', () => {
  it.each<[string, object]>([
    ['/api/generate', { keep_alive: 0 }],
    ['/api/generate', { prompt: '', keep_alive: '0' }],
    ['/api/chat', { messages: [], keep_alive: '0s' }],
    ['/api/embed', { input: '', keep_alive: 0 }],
  ])('reaches every server where it is loaded and is answered once: %s %j', async (path, body) => {
    const model = path === '/api/embed' ? EMBED : MODEL;
    const pool = await startPool(three);
    for (const name of ['a', 'c']) {
      if (model === EMBED) await new Ollama({ host: pool.sim(name).url }).embed({ model, input: '' });
      else await loadOn(pool, name, model);
    }
    await loadOn(pool, 'a', OTHER);
    const answer = await pool.proxy.call(path, { body: { model, ...body }, headers: { 'x-request-id': 'r1' } });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const said = JSON.parse(answer.body) as object;
    if (path === '/api/embed') expect(said).toEqual({ model, embeddings: [] });
    else expect(said).toMatchObject({ model, done: true, done_reason: 'unload' });
    expect(loaded(pool, model)).toEqual([]);
    expect(loaded(pool, OTHER)).toEqual(['a']);
    const { models } = await new Ollama({ host: pool.proxy.url }).ps();
    expect(models.map(({ name }) => name)).toEqual([OTHER]);
    const { fields } = await pool.proxy.log.event('model-change');
    expect(fields).toMatchObject({ operation: 'unload', model, outcome: 'done', servers: { a: 'done', c: 'done' } });
  });

  it('loads an embedding model nowhere that has not loaded it', async () => {
    const pool = await startPool(three);
    await new Ollama({ host: pool.sim('b').url }).embed({ model: EMBED, input: '' });
    await pool.proxy.call('/api/embed', { body: { model: EMBED, input: [], keep_alive: 0 } });
    expect(pool.asked('POST /api/embed')).toEqual({ b: 2 });
  });

  it('is answered as by one server when it is loaded nowhere, and when nobody has it', async () => {
    const pool = await startPool(three);
    const nothing = await pool.proxy.call('/api/generate', { body: { model: MODEL, keep_alive: 0 } });
    expect(JSON.parse(nothing.body)).toMatchObject({ done: true, done_reason: 'unload' });
    const unknown = await pool.proxy.call('/api/generate', { body: { model: 'nosuch', keep_alive: 0 } });
    expect([unknown.status, unknown.body]).toEqual([404, `{"error":"model 'nosuch' not found"}`]);
  });

  it('waits for no slot', async () => {
    const pool = await startPool([{ name: 'a', models: [MODEL], slots: 1, timeScale: 1, outputTokens: 100_000 }]);
    const leaving = new AbortController();
    const begun = new Promise<void>((resolve) => {
      pool.proxy
        .call('/api/generate', { body: { model: MODEL, prompt: 'x' }, signal: leaving.signal, onData: () => resolve() })
        .catch(() => {});
    });
    await begun;
    const answer = await pool.proxy.call('/api/generate', { body: { model: MODEL, keep_alive: 0 } });
    expect(answer.status).toBe(200);
    leaving.abort();
  });

  it('unloads every model that a virtual one stands for, and the real one of an alias', async () => {
    const config = `aliases: { gpt-4o: ${MODEL} }\nvirtual_models: { auto: { candidates: [${MODEL}, ${OTHER}] } }`;
    const pool = await startPool(three, config);
    await loadOn(pool, 'a');
    await loadOn(pool, 'b', OTHER);
    expect((await pool.proxy.call('/api/generate', { body: { model: 'auto', keep_alive: 0 } })).status).toBe(200);
    expect([loaded(pool), loaded(pool, OTHER)]).toEqual([[], []]);
    await loadOn(pool, 'c');
    await pool.proxy.call('/api/chat', { body: { model: 'gpt-4o', keep_alive: 0 } });
    expect(loaded(pool)).toEqual([]);
  });

  it('says where it did not come through', async () => {
    const pool = await startPool(three);
    pool.sim('b').faults.set({ kind: 'status', path: '/api/generate', status: 500, message: 'stuck' });
    const answer = await pool.proxy.call('/api/generate', { body: { model: MODEL, keep_alive: 0 } });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([500, { error: 'unloaded on a, c; failed on b (stuck)' }]);
  });
});
