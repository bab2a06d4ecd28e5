import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ollama } from 'ollama';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSim } from '../../src/sim/http/server.ts';
import { startChild } from '../support/child.ts';
import { startFaulty } from '../support/faulty.ts';
import { call } from '../support/http-call.ts';
import { startPool, type Pool } from '../support/pool.ts';
import { configText, samplesOf } from '../support/proxy.ts';
import { early, resetAtOnce, whole } from '../support/scripts.ts';

const MIB = 1024 * 1024;
/** How much the streaming test uploads; a gigabyte with `POOL_UPLOAD_MIB=1024`. */
const UPLOAD_MIB = Number(process.env['POOL_UPLOAD_MIB'] ?? 64);

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const upload = (url: string, bytes: Buffer, digest = digestOf(bytes)) =>
  call(`${url}/api/blobs/${digest}`, { body: bytes });
const has = async (url: string, digest: string): Promise<number> =>
  (await call(`${url}/api/blobs/${digest}`, { method: 'HEAD' })).status;
const create = (pool: Pool, files: Readonly<Record<string, string>>, more: object = {}) =>
  pool.proxy.call('/api/create', { body: { model: 'mine', files, stream: false, ...more } });
const three = [{ name: 'a' }, { name: 'b', weight: 2 }, { name: 'c', weight: 2 }];

describe('an uploaded file', () => {
  it('goes to the server with most weight, is found there, and makes a model there', async () => {
    const pool = await startPool(three);
    const [one, two] = [randomBytes(1000), randomBytes(2000)];
    expect(await has(pool.proxy.url, digestOf(one))).toBe(404);
    for (const bytes of [one, two]) {
      expect(await upload(pool.proxy.url, bytes)).toMatchObject({ status: 201, body: '' });
      expect(await has(pool.proxy.url, digestOf(bytes))).toBe(200);
    }
    expect(pool.asked('POST /api/blobs/' + digestOf(one))).toEqual({ b: 1 });
    const answer = await create(pool, { 'a.gguf': digestOf(one), 'b.gguf': digestOf(two) });
    expect([answer.status, answer.body]).toEqual([200, '{"status":"success"}']);
    expect(pool.holders('mine:latest')).toEqual(['b']);
    expect(answer.headers['x-task-router-backend']).toBe('b');
  });

  it('is followed by the next one while its server is up, and by none when it is not', async () => {
    const pool = await startPool(three);
    await upload(pool.proxy.url, randomBytes(10));
    await pool.sim('b').kill();
    for (let i = 0; i < 4; i++) await pool.proxy.app.probed();
    const late = randomBytes(10);
    // The question alone finds out that the server is gone, if the probes have not.
    expect(await has(pool.proxy.url, digestOf(late))).toBe(404);
    expect((await upload(pool.proxy.url, late)).status).toBe(201);
    await pool.sim('b').restart();
    for (let i = 0; i < 4; i++) await pool.proxy.app.probed();
    expect(await has(pool.proxy.url, digestOf(late))).toBe(200);
    expect((await create(pool, { f: digestOf(late) })).status).toBe(200);
    expect(pool.holders('mine:latest')).toEqual(['c']);
  });

  it('is looked for on every server when it is not where it should be', async () => {
    const pool = await startPool(three);
    const bytes = randomBytes(1000);
    await upload(pool.sim('a').url, bytes);
    expect((await create(pool, { 'a.gguf': digestOf(bytes) })).status).toBe(200);
    expect(pool.holders('mine:latest')).toEqual(['a']);
    const nowhere = await create(pool, { f: digestOf(randomBytes(3)) });
    expect([nowhere.status, nowhere.headers['x-task-router-backend']]).toEqual([400, 'b']);
  });

  it('is waited for no longer than a server needs to find it', async () => {
    const pool = await startPool(three);
    const bytes = randomBytes(1000);
    await upload(pool.sim('c').url, bytes);
    pool.sim('b').faults.set({ kind: 'reset', path: `/api/blobs/${digestOf(bytes)}` });
    expect((await create(pool, { f: digestOf(bytes) })).status).toBe(200);
    expect(pool.holders('mine:latest')).toEqual(['c']);
  });

  it('goes to a server with the tag that every model must have', async () => {
    const pool = await startPool(
      [...three, { name: 'd', tags: ['build'] }],
      'changes: { rules: [{ models: ["*"], tags: [build] }] }',
    );
    const bytes = randomBytes(10);
    await upload(pool.proxy.url, bytes);
    expect(pool.asked(`POST /api/blobs/${digestOf(bytes)}`)).toEqual({ d: 1 });
  });

  it('with a digest that is none is refused in the server’s words', async () => {
    const pool = await startPool(three);
    const answer = await upload(pool.proxy.url, randomBytes(10), 'sha256:zz');
    expect([answer.status, answer.body]).toEqual([400, '{"error":"invalid digest format"}']);
    const odd = await create(pool, { f: '../../x' });
    expect([odd.status, odd.headers['x-task-router-backend']]).toEqual([400, 'b']);
  });

  it('is created from by the stock client', async () => {
    const pool = await startPool(three);
    const bytes = randomBytes(3 * MIB);
    await upload(pool.proxy.url, bytes);
    const client = new Ollama({ host: pool.proxy.url });
    // Its types do not know `files` yet, its requests carry them.
    const request = { model: 'mine', files: { 'm.gguf': digestOf(bytes) } };
    await client.create(request);
    expect((await client.list()).models.map(({ name }) => name)).toEqual(['mine:latest']);
    expect((await pool.proxy.metrics()).get('task_router_model_changes_total{operation="upload",outcome="done"}')).toBe(
      1,
    );
    expect((await pool.proxy.log.event('model-change')).fields).toMatchObject({
      operation: 'upload',
      model: digestOf(bytes),
      servers: { b: 'done' },
    });
  });
});

