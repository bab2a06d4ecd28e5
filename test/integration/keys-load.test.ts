import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import type { Answer } from '../support/http-call.ts';
import { authText, bearer, digestHex, keyEntry, keyOf } from '../support/keys.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';
import { call } from '../support/http-call.ts';
import { ScriptedBackend } from '../support/scripted-backend.ts';

const KEYS = 20;
/** What five letters are taken to be, so that what is held is what is used. */
const PROMPT_TOKENS = 2;
const OUTPUT_TOKENS = 5;
const DAY_MS = 86_400_000;

/** What key number `index` is bound by: each bound alone, and all of them in all combinations. */
const limitsOf = (index: number) => ({
  requests_per_minute: 4 + (index % 9),
  ...(index % 2 === 0 ? {} : { concurrent: 1 + (index % 3) }),
  // Room for three answers: those that run hold what they are expected to take.
  ...(index % 5 === 0 ? { tokens_per_day: (PROMPT_TOKENS + OUTPUT_TOKENS) * 3 + 3 } : {}),
});

const nameOf = (index: number): string => `key-${index}`;

let folder: string;
let file: string;
let backend: ScriptedBackend;
/** At the backend, by key: how many run, and the most that did. */
let running: Map<string, { now: number; most: number; served: number }>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-keys-'));
  file = join(folder, 'router.yaml');
  running = new Map();
  backend = await new ScriptedBackend('box', {
    models: ['m'],
    otherwise: async (each) => {
      const { prompt } = JSON.parse(each.body().toString()) as { prompt: string };
      const count = running.get(prompt) ?? { now: 0, most: 0, served: 0 };
      running.set(prompt, count);
      count.now++;
      count.most = Math.max(count.most, count.now);
      await new Promise((resolve) => setImmediate(resolve));
      count.now--;
      count.served++;
      each.res.setHeader('content-type', 'application/json');
      each.res.end(JSON.stringify({ done: true, prompt_eval_count: PROMPT_TOKENS, eval_count: OUTPUT_TOKENS }));
    },
  }).listen();
});
afterEach(async () => {
  await backend.refuse();
  await rm(folder, { recursive: true });
});

const write = (generation: number, ...more: readonly object[]): Promise<void> => {
  const entries = Array.from({ length: KEYS }, (_, index) => keyEntry(nameOf(index), limitsOf(index)));
  const config = [
    authText(...entries, ...more),
    `queue: { max_wait: ${60 + generation}s }`,
    `state: { kind: file, path: ${JSON.stringify(join(folder, 'state.json'))} }`,
  ].join('\n');
  return writeFile(file, configText({ backends: [{ name: 'box', url: backend.url }], config, token: 'admin-word' }));
};

const ask = (proxy: TestProxy, name: string): Promise<Answer> =>
  proxy.call('/api/generate', {
    body: { model: 'm', prompt: name, stream: false, options: { num_predict: OUTPUT_TOKENS } },
    headers: bearer(name),
  });

/** Asks again for as long as it is only others of the same key that run which are in the way. */
const insist = async (proxy: TestProxy, name: string): Promise<Answer> => {
  for (;;) {
    const answer = await ask(proxy, name);
    if (answer.status !== 429 || answer.headers['retry-after'] !== '1') return answer;
  }
};

