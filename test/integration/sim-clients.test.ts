import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';

const CHAT = 'llama3.2:3b';
let sim: SimServer;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, outputTokens: 8, pullBytesPerSecond: 1e12 });
});
afterAll(() => sim.close());

const messages = [{ role: 'user' as const, content: 'Name three colours.' }];

describe('the stock Ollama client', () => {
  it('chats, streamed and whole, and gets the same words', async () => {
    const client = new Ollama({ host: sim.url });
    const whole = await client.chat({ model: CHAT, messages });
    let text = '';
    for await (const part of await client.chat({ model: CHAT, messages, stream: true })) text += part.message.content;
    expect(text).toBe(whole.message.content);
    expect(whole.eval_count).toBe(8);
  });

  it('lists, shows, pulls, embeds and sees what is loaded', async () => {
    const client = new Ollama({ host: sim.url });
    expect((await client.pull({ model: 'mistral:7b' })).status).toBe('success');
    expect((await client.list()).models.map((model) => model.name)).toContain('mistral:7b');
    expect((await client.show({ model: 'mistral:7b' })).details.family).toBe('llama');
    expect((await client.embed({ model: 'nomic-embed-text', input: ['a', 'b'] })).embeddings).toHaveLength(2);
    expect((await client.ps()).models.map((model) => model.name)).toContain('nomic-embed-text:latest');
    expect((await client.delete({ model: 'mistral:7b' })).status).toBe('success');
  });

  it('reads an error as an error, before the stream and in it', async () => {
    const client = new Ollama({ host: sim.url });
    await expect(client.chat({ model: 'absent', messages })).rejects.toThrow("model 'absent' not found");
    sim.faults.set({ kind: 'error-line', afterLines: 2, message: 'the runner died', count: 1 });
    const stream = await client.chat({ model: CHAT, messages, stream: true });
    const read = async (): Promise<number> => {
      let parts = 0;
      for await (const part of stream) parts += part.done ? 0 : 1;
      return parts;
    };
    await expect(read()).rejects.toThrow('the runner died');
  });
});

describe('the stock OpenAI client', () => {
  const client = (): OpenAI => new OpenAI({ baseURL: `${sim.url}/v1`, apiKey: 'none', maxRetries: 0 });

  it('chats, streamed with usage', async () => {
    const stream = await client().chat.completions.create({
      model: CHAT,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let total = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      total = chunk.usage?.total_tokens ?? total;
    }
    const whole = await client().chat.completions.create({ model: CHAT, messages });
    expect([text, total]).toEqual([whole.choices[0]?.message.content, whole.usage?.total_tokens]);
  });

  it('reads a response, streamed and whole', async () => {
    const whole = await client().responses.create({ model: CHAT, input: 'Name three colours.' });
    let text = '';
    for await (const event of await client().responses.create({
      model: CHAT,
      input: 'Name three colours.',
      stream: true,
    })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    expect(text).toBe(whole.output_text);
    expect(text).not.toBe('');
  });

  it('lists models, embeds, and reads an error', async () => {
    const { data } = await client().models.list();
    expect(data.map((model) => model.id)).toContain(CHAT);
    const embedded = await client().embeddings.create({ model: 'nomic-embed-text', input: 'a' });
    expect(embedded.data[0]?.embedding).toHaveLength(768);
    await expect(client().chat.completions.create({ model: 'absent', messages })).rejects.toMatchObject({
      status: 404,
    });
  });
});
