import { Ollama } from 'ollama';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RequestRecord } from '../../src/results/history.ts';
import { until } from '../support/faulty.ts';
import { call, type Answer, type CallOptions } from '../support/http-call.ts';
import { startPool, type Member, type Pool } from '../support/pool.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { ScriptedBackend, type Call, type Script } from '../support/scripted-backend.ts';
import { finAtOnce, garbage, never, once, pieces, resetAtOnce, whole } from '../support/scripts.ts';
import { rawFrame } from '../support/zstd-frames.ts';

const MODEL = 'all-minilm:latest';
const SPLIT = 'embeddings: { split: 16 }';
const NATIVE = '/api/embed';
const OPENAI = '/v1/embeddings';
const ROUTES = [NATIVE, OPENAI] as const;
/** Texts that would break anything that looks for brackets and quotes. */
const AWKWARD = ['"],["', '\\', '\u2028{}', '🙂 ünï', '\u0000', ']}', '<b>&', '\\u005d'];
const texts = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${AWKWARD[i % AWKWARD.length]} text ${i}`);

const sims = (...members: readonly Partial<Member>[]): readonly Member[] =>
  ['a', 'b', 'c'].map((name, i) => ({ name, models: [MODEL], ...members[i] }));
/** An answer without what differs between two runs on one server. */
const timeless = ({ body }: Answer): string => body.replaceAll(/"(total|load)_duration":\d+/g, '"$1_duration":0');
const recordOf = async (proxy: TestProxy, id = 'r1'): Promise<RequestRecord> => {
  await proxy.log.line(({ fields }) => fields['requestId'] === id && 'outcome' in fields);
  return (await proxy.admin('GET', `decisions/${id}`)).body as RequestRecord;
};
const embed = (proxy: TestProxy, path: string, body: unknown, more: CallOptions = {}): Promise<Answer> =>
  proxy.call(path, { ...more, body, headers: { 'x-request-id': 'r1', ...more.headers } });

/** Makes a model on each server, with other files for each other prompt, and has the proxy know of it. */
const createMine = async (pool: Pool, prompts: Readonly<Record<string, string>>): Promise<void> => {
  const { proxy } = pool;
  for (const [name, system] of Object.entries(prompts)) {
    await call(`${pool.sim(name).url}/api/create`, { body: { model: 'mine', from: MODEL, system, stream: false } });
  }
  await until(async () => {
    // Lists are asked for anew.
    await proxy.call('/api/tags');
    const known = JSON.stringify((await proxy.admin('GET', 'backends')).body).match(/"mine:latest"/g);
    return known?.length === Object.keys(prompts).length;
  });
};

describe('a large batch', () => {
  it.each(ROUTES)('is answered on %s as one server would have answered it', async (path) => {
    const pool = await startPool(sims(), SPLIT);
    const body = { model: MODEL, input: texts(60) };
    const [one, split] = [await call(pool.sim('a').url + path, { body }), await embed(pool.proxy, path, body)];
    expect([split.status, split.complete]).toEqual([200, true]);
    expect(split.headers['content-type']).toBe(one.headers['content-type']);
    expect(timeless(split)).toBe(timeless(one));
    expect(pool.asked(`POST ${path}`)).toEqual({ a: 2, b: 1, c: 1 });
  });

  it('keeps its order and its options with a thousand inputs, packed vectors included', async () => {
    const pool = await startPool(sims({ weight: 3 }, { weight: 2 }), SPLIT);
    const input = texts(1_000);
    for (const [path, more] of [
      [NATIVE, { truncate: true, dimensions: 3, keep_alive: '5m', options: { num_ctx: 512 } }],
      [OPENAI, { dimensions: 3, encoding_format: 'base64' }],
    ] as const) {
      const body = { input, model: MODEL, ...more };
      const one = await call(pool.sim('a').url + path, { body });
      expect(timeless(await pool.proxy.call(path, { body }))).toBe(timeless(one));
    }
    expect(pool.asked(`POST ${OPENAI}`)).toEqual({ a: 2, b: 1, c: 1 });
  });

  it('pleases the stock client, and says the wall time of the whole and the longest load', async () => {
    const { proxy } = await startPool(sims(), SPLIT);
    const answer = await new Ollama({ host: proxy.url }).embed({ model: MODEL, input: [...texts(48)] });
    expect(answer.embeddings).toHaveLength(48);
    expect(Number.isInteger(answer.total_duration)).toBe(true);
    expect(answer.load_duration).toBeGreaterThan(0);
    expect(answer.total_duration).toBeGreaterThanOrEqual(answer.load_duration);
  });

  it('names its servers in the headers, and is one request with all its tokens in records and metrics', async () => {
    const { proxy } = await startPool(sims(), SPLIT);
    const answer = await embed(
      proxy,
      NATIVE,
      { model: MODEL, input: texts(48) },
      { headers: { 'x-task-router-explain': '1' } },
    );
    const names = String(answer.headers['x-task-router-backend']).split(', ');
    expect(names.toSorted()).toEqual(['a', 'b', 'c']);
    expect(answer.headers).toMatchObject({
      'x-task-router-attempts': '1',
      'x-task-router-why': '48 inputs split over 3 servers (embeddings.split)',
    });
    const record = await recordOf(proxy);
    expect(record).toMatchObject({ outcome: 'served', status: 200, parallel: true });
    expect(record.attempts.map(({ backend }) => backend).toSorted()).toEqual(['a', 'b', 'c']);
    const { prompt_eval_count: tokens } = JSON.parse(answer.body) as { readonly prompt_eval_count: number };
    expect(record.usage?.promptTokens).toBe(tokens);
    const metrics = await proxy.metrics();
    expect(metrics.get('task_router_tokens_total{direction="in"}')).toBe(tokens);
    expect((await proxy.admin('GET', 'backends')).body).toMatchObject({
      backends: [{ inflight: 0 }, { inflight: 0 }, { inflight: 0 }],
    });
  });

  it('is not split unless that was asked for', async () => {
    const pool = await startPool(sims());
    await embed(pool.proxy, NATIVE, { model: MODEL, input: texts(200) });
    expect(Object.values(pool.asked(`POST ${NATIVE}`))).toEqual([1]);
    expect((await recordOf(pool.proxy)).parallel).toBeUndefined();
  });

  it.each([
    ['has too few inputs', { model: MODEL, input: texts(15) }, 200],
    ['is one text', { model: MODEL, input: 'x'.repeat(100) }, 200],
    ['holds what is no text', { model: MODEL, input: [...texts(20), 1] }, 400],
    ['has a model that nobody has', { model: 'none', input: texts(40) }, 404],
  ])('goes the ordinary way when it %s', async (_what, body, status) => {
    const pool = await startPool(sims(), SPLIT);
    expect((await embed(pool.proxy, NATIVE, body)).status).toBe(status);
    expect((await recordOf(pool.proxy)).parallel).toBeUndefined();
  });

  it('goes only to servers that hold the same files under the name', async () => {
    const pool = await startPool(sims(), SPLIT);
    await createMine(pool, { a: 'x', b: 'y', c: 'x' });
    expect((await embed(pool.proxy, NATIVE, { model: 'mine', input: texts(90) })).status).toBe(200);
    expect(pool.asked(`POST ${NATIVE}`)).toEqual({ a: 1, c: 1 });
  });

  it('tries a failed part only where the same files are', async () => {
    const pool = await startPool(sims(), SPLIT);
    await createMine(pool, { a: 'x', b: 'y', c: 'x' });
    pool.sim('c').faults.set({ kind: 'status', status: 500 });
    expect((await embed(pool.proxy, NATIVE, { model: 'mine', input: texts(90) })).status).toBe(200);
    expect(pool.asked(`POST ${NATIVE}`)).toEqual({ a: 2, c: 1 });
  });

  it('goes to one server when no two hold the same', async () => {
    const pool = await startPool(sims().slice(0, 2), SPLIT);
    await createMine(pool, { a: 'x', b: 'y' });
    expect((await embed(pool.proxy, NATIVE, { model: 'mine', input: texts(90) })).status).toBe(200);
    expect(Object.values(pool.asked(`POST ${NATIVE}`))).toEqual([1]);
  });

  it('survives a server that is killed while it works', async () => {
    const pool = await startPool(sims(), SPLIT);
    const body = { model: MODEL, input: texts(90) };
    const one = timeless(await call(pool.sim('a').url + NATIVE, { body }));
    pool.sim('c').faults.set({ kind: 'hang', path: NATIVE });
    const answer = embed(pool.proxy, NATIVE, body);
    await until(() => pool.asked(`POST ${NATIVE}`)['c'] === 1);
    await pool.sim('c').kill();
    expect(timeless(await answer)).toBe(one);
    const { attempts, outcome } = await recordOf(pool.proxy);
    expect(outcome).toBe('served');
    expect(attempts.map((attempt) => attempt.outcome.kind).toSorted()).toEqual([
      'backend-failed',
      'served',
      'served',
      'served',
    ]);
  });

  it.each(ROUTES)('survives a server that answers 500 on %s', async (path) => {
    const pool = await startPool(sims(), SPLIT);
    const body = { model: MODEL, input: texts(90) };
    const one = timeless(await call(pool.sim('a').url + path, { body }));
    pool.sim('b').faults.set({ kind: 'status', status: 500 });
    const answer = await embed(pool.proxy, path, body);
    expect(timeless(answer)).toBe(one);
    expect(answer.headers['x-task-router-attempts']).toBe('2');
    await recordOf(pool.proxy);
    expect((await pool.proxy.metrics()).get('task_router_retries_total{reason="status-5xx"}')).toBe(1);
  });
});

// ---- scripted servers ----

const vectorOf = (text: string): string => `[${text.length}.50,${text.charCodeAt(0)}e-3]`;
/** Answers as a server does: a vector that tells the text, two tokens for each. */
const embedder: Script = (run) => {
  const { model, input } = JSON.parse(run.body().toString()) as { readonly model: string; readonly input: string[] };
  const vectors = input.map(vectorOf).join(',');
  const counters = `"total_duration":1,"load_duration":${input.length},"prompt_eval_count":${input.length * 2}`;
  return whole(200, `{"model":${JSON.stringify(model)},"embeddings":[${vectors}],${counters}}`)(run);
};
const expected = (input: readonly string[]): string => `"embeddings":[${input.map(vectorOf).join(',')}]`;
const input = Array.from({ length: 48 }, (_, i) => `${String.fromCharCode(65 + (i % 26))}${'x'.repeat(i)}`);
const inputsOf = (sent: Call | undefined): readonly string[] =>
  (JSON.parse(sent?.body().toString() ?? '') as { readonly input: readonly string[] }).input;

interface Scripted {
  readonly proxy: TestProxy;
  readonly servers: readonly [ScriptedBackend, ScriptedBackend, ScriptedBackend];
  readonly ask: (more?: object, options?: CallOptions) => Promise<Answer>;
}

/** Three servers in the order in which they get their shares, each a third of the batch. */
const startScripted = async (config = '', slots?: number): Promise<Scripted> => {
  const listen = (name: string) => new ScriptedBackend(name, { otherwise: embedder }).listen();
  const servers = [await listen('b0'), await listen('b1'), await listen('b2')] as const;
  onTestFinished(async () => {
    for (const server of servers) await server.refuse();
  });
  const proxy = await startProxy({
    backends: servers.map(({ name, url }) => ({ name, url, ...(slots === undefined ? {} : { slots }) })),
    config: `routing: { strategy: round-robin }\nhealth: { interval: 10m, timeout: 20s }\n${SPLIT}\n${config}`,
  });
  onTestFinished(() => proxy.stop());
  return { proxy, servers, ask: (more = {}, options) => embed(proxy, NATIVE, { model: 'm', input, ...more }, options) };
};

/** Nothing runs any more and no breaker has moved. */
const expectNoTrace = async ({ proxy }: Scripted): Promise<void> => {
  const model = { running: 0, breaker: 'closed' };
  const server = { inflight: 0, breaker: 'closed', models: [model] };
  expect((await proxy.admin('GET', 'backends')).body).toMatchObject({ backends: [server, server, server] });
};

const STRICT = 'circuit_breaker: { failure_threshold: 1 }';

describe('a part', () => {
  it('is what the client sent, but for the inputs of the others', async () => {
    const { proxy, servers } = await startScripted('aliases: { mine: m }');
    const quoted = input.map((text) => JSON.stringify(text));
    const body = (model: string, some: readonly string[]): string =>
      `{ "input" :[${some.join(' , ')}], "model":${model} , "x":[1.50]}\n`;
    for (const [asked, sent] of [
      [String.raw`"\u006d"`, String.raw`"\u006d"`],
      ['"mine"', '"m"'],
    ] as const) {
      const answer = await proxy.call(`${NATIVE}?q=1`, {
        body: body(asked, quoted),
        headers: { authorization: 'Bearer c', 'x-task-router-session': 's' },
      });
      expect(answer.body).toContain(expected(input));
      expect(answer.headers['x-task-router-model']).toBe(asked === sent ? undefined : 'm');
      const bodies = servers.map(({ calls }) => calls.at(-1)?.body().toString());
      const parts = [quoted.slice(0, 16), quoted.slice(16, 32), quoted.slice(32)].map((some) => body(sent, some));
      expect(new Set(bodies)).toEqual(new Set(parts));
    }
    for (const { calls } of servers) {
      expect(calls[0]?.path).toBe(`${NATIVE}?q=1`);
      expect(calls[0]?.headers).toMatchObject({ authorization: 'Bearer c', 'accept-encoding': 'identity' });
      expect(calls[0]?.headers['content-length']).toBe(String(calls[0]?.bodyBytes()));
      expect(calls[0]?.headers['x-task-router-session']).toBeUndefined();
    }
  });

  it('goes out in plain bytes where the client had packed the batch', async () => {
    const { proxy, servers } = await startScripted();
    const openai: Script = (run) => {
      const data = inputsOf(run).map((text, index) => ({ object: 'embedding', embedding: [text.length], index }));
      return whole(200, { object: 'list', data, model: 'm', usage: { prompt_tokens: 1, total_tokens: 1 } })(run);
    };
    for (const server of servers) server.otherwise = openai;
    const packed = rawFrame(Buffer.from(JSON.stringify({ model: 'm', input })));
    const answer = await proxy.call(OPENAI, { body: packed, headers: { 'content-encoding': 'zstd' } });
    const { data, usage } = JSON.parse(answer.body) as { readonly data: readonly object[]; readonly usage: object };
    expect(data).toEqual(input.map((text, index) => ({ object: 'embedding', embedding: [text.length], index })));
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    for (const { calls } of servers) expect(calls[0]?.headers['content-encoding']).toBeUndefined();
  });

  const failures: readonly [what: string, script: Script][] = [
    ['is reset before its answer', resetAtOnce],
    ['is closed before its answer', finAtOnce],
    ['dies in the middle of its vectors', pieces('application/json', ['{"model":"m","embeddings":[[1,'], 'reset')],
    ['is answered with too few vectors', whole(200, '{"model":"m","embeddings":[[1]]}')],
    ['is answered with no JSON', whole(200, '<html>')],
    ['is answered with no HTTP', garbage],
    ['meets a full server', whole(503, { error: 'server busy' })],
    ['meets a server that has lost the model', whole(404, { error: 'model "m" not found, try pulling it first' })],
    ['meets a server without the route', whole(404, '404 page not found', { 'content-type': 'text/plain' })],
    ['meets a server that cannot', whole(400, { error: 'this model does not support embeddings' })],
  ];
  it.each(failures)('that %s is tried on another server', async (_what, script) => {
    const { proxy, servers, ask } = await startScripted();
    servers[1].next(script);
    const answer = await ask();
    expect(answer.body).toContain(expected(input));
    expect(JSON.parse(answer.body)).toMatchObject({ prompt_eval_count: 96, load_duration: 16 });
    expect(servers[1].calls).toHaveLength(1);
    expect(servers[0].calls.length + servers[2].calls.length).toBe(3);
    const { outcome, attempts } = await recordOf(proxy);
    expect([outcome, attempts.length, attempts.at(-1)?.outcome.kind]).toEqual(['served', 4, 'served']);
  });

  it('that stands still in its answer is given up and tried on another server', async () => {
    const { servers, ask } = await startScripted('limits: { stream_idle_timeout: 150ms }');
    servers[2].next(pieces('application/json', ['{"model":"m","embeddings":[[1,'], 'stall'));
    expect((await ask()).body).toContain(expected(input));
    await (
      await servers[2].call(0)
    ).hungUp;
  });

  it('waits for a slot of another server when its own has failed', async () => {
    const { servers, ask, proxy } = await startScripted('', 1);
    const failed = servers[0].call(0).then(({ closed }) => closed);
    servers[0].next(resetAtOnce);
    for (const server of [servers[1], servers[2]]) server.next(once(failed, embedder));
    expect((await ask()).body).toContain(expected(input));
    expect((await recordOf(proxy)).attempts).toHaveLength(4);
  });

  it('is tried on a server that has failed it once no other is left, as often as attempts are permitted', async () => {
    const { proxy, servers, ask } = await startScripted('retry: { max_attempts: 4 }');
    for (const server of servers) {
      server.otherwise = (run) => (inputsOf(run)[0] === input[0] ? resetAtOnce(run) : embedder(run));
    }
    const answer = await ask();
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([502, 'backend_failed']);
    expect((JSON.parse(answer.body) as { readonly error: string }).error).toMatch(/^4 attempts failed; the last one: /);
    const record = await recordOf(proxy);
    expect(record).toMatchObject({ outcome: 'failed', status: 502 });
    // Not by what the servers saw: what breaks on a kept connection is sent once more within an attempt.
    const resets = servers.map(
      ({ name }) =>
        record.attempts.filter(({ backend, outcome }) => backend === name && outcome.kind === 'backend-failed').length,
    );
    expect([Math.min(...resets), Math.max(...resets)]).toEqual([1, 2]);
  });

  it('takes no slot that another request has, and none beyond them', async () => {
    const { servers, ask, proxy } = await startScripted('', 1);
    servers[0].next(never);
    const leaving = new AbortController();
    const busy = proxy.call(NATIVE, { body: { model: 'm', input: 'x' }, signal: leaving.signal }).catch(() => {});
    await servers[0].call(0);
    expect((await ask()).body).toContain(expected(input));
    expect(servers.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    leaving.abort();
    await busy;
  });
});

describe('a batch that fails', () => {
  it('has the answer that a server gave it for its own fault, and the other parts are stopped', async () => {
    const scripted = await startScripted(STRICT);
    const { servers, ask, proxy } = scripted;
    const error = { error: 'the input length exceeds the context length' };
    for (const server of [servers[0], servers[2]]) server.next(never);
    servers[1].next(whole(400, error, { 'x-kept': '1' }));
    const answer = await ask();
    expect([answer.status, JSON.parse(answer.body), answer.headers['x-kept']]).toEqual([400, error, '1']);
    expect(answer.headers['x-task-router-error']).toBeUndefined();
    for (const server of [servers[0], servers[2]]) await (await server.call(0)).hungUp;
    expect(servers.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect(await recordOf(proxy)).toMatchObject({ outcome: 'client-error', status: 400 });
    await expectNoTrace(scripted);
  });

  it('has the word of a server when all have lost the model', async () => {
    const { servers, ask } = await startScripted();
    const error = { error: 'model "m" not found, try pulling it first' };
    for (const server of servers) server.otherwise = whole(404, error);
    const answer = await ask();
    expect([answer.status, JSON.parse(answer.body)]).toEqual([404, error]);
  });

  it('has an error of the proxy in the dialect of its route when a part failed everywhere', async () => {
    const { servers, proxy } = await startScripted();
    for (const server of servers) server.otherwise = whole(500, { error: 'model runner has unexpectedly stopped' });
    const answer = await embed(proxy, OPENAI, { model: 'm', input });
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { type: 'api_error', code: 'backend_failed' } });
  });

  it('ends at its deadline, and nobody is blamed', async () => {
    const scripted = await startScripted(STRICT);
    for (const server of scripted.servers) server.otherwise = never;
    const answer = await scripted.ask({}, { headers: { 'x-task-router-deadline': '100ms' } });
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([504, 'deadline_exceeded']);
    for (const server of scripted.servers) await (await server.call(0)).hungUp;
    await expectNoTrace(scripted);
  });
});

describe('a client that leaves', () => {
  it('stops every part, and nobody is blamed', async () => {
    const scripted = await startScripted(STRICT);
    const { servers, ask, proxy } = scripted;
    servers[0].next(never);
    servers[1].next(pieces('application/json', ['{"model":"m","embeddings":[[1,'], 'stall'));
    const leaving = new AbortController();
    const asked = ask({}, { signal: leaving.signal }).catch(() => {});
    for (const server of servers) await server.call(0);
    leaving.abort();
    await asked;
    for (const server of [servers[0], servers[1]]) await (await server.call(0)).hungUp;
    expect(await recordOf(proxy)).toMatchObject({ outcome: 'client-left', status: 499 });
    expect(servers.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    await expectNoTrace(scripted);
  });

  it('gives up the place of a part that waits for a slot', async () => {
    const scripted = await startScripted('', 1);
    const { servers, ask, proxy } = scripted;
    servers[0].next(resetAtOnce);
    for (const server of [servers[1], servers[2]]) server.next(never);
    const leaving = new AbortController();
    const asked = ask({}, { signal: leaving.signal }).catch(() => {});
    const waiting = async (): Promise<unknown> => (await proxy.admin('GET', 'queue')).body;
    await until(async () => JSON.stringify(await waiting()).includes('"normal":1'));
    leaving.abort();
    await asked;
    expect(await recordOf(proxy)).toMatchObject({ outcome: 'client-left', status: 499 });
    expect(await waiting()).toMatchObject({ waiting: { interactive: 0, normal: 0, batch: 0 } });
    expect(servers.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
  });
});
