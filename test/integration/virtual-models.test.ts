import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { lastSeenBy, seenBy } from '../support/listening.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const CODER = 'qwen2.5-coder:7b';
const WRITER = 'llama3.2:3b';
const CODING = 'Write a TypeScript function that merges two sorted arrays.';
const COOKING = 'What should I cook tonight with leeks and potatoes?';

const CONFIG = `
virtual_models:
  auto:
    candidates: [${CODER}, ${WRITER}]
    prefer: { coding: [${CODER}], unknown: [${WRITER}] }
  hopeful:
    candidates: [not-pulled-yet:70b, ${WRITER}]
    prefer: { coding: [not-pulled-yet:70b] }
  hopeless: { candidates: [not-pulled-yet:70b, nor-this:1b] }
aliases: { gpt-4o: ${WRITER}, best: auto, same: ${WRITER.toUpperCase()} }
`;

let coder: SimServer;
let writer: SimServer;
let proxy: TestProxy;
beforeAll(async () => {
  coder = await startSim({ timeScale: 0.001, models: [CODER], outputTokens: 5 });
  writer = await startSim({ timeScale: 0.001, models: [WRITER], outputTokens: 5 });
  const backends = [
    { name: 'coder', url: coder.url },
    { name: 'writer', url: writer.url },
  ];
  proxy = await startProxy({ backends, config: CONFIG });
});
afterAll(async () => {
  await proxy.stop();
  await Promise.all([coder.close(), writer.close()]);
});

const chat = (model: string, prompt: string, headers = {}) =>
  proxy.call('/api/chat', { body: { model, messages: [{ role: 'user', content: prompt }], stream: false }, headers });

