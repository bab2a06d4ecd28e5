import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readTrace } from '../../src/results/trace-read.ts';
import { startFaulty, until } from '../support/faulty.ts';
import { startPool } from '../support/pool.ts';
import { ask, native, never } from '../support/scripts.ts';

const CHAT = 'llama3.2:3b';
const SECRET = 'the launch code is tulip';

const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'router-trace-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
};

describe('GET queue', () => {
  it('shows who waits, what they hold, and whose they are', async () => {
    const faulty = await startFaulty(1, { slots: 1, otherwise: never });
    const { proxy } = faulty;
    void proxy.call(native.path, { body: ask(false), headers: { 'x-request-id': 'runs' } }).catch(() => undefined);
    await faulty.at(0).call(0);
    const headers = { 'x-request-id': 'waits', 'x-task-router-priority': 'batch', 'x-task-router-deadline': '1h' };
    void proxy.call(native.path, { body: ask(false), headers }).catch(() => undefined);
    type Queue = { readonly waiting: { readonly batch: number } };
    await until(async () => ((await proxy.admin('GET', 'queue')).body as Queue).waiting.batch === 1);
    expect((await proxy.admin('GET', 'queue')).body).toEqual({
      waiting: { interactive: 0, normal: 0, batch: 1 },
      bytes: expect.any(Number),
      requests: [
        {
          id: 'waits',
          lane: 'm:latest',
          class: 'batch',
          tenant: '127.0.0.1',
          returning: false,
          waitedMs: expect.any(Number),
          deadlineInMs: expect.any(Number),
        },
      ],
      tenants: expect.arrayContaining([{ tenant: '127.0.0.1', class: 'batch', counter: 0, waiting: 1 }]),
      counts: { promotions: 0, shed: 0 },
    });
    expect((await proxy.admin('GET', 'queue?limit=0')).status).toBe(400);
  });

  it('holds no more bytes than queue.max_bytes allows', async () => {
    const faulty = await startFaulty(1, { slots: 1, otherwise: never, config: 'queue: { max_bytes: 100B }' });
    const { proxy } = faulty;
    void proxy.call(native.path, { body: ask(false) }).catch(() => undefined);
    await faulty.at(0).call(0);
    const long = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(200) }], stream: false };
    const { status, body } = await proxy.call('/api/chat', { body: long });
    expect([status, body]).toEqual([503, expect.stringContaining('queue.max_bytes')]);
  });
});

describe('GET estimates', () => {
  it('shows what was learned of backends, models on them, and models', async () => {
    const { proxy } = await startPool([
      { name: 'a', models: [CHAT] },
      { name: 'b', models: [CHAT] },
    ]);
    const messages = [{ role: 'user', content: 'word '.repeat(200) }];
    const { headers } = await proxy.call('/api/chat', { body: { model: CHAT, messages } });
    const name = String(headers['x-task-router-backend']);
    const { body } = await proxy.admin('GET', `estimates?backend=${name}`);
    const learned = { value: expect.any(Number), samples: expect.closeTo(1, 1), ageMs: expect.any(Number) };
    expect(body).toMatchObject({
      serviceMs: expect.any(Number),
      backends: [
        {
          name,
          slope: { value: 0.5, samples: 0 },
          ghostRequests: 0,
          slots: { configured: 100, proven: 1 },
          capacity: { provenCount: expect.any(Number) },
          models: [
            {
              model: CHAT,
              prefillMsPerToken: learned,
              decodeMsPerToken: learned,
              loadMs: { value: expect.any(Number) },
              slots: { value: 100, samples: 0 },
              memory: { sequences: 1, trust: expect.any(Array) },
              suspicion: 'none',
            },
          ],
        },
      ],
      models: [
        {
          model: CHAT,
          tokensPerByte: { samples: expect.any(Number) },
          arrivalsPerMinute: expect.closeTo(1, 1),
          answers: [{ app: 'c:unknown', tokens: learned, p90: expect.any(Number) }],
        },
      ],
      suspects: [],
    });
    expect((body as { readonly backends: readonly unknown[] }).backends).toHaveLength(1);
    const all = (await proxy.admin('GET', 'estimates')).body as { readonly backends: readonly unknown[] };
    expect(all.backends).toHaveLength(2);
    expect((await proxy.admin('GET', 'estimates?backend=none')).status).toBe(404);
  });
});

describe('a recording', () => {
  it('has each request that ran a model, without a word of it, and can be read', async () => {
    const path = join(await folder(), 'deeper', 'trace.jsonl');
    const { proxy } = await startPool([{ name: 'a', models: [CHAT] }], `trace: { path: ${JSON.stringify(path)} }`);
    const messages = [{ role: 'user', content: SECRET }];
    await proxy.call('/api/chat', {
      body: { model: CHAT, messages, options: { num_predict: 4 } },
      headers: { 'x-task-router-session': 'alice', 'x-task-router-priority': 'interactive' },
    });
    await proxy.call('/api/tags', { method: 'GET' });
    await proxy.call('/api/chat', { body: { model: 'nobody-has-this', messages } });
    await proxy.stop();
    const text = await readFile(path, 'utf8');
    const read = readTrace(text);
    expect(read).toMatchObject({ ok: true });
    expect(read.ok && read.value).toEqual([
      expect.objectContaining({
        model: CHAT,
        endpoint: 'chat',
        kind: 'completion',
        promptBytes: expect.any(Number),
        outputLimit: 4,
        priority: 'interactive',
        session: expect.stringMatching(/^[\da-f]{16}$/),
        observed: expect.objectContaining({ backend: 'a', outcome: 'served', outputTokens: 4 }),
      }),
    ]);
    for (const word of ['tulip', 'alice', '127.0.0.1']) expect(text).not.toContain(word);
  });

  it('puts an earlier one aside, and says how many requests did not fit', async () => {
    const path = join(await folder(), 'trace.jsonl');
    await writeFile(path, 'earlier\n');
    const config = `trace: { path: ${JSON.stringify(path)}, max_bytes: 700B }`;
    const { proxy } = await startPool([{ name: 'a', models: [CHAT] }], config);
    for (const _ of [1, 2, 3]) await proxy.call('/api/chat', { body: { model: CHAT, messages: [], stream: false } });
    await proxy.stop();
    expect(await readFile(`${path}.old`, 'utf8')).toBe('earlier\n');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n').length;
    expect((await proxy.log.event('trace-incomplete')).fields).toMatchObject({ path, dropped: 3 - lines });
  });

  it('that cannot be written keeps the proxy from starting, and says why', async () => {
    const path = join(await folder(), 'file');
    await writeFile(path, '');
    const config = `trace: { path: ${JSON.stringify(join(path, 'trace.jsonl'))} }`;
    await expect(startPool([{ name: 'a', models: [CHAT] }], config)).rejects.toThrow(
      /^trace\.path: .*cannot be written/,
    );
  });
});
