import { Ollama } from 'ollama';
import { describe, expect, it } from 'vitest';
import { changeOf, linesOf, listedBy, startPool, type Pool } from '../support/pool.ts';
import { drained } from '../support/same-outcome.ts';

const MODEL = 'llama3.2:1b';
const three = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

describe('a deletion', () => {
  const everywhere = three.map((each) => ({ ...each, models: [MODEL, 'mistral:7b'] }));
  const remove = (pool: Pool, body: object, id = 'r1') =>
    pool.proxy.call('/api/delete', { method: 'DELETE', body, headers: { 'x-request-id': id } });

  it('reaches every holder, and the list shows it at once', async () => {
    const pool = await startPool([...everywhere, { name: 'd' }]);
    const answer = await remove(pool, { model: '', name: MODEL });
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([200, '', '0']);
    expect(pool.holders(MODEL)).toEqual([]);
    expect(pool.asked('DELETE /api/delete')).toEqual({ a: 1, b: 1, c: 1 });
    expect(await listedBy(pool)).toEqual(['mistral:7b']);
    const { body } = await pool.proxy.admin('GET', 'backends/a');
    expect((body as { models: { name: string }[] }).models.map(({ name }) => name)).toEqual(['mistral:7b']);
    expect(await changeOf(pool)).toMatchObject({ operation: 'delete', servers: { a: 'done', b: 'done', c: 'done' } });
  });

  it('is 404 only when nobody has the model', async () => {
    const pool = await startPool(everywhere);
    const answer = await remove(pool, { model: 'nosuch' });
    expect([answer.status, answer.body]).toEqual([404, `{"error":"model 'nosuch' not found"}`]);
    pool.sim('b').faults.set({ kind: 'status', path: '/api/delete', status: 404, count: 1 });
    expect((await remove(pool, { model: MODEL })).status).toBe(200);
  });

  it('that failed on one of the holders says on which, and on which not', async () => {
    const pool = await startPool(everywhere);
    pool.sim('b').faults.set({ kind: 'status', path: '/api/delete', status: 500, message: 'read-only disk' });
    const answer = await remove(pool, { model: MODEL });
    expect([answer.status, answer.body]).toEqual([500, '{"error":"deleted on a, c; failed on b (read-only disk)"}']);
    expect(answer.headers['x-task-router-error']).toBe('backend_failed');
    expect(pool.holders(MODEL)).toEqual(['b']);
    expect(await changeOf(pool)).toMatchObject({ outcome: 'partial', servers: { b: 'refused: 500 read-only disk' } });
  });

  it('tells of a holder that could not be asked, because the model will come back with it', async () => {
    const pool = await startPool(everywhere);
    await pool.proxy.admin('PATCH', 'backends/c', { enabled: false });
    const answer = await remove(pool, { model: MODEL });
    expect([answer.status, answer.body]).toEqual([
      500,
      '{"error":"deleted on a, b; failed on c (disabled by the operator)"}',
    ]);
    expect(await changeOf(pool)).toMatchObject({ servers: { c: 'not asked: disabled by the operator' } });
  });

  it('takes an alias for its model never, and a model that has the name of one as itself', async () => {
    const pool = await startPool(
      [{ name: 'a', models: [MODEL, 'mine:latest'] }],
      `aliases: { gpt-4o: ${MODEL}, mine: ${MODEL} }\nvirtual_models: { auto: { candidates: [${MODEL}] } }`,
    );
    const alias = await remove(pool, { model: 'gpt-4o' });
    expect([alias.status, JSON.parse(alias.body)]).toEqual([
      404,
      { error: `model 'gpt-4o' not found: it is an alias of this proxy for ${MODEL}, delete that` },
    ]);
    expect((await remove(pool, { model: 'auto' })).status).toBe(400);
    expect((await remove(pool, { model: 'mine' })).status).toBe(200);
    expect(pool.sim('a').models()).toEqual([MODEL]);
  });
});

