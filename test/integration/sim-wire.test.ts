import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { ndjson, openRaw, raw, rawRequest, type RawAnswer } from '../unit/sim/support/raw-http.ts';

let sim: SimServer;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, outputTokens: 6 });
});
afterAll(() => sim.close());

const ask = (...request: Parameters<typeof rawRequest>): Promise<RawAnswer> => raw(sim.port, ...request);
const names = (answer: RawAnswer): string[] => answer.headers.map((header) => header.slice(0, header.indexOf(':')));
const header = (answer: RawAnswer, name: string): string | undefined =>
  answer.headers.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
const events = (answer: RawAnswer): string[] =>
  answer.body.split('\n\n').flatMap((block) => (block === '' ? [] : [/data: (.*)$/s.exec(block)?.[1] ?? '']));
const parsed = (text: string | undefined): Record<string, unknown> => JSON.parse(text ?? '') as Record<string, unknown>;

const hello = [{ role: 'user', content: 'Good morning <friend> & co.' }];
const CHAT = 'llama3.2:3b';
const THINKER = 'qwen3:8b';
const EMBEDDER = 'nomic-embed-text';

describe('framing', () => {
  it('answers the root in plain text with its length, and HEAD with the same head', async () => {
    const get = await ask('GET', '/');
    expect([get.line, get.body, names(get)]).toEqual([
      'HTTP/1.1 200 OK',
      'Ollama is running',
      ['Content-Type', 'Date', 'Content-Length'],
    ]);
    const head = await ask('HEAD', '/');
    expect([head.body, header(head, 'Content-Length')]).toEqual(['', '17']);
  });

  it('sends small JSON with a length and large JSON in chunks', async () => {
    const small = await ask('GET', '/api/version');
    expect([small.framing, small.body]).toEqual(['length', '{"version":"0.32.15"}']);
    const large = await ask('POST', '/api/show', { model: CHAT });
    expect([large.framing, large.complete]).toEqual(['chunked', true]);
    expect(large.body.endsWith('\n')).toBe(false);
  });

  it('streams a record a line and keeps the connection', async () => {
    const stream = await ask('POST', '/api/chat', { model: CHAT, messages: hello });
    expect(names(stream)).toEqual(['Content-Type', 'Date', 'Transfer-Encoding']);
    expect(header(stream, 'Content-Type')).toBe('application/x-ndjson');
    expect(stream.chunks).toHaveLength(7);
    expect(stream.chunks.every((chunk) => chunk.endsWith('}\n'))).toBe(true);
  });

  it('sends no head before the first token', async () => {
    const slow = await startSim({ timeScale: 1, models: [CHAT], outputTokens: 1 });
    const call = openRaw(slow.port, rawRequest('POST', '/api/chat', { model: CHAT, messages: hello }));
    let bytes = 0;
    call.socket.on('data', (data: Buffer) => (bytes += data.length));
    // The probe is answered while the load, which takes seconds, goes on.
    while (slow.state().models[CHAT]?.loading !== true) await raw(slow.port, 'GET', '/api/version');
    expect(bytes).toBe(0);
    expect((await raw(slow.port, 'GET', '/api/ps')).body).toBe('{"models":[]}');
    await slow.close();
    expect((await call.answer).line).toBe('');
  });
});

