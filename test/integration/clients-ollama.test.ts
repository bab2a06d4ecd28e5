import { Ollama } from 'ollama';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { cameOf, drained } from '../support/same-outcome.ts';

const CHAT = 'llama3.2:3b';
const EMBED = 'nomic-embed-text:latest';
const messages = [{ role: 'user', content: 'Why is the sky blue? 日本語 🙂 <b>&amp;</b>' }];

let sim: SimServer;
let proxy: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.01, seed: 11, pullBytesPerSecond: 1e11 });
  proxy = await startProxy({ backends: [{ name: 'one', url: sim.url }] });
});
afterAll(async () => {
  await proxy.stop();
  await sim.close();
});
beforeEach(() => sim.faults.clear());

/** The same call straight to the server and through the proxy; `arrange` comes before each. */
const both = async (run: (client: Ollama) => Promise<unknown>, arrange: () => void = () => {}) => {
  arrange();
  const direct = await cameOf(() => run(new Ollama({ host: sim.url })));
  arrange();
  const proxied = await cameOf(() => run(new Ollama({ host: proxy.url })));
  return { direct, proxied };
};

describe('the stock ollama client gets from the proxy what it gets from the server', () => {
  it.each<[string, (client: Ollama) => Promise<unknown>]>([
    ['a chat', (client) => client.chat({ model: CHAT, messages })],
    ['a chat as a stream', async (client) => drained(await client.chat({ model: CHAT, messages, stream: true }))],
    ['a completion', (client) => client.generate({ model: CHAT, prompt: 'once upon a time' })],
    [
      'a completion as a stream',
      async (client) => drained(await client.generate({ model: CHAT, prompt: 'once upon a time', stream: true })),
    ],
    ['thinking', (client) => client.chat({ model: 'qwen3:8b', messages, think: true })],
    ['JSON on demand', (client) => client.chat({ model: CHAT, messages, format: 'json' })],
    ['embeddings of several texts', (client) => client.embed({ model: EMBED, input: ['one', 'two', 'três'] })],
    ['an embedding the old way', (client) => client.embeddings({ model: EMBED, prompt: 'one' })],
    ['a model loaded by an empty prompt', (client) => client.generate({ model: CHAT, prompt: '' })],
    ['a model unloaded', (client) => client.generate({ model: 'gemma3:4b', prompt: '', keep_alive: 0 })],
    ['the list of models', (client) => client.list()],
    ['the description of a model', (client) => client.show({ model: CHAT })],
    ['the version', (client) => client.version()],
    ['a copied and deleted model', (client) => copyAndDelete(client)],
  ])('%s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toHaveProperty('result');
    expect(proxied).toEqual(direct);
  });

  it('the progress of a pull, and the model afterwards', async () => {
    const pull = async (client: Ollama): Promise<unknown> => {
      const parts = await drained(await client.pull({ model: 'llama3.2:1b', stream: true }));
      const { models } = await client.list();
      await client.delete({ model: 'llama3.2:1b' });
      return { statuses: [...new Set(parts.map(({ status }) => status))], names: models.map(({ name }) => name) };
    };
    const { direct, proxied } = await both(pull);
    expect(direct).toMatchObject({ result: { statuses: expect.arrayContaining(['success']) } });
    expect(proxied).toEqual(direct);
  });

  it('the models in memory', async () => {
    await new Ollama({ host: proxy.url }).generate({ model: CHAT, prompt: '' });
    const { direct, proxied } = await both((client) => client.ps());
    expect(direct).toMatchObject({ result: { models: expect.arrayContaining([expect.anything()]) } });
    expect(proxied).toEqual(direct);
  });
});

const copyAndDelete = async (client: Ollama): Promise<unknown> => {
  const copied = await client.copy({ source: CHAT, destination: 'mine' });
  const { models } = await client.list();
  const deleted = await client.delete({ model: 'mine' });
  return { copied, names: models.map(({ name }) => name), deleted };
};

describe('the stock ollama client meets the same exceptions through the proxy', () => {
  it.each<[string, (client: Ollama) => Promise<unknown>]>([
    ['a chat with an unknown model', (client) => client.chat({ model: 'nobody:1b', messages })],
    [
      'a stream with an unknown model',
      async (client) => drained(await client.chat({ model: 'nobody:1b', messages, stream: true })),
    ],
    ['a completion with an unknown model', (client) => client.generate({ model: 'nobody:1b', prompt: 'x' })],
    ['embeddings with an unknown model', (client) => client.embed({ model: 'nobody:1b', input: 'x' })],
    ['old embeddings with an unknown model', (client) => client.embeddings({ model: 'nobody:1b', prompt: 'x' })],
    ['the description of an unknown model', (client) => client.show({ model: 'nobody:1b' })],
    ['the deletion of an unknown model', (client) => client.delete({ model: 'nobody:1b' })],
    ['a copy of an unknown model', (client) => client.copy({ source: 'nobody:1b', destination: 'x' })],
    ['a chat with no model', (client) => client.chat({ model: '', messages })],
    ['a completion with no model', (client) => client.generate({ model: '', prompt: 'x' })],
    ['a chat with an embedding model', (client) => client.chat({ model: EMBED, messages })],
    ['thinking where the model cannot', (client) => client.chat({ model: CHAT, messages, think: true })],
    [
      'an option of the wrong type',
      (client) => client.chat({ model: CHAT, messages, options: JSON.parse('{"temperature":"hot"}') }),
    ],
    ['a keep_alive without unit', (client) => client.chat({ model: CHAT, messages, keep_alive: '300' })],
  ])('%s', async (_what, run) => {
    const { direct, proxied } = await both(run);
    expect(direct).toMatchObject({
      thrown: { constructor: 'ResponseError', rest: { status_code: expect.any(Number) } },
    });
    expect(proxied).toEqual(direct);
  });

  it('an error line in the middle of a stream, after the same parts', async () => {
    const run = async (client: Ollama): Promise<unknown> => {
      let seen = '';
      const came = await cameOf(async () => {
        for await (const { message } of await client.chat({ model: CHAT, messages, stream: true })) {
          seen += message.content;
        }
      });
      return { seen, came };
    };
    const { direct, proxied } = await both(run, () => {
      sim.faults.set({ kind: 'error-line', afterLines: 4, path: '/api/chat', count: 1, message: 'out of luck' });
    });
    expect(direct).toMatchObject({
      result: {
        seen: expect.stringMatching(/./),
        came: { thrown: { message: expect.stringContaining('out of luck') } },
      },
    });
    expect(proxied).toEqual(direct);
  });

  it.each<['chat' | 'generate']>([['chat'], ['generate']])('an abort in the middle of a %s stream', async (route) => {
    const run = async (client: Ollama): Promise<unknown> => {
      let parts = 0;
      const stream: AsyncIterable<unknown> =
        route === 'chat'
          ? await client.chat({ model: CHAT, messages, stream: true })
          : await client.generate({ model: CHAT, prompt: 'go on', stream: true });
      for await (const _part of stream) {
        parts++;
        if (parts === 3) client.abort();
      }
      return parts;
    };
    const before = sim.state().aborted.total;
    const { direct, proxied } = await both(run, () => {
      // It goes on only until the third part, so the abort always falls into the stream.
      sim.faults.set({ kind: 'stall', afterLines: 3, path: `/api/${route}`, count: 1 });
    });
    expect(direct).toMatchObject({ thrown: { name: 'AbortError' } });
    expect(proxied).toEqual(direct);
    await vi.waitFor(() => expect(sim.state().aborted.total).toBe(before + 2), 5_000);
  });
});
