import { Ollama } from 'ollama';
import { describe, expect, it } from 'vitest';
import { drained } from '../support/same-outcome.ts';
import { changeOf, linesOf, listedBy, startPool, type Pool } from '../support/pool.ts';

const MODEL = 'llama3.2:1b';
const SIZE = 1_320_000_000;
const three = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

const pull = (pool: Pool, body: object, id = 'r1') =>
  pool.proxy.call('/api/pull', { body, headers: { 'x-request-id': id } });
const bars = (lines: ReturnType<typeof linesOf>) => lines.filter(({ digest }) => digest !== undefined);

describe('a pull', () => {
  it('goes to every server and is one stream of the stock client, however different their speeds', async () => {
    const pool = await startPool([
      { name: 'a', pullBytesPerSecond: 1e10 },
      { name: 'b', pullBytesPerSecond: 5e9 },
      { name: 'c', pullBytesPerSecond: 3e9 },
    ]);
    const client = new Ollama({ host: pool.proxy.url });
    const parts = await drained(await client.pull({ model: MODEL, stream: true }));
    expect(pool.holders(MODEL)).toEqual(['a', 'b', 'c']);
    expect(await listedBy(pool)).toEqual([MODEL]);
    const statuses = [...new Set(parts.map(({ status }) => status))];
    expect(statuses).toEqual([
      'pulling manifest',
      expect.stringMatching(/^pulling [0-9a-f]{12}$/),
      'verifying sha256 digest',
      'writing manifest',
      'success',
    ]);
    const moved = parts.filter(({ digest }) => digest !== undefined);
    expect(new Set(moved.map(({ total }) => total))).toEqual(new Set([3 * SIZE]));
    const completed = moved.map((part) => part.completed);
    expect(completed).toEqual(completed.toSorted((x, y) => x - y));
    expect(completed.at(-1)).toBe(3 * SIZE);
    expect(completed.length).toBeGreaterThan(3);
  });

  it('names a server that failed and ends well on the others', async () => {
    const pool = await startPool(three.map((each) => ({ ...each, pullBytesPerSecond: 3e9 })));
    pool.sim('b').faults.set({ kind: 'error-line', path: '/api/pull', afterLines: 4, message: 'no space left' });
    const answer = await pull(pool, { model: MODEL });
    const lines = linesOf(answer.body);
    expect([answer.status, answer.complete, answer.headers['content-type']]).toEqual([
      200,
      true,
      'application/x-ndjson',
    ]);
    expect(answer.headers['x-task-router-backend']).toBe('a, b, c');
    expect(lines.slice(-2)).toEqual([{ status: 'done on a, c; failed on b (no space left)' }, { status: 'success' }]);
    expect(bars(lines).at(-1)).toMatchObject({ total: 3 * SIZE, completed: 3 * SIZE });
    expect(pool.holders(MODEL)).toEqual(['a', 'c']);
    expect(await changeOf(pool)).toMatchObject({
      operation: 'pull',
      model: MODEL,
      outcome: 'partial',
      servers: { a: 'done', b: 'failed: no space left', c: 'done' },
    });
    expect(
      (await pool.proxy.metrics()).get('task_router_model_changes_total{operation="pull",outcome="partial"}'),
    ).toBe(1);
  });

  it('tells the stock client of a server that failed, and does not throw', async () => {
    const pool = await startPool(three.map((each) => ({ ...each, pullBytesPerSecond: 3e9 })));
    pool.sim('b').faults.set({ kind: 'cut', path: '/api/pull', afterLines: 5 });
    const client = new Ollama({ host: pool.proxy.url });
    const parts = await drained(await client.pull({ model: MODEL, stream: true }));
    expect(parts.slice(-2)).toEqual([
      { status: expect.stringMatching(/^done on a, c; failed on b \(died in mid-answer: /) },
      { status: 'success' },
    ]);
    expect(pool.holders(MODEL)).toEqual(['a', 'c']);
  });

  it('goes on when a server dies at 60 %', async () => {
    const pool = await startPool(three.map((each) => ({ ...each, pullBytesPerSecond: 2e9 })));
    let killed: Promise<void> | undefined;
    const answer = await pool.proxy.call('/api/pull', {
      body: { model: MODEL },
      onData: (chunk) => {
        const completed = Number(/"completed":(\d+)\}\n$/.exec(chunk.toString())?.[1] ?? 0);
        if (completed > 0.6 * 3 * SIZE) killed ??= pool.sim('b').kill();
      },
    });
    await killed;
    const lines = linesOf(answer.body);
    expect(lines.slice(-2)).toEqual([
      { status: expect.stringMatching(/^done on a, c; failed on b \(died in mid-answer: /) },
      { status: 'success' },
    ]);
    const completed = bars(lines).map((line) => Number(line['completed']));
    expect(completed).toEqual(completed.toSorted((x, y) => x - y));
    expect(completed.at(-1)).toBe(3 * SIZE);
    expect(pool.holders(MODEL)).toEqual(['a', 'c']);
  });

  it('of a model that no registry has fails as it does on one server, as a stream and without', async () => {
    const pool = await startPool(three);
    const error = 'pull model manifest: file does not exist';
    const streamed = await pull(pool, { model: 'nosuch:1b' });
    expect([streamed.status, streamed.complete, streamed.body]).toEqual([
      200,
      true,
      `{"status":"pulling manifest"}\n{"error":"${error}"}\n`,
    ]);
    const whole = await pull(pool, { name: 'nosuch:1b', stream: false }, 'r2');
    expect([whole.status, whole.body, whole.headers['content-type']]).toEqual([
      500,
      `{"error":"${error}"}`,
      'application/json',
    ]);
    await expect(new Ollama({ host: pool.proxy.url }).pull({ model: 'nosuch:1b' })).rejects.toThrow(error);
    expect(await changeOf(pool, 'r2')).toMatchObject({ outcome: 'failed' });
    expect((await pool.proxy.metrics()).get('task_router_retries_total{reason="error-line"}')).toBeUndefined();
  });

  it('without a stream is one word of success, and the names of who failed', async () => {
    const pool = await startPool(three);
    const good = await pull(pool, { model: MODEL, stream: false });
    expect([good.status, good.body]).toEqual([200, '{"status":"success"}']);
    pool.sim('c').faults.set({ kind: 'status', path: '/api/pull', status: 500, message: 'no space left' });
    const partial = await pull(pool, { model: MODEL, stream: false }, 'r2');
    expect([partial.status, JSON.parse(partial.body)]).toEqual([
      200,
      { status: 'success', warning: 'done on a, b; failed on c (no space left)' },
    ]);
  });

  it('goes where the rules say: tags, copies, and one holder when one is enough', async () => {
    const config = 'changes: { copies: 2, rules: [{ models: ["*8b*"], copies: any, tags: [big] }] }';
    const pool = await startPool(
      [
        { name: 'a' },
        { name: 'b', tags: ['big'] },
        { name: 'c', tags: ['big', 'nvme'], models: ['llama3.1:8b'] },
        { name: 'd', weight: 3 },
      ],
      config,
    );
    await pull(pool, { model: 'llama3.1:8b', stream: false });
    await pull(pool, { model: 'qwen3:8b', stream: false });
    expect(pool.holders('llama3.1:8b')).toEqual(['c']);
    expect(pool.holders('qwen3:8b')).toEqual(['b']);
    expect(pool.asked('POST /api/pull')).toEqual({ b: 1, c: 1 });
    await pull(pool, { model: 'mistral:7b', stream: false });
    expect(pool.holders('mistral:7b')).toEqual(['a', 'd']);
  });

  it('asks neither a draining nor a disabled nor a dead server', async () => {
    const pool = await startPool([...three, { name: 'd' }]);
    await pool.proxy.admin('PATCH', 'backends/a', { drain: true });
    await pool.proxy.admin('PATCH', 'backends/b', { enabled: false });
    await pool.sim('c').kill();
    for (let i = 0; i < 4; i++) await pool.proxy.app.probed();
    const answer = await pull(pool, { model: MODEL, stream: false });
    expect(pool.holders(MODEL)).toEqual(['d']);
    expect(answer.status).toBe(200);
  });

  it('has the real model of an alias, and none of a virtual one', async () => {
    const config = `aliases: { gpt-4o: ${MODEL} }\nvirtual_models: { auto: { candidates: [m1, m2] } }`;
    const pool = await startPool(three, config);
    expect((await pull(pool, { model: 'gpt-4o', stream: false })).headers['x-task-router-model']).toBe(MODEL);
    expect(pool.holders(MODEL)).toEqual(['a', 'b', 'c']);
    const refused = await pull(pool, { model: 'auto' }, 'r2');
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      400,
      { error: '"auto" is a virtual model of this proxy: pull one that it stands for (m1, m2)' },
    ]);
    expect(await changeOf(pool, 'r2')).toMatchObject({ operation: 'pull', outcome: 'refused', servers: {} });
  });

  it('is refused in the server’s words when it names no model', async () => {
    const pool = await startPool(three);
    for (const body of [{}, '{"model":', '', { model: 7 }]) {
      const answer = await pool.proxy.call('/api/pull', { method: 'POST', body });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toHaveProperty('error');
      expect(answer.headers['x-task-router-error']).toBeUndefined();
    }
  });

  it('of the same model at the same time goes to the same server', async () => {
    const slow = { pullBytesPerSecond: 2e9 };
    const pool = await startPool(
      [
        { name: 'a', ...slow },
        { name: 'b', ...slow },
      ],
      'changes: { copies: any }',
    );
    let second: Promise<unknown> | undefined;
    const first = pool.proxy.call('/api/pull', {
      body: { model: MODEL },
      onData: () => {
        second ??= pull(pool, { model: MODEL });
      },
    });
    await first;
    await second;
    expect(Object.values(pool.asked('POST /api/pull'))).toEqual([2]);
    expect(pool.holders(MODEL)).toHaveLength(1);
  });

  it('tells that no server can be asked', async () => {
    const pool = await startPool(
      [{ name: 'a', tags: ['big'] }, { name: 'b' }],
      'changes: { rules: [{ models: ["*"], tags: [big] }] }',
    );
    await pool.proxy.admin('PATCH', 'backends/a', { enabled: false });
    const tagged = await pull(pool, { model: MODEL });
    expect([tagged.status, tagged.headers['x-task-router-error']]).toEqual([503, 'no_backend']);
    expect(tagged.body).toContain('the tags that changes.rules ask for (big)');
    await pool.proxy.admin('PATCH', 'backends/b', { drain: true });
    expect((await pull(pool, { model: MODEL })).body).toContain('a: disabled by the operator; b: draining');
  });
});