describe('native answers', () => {
  it('end a chat stream with counts and nanoseconds, and echo the name as asked', async () => {
    const lines = ndjson(await ask('POST', '/api/chat', { model: 'LLAMA3.2:3B', messages: hello }));
    expect(Object.keys(lines[0] ?? {})).toEqual(['model', 'created_at', 'message', 'done']);
    const last = lines.at(-1) ?? {};
    expect(Object.keys(last)).toEqual([
      'model',
      'created_at',
      'message',
      'done',
      'done_reason',
      'total_duration',
      'load_duration',
      'prompt_eval_count',
      'prompt_eval_duration',
      'eval_count',
      'eval_duration',
    ]);
    expect(last).toMatchObject({ model: 'LLAMA3.2:3B', done: true, done_reason: 'stop', eval_count: 6 });
    expect(Number.isInteger(last['total_duration'])).toBe(true);
  });

  it('say the same streamed and whole', async () => {
    const body = { model: CHAT, messages: hello, options: { seed: 5 } };
    const streamed = ndjson(await ask('POST', '/api/chat', body));
    const whole = parsed((await ask('POST', '/api/chat', { ...body, stream: false })).body);
    const text = streamed.map((line) => (line['message'] as { content: string }).content).join('');
    expect((whole['message'] as { content: string }).content).toBe(text);
  });

  it('give a generate its context, but not with raw', async () => {
    const body = { model: CHAT, prompt: 'count', stream: false };
    const plain = parsed((await ask('POST', '/api/generate', body)).body);
    expect(plain['context']).toHaveLength((plain['prompt_eval_count'] as number) + 6);
    expect(parsed((await ask('POST', '/api/generate', { ...body, raw: true })).body)).not.toHaveProperty('context');
  });

  it('load and unload with one object even where a stream is the default', async () => {
    const load = await ask('POST', '/api/chat', { model: CHAT, messages: [] });
    expect([load.framing, header(load, 'Content-Type')]).toEqual(['length', 'application/json; charset=utf-8']);
    expect(parsed(load.body)).toMatchObject({ done: true, done_reason: 'load' });
    const unload = await ask('POST', '/api/generate', { model: CHAT, keep_alive: 0 });
    expect(parsed(unload.body)).toMatchObject({ response: '', done: true, done_reason: 'unload' });
    expect((await ask('GET', '/api/ps')).body).not.toContain(CHAT);
  });

  it('list a loaded model with what it holds, and centuries ahead when it stays for good', async () => {
    await ask('POST', '/api/generate', { model: CHAT, keep_alive: -1, options: { num_ctx: 2048 } });
    const { models } = parsed((await ask('GET', '/api/ps')).body) as { models: Record<string, unknown>[] };
    expect(models[0]).toMatchObject({
      name: CHAT,
      context_length: 2048,
      expires_at: expect.stringMatching(/^23/) as unknown,
    });
    expect(models[0]?.['size_vram']).toBe(models[0]?.['size']);
  });

  it('think first where the model can, unless told not to', async () => {
    const lines = ndjson(await ask('POST', '/api/chat', { model: THINKER, messages: hello }));
    expect(lines[0]).toMatchObject({ message: { content: '', thinking: expect.any(String) as unknown } });
    const quiet = await ask('POST', '/api/chat', { model: THINKER, messages: hello, think: false });
    expect(quiet.body).not.toContain('thinking');
  });

  it('count thoughts against the limit', async () => {
    for (const limit of [1, 4]) {
      const body = { model: THINKER, messages: hello, stream: false, options: { num_predict: limit } };
      expect(parsed((await ask('POST', '/api/chat', body)).body)).toMatchObject({
        eval_count: limit,
        done_reason: 'length',
      });
    }
  });

  it('call a tool when the user says so', async () => {
    const tools = [
      { type: 'function', function: { name: 'look', parameters: { properties: { city: { type: 'string' } } } } },
    ];
    const messages = [{ role: 'user', content: 'tool: the weather' }];
    const lines = ndjson(await ask('POST', '/api/chat', { model: CHAT, messages, tools }));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      message: {
        tool_calls: [{ id: expect.stringMatching(/^call_/) as unknown, function: { index: 0, name: 'look' } }],
      },
    });
  });

  it('carry log probabilities when asked', async () => {
    const body = { model: CHAT, messages: hello, stream: false, logprobs: true, top_logprobs: 2 };
    const { logprobs } = parsed((await ask('POST', '/api/chat', body)).body) as { logprobs: unknown[] };
    expect(logprobs).toHaveLength(6);
    expect(logprobs[0]).toMatchObject({ top_logprobs: { length: 2 } });
  });

  it('escape as Go does', async () => {
    const listed = await ask('POST', '/api/show', { model: CHAT });
    expect(listed.body).toContain('\\u003c');
    expect(listed.body).not.toContain('<');
  });

  it('name what came from the cache from 0.33.3 on', async () => {
    const newer = await startSim({ version: '0.33.3', timeScale: 0.001, models: [CHAT], outputTokens: 2 });
    const send = () => raw(newer.port, 'POST', '/api/chat', { model: CHAT, messages: hello, stream: false });
    expect((await send()).body).not.toContain('prompt_eval_cached_count');
    const again = parsed((await send()).body);
    expect(again['prompt_eval_cached_count']).toBe((again['prompt_eval_count'] as number) - 1);
    await newer.close();
  });
});

