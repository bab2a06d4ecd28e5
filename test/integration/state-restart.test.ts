import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startChild } from '../support/child.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';

const CHAT = 'llama3.2:3b';
const SYSTEM = 'You are the assistant of the tulip shop.';

let folder: string;
let path: string;
let well: SimServer;
let sick: SimServer;
/** ms by which the machine's clock is ahead: what a test calls waiting. */
let ahead: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-restart-'));
  path = join(folder, 'state', 'router.json');
  [well, sick] = (await Promise.all([1, 2].map((seed) => startSim({ seed, timeScale: 0.01, models: [CHAT] })))) as [
    SimServer,
    SimServer,
  ];
  ahead = 0;
});
afterEach(async () => {
  await Promise.all([well.close(), sick.close()]);
  await rm(folder, { recursive: true });
});

const config = (): string =>
  [
    `state: { kind: file, path: ${JSON.stringify(path)} }`,
    'routing: { strategy: round-robin }',
    'circuit_breaker: { failure_threshold: 1, timeout: 1h, adaptive: false }',
  ].join('\n');

const backends = () => [
  { name: 'well', url: well.url },
  { name: 'sick', url: sick.url },
];

const start = async (): Promise<TestProxy> => {
  const clock = { now: () => performance.now() + ahead };
  const proxy = await startProxy({ backends: backends(), config: config(), clock });
  onTestFinished(() => proxy.stop());
  return proxy;
};

const chat = (proxy: TestProxy) =>
  proxy.call('/api/chat', {
    body: {
      model: CHAT,
      messages: [
        { role: 'system', content: SYSTEM },
        { role: 'user', content: 'word '.repeat(200) },
      ],
    },
  });

interface Estimates {
  readonly backends: readonly {
    readonly name: string;
    readonly models: readonly {
      readonly model: string;
      readonly decodeMsPerToken: { readonly value: number; readonly samples: number };
    }[];
  }[];
  readonly models: readonly {
    readonly answers: readonly { readonly app: string; readonly tokens: { readonly samples: number } }[];
  }[];
}

const estimatesOf = async (proxy: TestProxy): Promise<Estimates> =>
  (await proxy.admin('GET', 'estimates')).body as Estimates;

const decodeOf = ({ backends }: Estimates, backend: string) =>
  backends.find(({ name }) => name === backend)?.models.find(({ model }) => model === CHAT)?.decodeMsPerToken;

const breakerOf = async (proxy: TestProxy, backend: string): Promise<unknown> =>
  (await proxy.metrics()).get(`task_router_circuit_breaker_state{backend="${backend}",model="${CHAT}"}`);

/** A proxy that has learned from six requests, of which `sick` failed one. */
const experienced = async (): Promise<TestProxy> => {
  const proxy = await start();
  sick.faults.set({ kind: 'status', status: 500, path: '/api/chat' });
  for (let i = 0; i < 6; i++) expect((await chat(proxy)).status).toBe(200);
  sick.faults.clear();
  return proxy;
};

