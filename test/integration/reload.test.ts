import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { watchFile } from '../../src/config/watch.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';
const CONFIG = 'routing: { strategy: round-robin }';

let servers: readonly HeldBackend[];
let folder: string;
let file: string;
let proxy: TestProxy;

/** Writes the file: the first two servers unless said otherwise. */
const write = (
  which: readonly (readonly [index: number, weight: number])[] = [
    [0, 1],
    [1, 1],
  ],
  config = CONFIG,
) => {
  const backends = which.map(([index, weight]) => ({
    name: `box-${index + 1}`,
    url: servers[index]?.url ?? '',
    weight,
  }));
  return writeFile(file, configText({ backends, config }));
};

const reload = () => proxy.admin('POST', 'config/reload');

/** A backend was found to be up, for the first time or, with `times`, so often. */
const up = (backend: string, times = 1) =>
  proxy.log.line(({ fields }) => fields['event'] === 'backend-up' && fields['backend'] === backend, times - 1);

/** Which servers the next requests go to. */
const next = async (count: number): Promise<readonly unknown[]> => {
  const names: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await proxy.call('/api/generate', { body: { model: MODEL, prompt: 'x' } });
    expect(answer.status, answer.body).toBe(200);
    names.push(answer.headers['x-task-router-backend']);
  }
  return names;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-reload-'));
  file = join(folder, 'router.yaml');
  servers = await Promise.all([startHeld(MODEL), startHeld(MODEL), startHeld(MODEL)]);
});
beforeEach(async () => {
  for (const server of servers) server.hold();
  await write();
  proxy = await startProxy({ file });
});
afterEach(() => proxy.stop());
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await rm(folder, { recursive: true });
});

describe('a reload under load', () => {
  it('adds a backend, which takes requests as soon as it was looked at', async () => {
    const streams = startStreams(proxy.url, MODEL, 10);
    await streams.started;
    await write([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
    expect((await reload()).body).toEqual({
      changes: [{ path: 'backends.box-3', after: expect.objectContaining({ url: servers[2]?.url, weight: 1 }) }],
    });
    await up('box-3');
    expect(new Set(await next(6))).toEqual(new Set(['box-1', 'box-2', 'box-3']));
    for (const server of servers) server.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(10));
  });

  it('removes a backend, which finishes what it has and gets nothing new', async () => {
    const streams = startStreams(proxy.url, MODEL, 10);
    await streams.started;
    expect(servers[0]?.held()).toBe(5);
    await write([[1, 1]]);
    expect((await reload()).body).toEqual({ changes: [expect.objectContaining({ path: 'backends.box-1' })] });
    expect(new Set(await next(4))).toEqual(new Set(['box-2']));
    for (const server of servers) server.release();
    const answers = await streams.answers;
    expect(answers.map(textOf)).toEqual(expectedTexts(10));
    expect(answers.filter(({ headers }) => headers['x-task-router-backend'] === 'box-1')).toHaveLength(5);
    expect((await proxy.metrics()).has('task_router_inflight_requests{backend="box-1"}')).toBe(false);
  });

  it('changes a weight, and keeps what is known about the backend', async () => {
    const streams = startStreams(proxy.url, MODEL, 10);
    await streams.started;
    await write([
      [0, 3],
      [1, 1],
    ]);
    expect((await reload()).body).toEqual({ changes: [{ path: 'backends.box-1.weight', before: 1, after: 3 }] });
    expect((await proxy.admin('GET', 'backends/box-1')).body).toMatchObject({ weight: 3, inflight: 5, health: 'up' });
    expect((await next(8)).filter((name) => name === 'box-1')).toHaveLength(6);
    for (const server of servers) server.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(10));
    expect((await proxy.admin('GET', 'backends/box-1')).body).toMatchObject({ inflight: 0 });
  });

  it('moves a backend to another address without cutting what runs at the old one', async () => {
    const streams = startStreams(proxy.url, MODEL, 4);
    await streams.started;
    const moved = [
      { name: 'box-1', url: servers[2]?.url ?? '' },
      { name: 'box-2', url: servers[1]?.url ?? '' },
    ];
    await writeFile(file, configText({ backends: moved, config: CONFIG }));
    expect((await reload()).status).toBe(200);
    await up('box-1', 2);
    const more = startStreams(proxy.url, MODEL, 4);
    await more.started;
    expect(servers.map((server) => server.held())).toEqual([2, 4, 2]);
    for (const server of servers) server.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(4));
    expect((await more.answers).map(textOf)).toEqual(expectedTexts(4));
  });

  it('takes over virtual models, aliases and limits for the next request', async () => {
    await write(undefined, `${CONFIG}\naliases: { gpt-4o: "${MODEL}" }\nlimits: { body: 1KiB }`);
    expect((await proxy.call('/api/generate', { body: { model: 'gpt-4o', prompt: 'x' } })).status).toBe(404);
    await reload();
    const answer = await proxy.call('/api/generate', { body: { model: 'gpt-4o', prompt: 'x' } });
    expect(answer.headers['x-task-router-model']).toBe(MODEL);
    expect((await proxy.call('/api/generate', { body: { model: MODEL, prompt: 'x'.repeat(1024) } })).status).toBe(413);
  });

  it('says which changes wait for the next start', async () => {
    await write(undefined, `${CONFIG}\nlimits: { header: 16KiB, body: 1MiB }\nlogging: { level: debug }`);
    expect((await reload()).status).toBe(200);
    expect(proxy.log.events('restart-needed').map(({ level, fields }) => [level, fields['keys']])).toEqual([
      ['warn', ['limits.header', 'logging.level']],
    ]);
  });

  it('changes nothing when the file says what already holds', async () => {
    const { status, body } = await reload();
    expect([status, body]).toEqual([200, { changes: [] }]);
  });

  it('keeps what the operator has set by hand', async () => {
    await proxy.admin('PATCH', 'backends/box-1', { enabled: false });
    await write(undefined, `${CONFIG}\nretry: { max_attempts: 2 }`);
    await reload();
    expect(new Set(await next(4))).toEqual(new Set(['box-2']));
  });
});

