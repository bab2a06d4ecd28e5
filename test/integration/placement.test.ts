import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { until } from '../support/faulty.ts';
import type { Answer } from '../support/http-call.ts';
import type { LogLine } from '../support/log-book.ts';
import { startPool } from '../support/pool.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';

const CHAT = 'llama3.2:3b';
const OTHER = 'qwen2.5-coder:7b';
const EMBED = 'nomic-embed-text:latest';

/** Longer than any model that placement has loaded once is left in peace. */
const LATER_MS = 700_000;

const placed = (action: string, model: string, after = 0) => {
  const fits = ({ fields }: LogLine): boolean =>
    fields['event'] === 'placement' && fields['action'] === action && fields['model'] === model;
  return (proxy: TestProxy): Promise<LogLine> => proxy.log.line(fits, after);
};

const ask = (proxy: TestProxy, model: string, options: object = {}, more: object = {}): Promise<Answer> =>
  proxy.call('/api/chat', { body: { model, messages: [{ role: 'user', content: 'hello' }], options, ...more } });

/** What inference routes of a server were asked about a model. */
const asked = (sim: SimServer, model: string): readonly string[] =>
  sim
    .state()
    .requests.recent.filter((request) => request.method === 'POST' && request.model === model)
    .map(({ path }) => path);

describe('a pinned model', () => {
  it('is loaded after the start, and again when somebody has unloaded it', async () => {
    const sim = await startSim({ models: [CHAT], timeScale: 0.01 });
    onTestFinished(() => sim.close());
    let skew = 0;
    const proxy = await startProxy({
      backends: [{ name: 'a', url: sim.url }],
      config: `placement: { pin: { a: ["${CHAT}"] } }`,
      clock: { now: () => systemClock.now() + skew },
    });
    onTestFinished(() => proxy.stop());
    expect((await placed('load', CHAT)(proxy)).fields).toMatchObject({
      backend: 'a',
      result: 'done',
      reason: 'pinned',
    });
    expect(sim.state().models[CHAT]).toMatchObject({ loaded: true });
    expect(await pinsOf(proxy)).toEqual([{ backend: 'a', model: CHAT, state: 'held' }]);

    await proxy.call('/api/generate', { body: { model: CHAT, keep_alive: 0 } });
    await until(() => sim.state().models[CHAT]?.loaded !== true);
    skew = LATER_MS;
    expect((await placed('load', CHAT, 1)(proxy)).fields).toMatchObject({ result: 'done' });
    expect(sim.state().models[CHAT]).toMatchObject({ loaded: true });
  });

  it('that can only embed is loaded by the route that it has', async () => {
    const pool = await startPool([{ name: 'a', models: [EMBED] }], `placement: { pin: { a: [nomic-embed-text] } }`);
    const { proxy } = pool;
    expect((await placed('load', EMBED)(proxy)).fields).toMatchObject({ result: 'done' });
    expect(asked(pool.sim('a'), EMBED)).toEqual(['/api/embed']);
  });

  it('that its backend has not on disk is told in the log and by the admin API', async () => {
    const { proxy } = await startPool(
      [
        { name: 'a', models: [CHAT] },
        { name: 'b', models: [OTHER] },
      ],
      `placement: { pin: { a: ["${OTHER}"] } }`,
    );
    const { level, fields } = await proxy.log.event('pin-missing');
    expect([level, fields['backend'], fields['model']]).toEqual(['warn', 'a', OTHER]);
    expect(await pinsOf(proxy)).toEqual([{ backend: 'a', model: OTHER, state: 'missing' }]);
    expect(proxy.log.events('pin-missing')).toHaveLength(1);
  });

  it('is not loaded while another load is pending there', async () => {
    const pool = await startPool(
      [{ name: 'a', models: [CHAT, OTHER], timeScale: 0.5 }],
      `placement: { pin: { a: ["${CHAT}"] } }`,
    );
    const { proxy } = pool;
    const answer = await ask(proxy, OTHER, { num_predict: 400 });
    expect(answer.status).toBe(200);
    expect(asked(pool.sim('a'), CHAT)).toEqual([]);
    await placed('load', CHAT)(proxy);
    expect(pool.sim('a').state().models[OTHER]).toMatchObject({ loaded: true });
  });
});

