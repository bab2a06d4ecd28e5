import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { watchFile } from '../../src/config/watch.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { configText, startProxy, type TestBackend, type TestProxy } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';
const STREAMS = 50;

let servers: readonly HeldBackend[];
let folder: string;
let proxy: TestProxy | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-switch-'));
  servers = await Promise.all([startHeld(MODEL), startHeld(MODEL)]);
});
afterEach(() => proxy?.stop());
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await rm(folder, { recursive: true });
});

const backends = (): readonly TestBackend[] => servers.map(({ url }, i) => ({ name: `box-${i + 1}`, url }));

/** Starts streams, and lets them run on from their first line when told to. */
const heldStreams = (url: string) => {
  for (const server of servers) server.hold();
  const streams = startStreams(url, MODEL, STREAMS);
  return {
    ...streams,
    async goOn() {
      expect([streams.ended(), servers.reduce((sum, server) => sum + server.held(), 0)]).toEqual([0, STREAMS]);
      for (const server of servers) server.release();
      return streams.answers;
    },
  };
};

const strategyOfNext = async (at: TestProxy): Promise<unknown> => {
  const answer = await at.call('/api/generate', { body: { model: MODEL, prompt: 'x' } });
  expect(answer.status).toBe(200);
  return answer.headers['x-task-router-strategy'];
};

describe('the strategy can be switched while 50 streams run, and disturbs none of them', () => {
  it('by the admin API', async () => {
    proxy = await startProxy({ backends: backends(), config: 'routing: { strategy: round-robin }' });
    const streams = heldStreams(proxy.url);
    await streams.started;
    expect(await strategyOfNext(proxy)).toBe('round-robin');
    for (const strategy of ['least-loaded', 'random', 'performance', 'affinity', 'hybrid']) {
      const { status, body } = await proxy.admin('PUT', 'strategy', { strategy });
      expect([status, body]).toEqual([200, expect.objectContaining({ strategy })]);
      expect(await strategyOfNext(proxy)).toBe(strategy);
    }
    const answers = await streams.goOn();
    expect(answers.map(textOf)).toEqual(expectedTexts(STREAMS));
    expect(new Set(answers.map(({ headers }) => headers['x-task-router-strategy']))).toEqual(new Set(['round-robin']));

    expect(proxy.log.events('strategy-changed').map(({ fields }) => fields)).toEqual([
      { event: 'strategy-changed', from: 'round-robin', to: 'least-loaded', who: '127.0.0.1' },
      { event: 'strategy-changed', from: 'least-loaded', to: 'random', who: '127.0.0.1' },
      { event: 'strategy-changed', from: 'random', to: 'performance', who: '127.0.0.1' },
      { event: 'strategy-changed', from: 'performance', to: 'affinity', who: '127.0.0.1' },
      { event: 'strategy-changed', from: 'affinity', to: 'hybrid', who: '127.0.0.1' },
    ]);
    const metrics = await proxy.metrics();
    expect(metrics.get('task_router_strategy_changes_total')).toBe(5);
    expect(metrics.get('task_router_strategy_info{strategy="hybrid"}')).toBe(1);
    expect([...metrics.keys()].filter((key) => key.startsWith('task_router_strategy_info'))).toHaveLength(1);
    expect(metrics.get('task_router_inflight_requests{backend="box-1"}')).toBe(0);
    expect(metrics.get('task_router_inflight_requests{backend="box-2"}')).toBe(0);
  });

  it('by an edit of the configuration file', async () => {
    const file = join(folder, 'router.yaml');
    const write = (strategy: string): Promise<void> =>
      writeFile(file, configText({ backends: backends(), config: `routing: { strategy: ${strategy} }` }));
    await write('round-robin');
    const started = await startProxy({ file });
    proxy = started;
    const watcher = watchFile(file, () => void started.app.reload('file change'));
    try {
      const streams = heldStreams(started.url);
      await streams.started;
      await write('least-loaded');
      const reloaded = await started.log.event('reloaded');
      expect(await strategyOfNext(started)).toBe('least-loaded');

      const answers = await streams.goOn();
      expect(answers.map(textOf)).toEqual(expectedTexts(STREAMS));
      expect(new Set(answers.map(({ headers }) => headers['x-task-router-strategy']))).toEqual(
        new Set(['round-robin']),
      );

      expect(reloaded.fields).toEqual({
        event: 'reloaded',
        who: 'file change',
        changes: [{ path: 'routing.strategy', before: 'round-robin', after: 'least-loaded' }],
      });
      expect(started.log.events('strategy-changed').map(({ fields }) => fields)).toEqual([
        { event: 'strategy-changed', from: 'round-robin', to: 'least-loaded', who: 'file change' },
      ]);
      const metrics = await started.metrics();
      expect(metrics.get('task_router_strategy_changes_total')).toBe(1);
      expect(metrics.get('task_router_strategy_info{strategy="least-loaded"}')).toBe(1);
      expect(metrics.get('task_router_config_reloads_total{result="applied"}')).toBe(1);
    } finally {
      watcher.stop();
    }
  });
});

describe('a strategy set by hand', () => {
  it('stays over a reload that does not ask for another one, and gives way to one that does', async () => {
    const file = join(folder, 'by-hand.yaml');
    const write = (rest: string): Promise<void> => writeFile(file, configText({ backends: backends(), config: rest }));
    await write('routing: { strategy: round-robin }');
    proxy = await startProxy({ file });
    await proxy.admin('PUT', 'strategy', { strategy: 'random' });
    await write('routing: { strategy: round-robin }\nretry: { max_attempts: 2 }');
    expect((await proxy.admin('POST', 'config/reload')).status).toBe(200);
    expect(await strategyOfNext(proxy)).toBe('random');
    await write('routing: { strategy: affinity }');
    expect((await proxy.admin('POST', 'config/reload')).status).toBe(200);
    expect(await strategyOfNext(proxy)).toBe('affinity');
  });

  it('is no change when it is the one in force', async () => {
    proxy = await startProxy({ backends: backends(), config: 'routing: { strategy: random }' });
    expect((await proxy.admin('PUT', 'strategy', { strategy: 'random' })).status).toBe(200);
    expect(proxy.log.events('strategy-changed')).toEqual([]);
    expect((await proxy.metrics()).get('task_router_strategy_changes_total')).toBe(0);
  });
});
