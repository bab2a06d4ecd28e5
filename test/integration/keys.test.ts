import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { startProxy, type ProxyOptions, type TestProxy } from '../support/proxy.ts';
import { authText, bearer, digestHex, keyEntry, keyOf } from '../support/keys.ts';
import { ScriptedBackend, type Call, type Script } from '../support/scripted-backend.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** A whole native answer of so many tokens. */
const answers =
  (promptTokens: number, outputTokens: number): Script =>
  ({ res }) => {
    res.writeHead(200, JSON_TYPE);
    res.end(JSON.stringify({ done: true, prompt_eval_count: promptTokens, eval_count: outputTokens }));
  };

let backend: ScriptedBackend;
beforeEach(async () => {
  backend = await new ScriptedBackend('box', {
    models: ['llama3:8b', 'qwen:7b'],
    otherwise: answers(7, 3),
  }).listen();
});
afterEach(() => backend.refuse());

const start = async (config: string, more: Partial<ProxyOptions> = {}): Promise<TestProxy> => {
  const proxy = await startProxy({ backends: [{ name: 'box', url: backend.url }], config, ...more });
  onTestFinished(() => proxy.stop());
  return proxy;
};

const GENERATE = { model: 'llama3:8b', prompt: 'hello', stream: false };

const generate = (proxy: TestProxy, name: string, more: object = {}, headers: Record<string, string> = {}) =>
  proxy.call('/api/generate', { body: { ...GENERATE, ...more }, headers: { ...bearer(name), ...headers } });