describe('requests', () => {
  it('are read whatever their content type, key case, duplicates and trailing bytes', async () => {
    const body = `{"MODEL":"nosuch","Model":"${CHAT}","messages":[],"keep_alive":0} trailing`;
    const answer = await ask('POST', '/api/chat', body, { 'Content-Type': 'application/x-www-form-urlencoded' });
    expect(parsed(answer.body)).toMatchObject({ done_reason: 'unload' });
  });

  it.each([
    ['POST', '/api/chat', '', 400, '{"error":"missing request body"}'],
    ['POST', '/api/chat', '{"model":', 400, '{"error":"unexpected EOF"}'],
    ['POST', '/api/chat', { messages: hello }, 400, '{"error":"model is required"}'],
    ['POST', '/api/generate', { prompt: 'x' }, 404, `{"error":"model '' not found"}`],
    ['POST', '/api/chat', { model: 'absent', messages: hello }, 404, `{"error":"model 'absent' not found"}`],
    [
      'POST',
      '/api/embed',
      { model: 'absent', input: 'x' },
      404,
      '{"error":"model \\"absent\\" not found, try pulling it first"}',
    ],
    ['POST', '/api/copy', { source: 'absent', destination: 'y' }, 404, '{"error":"model \\"absent\\" not found"}'],
    ['DELETE', '/api/delete', { name: 'absent' }, 404, `{"error":"model 'absent' not found"}`],
    [
      'POST',
      '/api/chat',
      { model: CHAT, messages: hello, think: true },
      400,
      `{"error":"\\"${CHAT}\\" does not support thinking"}`,
    ],
    [
      'POST',
      '/api/chat',
      { model: EMBEDDER, messages: hello },
      400,
      `{"error":"\\"${EMBEDDER}\\" does not support chat"}`,
    ],
    [
      'POST',
      '/api/generate',
      { model: CHAT, prompt: 'x', options: { top_k: 'many' } },
      500,
      '{"error":"option \\"top_k\\" must be of type integer"}',
    ],
    [
      'POST',
      '/api/generate',
      { model: CHAT, prompt: 'x', keep_alive: '300' },
      400,
      '{"error":"time: missing unit in duration \\"300\\""}',
    ],
    ['POST', '/api/embed', { model: CHAT, input: 'x' }, 501, '{"error":"this model does not support embeddings"}'],
    [
      'POST',
      '/api/chat',
      { model: 'gpt-oss:120b-cloud', messages: hello },
      403,
      '{"error":"ollama cloud is disabled: remote inference is unavailable"}',
    ],
    [
      'POST',
      '/v1/chat/completions',
      '',
      400,
      '{"error":{"message":"EOF","type":"invalid_request_error","param":null,"code":null}}',
    ],
    [
      'POST',
      '/v1/chat/completions',
      { model: 'absent', messages: hello },
      404,
      `{"error":{"message":"model 'absent' not found","type":"not_found_error","param":null,"code":null}}\n`,
    ],
  ])('%s %s with %j is refused with %i', async (method, path, body, status, text) => {
    const answer = await ask(method, path, body);
    expect([answer.status, answer.body]).toEqual([status, text]);
  });

  it('with a bad format fail in chunks where a stream was asked for', async () => {
    const bad = { model: CHAT, prompt: 'x', format: 'yaml' };
    const streamed = await ask('POST', '/api/generate', bad);
    expect([streamed.status, streamed.framing, header(streamed, 'Content-Type')]).toEqual([
      500,
      'chunked',
      'application/json',
    ]);
    const whole = await ask('POST', '/api/generate', { ...bad, stream: false });
    expect([whole.status, whole.framing]).toEqual([500, 'length']);
  });
});