describe('a virtual model', () => {
  it('is served by the model and the server that suit the category of the prompt', async () => {
    const coding = await chat('auto', CODING);
    expect(coding).toMatchObject({
      status: 200,
      headers: {
        'x-task-router-category': 'coding',
        'x-task-router-model': CODER,
        'x-task-router-backend': 'coder',
        'x-task-router-strategy': 'hybrid',
      },
    });
    const cooking = await chat('auto', COOKING);
    expect(cooking.headers).toMatchObject({
      'x-task-router-category': 'unknown',
      'x-task-router-model': WRITER,
      'x-task-router-backend': 'writer',
    });
  });

  it('follows the category that the client gives by header', async () => {
    const { headers } = await chat('auto', COOKING, { 'x-task-router-category': 'coding' });
    expect(headers).toMatchObject({ 'x-task-router-category': 'coding', 'x-task-router-model': CODER });
  });

  it.each<[string, string, string]>([
    ['native chat', '/api/chat', `{"model":"auto","messages":[{"role":"user","content":"${CODING}"}],"stream":false}`],
    ['native generate', '/api/generate', `{"prompt":"${CODING}","stream":false,"model":"auto"}`],
    [
      'odd spelling',
      '/api/chat',
      `\n{ "stream" :false,\t"MODEL" : "AuTo:latest" , "messages":[{"role":"user","content":"${CODING}"}]}\n`,
    ],
    [
      'escapes, numbers as they were, other members called model, and what Go would not read',
      '/api/chat',
      `{"options":{"temperature":0.10,"seed":12345678901234567890,"model":"auto"},"messages":[{"role":"user","content":"${CODING} \\u00e9 é \\ud83d\\ude42 <b>","model":"auto"}],"model":"\\u0061uto","stream":false} trailing`,
    ],
    [
      'a repeated member, of which the last one counts',
      '/api/chat',
      `{"model":"nobody","model":"auto","stream":false,"messages":[{"role":"user","content":"${CODING}"}]}`,
    ],
    [
      'openai chat',
      '/v1/chat/completions',
      `{"messages":[{"role":"user","content":[{"type":"text","text":"${CODING}"}]}],"model":"auto"}`,
    ],
    ['openai completions', '/v1/completions', `{"model":"auto","prompt":"${CODING}"}`],
    ['openai responses', '/v1/responses', `{"model":"auto","input":"${CODING}"}`],
    [
      'anthropic messages',
      '/v1/messages',
      `{"model":"auto","max_tokens":5,"messages":[{"role":"user","content":"${CODING}"}]}`,
    ],
  ])('changes nothing in the body but the bytes of the model name: %s', async (_what, path, body) => {
    const answer = await proxy.call(path, { body });
    expect(answer.status, answer.body).toBe(200);
    expect(answer.headers['x-task-router-model']).toBe(CODER);
    const seen = lastSeenBy(coder);
    expect(seen.path).toBe(path);
    // The name at the top level is the last but for one case, and never nested.
    const name = /"auto"|"AuTo:latest"|"\\u0061uto"/g;
    const spots = [...body.matchAll(name)].map(({ index, 0: text }) => ({ index, text }));
    const rewritten = spots.map(
      ({ index, text }) => `${body.slice(0, index)}${JSON.stringify(CODER)}${body.slice(index + text.length)}`,
    );
    expect(rewritten).toContain(seen.body);
    expect(seen.model).toBe(CODER);
    expect(seen.headers['content-length']).toBe(String(Buffer.byteLength(seen.body)));
  });

  it('falls to another candidate when nobody has the preferred one', async () => {
    const { status, headers } = await chat('hopeful', CODING);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'x-task-router-model': WRITER, 'x-task-router-backend': 'writer' });
  });

  it('falls to another candidate while the only server of the preferred one is switched off', async () => {
    await proxy.admin('PATCH', 'backends/coder', { enabled: false });
    const { headers } = await chat('auto', CODING);
    await proxy.admin('PATCH', 'backends/coder', { enabled: true });
    expect(headers).toMatchObject({ 'x-task-router-category': 'coding', 'x-task-router-model': WRITER });
  });

  it('is unknown, in the words of the server, when nobody has any of its candidates', async () => {
    const answer = await chat('hopeless', CODING);
    expect(answer.status).toBe(404);
    expect(answer.body).toBe('{"error":"model \'hopeless\' not found"}');
    expect(answer.headers['x-task-router-error']).toBe('model_not_found');
  });

  it('streams to the stock client like any other model', async () => {
    const client = new Ollama({ host: proxy.url });
    let last: boolean | undefined;
    const stream = await client.chat({ model: 'auto', messages: [{ role: 'user', content: CODING }], stream: true });
    for await (const { done } of stream) last = done;
    expect(last).toBe(true);
  });

  it('is described by the model that it stands for, so that a client may look before it asks', async () => {
    const client = new Ollama({ host: proxy.url });
    const shown = await client.show({ model: 'auto' });
    expect(shown.details.family).toBe('llama');
    expect(JSON.parse(lastSeenBy(writer).body)).toEqual({ model: WRITER });
  });
});

describe('an alias', () => {
  it('stands for its model', async () => {
    const { status, headers } = await chat('gpt-4o', CODING);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'x-task-router-model': WRITER, 'x-task-router-backend': 'writer' });
    expect(lastSeenBy(writer).body).toContain(`{"model":"${WRITER}",`);
  });

  it('may stand for a virtual model', async () => {
    expect((await chat('best', CODING)).headers['x-task-router-model']).toBe(CODER);
    expect((await chat('best', COOKING)).headers['x-task-router-model']).toBe(WRITER);
  });

  it('is found however the client spells it', async () => {
    expect((await chat(' GPT-4O:latest', CODING)).headers['x-task-router-model']).toBe(WRITER);
  });

  it('is never taken for its model when something is to be deleted', async () => {
    const answer = await proxy.call('/api/delete', { method: 'DELETE', body: { model: 'gpt-4o' } });
    expect(answer.status).toBe(404);
    expect(writer.models()).toEqual([WRITER]);
  });
});

describe('a model under its own name', () => {
  it('goes out byte for byte, without x-task-router-model, even when it is spelled otherwise', async () => {
    for (const model of [WRITER, WRITER.toUpperCase(), `registry.ollama.ai/library/${WRITER}`]) {
      const body = ` {"model" : ${JSON.stringify(model)}, "messages":[ ],"stream":false}`;
      const answer = await proxy.call('/api/chat', { body });
      expect(answer.status, answer.body).toBe(200);
      expect(answer.headers['x-task-router-model']).toBeUndefined();
      expect(seenBy(writer).at(-1)?.body).toBe(body);
    }
  });
});