describe('a model that requests wait for', () => {
  it('gets a second copy on the server that stands idle', async () => {
    const pool = await startPool(
      ['a', 'b'].map((name) => ({ name, slots: 1, models: [CHAT], timeScale: 0.5, outputTokens: 1_500 })),
    );
    const { proxy } = pool;
    const warm = await ask(proxy, CHAT, { num_predict: 1 });
    const hot = String(warm.headers['x-task-router-backend']);
    const cold = hot === 'a' ? 'b' : 'a';
    // Too many for `hot` to be through with before `cold` had loaded; one at a time leans on `hot`.
    const long = ask(proxy, CHAT, { num_predict: 1_500 });
    const next = ask(proxy, CHAT, { num_predict: 5 });
    expect((await placed('load', CHAT)(proxy)).fields).toMatchObject({ backend: cold, result: 'done' });
    expect(pool.sim(cold).state().models[CHAT]).toMatchObject({ loaded: true });
    expect((await proxy.metrics()).get('task_router_placement_actions_total{kind="load",result="done"}')).toBe(1);
    await Promise.all([long, next]);
    expect((await proxy.admin('GET', 'metrics')).body).toMatchObject({ models: { [`${hot}/${CHAT}`]: {} } });
  });
});

describe('placement that is switched off', () => {
  it('begins when a reload switches it on, with the pins of the new file', async () => {
    const sim = await startSim({ models: [CHAT], timeScale: 0.01 });
    onTestFinished(() => sim.close());
    const folder = await mkdtemp(join(tmpdir(), 'router-placement-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'router.yaml');
    const text = (config: string): string => configText({ backends: [{ name: 'a', url: sim.url }], config });
    await writeFile(file, text('placement: { enabled: false }'));
    const proxy = await startProxy({ file });
    onTestFinished(() => proxy.stop());
    await writeFile(
      file,
      text(`placement: { pin: { a: ["${CHAT}"] } }\ntrace: { path: ${JSON.stringify(join(folder, 't'))} }`),
    );
    const { body } = await proxy.admin('POST', 'config/reload');
    expect(JSON.stringify(body)).toContain('placement.enabled');
    expect((await proxy.log.event('restart-needed')).fields['keys']).toEqual(['trace.path']);
    expect((await placed('load', CHAT)(proxy)).fields).toMatchObject({ backend: 'a', result: 'done' });
  });

  it('sends nothing, pins or not', async () => {
    const pool = await startPool(
      [{ name: 'a', models: [CHAT] }],
      `placement: { enabled: false, pin: { a: ["${CHAT}"] } }\nhealth: { interval: 200ms, timeout: 20s }`,
    );
    const { proxy } = pool;
    // Several plans would have been made by then.
    await until(() => (pool.asked('GET /api/ps')['a'] ?? 0) > 8);
    expect(asked(pool.sim('a'), CHAT)).toEqual([]);
    expect((await proxy.admin('GET', 'placement')).body).toMatchObject({ enabled: false, pending: [], recent: [] });
  });
});

describe('a keep_alive towards a server with a load pending', () => {
  it('is left out of the request, and counted', async () => {
    const pool = await startPool([{ name: 'a', slots: 2, models: [CHAT, OTHER], timeScale: 0.3 }]);
    const { proxy } = pool;
    await ask(proxy, CHAT, { num_predict: 1 }, { keep_alive: '30m' });
    const loading = ask(proxy, OTHER, { num_predict: 1 });
    await until(() => pool.sim('a').state().models[OTHER]?.loading === true);
    await ask(proxy, CHAT, { num_predict: 1 }, { keep_alive: '30m' });
    await loading;
    await ask(proxy, CHAT, { num_predict: 1 }, { keep_alive: '30m' });
    const bodies = pool
      .sim('a')
      .state()
      .requests.recent.filter(({ method, model }) => method === 'POST' && model === CHAT)
      .map(({ body }) => 'keep_alive' in (JSON.parse(body) as object));
    expect(bodies).toEqual([true, false, true]);
    expect((await proxy.metrics()).get('task_router_keep_alive_held_back_total{backend="a"}')).toBe(1);
  });
});

interface Pin {
  readonly backend: string;
  readonly model: string;
  readonly state: string;
}

const pinsOf = async (proxy: TestProxy): Promise<readonly Pin[]> =>
  ((await proxy.admin('GET', 'placement')).body as { readonly pins: readonly Pin[] }).pins;
