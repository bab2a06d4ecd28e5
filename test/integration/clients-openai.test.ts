import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { cameOf, drained } from '../support/same-outcome.ts';

const CHAT = 'llama3.2:3b';
const EMBED = 'nomic-embed-text:latest';
const messages = [{ role: 'user' as const, content: 'Why is the sky blue? 日本語 🙂' }];

let sim: SimServer;
let proxy: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.01, seed: 11 });
  proxy = await startProxy({ backends: [{ name: 'one', url: sim.url }] });
});
afterAll(async () => {
  await proxy.stop();
  await sim.close();
});
beforeEach(() => sim.faults.clear());

const clientOf = (url: string): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'ollama' });

const both = async (run: (client: OpenAI) => Promise<unknown>, arrange: () => void = () => {}) => {
  arrange();
  const direct = await cameOf(() => run(clientOf(sim.url)));
  arrange();
  const proxied = await cameOf(() => run(clientOf(proxy.url)));
  return { direct, proxied };
};

describe('the stock openai client gets from the proxy what it gets from the server', () => {
  it.each<[string, (client: OpenAI) => Promise<unknown>]>([
    ['a chat', (client) => client.chat.completions.create({ model: CHAT, messages })],
    [
      'a chat as a stream',
      async (client) => drained(await client.chat.completions.create({ model: CHAT, messages, stream: true })),
    ],
    [
      'a chat as a stream with its usage',
      async (client) =>
        drained(
          await client.chat.completions.create({
            model: CHAT,
            messages,
            stream: true,
            stream_options: { include_usage: true },
          }),
        ),
    ],
    ['a completion', (client) => client.completions.create({ model: CHAT, prompt: 'once upon a time' })],
    [
      'a completion as a stream',
      async (client) => drained(await client.completions.create({ model: CHAT, prompt: 'once', stream: true })),
    ],
    ['a response', (client) => client.responses.create({ model: CHAT, input: 'hello' })],
    [
      'a response as a stream',
      async (client) => drained(await client.responses.create({ model: CHAT, input: 'hello', stream: true })),
    ],
    ['embeddings', (client) => client.embeddings.create({ model: EMBED, input: ['one', 'two'] })],
    [
      'embeddings as plain numbers',
      (client) => client.embeddings.create({ model: EMBED, input: 'one', encoding_format: 'float' }),
    ],
    ['the list of models', async (client) => drained(await client.models.list())],
    ['one model', (client) => client.models.retrieve(CHAT)],
  ])('%s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('result');
    expect(proxied).toEqual(direct);
  });
});

describe('the stock openai client meets the same exceptions through the proxy', () => {
  it.each<[string, string, (client: OpenAI) => Promise<unknown>]>([
    [
      'a chat with an unknown model',
      'NotFoundError',
      (client) => client.chat.completions.create({ model: 'nobody:1b', messages }),
    ],
    [
      'a stream with an unknown model',
      'NotFoundError',
      async (client) => drained(await client.chat.completions.create({ model: 'nobody:1b', messages, stream: true })),
    ],
    [
      'a completion with an unknown model',
      'NotFoundError',
      (client) => client.completions.create({ model: 'nobody:1b', prompt: 'x' }),
    ],
    [
      'embeddings with an unknown model',
      'NotFoundError',
      (client) => client.embeddings.create({ model: 'nobody:1b', input: 'x' }),
    ],
    [
      'a response with an unknown model',
      'NotFoundError',
      (client) => client.responses.create({ model: 'nobody:1b', input: 'x' }),
    ],
    ['an unknown model looked up', 'NotFoundError', (client) => client.models.retrieve('nobody:1b')],
    ['a chat with no model', 'BadRequestError', (client) => client.chat.completions.create({ model: '', messages })],
    [
      'a chat with an embedding model',
      'BadRequestError',
      (client) => client.chat.completions.create({ model: EMBED, messages }),
    ],
    ['a route that is not there', 'NotFoundError', (client) => client.batches.list()],
  ])('%s', async (_what, type, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toMatchObject({ thrown: { constructor: type, rest: { status: expect.any(Number) } } });
    expect(proxied).toEqual(direct);
  });

  it('an abort in the middle of a stream, which reaches the server', async () => {
    const run = async (client: OpenAI): Promise<unknown> => {
      let parts = 0;
      const stream = await client.chat.completions.create({ model: CHAT, messages, stream: true });
      for await (const _part of stream) {
        parts++;
        if (parts === 3) stream.controller.abort();
      }
      return parts;
    };
    const before = sim.state().aborted.total;
    const { direct, proxied } = await both(run, () => {
      sim.faults.set({ kind: 'stall', afterLines: 3, path: '/v1/chat/completions', count: 1 });
    });
    expect(direct).toEqual({ result: 3 });
    expect(proxied).toEqual(direct);
    await vi.waitFor(() => expect(sim.state().aborted.total).toBe(before + 2), 5_000);
  });

  it('an abort while the server is silent before its first token, which reaches the server', async () => {
    const run = async (client: OpenAI): Promise<unknown> => {
      const leaving = new AbortController();
      const arrived = sim.state().requests.total;
      const answer = client.chat.completions.create({ model: CHAT, messages }, { signal: leaving.signal });
      const seen = cameOf(() => Promise.resolve(answer));
      await vi.waitFor(() => expect(sim.state().requests.total).toBeGreaterThan(arrived), 5_000);
      leaving.abort();
      return seen;
    };
    const before = sim.state().aborted.total;
    const { direct, proxied } = await both(run, () => {
      sim.faults.set({ kind: 'hang', path: '/v1/chat/completions', count: 1 });
    });
    expect(direct).toMatchObject({ result: { thrown: { constructor: 'APIUserAbortError' } } });
    expect(proxied).toEqual(direct);
    await vi.waitFor(() => expect(sim.state().aborted.total).toBe(before + 2), 5_000);
  });
});