describe('who comes in', () => {
  it.each<[string, Record<string, string>]>([
    ['as a bearer token', bearer('ci')],
    ['whatever the case of the scheme', { authorization: `bEARER ${keyOf('ci')}` }],
    ['as x-api-key', { 'x-api-key': keyOf('ci') }],
    ['as a password', { authorization: `Basic ${Buffer.from(`me:${keyOf('ci')}`).toString('base64')}` }],
    ['as x-api-key beside a token for somebody else', { authorization: 'Bearer other', 'x-api-key': keyOf('ci') }],
  ])('who shows a key %s, and no backend sees it', async (_how, headers) => {
    const proxy = await start(
      authText(keyEntry('ci', { routes: ['inference', 'models:read', 'models:write', 'other'] })),
    );
    const paths: [string, unknown][] = [
      ['/api/generate', GENERATE],
      ['/api/show', { model: 'llama3:8b' }],
      ['/api/copy', { source: 'llama3:8b', destination: 'mine' }],
      [`/api/blobs/sha256:${'0'.repeat(64)}`, 'bytes'],
      ['/api/newer', { model: 'llama3:8b' }],
    ];
    for (const [path, body] of paths) {
      expect((await proxy.call(path, { body, headers: { ...headers, 'x-other': 'kept' } })).status).toBe(200);
    }
    expect(backend.calls.map(({ path }) => path)).toEqual(paths.map(([path]) => path));
    for (const { rawHeaders } of backend.calls) {
      const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      expect(names).not.toContain('authorization');
      expect(names).not.toContain('x-api-key');
      expect(JSON.stringify(rawHeaders)).not.toContain('otr_');
    }
    expect(backend.calls[0]?.headers['x-other']).toBe('kept');
  });

  it.each<[string, Record<string, string>]>([
    ['no key', {}],
    ['an unknown key', { authorization: 'Bearer otr_unknown' }],
    ['a hash instead of its key', { authorization: `Bearer ${digestHex(keyOf('ci'))}` }],
    ['part of a key', { authorization: `Bearer ${keyOf('ci').slice(0, -1)}` }],
    ['a key as a user', { authorization: `Basic ${Buffer.from(`${keyOf('ci')}:`).toString('base64')}` }],
    ['an empty key', { authorization: 'Bearer ', 'x-api-key': '' }],
    ['a key of another scheme', { authorization: `Token ${keyOf('ci')}` }],
  ])('nobody with %s, whatever the route, in the words of its API', async (_what, headers) => {
    const proxy = await start(authText(keyEntry('ci')));
    const native = await proxy.call('/api/chat', { body: { model: 'llama3:8b' }, headers });
    const openai = await proxy.call('/v1/chat/completions', { body: { model: 'llama3:8b' }, headers });
    const anthropic = await proxy.call('/v1/messages', { body: { model: 'llama3:8b' }, headers });
    expect(JSON.parse(native.body)).toEqual({ error: expect.stringContaining('API key') });
    expect(JSON.parse(openai.body)).toMatchObject({ error: { code: 'unauthorized', param: null } });
    expect(JSON.parse(anthropic.body)).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
    const others = ['/', '/api/tags', '/v1/models', '/api/version', '/api/newer'].map((path) =>
      proxy.call(path, { headers }),
    );
    for (const answer of [native, openai, anthropic, ...(await Promise.all(others))]) {
      expect(answer.status).toBe(401);
      expect(answer.headers['x-task-router-error']).toBe('unauthorized');
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    expect(backend.calls).toEqual([]);
    expect((await proxy.metrics()).get('task_router_key_requests_total{key="",outcome="unauthorized"}')).toBe(8);
  });

  it('everybody while there are no keys, whose own credentials then pass', async () => {
    const proxy = await start('');
    expect((await generate(proxy, 'any')).status).toBe(200);
    expect(backend.calls[0]?.headers.authorization).toBe(`Bearer ${keyOf('any')}`);
  });

  it('nobody once the key has expired', async () => {
    let wallMs = Date.parse('2031-05-01T12:00:00Z');
    const proxy = await start(authText(keyEntry('ci', { not_after: '2031-05-01' })), { wall: () => wallMs });
    wallMs = Date.parse('2031-05-01T23:59:59.999Z');
    expect((await generate(proxy, 'ci')).status).toBe(200);
    wallMs += 1;
    const late = await generate(proxy, 'ci');
    expect([late.status, late.body]).toEqual([401, expect.stringContaining('has expired')]);
  });
});

describe('what a key may', () => {
  const config = [
    'aliases: { gpt-4o: "llama3:8b", other: "qwen:7b" }',
    'virtual_models: { auto: { candidates: ["qwen:7b", "llama3:8b"] } }',
    authText(
      keyEntry('llama', { models: ['LLAMA3*'] }),
      keyEntry('alias', { models: ['other'] }),
      keyEntry('all'),
      keyEntry('reader', { routes: ['models:read'] }),
      keyEntry('writer', { routes: ['models:write'], models: ['llama3:8b', 'mine'] }),
    ),
  ].join('\n');

  it('is its models, by their name or by a name for one of them', async () => {
    const proxy = await start(config);
    const asked = async (name: string, model: string) => {
      const answer = await generate(proxy, name, { model });
      return [answer.status, answer.headers['x-task-router-model'] ?? ''];
    };
    expect(await asked('llama', 'llama3:8b')).toEqual([200, '']);
    expect(await asked('llama', 'gpt-4o')).toEqual([200, 'llama3:8b']);
    expect(await asked('llama', 'auto')).toEqual([200, 'llama3:8b']);
    expect(await asked('llama', 'qwen:7b')).toEqual([403, '']);
    expect(await asked('llama', 'other')).toEqual([403, '']);
    expect(await asked('llama', 'nobody-has-this')).toEqual([403, '']);
    expect(await asked('alias', 'other')).toEqual([200, 'qwen:7b']);
    expect(await asked('alias', 'qwen:7b')).toEqual([403, '']);
    expect(await asked('all', 'qwen:7b')).toEqual([200, '']);
    expect(backend.calls).toHaveLength(5);
  });

  it('is shown in the lists, and only that', async () => {
    const proxy = await start(config);
    const tags = async (name: string) => {
      const answer = await proxy.call('/api/tags', { headers: bearer(name) });
      return (JSON.parse(answer.body) as { models: { name: string }[] }).models.map((model) => model.name).sort();
    };
    expect(await tags('llama')).toEqual(['auto:latest', 'gpt-4o:latest', 'llama3:8b']);
    expect(await tags('alias')).toEqual(['other:latest']);
    expect(await tags('all')).toHaveLength(5);
    const list = await proxy.call('/v1/models', { headers: bearer('alias') });
    expect(JSON.parse(list.body)).toMatchObject({ data: [{ id: 'other:latest' }] });
    const ps = await proxy.call('/api/ps', { headers: bearer('llama') });
    expect(JSON.parse(ps.body)).toMatchObject({ models: [{ name: 'llama3:8b' }] });
    const shown = await proxy.call('/api/show', { body: { model: 'auto' }, headers: bearer('llama') });
    expect([shown.status, backend.calls.at(-1)?.body().toString()]).toEqual([200, '{"model":"llama3:8b"}']);
    for (const body of [{ model: 'qwen:7b' }, {}, '{"model":"qwen:7b"} behind']) {
      expect((await proxy.call('/api/show', { body, headers: bearer('llama') })).status).toBe(403);
    }
    expect((await proxy.call('/v1/models/qwen:7b', { headers: bearer('llama') })).status).toBe(403);
  });

  it('is its routes', async () => {
    const rows: [string, string, string, unknown, number][] = [
      ['all', 'DELETE', '/api/delete', { model: 'qwen:7b' }, 403],
      ['all', 'POST', '/api/pull', { model: 'qwen:7b' }, 403],
      ['all', 'POST', '/api/push', { model: 'qwen:7b' }, 403],
      ['all', 'POST', '/api/create', { model: 'x', from: 'qwen:7b' }, 403],
      ['all', 'POST', '/api/copy', { source: 'qwen:7b', destination: 'x' }, 403],
      ['all', 'POST', `/api/blobs/sha256:${'0'.repeat(64)}`, 'x', 403],
      ['all', 'POST', '/api/me', undefined, 403],
      ['all', 'POST', '/api/newer', { model: 'qwen:7b' }, 403],
      ['all', 'GET', '/api/version', undefined, 200],
      ['reader', 'GET', '/api/tags', undefined, 200],
      ['reader', 'POST', '/api/generate', GENERATE, 403],
      ['writer', 'GET', '/api/tags', undefined, 403],
      ['writer', 'POST', '/api/copy', { source: 'llama3:8b', destination: 'mine' }, 200],
      ['writer', 'POST', '/api/copy', { source: 'llama3:8b', destination: 'theirs' }, 403],
      ['writer', 'POST', '/api/create', { model: 'mine', from: 'qwen:7b' }, 403],
      ['writer', 'DELETE', '/api/delete', { model: 'qwen:7b' }, 403],
      ['writer', 'DELETE', '/api/delete', {}, 403],
    ];
    const proxy = await start(config);
    for (const [name, method, path, body, status] of rows) {
      const before = backend.calls.length;
      const answer = await proxy.call(path, { method, headers: bearer(name), ...(body === undefined ? {} : { body }) });
      const row = `${name}: ${method} ${path} ${JSON.stringify(body)}`;
      expect(answer.status, row).toBe(status);
      if (status !== 403) continue;
      expect([answer.headers['x-task-router-error'], backend.calls.length - before], row).toEqual(['forbidden', 0]);
    }
  });

  it('is a class at most, in which its requests are unless they ask for a lower one', async () => {
    const trace = authText(keyEntry('low', { class: 'batch' }), keyEntry('mid', { class: 'normal' }), keyEntry('free'));
    const proxy = await start(`${trace}\nqueue: { max_waiting: 10 }\nrouting: { strategy: least-loaded }`, {
      backends: [{ name: 'box', url: backend.url, slots: 1 }],
    });
    const held: Call[] = [];
    backend.otherwise = (call) => void held.push(call);
    const running = generate(proxy, 'free');
    await backend.call(0);
    const leave = new AbortController();
    const asks: [string, Record<string, string>][] = [
      ['low', {}],
      ['mid', {}],
      ['mid', { 'x-task-router-priority': 'batch' }],
      ['free', { 'x-task-router-priority': 'interactive' }],
    ];
    const waiting = asks.map(([name, headers]) =>
      proxy.call('/api/generate', { body: GENERATE, headers: { ...bearer(name), ...headers }, signal: leave.signal }),
    );
    const ends = Promise.allSettled(waiting);
    await expect
      .poll(async () => (await proxy.admin('GET', 'queue')).body)
      .toMatchObject({ waiting: { interactive: 1, normal: 1, batch: 2 } });
    // Tenants are those of the keys, not addresses.
    const { body } = await proxy.admin('GET', 'queue');
    const tenants = (body as { tenants: { tenant: string }[] }).tenants.map(({ tenant }) => tenant);
    expect(new Set(tenants)).toEqual(new Set(['low', 'mid', 'free']));
    const refused = await generate(proxy, 'low', {}, { 'x-task-router-priority': 'normal' });
    expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('batch at most')]);
    leave.abort();
    await ends;
    for (const call of held) void answers(1, 1)(call);
    await running;
  });

  it('is a choice of the backend where it says so', async () => {
    const second = await new ScriptedBackend('two', { models: ['llama3:8b'], otherwise: answers(1, 1) }).listen();
    onTestFinished(() => second.refuse());
    const both = [backend, second].map(({ name, url }) => ({ name, url }));
    const proxy = await start(authText(keyEntry('pin', { allow_pin: true }), keyEntry('ci')), { backends: both });
    const pinned = (name: string, backendName: string, path = '/api/generate', body: object = GENERATE) =>
      proxy.call(path, { body, headers: { ...bearer(name), 'x-task-router-backend': backendName } });
    for (const name of ['two', 'box', 'two', 'two']) {
      expect((await pinned('pin', name)).headers['x-task-router-backend']).toBe(name);
    }
    expect((await pinned('pin', 'two', '/api/show', { model: 'llama3:8b' })).headers['x-task-router-backend']).toBe(
      'two',
    );
    const before = backend.calls.length + second.calls.length;
    expect((await pinned('ci', 'two')).status).toBe(403);
    expect((await pinned('pin', 'three')).body).toContain('no backend is called');
    expect((await pinned('pin', 'two', '/api/generate', { model: 'qwen:7b' })).status).toBe(503);
    expect(backend.calls.length + second.calls.length).toBe(before);
  });
});

