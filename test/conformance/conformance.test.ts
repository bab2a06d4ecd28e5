import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { casesFor, type Case, type Models } from './cases.ts';
import { essence } from './compare.ts';
import { send } from './exchange.ts';

/**
 * Holds the proxy to one server: each case goes to it directly and through the proxy, and what a client can see must be
 * the same. By default the server is simulated, one run for each of two Ollama versions; real ones are named by
 *
 *   OLLAMA_SERVERS=http://a:11434,http://b:11434 OLLAMA_CHAT_MODEL=gemma3:270m npm run test:real
 *
 * with OLLAMA_EMBED_MODEL as well for the cases about embeddings. All of them must have the models; the first one is
 * the one that is asked directly.
 */
const REAL = (process.env['OLLAMA_SERVERS'] ?? '').split(',').filter((url) => url !== '');

interface Setting {
  readonly name: string;
  readonly models: Models;
  readonly start: () => Promise<{ readonly urls: readonly string[]; readonly stop: () => Promise<void> }>;
}

const simulated = (version: string): Setting => ({
  name: `simulated Ollama ${version}`,
  models: { chat: 'llama3.2:3b', embed: 'nomic-embed-text:latest' },
  async start() {
    const sim: SimServer = await startSim({ timeScale: 0.001, seed: 5, version, outputTokens: 8 });
    return { urls: [sim.url], stop: () => sim.close() };
  },
});

const real: Setting = {
  name: `Ollama at ${REAL.join(', ')}`,
  models: { chat: process.env['OLLAMA_CHAT_MODEL'] ?? '', embed: process.env['OLLAMA_EMBED_MODEL'] },
  start: () => {
    if (real.models.chat === '') throw new Error('set OLLAMA_CHAT_MODEL to a small chat model that every server has');
    return Promise.resolve({ urls: REAL, stop: () => Promise.resolve() });
  },
};

const settings = REAL.length > 0 ? [real] : [simulated('0.24.0'), simulated('0.33.0')];

const isLoopback = (url: string): boolean => /\/\/(localhost|127\.|\[::1\])/.test(url);

describe.each(settings)('through the proxy it is as from $name', ({ models, start }) => {
  let server = '';
  let proxy: TestProxy;
  let stop: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    const started = await start();
    ({ stop } = started);
    server = started.urls[0] ?? '';
    proxy = await startProxy({ backends: started.urls.map((url, i) => ({ name: `s${i}`, url })) });
  });
  afterAll(async () => {
    await proxy.stop();
    await stop();
  });

  it.each(casesFor(models).map((each) => [each.name, each] as const))(
    '%s',
    async (_name, each: Case) => {
      if (each.loopback === true && !isLoopback(server)) return;
      const how = { words: REAL.length > 0, shape: each.shape === true };
      const { before } = each;
      if (before !== undefined) await send(server, before);
      const direct = await send(server, each);
      if (before !== undefined) await send(server, before);
      const proxied = await send(proxy.url, each);
      expect(essence(proxied, how)).toEqual(essence(direct, how));
    },
    REAL.length > 0 ? 120_000 : 10_000,
  );
});
