import Anthropic from '@anthropic-ai/sdk';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOllama, OllamaEmbeddings } from '@langchain/ollama';
import { embed, generateText, streamText } from 'ai';
import { createOllama } from 'ollama-ai-provider-v2';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { cameOf, drained } from '../support/same-outcome.ts';

const CHAT = 'llama3.2:3b';
const EMBED = 'nomic-embed-text:latest';
const PROMPT = 'Why is the sky blue? 日本語 🙂';

let sim: SimServer;
let proxy: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.01, seed: 11, outputTokens: 12 });
  proxy = await startProxy({ backends: [{ name: 'one', url: sim.url }], config: `aliases: { claude: "${CHAT}" }` });
});
afterAll(async () => {
  await proxy.stop();
  await sim.close();
});
beforeEach(() => sim.faults.clear());

/** The same at the server and through the proxy. */
const both = async (run: (url: string) => Promise<unknown>): Promise<{ direct: unknown; proxied: unknown }> => ({
  direct: await cameOf(() => run(sim.url)),
  proxied: await cameOf(() => run(proxy.url)),
});

const tool = {
  name: 'weather',
  description: 'The weather of a city.',
  schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};

describe('the stock @anthropic-ai/sdk client', () => {
  const client = (baseURL: string): Anthropic => new Anthropic({ baseURL, apiKey: 'ollama', maxRetries: 0 });
  const ask = { model: CHAT, max_tokens: 16, messages: [{ role: 'user' as const, content: PROMPT }] };

  it.each<[string, (url: string) => Promise<unknown>]>([
    ['a message', (url) => client(url).messages.create(ask)],
    ['a message with a system prompt', (url) => client(url).messages.create({ ...ask, system: 'Be short.' })],
    ['a stream as events', async (url) => drained(await client(url).messages.create({ ...ask, stream: true }))],
    ['a stream put together', (url) => client(url).messages.stream(ask).finalText()],
    [
      'tools',
      (url) =>
        client(url).messages.create({
          ...ask,
          tools: [{ name: tool.name, description: tool.description, input_schema: tool.schema }],
        }),
    ],
  ])('gets the same through the proxy: %s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('result');
    expect(proxied).toEqual(direct);
  });

  it.each<[string, string, (url: string) => Promise<unknown>]>([
    ['an unknown model', 'NotFoundError', (url) => client(url).messages.create({ ...ask, model: 'nobody:1b' })],
    ['no model', 'BadRequestError', (url) => client(url).messages.create({ ...ask, model: '' })],
    ['an embedding model', 'BadRequestError', (url) => client(url).messages.create({ ...ask, model: EMBED })],
    ['counting tokens', 'NotFoundError', (url) => client(url).messages.countTokens(ask)],
  ])('meets the same exception: %s', async (_what, type, run) => {
    const [direct, proxied] = await Promise.all([sim.url, proxy.url].map((url) => cameOf(() => run(url))));
    const name = (came: unknown): unknown => (came as { thrown?: { constructor: string } }).thrown?.constructor;
    expect([name(direct), name(proxied)]).toEqual([type, type]);
  });

  it('may ask for a model by its alias', async () => {
    const { content } = await client(proxy.url).messages.create({ ...ask, model: 'claude' });
    expect(content[0]).toMatchObject({ type: 'text', text: expect.stringMatching(/./) });
  });

  it('notices that a stream was cut', async () => {
    sim.faults.set({ kind: 'cut', path: '/v1/messages', afterLines: 4, count: 1 });
    await expect(client(proxy.url).messages.stream(ask).finalText()).rejects.toThrow();
  });

  it('stops the server when it stops listening', async () => {
    sim.faults.set({ kind: 'stall', path: '/v1/messages', afterLines: 4, count: 1 });
    const before = sim.state().aborted.total;
    const stream = client(proxy.url).messages.stream(ask);
    for await (const event of stream) if (event.type === 'content_block_delta') break;
    stream.abort();
    await vi.waitFor(() => expect(sim.state().aborted.total).toBe(before + 1), 5_000);
  });
});