describe('a copy', () => {
  it('is made on every holder of its source', async () => {
    const pool = await startPool([{ name: 'a', models: [MODEL] }, { name: 'b' }, { name: 'c', models: [MODEL] }]);
    const client = new Ollama({ host: pool.proxy.url });
    await client.copy({ source: MODEL, destination: 'mine' });
    expect(pool.holders('mine:latest')).toEqual(['a', 'c']);
    expect(await listedBy(pool)).toContain('mine:latest');
    await expect(client.copy({ source: 'nosuch', destination: 'x' })).rejects.toThrow('model "nosuch" not found');
  });

  it('has the real source of an alias, and makes no name that an alias would hide', async () => {
    const pool = await startPool([{ name: 'a', models: [MODEL] }], `aliases: { gpt-4o: ${MODEL} }`);
    expect((await pool.proxy.call('/api/copy', { body: { source: 'gpt-4o', destination: 'mine' } })).status).toBe(200);
    expect(pool.holders('mine:latest')).toEqual(['a']);
    const hidden = await pool.proxy.call('/api/copy', { body: { source: MODEL, destination: 'GPT-4o:latest' } });
    expect([hidden.status, JSON.parse(hidden.body)]).toEqual([
      400,
      { error: `"GPT-4o:latest" is an alias of this proxy for ${MODEL}: copy to another name` },
    ]);
  });
});

describe('a create from a model', () => {
  it('is made where its source is, in as many copies as wanted', async () => {
    const servers = [...three.map((each) => ({ ...each, models: [MODEL] })), { name: 'd' }];
    const pool = await startPool(servers, 'changes: { rules: [{ models: ["two*"], copies: 2 }] }');
    const client = new Ollama({ host: pool.proxy.url });
    const parts = await drained(await client.create({ model: 'mine', from: MODEL, system: 'Be brief.', stream: true }));
    expect(parts.at(-1)).toEqual({ status: 'success' });
    expect(parts.filter(({ status }) => status === 'writing manifest')).toHaveLength(1);
    expect(pool.holders('mine:latest')).toEqual(['a', 'b', 'c']);
    await client.create({ model: 'two', from: MODEL });
    expect(pool.holders('two:latest')).toHaveLength(2);
    expect(await listedBy(pool)).toEqual(expect.arrayContaining(['mine:latest', 'two:latest']));
  });

  it('has the real source of an alias, and takes no name that an alias would hide', async () => {
    const pool = await startPool([{ name: 'a', models: [MODEL] }], `aliases: { gpt-4o: ${MODEL} }`);
    const body = { model: 'mine', from: 'gpt-4o', stream: false };
    expect((await pool.proxy.call('/api/create', { body })).status).toBe(200);
    expect(pool.holders('mine:latest')).toEqual(['a']);
    const hidden = await pool.proxy.call('/api/create', { body: { model: 'gpt-4o', from: MODEL } });
    expect(hidden.status).toBe(400);
    expect(pool.sim('a').models().toSorted()).toEqual([MODEL, 'mine:latest'].toSorted());
  });

  it('is asked of all that could fetch it when nobody has the source, and fails in their words', async () => {
    const pool = await startPool(three);
    const answer = await pool.proxy.call('/api/create', { body: { model: 'mine', from: 'nosuch', stream: false } });
    expect([answer.status, answer.body]).toEqual([500, '{"error":"pull model manifest: file does not exist"}']);
    expect(pool.asked('POST /api/create')).toEqual({ a: 1, b: 1, c: 1 });
    const bad = await pool.proxy.call('/api/create', { body: { model: 'mine', stream: false } });
    expect([bad.status, bad.body]).toEqual([400, `{"error":"neither 'from' or 'files' was specified"}`]);
  });
});

describe('a push', () => {
  it('goes to one holder and comes back in its words', async () => {
    const pool = await startPool([{ name: 'a' }, { name: 'b', models: [MODEL] }, { name: 'c', models: [MODEL] }]);
    const answer = await pool.proxy.call('/api/push', { body: { model: MODEL } });
    expect(linesOf(answer.body)).toEqual([
      { status: 'retrieving manifest' },
      { error: expect.stringContaining('signed in') },
    ]);
    const asked = pool.asked('POST /api/push');
    expect([Object.values(asked), Object.keys(asked)[0] === 'a']).toEqual([[1], false]);
  });

  it('goes on to another holder when the first cannot be reached', async () => {
    const pool = await startPool([
      { name: 'a', weight: 9, models: [MODEL] },
      { name: 'b', models: [MODEL] },
    ]);
    await pool.sim('a').kill();
    const answer = await pool.proxy.call('/api/push', { body: { model: MODEL, stream: false } });
    expect([answer.status, answer.headers['x-task-router-attempts']]).toEqual([500, '2']);
    expect(pool.asked('POST /api/push')).toEqual({ b: 1 });
  });
});
