import { describe, expect, it, onTestFinished } from 'vitest';
import { Pool } from 'undici';
import { DEFAULT_SHAPE } from '../../../src/core/demand.ts';
import { sendKeepAlive, type KeepAlive, type KeepAliveResult } from '../../../src/forward/keep-alive.ts';
import { startSim, type SimServer } from '../../../src/sim/http/server.ts';
import { ScriptedBackend, reset, type Script } from '../../support/scripted-backend.ts';

const HOUR = 3_600_000;

const poolOf = (url: string): Pool => {
  const dispatcher = new Pool(url);
  onTestFinished(() => dispatcher.destroy());
  return dispatcher;
};

const wish = (dispatcher: Pool, changes: Partial<KeepAlive> = {}): KeepAlive => ({
  dispatcher,
  pathPrefix: '',
  headers: {},
  model: 'm',
  embedding: false,
  shape: DEFAULT_SHAPE,
  keepAliveMs: undefined,
  timeoutMs: 30_000,
  ...changes,
});

const simulated = async (): Promise<{ sim: SimServer; dispatcher: Pool }> => {
  const sim = await startSim({ timeScale: 0.001, models: ['llama3.2:3b', 'all-minilm'] });
  onTestFinished(() => sim.close());
  return { sim, dispatcher: poolOf(sim.url) };
};

const scripted = async (script: Script, changes: Partial<KeepAlive> = {}) => {
  const backend = await new ScriptedBackend('one', { otherwise: script }).listen();
  onTestFinished(() => backend.refuse());
  const result: KeepAliveResult = await sendKeepAlive(wish(poolOf(backend.url), changes));
  const sent = (): unknown => JSON.parse(backend.calls[0]?.body().toString() ?? '');
  return { backend, result, sent };
};

const loaded = (sim: SimServer): readonly string[] =>
  Object.entries(sim.state().models)
    .filter(([, model]) => model.loaded)
    .map(([name]) => name);

describe('a keep_alive that is sent to a simulated server', () => {
  it.each([
    ['llama3.2:3b', false],
    ['all-minilm:latest', true],
  ])('loads %s, holds it and lets it go', async (model, embedding) => {
    const { sim, dispatcher } = await simulated();
    const send = (keepAliveMs: number) => sendKeepAlive(wish(dispatcher, { model, embedding, keepAliveMs }));
    expect(await send(HOUR)).toEqual({ ok: true, message: '' });
    expect(loaded(sim)).toEqual([model]);
    expect(await send(2 * HOUR)).toEqual({ ok: true, message: '' });
    expect(sim.state().counters.loads).toBe(1);
    expect(await send(0)).toEqual({ ok: true, message: '' });
    expect(loaded(sim)).toEqual([]);
  });

  it('does not load a model again that was loaded with options of its own', async () => {
    const { sim, dispatcher } = await simulated();
    const model = 'llama3.2:3b';
    const shape = { numCtx: 2048, rest: 'num_batch=128' };
    await sendKeepAlive(wish(dispatcher, { model, shape, keepAliveMs: HOUR }));
    await sendKeepAlive(wish(dispatcher, { model, shape, keepAliveMs: 2 * HOUR }));
    expect(sim.state().counters.loads).toBe(1);
    await sendKeepAlive(wish(dispatcher, { model, keepAliveMs: HOUR }));
    expect(sim.state().counters.loads).toBe(2);
  });

  it('says in the words of the server why it failed', async () => {
    const { dispatcher } = await simulated();
    const missing = await sendKeepAlive(wish(dispatcher, { model: 'nobody' }));
    expect(missing).toEqual({ ok: false, message: "/api/generate answered 404: model 'nobody' not found" });
    const wrongRoute = await sendKeepAlive(wish(dispatcher, { model: 'all-minilm' }));
    expect(wrongRoute.message).toContain('does not support generate');
  });
});

describe('a keep_alive on the wire', () => {
  it('goes through the path prefix with the headers of the backend and a length', async () => {
    const { backend } = await scripted(({ res }) => void res.end('{}'), {
      pathPrefix: '/ollama',
      headers: { authorization: 'Bearer secret' },
    });
    const [call] = backend.calls;
    expect(call?.path).toBe('/ollama/api/generate');
    expect(call?.headers).toMatchObject({ authorization: 'Bearer secret', 'content-type': 'application/json' });
    expect(Number(call?.headers['content-length'])).toBe(call?.bodyBytes());
  });

  it.each([
    [undefined, { model: 'm', stream: false }],
    [0, { model: 'm', stream: false, keep_alive: 0 }],
    [600_001, { model: 'm', stream: false, keep_alive: 601 }],
    [Number.POSITIVE_INFINITY, { model: 'm', stream: false, keep_alive: -1 }],
  ])('says %s ms in whole seconds', async (keepAliveMs, body) => {
    const { sent } = await scripted(({ res }) => void res.end('{}'), { keepAliveMs });
    expect(sent()).toEqual(body);
  });

  it('names the options of the runner as they stood', async () => {
    const shape = { numCtx: 4096, rest: 'num_gpu=0,use_mmap=false' };
    const { sent } = await scripted(({ res }) => void res.end('{}'), { shape, embedding: true, keepAliveMs: 1_000 });
    const options = { num_ctx: 4096, num_gpu: 0, use_mmap: false };
    expect(sent()).toEqual({ model: 'm', input: [], keep_alive: 1, options });
  });

  it.each<readonly [string, Script, string]>([
    ['an error in a good status', ({ res }) => void res.end('{"error":"no room"}'), '/api/generate failed: no room'],
    ['a page of something else', ({ res }) => void res.end('<html>'), 'is this an Ollama server?'],
    ['an endless answer', ({ res }) => void res.end('x'.repeat(70_000)), 'more than 65536 bytes'],
    ['a redirect', ({ res }) => void res.writeHead(307, { location: '/x' }).end(), '/api/generate answered 307'],
  ])('fails on %s', async (_what, script, words) => {
    const { result } = await scripted(script);
    expect(result.ok).toBe(false);
    expect(result.message).toContain(words);
  });

  it('fails, and does not throw, when the connection breaks', async () => {
    const { result } = await scripted(reset);
    expect(result.ok).toBe(false);
    expect(result.message).not.toBe('');
  });

  it('hangs up when there is no answer in time', async () => {
    const { backend, result } = await scripted(() => {}, { timeoutMs: 50 });
    expect(result).toEqual({ ok: false, message: '/api/generate gave no answer within 50 ms' });
    await backend.calls[0]?.hungUp;
  });
});
