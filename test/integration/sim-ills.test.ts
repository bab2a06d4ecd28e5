import { describe, expect, it, onTestFinished } from 'vitest';
import { startSim, type SimOptions, type SimServer } from '../../src/sim/http/server.ts';
import { openRaw, raw, rawRequest } from '../unit/sim/support/raw-http.ts';

const MODEL = 'llama3.2:3b';
const OTHER = 'qwen2.5-coder:7b';

const start = async (options: SimOptions = {}): Promise<SimServer> => {
  const sim = await startSim({ models: [MODEL, OTHER], timeScale: 0.01, outputTokens: 20, ...options });
  onTestFinished(() => sim.close());
  return sim;
};

const chat = (changes: object = {}): string =>
  rawRequest('POST', '/api/chat', { model: MODEL, messages: [{ role: 'user', content: 'hi' }], ...changes });

const load = (sim: SimServer, model: string) => raw(sim.port, 'POST', '/api/generate', { model });

describe('a stopped server', () => {
  it('takes connections and says nothing until it goes on, in the middle of an answer too', async () => {
    const sim = await start({ timeScale: 0.1, outputTokens: 100_000 });
    const streaming = openRaw(sim.port, chat({ options: { num_predict: 600 } }));
    await streaming.chunks(3);
    const fault = sim.faults.set({ kind: 'stopped' });
    const probe = openRaw(sim.port, rawRequest('GET', '/api/version'));
    let bytes = 0;
    probe.socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    // What had been written before is in the socket already.
    while (sim.state().models[MODEL]?.running !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([bytes, sim.state().requests.byRoute['GET /api/version']]).toEqual([0, undefined]);
    fault.clear();
    expect((await probe.answer).status).toBe(200);
    const { complete, body } = await streaming.answer;
    expect([complete, body.includes('"done":true')]).toEqual([true, true]);
  }, 20_000);

  it('is gone with a kill, and the next one runs', async () => {
    const sim = await start({ faults: [{ kind: 'stopped' }] });
    const waiting = openRaw(sim.port, rawRequest('GET', '/api/version'));
    await new Promise((resolve) => waiting.socket.once('connect', resolve));
    await sim.kill();
    expect((await waiting.answer).line).toBe('');
    await sim.restart();
    expect([(await raw(sim.port, 'GET', '/api/version')).status, sim.faults.list()]).toEqual([200, []]);
  });
});

describe('a runner that dies', () => {
  it('ends a stream with an error line and those who wait with 500, and loads again', async () => {
    const sim = await start({ timeScale: 0.1, outputTokens: 100_000 });
    await load(sim, MODEL);
    const streaming = openRaw(sim.port, chat());
    await streaming.chunks(3);
    const waiting = openRaw(sim.port, chat());
    while (sim.state().models[MODEL]?.waiting !== 1) await raw(sim.port, 'GET', '/api/version');
    sim.faults.set({ kind: 'dead-runner', model: MODEL });
    const cut = await streaming.answer;
    expect([cut.status, cut.complete]).toEqual([200, true]);
    expect(cut.chunks.at(-1)).toBe('{"error":"an error was encountered while running the model: unexpected EOF"}\n');
    expect(await waiting.answer).toMatchObject({
      status: 500,
      body: '{"error":"llama runner process no longer running: -1 "}',
    });
    expect(sim.faults.list()).toEqual([]);
    expect((await load(sim, MODEL)).status).toBe(200);
  }, 20_000);

  it('stays in /api/ps while nobody asks it for anything', async () => {
    const sim = await start();
    await load(sim, MODEL);
    sim.faults.set({ kind: 'dead-runner', model: MODEL });
    expect((await raw(sim.port, 'GET', '/api/ps')).body).toContain(MODEL);
    expect((await openRaw(sim.port, chat({ stream: false })).answer).status).toBe(500);
    expect((await openRaw(sim.port, chat({ stream: false })).answer).status).toBe(200);
  });
});

describe('a machine that is ill', () => {
  it('can be so from the start and by remote control, and tells what is the matter until it is over', async () => {
    const sim = await start({ faults: [{ kind: 'gpu-lost', factor: 10 }] });
    await load(sim, MODEL);
    expect(JSON.parse((await raw(sim.port, 'GET', '/api/ps')).body)).toMatchObject({ models: [{ size_vram: 0 }] });
    const wanted = [{ kind: 'wedged' }, { kind: 'hung-runner', model: MODEL }];
    expect((await raw(sim.port, 'POST', '/__sim/faults', wanted)).status).toBe(200);
    expect(sim.state().faults).toEqual(wanted);
    const stuck = openRaw(sim.port, rawRequest('POST', '/api/generate', { model: OTHER }));
    while (sim.state().pending === 0) await raw(sim.port, 'GET', '/api/version');
    await raw(sim.port, 'POST', '/api/generate', { model: MODEL, keep_alive: 0 });
    expect((await stuck.answer).status).toBe(200);
    expect(sim.faults.list()).toEqual([]);
    expect((await raw(sim.port, 'POST', '/__sim/faults', { kind: 'hung-runner' })).status).toBe(400);
  });

  it('has less memory after a kill that left its runners behind, until these are gone', async () => {
    const profile = {
      name: 'tight',
      prefillPerSecond: 5000,
      decodePerSecond: 100,
      loadBaseMs: 100,
      loadBytesPerSecond: 1e10,
      memoryBytes: 6e9,
      gpu: true,
      companySlowdown: 0.5,
    };
    const sim = await start({ profile });
    await load(sim, OTHER);
    const spilled = async (): Promise<boolean> => {
      await load(sim, OTHER);
      const { models } = JSON.parse((await raw(sim.port, 'GET', '/api/ps')).body) as {
        models: { size: number; size_vram: number }[];
      };
      return models.some(({ size, size_vram: onGpu }) => onGpu < size);
    };
    expect(await spilled()).toBe(false);
    await sim.kill({ leavesRunners: true });
    await sim.restart();
    expect(await spilled()).toBe(true);
    sim.faults.clear();
    await raw(sim.port, 'POST', '/api/generate', { model: OTHER, keep_alive: 0 });
    expect(await spilled()).toBe(false);
  });
});