describe('paths, methods and origins', () => {
  it.each([
    ['GET', '/api/nothing', 404, 'text/plain', '404 page not found'],
    ['GET', '/api/chat', 405, 'text/plain', '405 method not allowed'],
    ['HEAD', '/api/ps', 405, 'text/plain', ''],
    ['GET', '/v1/models/a%2Fb', 404, 'text/plain', '404 page not found'],
  ])('%s %s is %i', async (method, path, status, type, body) => {
    const answer = await ask(method, path);
    expect([answer.status, header(answer, 'Content-Type'), answer.body]).toEqual([status, type, body]);
  });

  it('name the allowed methods, HEAD first', async () => {
    expect(header(await ask('DELETE', '/api/tags'), 'Allow')).toBe('HEAD, GET');
  });

  it('redirect a double slash with 307 and keep the query', async () => {
    const post = await ask('POST', '//api/chat?x=1', {});
    expect([post.status, header(post, 'Location'), post.body]).toEqual([307, '/api/chat?x=1', '']);
    expect((await ask('GET', '/api/../api/tags')).body).toBe('<a href="/api/tags">Temporary Redirect</a>.\n\n');
  });

  it('redirect a trailing slash only where the method has the route', async () => {
    expect((await ask('GET', '/api/version/')).status).toBe(301);
    expect((await ask('POST', '/api/chat/', {})).status).toBe(307);
    expect((await ask('POST', '/api/version/', {})).status).toBe(404);
  });

  it('answer a good origin, preflight included, and refuse a foreign one for every method', async () => {
    const good = await ask('GET', '/api/version', undefined, { Origin: 'http://localhost:5173' });
    expect([header(good, 'Access-Control-Allow-Origin'), header(good, 'Vary')]).toEqual([
      'http://localhost:5173',
      'Origin',
    ]);
    const preflight = await ask('OPTIONS', '/api/chat', undefined, { Origin: 'app://x' });
    expect([preflight.status, header(preflight, 'Access-Control-Max-Age'), header(preflight, 'Allow')]).toEqual([
      204,
      '43200',
      'POST',
    ]);
    expect(preflight.headers.filter((line) => line.startsWith('Vary'))).toHaveLength(3);
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const refused = await ask(method, '/api/chat', undefined, { Origin: 'https://elsewhere.example' });
      expect([refused.status, refused.body]).toEqual([403, '']);
    }
  });

  it('refuse a Host that is not local', async () => {
    expect((await ask('GET', '/api/version', undefined, { Host: 'rebound.example' })).status).toBe(403);
    expect((await ask('GET', '/api/version', undefined, { Host: '192.168.1.5:11434' })).status).toBe(200);
  });
});

describe('embeddings', () => {
  it('are equal for equal texts and as many as there are inputs', async () => {
    const body = { model: EMBEDDER, input: ['one', 'two', 'one'] };
    const { embeddings } = parsed((await ask('POST', '/api/embed', body)).body) as { embeddings: number[][] };
    expect(embeddings).toHaveLength(3);
    expect(embeddings[0]).toEqual(embeddings[2]);
    expect(embeddings[0]).not.toEqual(embeddings[1]);
    expect(embeddings[0]).toHaveLength(768);
  });

  it('of nothing only load, or unload with keep_alive 0', async () => {
    expect((await ask('POST', '/api/embed', { model: EMBEDDER, input: '' })).body).toBe(
      `{"model":"${EMBEDDER}","embeddings":[]}`,
    );
    expect((await ask('GET', '/api/ps')).body).toContain(EMBEDDER);
    await ask('POST', '/api/embed', { model: EMBEDDER, input: '', keep_alive: 0 });
    expect((await ask('GET', '/api/ps')).body).not.toContain(EMBEDDER);
  });

  it('come in the shape of the old route and of OpenAI, packed if asked', async () => {
    const old = parsed((await ask('POST', '/api/embeddings', { model: EMBEDDER, prompt: 'one' })).body);
    expect(Object.keys(old)).toEqual(['embedding']);
    const packed = await ask('POST', '/v1/embeddings', {
      model: EMBEDDER,
      input: 'one',
      encoding_format: 'base64',
      dimensions: 3,
    });
    const { data } = parsed(packed.body) as { data: { embedding: string }[] };
    expect(Buffer.from(data[0]?.embedding ?? '', 'base64')).toHaveLength(12);
  });
});