describe('a proxy with state in a file', () => {
  it('knows after a restart what it had learned, of the same applications too', async () => {
    const before = await experienced();
    const learned = await estimatesOf(before);
    expect(await before.app.drain(10_000)).toBe(true);

    const after = await start();
    expect(after.log.events('state-loaded')).toHaveLength(1);
    const restored = await estimatesOf(after);
    const [old, now] = [decodeOf(learned, 'well'), decodeOf(restored, 'well')];
    expect(old?.samples).toBeGreaterThan(3);
    expect(now?.samples).toBeCloseTo(old?.samples ?? 0, 0);
    expect(now?.value).toBeCloseTo(old?.value ?? 0, 1);
    const metrics = (await after.admin('GET', 'metrics')).body;
    expect(JSON.stringify(metrics)).toContain('"totalRequests":6');

    const [app] = restored.models.flatMap(({ answers }) => answers);
    expect(app).toMatchObject({ app: expect.stringMatching(/^s:/), tokens: { samples: expect.closeTo(6, 0) } });
    await chat(after);
    const again = (await estimatesOf(after)).models.flatMap(({ answers }) => answers);
    expect(again).toMatchObject([{ app: app?.app, tokens: { samples: expect.closeTo(7, 0) } }]);
  });

  it('leaves a breaker open for the rest of its time', async () => {
    const before = await experienced();
    expect(await breakerOf(before, 'sick')).toBe(2);
    ahead += 30 * 60_000;
    await before.app.drain(10_000);

    const after = await start();
    expect(await breakerOf(after, 'sick')).toBe(2);
    expect((await chat(after)).headers['x-task-router-backend']).toBe('well');
    ahead += 29 * 60_000;
    expect(await breakerOf(after, 'sick')).toBe(2);
    ahead += 60_000;
    expect(await breakerOf(after, 'sick')).toBe(1);
    expect(await breakerOf(after, 'well')).toBe(0);
  });

  it('holds a strategy that was set by hand', async () => {
    const before = await start();
    await before.admin('PUT', 'strategy', { strategy: 'random' });
    await before.stop();
    const after = await start();
    expect((await after.admin('GET', 'strategy')).body).toMatchObject({ strategy: 'random' });
  });

  it('keeps no word of a prompt', async () => {
    await (await experienced()).stop();
    const text = await readFile(path, 'utf8');
    expect(text).toContain(CHAT);
    expect(text).not.toMatch(/tulip|word/);
  });

  it('starts anew beside a damaged file, which it puts aside', async () => {
    await (await experienced()).stop();
    const whole = await readFile(path, 'utf8');
    await writeFile(path, whole.slice(0, -100));
    const after = await start();
    expect(decodeOf(await estimatesOf(after), 'well')?.samples).toBe(0);
    expect((await chat(after)).status).toBe(200);
    await after.stop();
    const names = await readdir(join(folder, 'state'));
    expect(names.toSorted()).toEqual(['router.json', expect.stringMatching(/^router\.json\.damaged-\d{8}T\d{6}Z$/)]);
  });

  it('serves as ever where nothing can be written, says so once and counts it', async () => {
    await writeFile(join(folder, 'state'), 'a file where the folder should be');
    const proxy = await start();
    expect((await chat(proxy)).status).toBe(200);
    await proxy.app.save(10_000);
    await proxy.app.save(10_000);
    expect(proxy.log.events('state-unwritable')).toMatchObject([
      { level: 'warn', message: expect.stringContaining(path) },
    ]);
    expect((await proxy.metrics()).get('task_router_state_writes_total{result="failed"}')).toBe(2);
    expect((await chat(proxy)).status).toBe(200);
  });

  it('says why and writes the file when it dies of an error that nobody caught', async () => {
    const file = join(folder, 'router.yaml');
    await writeFile(file, configText({ backends: backends(), config: config() }));
    const trap = `process.on('SIGWINCH', () => { throw new Error('a bug'); })`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(trap)}`;
    const child = startChild(['serve', '--config', file], { NODE_OPTIONS });
    await child.says(/^proxy /);
    child.signal('SIGWINCH');
    expect(await child.ended).toMatchObject({ code: 1 });
    expect(child.err()).toContain('an error was not caught: Error: a bug');
    expect(child.err()).toContain('"event":"crashed"');
    expect(await readFile(path, 'utf8')).toContain('"name":"well"');
  });
});

describe('a proxy with state in memory', () => {
  it('writes nothing and counts nothing', async () => {
    const proxy = await startProxy({ backends: backends() });
    onTestFinished(() => proxy.stop());
    await chat(proxy);
    await proxy.app.save(10_000);
    const writes = [...(await proxy.metrics())].filter(([name]) => name.includes('state_writes'));
    expect(writes.filter(([, count]) => count !== 0)).toEqual([]);
  });
});