describe('limits', () => {
  const clock = (): ManualClock => new ManualClock(performance.now());

  it('let in as many requests as there may be in any minute, and say when the next one may come', async () => {
    const time = clock();
    const proxy = await start(authText(keyEntry('ci', { requests_per_minute: 3 })), { clock: time });
    const first = await generate(proxy, 'ci');
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '2',
      'x-ratelimit-reset-requests': '1m0s',
    });
    time.advance(10_000);
    await generate(proxy, 'ci');
    await proxy.call('/api/tags', { headers: bearer('ci') });
    time.advance(29_500);
    for (let tries = 0; tries < 3; tries++) {
      const refused = await generate(proxy, 'ci');
      expect([refused.status, refused.headers['x-task-router-error']]).toEqual([429, 'rate_limited']);
      expect(refused.headers).toMatchObject({ 'retry-after': '21', 'x-ratelimit-remaining-requests': '0' });
    }
    time.advance(20_499);
    expect((await generate(proxy, 'ci')).headers['retry-after']).toBe('1');
    time.advance(1);
    expect((await generate(proxy, 'ci')).status).toBe(200);
    expect((await generate(proxy, 'ci')).headers['retry-after']).toBe('10');
    expect(backend.calls).toHaveLength(3);
  });

  it('count a request as running until its last byte is out', async () => {
    const proxy = await start(authText(keyEntry('ci', { concurrent: 2 })));
    const held: Call[] = [];
    backend.otherwise = (call) => {
      call.res.writeHead(200, NDJSON);
      call.res.write('{"response":"a"}\n');
      held.push(call);
    };
    const running = [1, 2].map(() => generate(proxy, 'ci', { stream: true }));
    await Promise.all([backend.call(0), backend.call(1)]);
    const refused = await generate(proxy, 'ci');
    expect([refused.status, refused.headers['retry-after'], refused.body]).toEqual([
      429,
      '1',
      expect.stringContaining('2 requests at a time'),
    ]);
    const reads = await proxy.call('/api/tags', { headers: bearer('ci') });
    expect(reads.status).toBe(429);
    held[0]?.res.end('{"done":true,"prompt_eval_count":1,"eval_count":1}\n');
    await running[0];
    backend.next(answers(1, 1));
    expect((await generate(proxy, 'ci')).status).toBe(200);
    held[1]?.res.destroy();
    await running[1];
    backend.next(answers(1, 1));
    expect((await generate(proxy, 'ci')).status).toBe(200);
  });

  it('hold what requests are expected to take while they run, and count what they took', async () => {
    const time = clock();
    const proxy = await start(authText(keyEntry('ci', { tokens_per_minute: 1_000 })), { clock: time });
    const held: Call[] = [];
    backend.otherwise = (call) => void held.push(call);
    const ask = () => generate(proxy, 'ci', { options: { num_predict: 400 } });
    const running = [ask(), ask()];
    await Promise.all([backend.call(0), backend.call(1)]);
    // 2 × (400 + a few for the prompt) are held: a third one could not be sure of its 400.
    const third = await ask();
    expect([third.status, third.headers['x-task-router-error']]).toEqual([429, 'rate_limited']);
    expect(Number(third.headers['x-ratelimit-remaining-tokens'])).toBeLessThan(200);
    for (const call of held) void answers(20, 30)(call);
    await Promise.all(running);
    backend.otherwise = answers(500, 390);
    const next = await ask();
    expect(next.status).toBe(200);
    // 100 + 890 were really used.
    const full = await ask();
    expect(full.headers).toMatchObject({ 'x-ratelimit-limit-tokens': '1000', 'x-ratelimit-remaining-tokens': '10' });
    expect(full.headers['retry-after']).toBe('60');
    time.advance(60_000);
    expect((await ask()).status).toBe(200);
    expect((await proxy.admin('GET', 'keys')).body).toMatchObject({
      keys: [
        { name: 'ci', totals: { promptTokens: 1_040, outputTokens: 840 }, usage: { tokensReserved: 0, running: 0 } },
      ],
    });
  });

  it('turn to the next day at midnight UTC', async () => {
    let wallMs = Date.parse('2031-05-01T23:00:00Z');
    const proxy = await start(authText(keyEntry('ci', { tokens_per_day: 100 })), { wall: () => wallMs });
    backend.otherwise = answers(60, 40);
    const ask = () => generate(proxy, 'ci', { options: { num_predict: 10 } });
    expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.headers['x-task-router-error']]).toEqual([429, 'quota_exceeded']);
    expect(refused.headers).toMatchObject({
      'retry-after': '3600',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '1h0m0s',
    });
    // Lists cost no tokens.
    expect((await proxy.call('/api/tags', { headers: bearer('ci') })).status).toBe(200);
    wallMs += 3_600_000;
    expect((await ask()).status).toBe(200);
  });

  it.each<[string, string, object, Script, number, number]>([
    [
      'embeddings by their prompts',
      '/api/embed',
      { model: 'llama3:8b', input: ['a', 'b'] },
      ({ res }) => void res.writeHead(200, JSON_TYPE).end('{"embeddings":[[1],[2]],"prompt_eval_count":12}'),
      12,
      0,
    ],
    [
      'an OpenAI stream with usage by that',
      '/v1/chat/completions',
      { model: 'llama3:8b', messages: [], stream: true, stream_options: { include_usage: true } },
      ({ res }) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.end(
          'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}\n\ndata: [DONE]\n\n',
        );
      },
      9,
      4,
    ],
    [
      'a stream without usage by its records',
      '/v1/chat/completions',
      { model: 'llama3:8b', messages: [], stream: true },
      ({ res }) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        const record = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';
        res.end(`${record.repeat(5)}data: {"choices":[{"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`);
      },
      0,
      5,
    ],
    [
      'a stream that was cut by its records',
      '/api/generate',
      { model: 'llama3:8b', prompt: '' },
      ({ res }) => {
        res.writeHead(200, NDJSON);
        res.write('{"response":"a"}\n'.repeat(6));
        setImmediate(() => res.destroy());
      },
      0,
      6,
    ],
    [
      'nothing for an answer that failed',
      '/api/generate',
      { model: 'llama3:8b', prompt: 'x' },
      ({ res }) => void res.writeHead(400, JSON_TYPE).end('{"error":"no"}'),
      0,
      0,
    ],
  ])('count %s', async (_what, path, body, script, promptTokens, outputTokens) => {
    const proxy = await start(authText(keyEntry('ci')));
    backend.next(script);
    await proxy.call(path, { body, headers: bearer('ci') });
    const keys = (await proxy.admin('GET', 'keys')).body as {
      keys: { totals: { promptTokens: number; outputTokens: number } }[];
    };
    expect(keys.keys[0]?.totals).toMatchObject({ outputTokens });
    const prompt = keys.keys[0]?.totals.promptTokens ?? 0;
    if (promptTokens > 0) expect(prompt).toBe(promptTokens);
    else expect(prompt).toBeLessThan(5);
  });

  it('count what went out before the client left', async () => {
    const proxy = await start(authText(keyEntry('ci')));
    const leave = new AbortController();
    backend.next(({ res }) => {
      res.writeHead(200, NDJSON);
      res.write('{"response":"a"}\n'.repeat(4));
    });
    const running = proxy.call('/api/generate', {
      body: { model: 'llama3:8b', prompt: 'word '.repeat(400) },
      headers: bearer('ci'),
      signal: leave.signal,
      onData: () => leave.abort(),
    });
    await running.catch(() => undefined);
    await expect
      .poll(async () => (await proxy.admin('GET', 'keys')).body)
      .toMatchObject({
        keys: [{ totals: { requests: { 'client-left': 1 }, outputTokens: 4 }, usage: { running: 0 } }],
      });
    const { body } = await proxy.admin('GET', 'keys');
    const { promptTokens } = (body as { keys: { totals: { promptTokens: number } }[] }).keys[0]?.totals ?? {};
    expect(promptTokens).toBeGreaterThan(100);
  });

  it('take nothing of a request that another limit refuses', async () => {
    const proxy = await start(authText(keyEntry('ci', { requests_per_minute: 2, tokens_per_day: 50 })));
    const ask = (tokens: number) => generate(proxy, 'ci', { options: { num_predict: tokens } });
    backend.otherwise = answers(20, 10);
    expect((await ask(10)).status).toBe(200);
    for (let tries = 0; tries < 5; tries++)
      expect((await ask(45)).headers['x-task-router-error']).toBe('quota_exceeded');
    expect((await ask(5)).status).toBe(200);
    expect((await ask(1)).headers['x-task-router-error']).toBe('rate_limited');
  });
});

describe('web pages', () => {
  it('see the refusal, may send the headers of keys, and read those that are named', async () => {
    const proxy = await start(
      `cors: { origins: ["https://chat.example"], local: false, headers: [X-Api-Key], expose_headers: [X-Request-Id], max_age: 10m }\n${authText(keyEntry('ci'))}`,
    );
    const origin = 'https://chat.example';
    const preflight = await proxy.call('/api/chat', { method: 'OPTIONS', headers: { origin } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-headers': expect.stringMatching(/,X-Api-Key$/),
      'access-control-max-age': '600',
    });
    const refused = await proxy.call('/api/tags', { headers: { origin } });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
    const read = await proxy.call('/api/tags', { headers: { origin, ...bearer('ci') } });
    expect([read.status, read.headers['access-control-expose-headers']]).toEqual([200, 'X-Request-Id']);
    const local = await proxy.call('/api/tags', { headers: { origin: 'http://localhost:3000', ...bearer('ci') } });
    expect(local.status).toBe(403);
  });
});