describe('OpenAI streams', () => {
  it('end a chat with the finish chunk, the usage if asked, and [DONE]', async () => {
    const body = { model: CHAT, messages: hello, stream: true, stream_options: { include_usage: true } };
    const answer = await ask('POST', '/v1/chat/completions', body);
    expect(header(answer, 'Content-Type')).toBe('text/event-stream');
    const all = events(answer);
    expect(parsed(all[0])).toMatchObject({ choices: [{ delta: { role: 'assistant' }, finish_reason: null }] });
    expect(parsed(all.at(-3))).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }] });
    expect(parsed(all.at(-2))).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
    expect(all.at(-1)).toBe('[DONE]');
  });

  it('zero the usage of every text chunk but the last', async () => {
    const body = { model: CHAT, prompt: 'x', stream: true, max_tokens: 2, stream_options: { include_usage: true } };
    const all = events(await ask('POST', '/v1/completions', body));
    expect(parsed(all[0])).toMatchObject({ usage: { total_tokens: 0 } });
    expect(parsed(all.at(-3))).toMatchObject({ choices: [{ finish_reason: 'length' }] });
    expect(parsed(all.at(-2))).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
  });

  it('number the events of a response from created to completed', async () => {
    const answer = await ask('POST', '/v1/responses', { model: CHAT, input: 'x', stream: true });
    expect(answer.headers.slice(0, 3)).toEqual([
      'Cache-Control: no-cache',
      'Connection: keep-alive',
      'Content-Type: text/event-stream',
    ]);
    const all = events(answer).map(parsed);
    expect(all.map((event) => event['sequence_number'])).toEqual(all.map((_, index) => index));
    expect(all[0]?.['type']).toBe('response.created');
    expect(all.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { status: 'completed', usage: { output_tokens: 6 } },
    });
  });

  it('carry tool calls and thinking', async () => {
    const tools = [
      { type: 'function', function: { name: 'look', parameters: { properties: { city: { type: 'string' } } } } },
    ];
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'tool: go' }] }];
    const all = events(await ask('POST', '/v1/chat/completions', { model: THINKER, messages, tools, stream: true }))
      .slice(0, -1)
      .map(parsed);
    expect(all[0]).toMatchObject({ choices: [{ delta: { reasoning: expect.any(String) as unknown } }] });
    expect(all.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] });
    const called = await ask('POST', '/v1/responses', {
      model: CHAT,
      input: 'tool: go',
      tools: [{ type: 'function', name: 'look' }],
    });
    expect(parsed(called.body)).toMatchObject({ output: [{ type: 'function_call', name: 'look', arguments: '{}' }] });
  });
});

describe('Anthropic messages', () => {
  it('open and close each block, and stop', async () => {
    const body = { model: THINKER, max_tokens: 50, messages: hello, stream: true };
    const answer = await ask('POST', '/v1/messages', body);
    const types = events(answer).map((event) => parsed(event)['type']);
    const changes = types.filter((type, index) => type !== types[index - 1]);
    expect(changes).toEqual([
      'message_start',
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      'message_delta',
      'message_stop',
    ]);
    expect(answer.body).toContain('thinking_delta');
  });

  it('let a model off that cannot think, and want max_tokens', async () => {
    const body = { model: CHAT, max_tokens: 2, messages: hello, thinking: { type: 'enabled', budget_tokens: 10 } };
    expect(parsed((await ask('POST', '/v1/messages', body)).body)).toMatchObject({ stop_reason: 'max_tokens' });
    const refused = await ask('POST', '/v1/messages', { ...body, max_tokens: 0 });
    expect([refused.status, parsed(refused.body)]).toMatchObject([
      400,
      { type: 'error', error: { type: 'invalid_request_error' } },
    ]);
  });

  it('use a tool in a block of its own', async () => {
    const tools = [{ name: 'look', input_schema: { properties: { city: { type: 'string' } } } }];
    const body = { model: CHAT, max_tokens: 50, messages: [{ role: 'user', content: 'tool: go' }], tools };
    const whole = parsed((await ask('POST', '/v1/messages', body)).body);
    expect(whole).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', name: 'look' }] });
    const streamed = await ask('POST', '/v1/messages', { ...body, stream: true });
    expect(streamed.body).toContain('input_json_delta');
  });
});