describe('a bad file', () => {
  it.each<[string, () => Promise<void>, object]>([
    [
      'with an unknown key',
      () => write([[0, 5]], `${CONFIG}\nretries: 3`),
      { path: 'retries', line: 6, column: 1, message: expect.stringContaining('unknown key') },
    ],
    [
      'with a wrong value beside good changes',
      () => write([[0, 5]], 'routing: { strategy: best }'),
      { path: 'routing.strategy', message: expect.stringContaining('unknown strategy "best"') },
    ],
    ['that is no YAML', () => writeFile(file, 'listen: ['), { message: expect.any(String) }],
    ['that is gone', () => rename(file, `${file}.away`), { message: expect.stringContaining('there is no such file') }],
  ])('%s keeps the old configuration whole, is logged and counted', async (_how, spoil, issue) => {
    const before = (await proxy.admin('GET', 'config')).body;
    await spoil();
    const { status, body } = await reload();
    expect(status).toBe(422);
    expect(body).toEqual({
      error: 'the configuration was not reloaded; the old one still holds',
      issues: [expect.objectContaining(issue)],
    });
    expect((await proxy.admin('GET', 'config')).body).toEqual(before);
    expect((await proxy.admin('GET', 'strategy')).body).toMatchObject({ strategy: 'round-robin' });
    expect(new Set(await next(4))).toEqual(new Set(['box-1', 'box-2']));
    const [logged] = proxy.log.events('reload-failed');
    expect(logged).toMatchObject({ level: 'error', fields: { who: '127.0.0.1', issues: [issue] } });
    const metrics = await proxy.metrics();
    expect(metrics.get('task_router_config_reloads_total{result="failed"}')).toBe(1);
    expect(metrics.get('task_router_config_reloads_total{result="applied"}')).toBe(0);
  });

  it('seen by the watcher is kept out, and the next good one is taken', async () => {
    const watcher = watchFile(file, () => void proxy.app.reload('file change'));
    try {
      await write([[0, 1]], 'routing: { strategy: best }');
      await proxy.log.event('reload-failed');
      expect(new Set(await next(4))).toEqual(new Set(['box-1', 'box-2']));
      // Renamed over the old one, as editors and configuration tools do it.
      const kept = file;
      file = join(folder, 'next.yaml');
      await write([[0, 1]]);
      await rename(file, kept);
      file = kept;
      await proxy.log.event('reloaded');
      expect(new Set(await next(4))).toEqual(new Set(['box-1']));
    } finally {
      watcher.stop();
    }
  });
});
