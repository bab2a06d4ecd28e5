import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { MOST_CLIENTS } from '../../src/http/events/feed.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { readEvents, type EventStream } from '../support/event-stream.ts';
import { call } from '../support/http-call.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';

let sim: SimServer;
let proxy: TestProxy;
beforeEach(async () => {
  sim = await startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 });
  proxy = await startProxy({ backends: [{ name: 'box-1', url: sim.url }] });
});
afterEach(async () => {
  await proxy.stop();
  await sim.close();
});

const watch = (of: TestProxy = proxy, headers = {}): EventStream => {
  const events = readEvents(`${of.adminUrl}/admin/v1/events`, headers);
  onTestFinished(() => events.close());
  return events;
};

const chat = (id: string) =>
  proxy.call('/api/chat', {
    body: { model: MODEL, messages: [{ role: 'user', content: 'the launch code is tulip' }] },
    headers: { 'x-request-id': id },
  });

/** Waits for an event of this kind whose data is like this. */
const until = async (events: EventStream, kind: string, like: object): Promise<void> => {
  for (;;) {
    const { data } = await events.next(kind);
    try {
      expect(data).toMatchObject(like);
      return;
    } catch {
      // Not yet.
    }
  }
};

describe('GET events', () => {
  it('begins with everything that is known', async () => {
    await chat('before');
    const { data } = await watch().next('snapshot');
    expect(data).toMatchObject({
      at: expect.any(Number),
      servers: [
        {
          name: 'box-1',
          health: 'up',
          enabled: true,
          draining: false,
          inflight: 0,
          installed: 1,
          ills: [],
        },
      ],
      status: { ready: true, strategy: 'hybrid', available: expect.arrayContaining(['round-robin']) },
      queue: { waiting: { interactive: 0, normal: 0, batch: 0 } },
      rates: { requestsPerSecond: expect.any(Number) },
      decisions: [
        {
          id: 'before',
          backend: 'box-1',
          model: MODEL,
          outcome: 'served',
          streamed: true,
          foreseenMs: expect.any(Number),
          seenMs: expect.any(Number),
          terms: { prefill: expect.any(Number) },
        },
      ],
      series: { stepMs: 10_000, requestsPerSecond: [] },
      reloads: [],
    });
    expect(JSON.stringify(data)).not.toContain('tulip');
  });

  it('tells what an operator changes', async () => {
    const events = watch();
    await events.next('snapshot');
    await proxy.admin('PATCH', 'backends/box-1', { drain: true, weight: 3 });
    await until(events, 'servers', { changed: [{ name: 'box-1', draining: true, weight: 3 }], gone: [] });
    await proxy.admin('PUT', 'strategy', { strategy: 'random' });
    await until(events, 'status', { strategy: 'random' });
    await proxy.admin('POST', 'config/reload');
    await until(events, 'reload', { ok: false, issues: [expect.stringContaining('--config')] });
  });

  it('tells what happens: requests, models in memory, a server that goes down', async () => {
    const events = watch();
    await events.next('snapshot');
    await chat('seen');
    await until(events, 'decisions', { rows: [{ id: 'seen', backend: 'box-1', status: 200 }] });
    await until(events, 'rates', { requestsPerSecond: 0.1, tokensOutPerSecond: 0.5 });
    sim.faults.set({ kind: 'refuse' });
    for (let i = 0; i < 3; i++) await proxy.app.probed();
    await until(events, 'servers', { changed: [{ health: 'down', lastError: expect.any(String) }] });
    await until(events, 'status', { ready: false });
  });

  it('says nothing while nothing changes', async () => {
    const events = watch();
    await events.next('snapshot');
    const other = watch();
    await other.next('snapshot');
    for (const kind of ['servers', 'status', 'queue', 'decisions']) expect(events.count(kind)).toBe(0);
  });

  it('lets so many read and no more, and again when one has left', async () => {
    const readers = Array.from({ length: MOST_CLIENTS }, () => watch());
    await Promise.all(readers.map((reader) => reader.next('snapshot')));
    const refused = await proxy.admin('GET', 'events');
    expect([refused.status, refused.body]).toEqual([
      503,
      { error: expect.stringContaining(`${MOST_CLIENTS} readers`) },
    ]);
    readers[0]?.close();
    await readers[0]?.ended;
    // The other side learns of it a moment later.
    let status = 503;
    while (status === 503) {
      const leaving = new AbortController();
      const events = `${proxy.adminUrl}/admin/v1/events`;
      const answer = call(events, { signal: leaving.signal, onData: () => leaving.abort() });
      status = await answer.then((done) => (done.complete ? done.status : 200));
    }
    expect(status).toBe(200);
  });

  it('ends when the proxy does', async () => {
    const events = watch();
    await events.next('snapshot');
    await proxy.stop();
    await events.ended;
  });

  it('asks for the token, and ends when that changes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'router-events-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'router.yaml');
    const backends = [{ name: 'box-1', url: sim.url }];
    await writeFile(file, configText({ backends, token: 'first-token-of-two' }));
    const guarded = await startProxy({ file });
    onTestFinished(() => guarded.stop());
    const events = watch(guarded, { authorization: 'Bearer first-token-of-two' });
    await events.next('snapshot');
    await writeFile(file, configText({ backends, token: 'second-token-of-two' }));
    await guarded.app.reload('test');
    await events.ended;
    const { data } = await events.next('reload');
    expect(data).toEqual({
      at: expect.any(Number),
      who: 'test',
      ok: true,
      changed: ['admin.token'],
      issues: [],
    });
    expect((await call(`${guarded.adminUrl}/admin/v1/events`)).status).toBe(401);
  });
});

describe('GET series', () => {
  it('has columns of one length', async () => {
    const { status, body } = await proxy.admin('GET', 'series');
    expect([status, body]).toEqual([200, expect.objectContaining({ stepMs: 10_000, waiting: [], inflight: [] })]);
  });
});