describe('managing models', () => {
  it('copies, creates and deletes', async () => {
    expect((await ask('POST', '/api/copy', { source: CHAT, destination: 'mine' })).status).toBe(200);
    const created = await ask('POST', '/api/create', { model: 'terse', from: 'mine', system: 'Be terse.' });
    expect(ndjson(created).at(-1)).toEqual({ status: 'success' });
    expect(parsed((await ask('POST', '/api/show', { model: 'terse' })).body)).toMatchObject({ system: 'Be terse.' });
    for (const name of ['mine', 'terse']) expect((await ask('DELETE', '/api/delete', { name })).status).toBe(200);
    expect((await ask('GET', '/v1/models/mine')).status).toBe(404);
  });

  it('takes a blob once, checks its digest, and makes a model from it', async () => {
    const file = 'weights of a very small model';
    const hex = createHash('sha256').update(file).digest('hex');
    const path = `/api/blobs/sha256:${hex}`;
    expect((await ask('HEAD', path)).status).toBe(404);
    expect((await ask('POST', path, 'something else')).status).toBe(400);
    expect((await ask('POST', path, file)).status).toBe(201);
    expect((await ask('POST', path, file)).status).toBe(200);
    const head = await ask('HEAD', path);
    expect([head.status, names(head)]).toEqual([200, ['Date']]);
    await ask('POST', '/api/create', { model: 'tiny', files: { 'tiny.gguf': `sha256:${hex}` }, stream: false });
    expect((await ask('GET', '/v1/models/tiny')).status).toBe(200);
    expect((await ask('HEAD', '/api/blobs/sha256:short')).status).toBe(400);
  });

  it('pulls what the catalogue knows, line by line', async () => {
    const own = await startSim({ models: [CHAT], pullBytesPerSecond: 1e12 });
    const lines = ndjson(await raw(own.port, 'POST', '/api/pull', { name: 'all-minilm' }));
    expect(lines[0]).toEqual({ status: 'pulling manifest' });
    expect(lines.at(-1)).toEqual({ status: 'success' });
    expect(lines.find((line) => line['completed'] !== undefined)).toMatchObject({
      total: 46_000_000,
      completed: 46_000_000,
    });
    expect(own.models()).toContain('all-minilm:latest');
    await own.close();
  });

  it('fails an unknown pull inside a 200 when streaming, with a 500 when not', async () => {
    const streamed = await ask('POST', '/api/pull', { model: 'nobody/nothing' });
    expect([streamed.status, ndjson(streamed)]).toEqual([
      200,
      [{ status: 'pulling manifest' }, { error: 'pull model manifest: file does not exist' }],
    ]);
    expect((await ask('POST', '/api/pull', { model: 'nobody/nothing', stream: false })).status).toBe(500);
  });

  it('says null when nothing is installed', async () => {
    const empty = await startSim({ models: [] });
    expect((await raw(empty.port, 'GET', '/v1/models')).body).toBe('{"object":"list","data":null}\n');
    expect((await raw(empty.port, 'GET', '/api/tags')).body).toBe('{"models":[]}');
    await empty.close();
  });
});

describe('the rest of the routes', () => {
  it('transcribes by a form field', async () => {
    const form = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nllama3.2:3b\r\n--b--\r\n';
    const answer = await ask('POST', '/v1/audio/transcriptions', form, {
      'Content-Type': 'multipart/form-data; boundary=b',
    });
    expect(parsed(answer.body)).toHaveProperty('text');
  });

  it('has no cloud', async () => {
    expect((await ask('GET', '/api/status')).body).toBe('{"cloud":{"disabled":true,"source":"env"}}');
    expect((await ask('POST', '/api/experimental/web_search', { query: 'x' })).status).toBe(403);
    expect((await ask('POST', '/api/me')).status).toBe(503);
  });
});