describe('the stock openai client', () => {
  const client = (url: string): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'ollama', maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: PROMPT }];
  const schema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] };

  it.each<[string, (url: string) => Promise<unknown>]>([
    [
      'tools in a chat',
      (url) =>
        client(url).chat.completions.create({
          model: CHAT,
          messages,
          tools: [
            {
              type: 'function',
              function: { name: tool.name, description: tool.description, parameters: tool.schema },
            },
          ],
        }),
    ],
    [
      'tools in a stream',
      async (url) =>
        drained(
          await client(url).chat.completions.create({
            model: CHAT,
            messages,
            stream: true,
            tools: [{ type: 'function', function: { name: tool.name, parameters: tool.schema } }],
          }),
        ),
    ],
    [
      'structured output',
      (url) =>
        client(url).chat.completions.create({
          model: CHAT,
          messages,
          response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
        }),
    ],
    [
      'a response with instructions and tools',
      (url) =>
        client(url).responses.create({
          model: CHAT,
          instructions: 'Be short.',
          input: [{ role: 'user', content: PROMPT }],
          tools: [
            {
              type: 'function',
              name: tool.name,
              description: tool.description,
              parameters: tool.schema,
              strict: false,
            },
          ],
        }),
    ],
    [
      'a response with structured output',
      (url) =>
        client(url).responses.create({
          model: CHAT,
          input: PROMPT,
          text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } },
        }),
    ],
  ])('gets the same through the proxy: %s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('result');
    expect(proxied).toEqual(direct);
  });

  it('transcribes, although it sends the file ahead of the model', async () => {
    const file = new File([new Uint8Array(3000)], 'speech.wav', { type: 'audio/wav' });
    const run = (url: string) => client(url).audio.transcriptions.create({ file, model: CHAT });
    const direct = await run(sim.url);
    expect(direct.text).toMatch(/recording/);
    // Each upload has a boundary of its own, so the simulated ear hears another number of bytes.
    expect((await run(proxy.url)).text.replaceAll(/\d+/g, 'N')).toBe(direct.text.replaceAll(/\d+/g, 'N'));
  });
});

describe('LangChain', () => {
  const model = (baseUrl: string): ChatOllama =>
    new ChatOllama({ baseUrl, model: CHAT, temperature: 0, maxRetries: 0 });

  it.each<[string, (url: string) => Promise<unknown>]>([
    ['an answer', async (url) => (await model(url).invoke([new HumanMessage(PROMPT)])).content],
    ['a stream', async (url) => (await drained(await model(url).stream(PROMPT))).map(({ content }) => content)],
    [
      'bound tools',
      async (url) =>
        (
          await model(url)
            .bindTools([{ type: 'function', function: { name: tool.name, parameters: tool.schema } }])
            .invoke(PROMPT)
        ).content,
    ],
    [
      'embeddings',
      (url) => new OllamaEmbeddings({ baseUrl: url, model: EMBED, maxRetries: 0 }).embedDocuments(['one', 'two']),
    ],
  ])('gets the same through the proxy: %s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('result');
    expect(proxied).toEqual(direct);
  });

  it('meets the same exception for an unknown model', async () => {
    const run = (url: string) => new ChatOllama({ baseUrl: url, model: 'nobody:1b', maxRetries: 0 }).invoke('hi');
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('thrown');
    expect(proxied).toEqual(direct);
  });
});

describe('the AI SDK with its Ollama provider', () => {
  const provider = (url: string) => createOllama({ baseURL: `${url}/api` });

  it.each<[string, (url: string) => Promise<unknown>]>([
    ['a text', async (url) => (await generateText({ model: provider(url)(CHAT), prompt: PROMPT, maxRetries: 0 })).text],
    [
      'a stream',
      async (url) => drained(streamText({ model: provider(url)(CHAT), prompt: PROMPT, maxRetries: 0 }).textStream),
    ],
    [
      'an embedding',
      async (url) =>
        (await embed({ model: provider(url).embeddingModel(EMBED), value: 'one', maxRetries: 0 })).embedding,
    ],
  ])('gets the same through the proxy: %s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('result');
    expect(proxied).toEqual(direct);
  });
});
