import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simCommand } from '../../src/cli/sim.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { openRaw, raw, rawRequest } from '../unit/sim/support/raw-http.ts';

const MODEL = 'llama3.2:3b';
const request = (changes: object = {}): string =>
  rawRequest('POST', '/api/chat', { model: MODEL, messages: [{ role: 'user', content: 'hi' }], ...changes });

describe('the life of a server', () => {
  let sim: SimServer;
  beforeEach(async () => {
    sim = await startSim({ models: [MODEL], timeScale: 0.1, outputTokens: 20_000 });
  });
  afterEach(() => sim.close());

  it('ends in mid-answer with a FIN and without the last chunk when it is killed', async () => {
    const streaming = openRaw(sim.port, request());
    await streaming.chunks(3);
    const waiting = openRaw(sim.port, request());
    while (sim.state().models[MODEL]?.waiting !== 1) await raw(sim.port, 'GET', '/api/version');
    await sim.kill();
    expect(await streaming.answer).toMatchObject({ status: 200, complete: false, closedBy: 'end' });
    expect(await waiting.answer).toMatchObject({ line: '', closedBy: 'end' });
    expect((await openRaw(sim.port, request()).answer).closedBy).toBe('ECONNREFUSED');
    expect(sim.state().aborted.total).toBe(0);
  });

  it('comes back on the same port with its models and an empty memory', async () => {
    const { port } = sim;
    await raw(port, 'POST', '/api/generate', { model: MODEL });
    expect((await raw(port, 'GET', '/api/ps')).body).toContain(MODEL);
    await sim.kill();
    await sim.restart();
    expect(sim.port).toBe(port);
    expect((await raw(port, 'GET', '/api/ps')).body).toBe('{"models":[]}');
    expect((await raw(port, 'GET', '/api/tags')).body).toContain(MODEL);
  });

  it('frees the slot of a streaming client that leaves, and tells about it', async () => {
    const leaver = openRaw(sim.port, request());
    await leaver.chunks(2);
    const next = openRaw(sim.port, request({ options: { num_predict: 2 } }));
    while (sim.state().models[MODEL]?.waiting !== 1) await raw(sim.port, 'GET', '/api/version');
    leaver.socket.destroy();
    expect((await next.answer).complete).toBe(true);
    expect(sim.state()).toMatchObject({
      counters: { canceled: 1, done: 1 },
      aborted: { total: 1, recent: [{ path: '/api/chat', streaming: true }] },
      models: { [MODEL]: { maxRunning: 1 } },
    });
  });

  it('remembers what was sent to it', async () => {
    await raw(sim.port, 'POST', '/api/show', { model: MODEL }, { 'X-Mark': 'seen' });
    expect(sim.state().requests.recent).toMatchObject([
      { method: 'POST', path: '/api/show', model: MODEL, body: `{"model":"${MODEL}"}`, headers: { 'x-mark': 'seen' } },
    ]);
  });

  it('rejects a port that is taken', async () => {
    await expect(startSim({ port: sim.port })).rejects.toThrow(/EADDRINUSE/);
  });

  it('rejects a time scale that stands still', async () => {
    await expect(startSim({ timeScale: 0 })).rejects.toThrow(/timeScale/);
  });
});

describe('the sim command', () => {
  const run = (...argv: string[]) => {
    let out = '';
    let err = '';
    let stop: (() => Promise<void>) | undefined;
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      started = resolve;
    });
    const code = simCommand(argv, {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      onStop: (fn) => {
        stop = fn;
        started();
      },
    });
    return { code, running, stop: () => stop?.(), text: () => ({ out, err }) };
  };

  it('runs a server until it is stopped', async () => {
    const command = run('--port', '0', '--profile', 'cpu', '--models', 'llama3.1:8b,mistral:7b', '--time-scale', '0.1');
    await command.running;
    const { out } = command.text();
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(out)?.[1]);
    expect(out).toContain('models: llama3.1:8b, mistral:7b');
    expect((await raw(port, 'GET', '/')).body).toBe('Ollama is running');
    await command.stop();
    expect(await command.code).toBe(0);
  });

  it.each([
    [[], 'which port?'],
    [['--port', '70000'], '--port must be a whole number from 0 to 65535, not "70000"'],
    [['--port', '0', '--profile', 'tpu'], '--profile must be one of fast-gpu, slow-gpu, cpu, not "tpu"'],
    [['--port', '0', '--models', 'a,,b'], '--models must be names with commas between'],
    [['--port', '0', '--slots', '0'], '--slots must be a whole number from 1'],
    [['--port', '0', '--time-scale', 'fast'], '--time-scale must be a number above 0'],
    [['--port', '0', '--seed', '-1'], '--seed'],
    [['--prot', '0'], "Unknown option '--prot'"],
    [['extra'], 'extra'],
  ])('refuses %j with exit code 2', async (argv, message) => {
    const command = run(...argv);
    expect(await command.code).toBe(2);
    expect(command.text().err).toContain(message);
  });

  it('gives 1 when the port is taken', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => {
      blocker.listen(0, '127.0.0.1', resolve);
    });
    const address = blocker.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const command = run('--port', String(port));
    expect(await command.code).toBe(1);
    expect(command.text().err).toContain('choose another --port');
    blocker.close();
  });

  it('explains itself with --help', async () => {
    const command = run('--help');
    expect(await command.code).toBe(0);
    expect(command.text().out).toContain('--port');
  });
});