describe('an upload', () => {
  it('is answered at once and ended when its file is there already', async () => {
    const pool = await startPool(three);
    const bytes = randomBytes(4 * MIB);
    await upload(pool.proxy.url, bytes);
    const req = http.request(`${pool.proxy.url}/api/blobs/${digestOf(bytes)}`, {
      method: 'POST',
      agent: false,
      headers: { 'transfer-encoding': 'chunked' },
    });
    req.on('error', () => {});
    const closed = new Promise((resolve) => req.once('close', resolve));
    req.write(bytes.subarray(0, 1000));
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    res.resume();
    expect(res.statusCode).toBe(200);
    const more = setInterval(() => req.write(bytes.subarray(0, 64 * 1024)), 1);
    await closed;
    clearInterval(more);
  });

  it('is not begun anew elsewhere when its server dies, and says so', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(201, '') });
    faulty.at(0).next(early(resetAtOnce));
    const answer = await upload(faulty.proxy.url, randomBytes(1000));
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([502, 'backend_failed']);
    expect(faulty.at(1).calls).toEqual([]);
    expect((await faulty.proxy.log.event('model-change')).fields).toMatchObject({
      operation: 'upload',
      outcome: 'failed',
    });
  });

  it(`of ${UPLOAD_MIB} MiB passes through without being held`, async () => {
    const sim = await startSim({ models: [] });
    onTestFinished(() => sim.close());
    const folder = await mkdtemp(join(tmpdir(), 'router-upload-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'router.yaml');
    await writeFile(file, configText({ backends: [{ name: 'a', url: sim.url }] }));
    const child = startChild(['serve', '--config', file]);
    onTestFinished(async () => {
      child.signal('SIGKILL');
      await child.ended;
    });
    const [, proxy = '', admin = ''] = await child.says(/^proxy (http:\/\/\S+)\nadmin (http:\/\/\S+)\n/);
    await child.says(/backend a is up/);
    const rss = async (): Promise<number> =>
      (samplesOf((await call(`${admin}/metrics`)).body).get('process_resident_memory_bytes') ?? NaN) / MIB;

    const piece = randomBytes(MIB);
    const hash = createHash('sha256');
    for (let i = 0; i < UPLOAD_MIB; i++) hash.update(piece);
    const before = await rss();
    let most = 0;
    const req = http.request(`${proxy}/api/blobs/sha256:${hash.digest('hex')}`, {
      method: 'POST',
      agent: false,
      headers: { 'transfer-encoding': 'chunked' },
    });
    const answered = once(req, 'response') as Promise<[IncomingMessage]>;
    for (let i = 0; i < UPLOAD_MIB; i++) {
      if (!req.write(piece)) await once(req, 'drain');
      if (i % 16 === 15) most = Math.max(most, await rss());
    }
    req.end();
    const [res] = await answered;
    res.resume();
    expect(res.statusCode).toBe(201);
    console.log(
      `upload of ${UPLOAD_MIB} MiB: resident ${before.toFixed(0)} MiB before, at most ${most.toFixed(0)} MiB`,
    );
    // Buffers that the collector has not freed yet come and go; a body that was held would grow with its size.
    expect(most - before).toBeLessThan(100);
  }, 300_000);
});