describe('twenty keys under load', () => {
  it('get exactly what their limits let through while the configuration is reloaded, and no secret is told', async () => {
    await write(0);
    const clock = new ManualClock(performance.now());
    // At noon, so that no day ends meanwhile.
    const proxy = await startProxy({ file, clock, wall: () => 20_000 * DAY_MS + DAY_MS / 2 });
    onTestFinished(() => proxy.stop());
    let generation = 0;
    let count = 0;
    let reloads = Promise.resolve();
    /** Every so many answers, one after the other and while the rest goes on. */
    const answered = (): void => {
      if (++count % 50 > 0) return;
      reloads = reloads.then(async () => {
        await write(++generation);
        expect(await proxy.app.reload('test')).toMatchObject({ ok: true });
      });
    };
    const answers = await Promise.all(
      Array.from({ length: KEYS }, async (_, index) => {
        const { requests_per_minute: perMinute, concurrent } = limitsOf(index);
        const ofKey: Answer[] = [];
        // Somewhat more at a time than may run: each of those beyond is refused and asks again.
        const workers = concurrent === undefined ? 2 * perMinute : concurrent + 2;
        let left = 2 * perMinute;
        const work = async (): Promise<void> => {
          while (left-- > 0) {
            ofKey.push(await insist(proxy, nameOf(index)));
            answered();
          }
        };
        await Promise.all(Array.from({ length: workers }, work));
        return ofKey;
      }),
    );
    await reloads;
    expect(generation).toBeGreaterThan(1);

    const report = (await proxy.admin('GET', 'keys')).body as {
      keys: { name: string; usage: Record<string, number>; totals: { requests: Record<string, number> } }[];
    };
    for (const [index, ofKey] of answers.entries()) {
      const { requests_per_minute: perMinute, concurrent, tokens_per_day: perDay } = limitsOf(index);
      const served = ofKey.filter(({ status }) => status === 200).length;
      expect(served).toBe(perDay === undefined ? perMinute : 3);
      expect(ofKey.every(({ status }) => status === 200 || status === 429)).toBe(true);
      expect(running.get(nameOf(index))).toMatchObject({ now: 0, served });
      expect(running.get(nameOf(index))?.most).toBeLessThanOrEqual(concurrent ?? Infinity);
      expect(report.keys[index]).toMatchObject({
        name: nameOf(index),
        usage: {
          running: 0,
          tokensReserved: 0,
          requestsInMinute: served,
          tokensInMinute: served * (PROMPT_TOKENS + OUTPUT_TOKENS),
          tokensToday: served * (PROMPT_TOKENS + OUTPUT_TOKENS),
        },
        totals: {
          requests: { served },
          promptTokens: served * PROMPT_TOKENS,
          outputTokens: served * OUTPUT_TOKENS,
        },
      });
    }
    const metrics = await proxy.metrics();
    expect(metrics.get('task_router_key_requests_total{key="key-7",outcome="served"}')).toBe(11);
    expect(metrics.get('task_router_key_tokens_total{key="key-7",direction="out"}')).toBe(11 * OUTPUT_TOKENS);

    // A key pasted where its hash belongs, and one hash for two.
    const said: unknown[] = [];
    for (const wrong of [
      { name: 'x', hash: keyOf('pasted') },
      { ...keyEntry('key-1'), name: 'y' },
    ]) {
      await write(++generation, wrong);
      const failed = await proxy.admin('POST', 'config/reload');
      expect(failed.status).toBe(422);
      said.push(failed.body);
    }
    await write(++generation, keyEntry('late'));
    said.push((await proxy.admin('POST', 'config/reload')).body);
    for (const path of ['config', 'keys', 'decisions', 'queue', 'backends', 'models', 'metrics', 'estimates']) {
      said.push((await proxy.admin('GET', path)).body);
    }
    said.push(await ask(proxy, 'never-known'), await ask(proxy, 'late'), [...metrics.keys()], proxy.log.lines);
    said.push(await call(`${proxy.adminUrl}/metrics`, { headers: { authorization: 'Bearer admin-word' } }));
    await proxy.app.save(5_000);
    said.push(await readFile(join(folder, 'state.json'), 'utf8'));
    const text = JSON.stringify([answers, said]);
    expect(text).toContain('key-19');
    const names = [...Array.from({ length: KEYS }, (_, index) => nameOf(index)), 'pasted', 'late', 'never-known'];
    for (const name of names) {
      expect(text).not.toContain(keyOf(name));
      expect(text).not.toContain(digestHex(keyOf(name)).slice(0, 16));
    }
    expect(text).not.toContain('admin-word');
  });

  it('are refused as soon as they are gone from the file, while what runs goes on', async () => {
    await write(0, keyEntry('leaver'));
    const proxy = await startProxy({ file });
    onTestFinished(() => proxy.stop());
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    backend.next(async ({ res }) => {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' });
      res.write('{"response":"a"}\n');
      await released;
      res.end('{"done":true,"prompt_eval_count":1,"eval_count":1}\n');
    });
    const stream = proxy.call('/api/generate', { body: { model: 'm', prompt: 'leaver' }, headers: bearer('leaver') });
    await backend.call(0);
    await write(1);
    expect(await proxy.app.reload('test')).toMatchObject({ ok: true });
    expect((await ask(proxy, 'leaver')).status).toBe(401);
    release();
    expect(await stream).toMatchObject({ status: 200, complete: true });
  });

  it('keep what they used over a restart', async () => {
    await write(0);
    let ahead = 0;
    let wallMs = 20_000 * DAY_MS + DAY_MS / 2;
    const clock = { now: () => performance.now() + ahead };
    const start = async (): Promise<TestProxy> => {
      const proxy = await startProxy({ file, clock, wall: () => wallMs });
      onTestFinished(() => proxy.stop());
      return proxy;
    };
    const first = await start();
    // Key 0: four a minute, and tokens for three answers a day. Key 2: six a minute.
    for (let each = 0; each < 3; each++) await ask(first, nameOf(0));
    for (let each = 0; each < 6; each++) await ask(first, nameOf(2));
    await first.stop();
    const second = await start();
    expect((await ask(second, nameOf(0))).headers['x-task-router-error']).toBe('quota_exceeded');
    expect((await ask(second, nameOf(2))).headers['x-task-router-error']).toBe('rate_limited');
    ahead += 61_000;
    expect((await ask(second, nameOf(2))).status).toBe(200);
    expect((await ask(second, nameOf(0))).headers['x-task-router-error']).toBe('quota_exceeded');
    await second.stop();
    wallMs += DAY_MS;
    const third = await start();
    expect((await ask(third, nameOf(0))).status).toBe(200);
  });
});
