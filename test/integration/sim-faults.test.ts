import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/sim/http/faults.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { ndjson, openRaw, raw, rawRequest, type RawAnswer } from '../unit/sim/support/raw-http.ts';

const MODEL = 'llama3.2:3b';
let sim: SimServer;
beforeEach(async () => {
  sim = await startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 10 });
});
afterEach(() => sim.close());

const request = (stream = true, path = '/api/chat'): string =>
  rawRequest('POST', path, { model: MODEL, messages: [{ role: 'user', content: 'hi' }], max_tokens: 10, stream });
const chat = (stream = true, path?: string): Promise<RawAnswer> => openRaw(sim.port, request(stream, path)).answer;
const strike = (fault: Fault, stream = true, path?: string): Promise<RawAnswer> => {
  sim.faults.set(fault);
  return chat(stream, path);
};

describe('a refusing server', () => {
  it('takes no connections until the fault is cleared, on the same port afterwards', async () => {
    const handle = sim.faults.set({ kind: 'refuse' });
    await sim.faults.ready();
    expect((await chat()).closedBy).toBe('ECONNREFUSED');
    handle.clear();
    await sim.faults.ready();
    expect((await chat()).status).toBe(200);
  });

  it('ends as it was last told when the fault comes and goes faster than the port', async () => {
    for (let round = 0; round < 3; round += 1) {
      sim.faults.set({ kind: 'refuse' });
      sim.faults.clear();
      sim.faults.set({ kind: 'refuse' });
    }
    await sim.faults.ready();
    expect((await chat()).closedBy).toBe('ECONNREFUSED');
    sim.faults.clear();
    await sim.faults.ready();
    expect((await chat()).status).toBe(200);
  });

  it('closes as many connections at accept as it was told to', async () => {
    sim.faults.set({ kind: 'refuse', count: 1 });
    expect(await chat()).toMatchObject({ line: '', complete: false });
    expect((await chat()).status).toBe(200);
  });
});

describe('before the head', () => {
  it('resets', async () => {
    expect(await strike({ kind: 'reset', count: 1 })).toMatchObject({ line: '', closedBy: 'ECONNRESET' });
    expect((await chat()).status).toBe(200);
  });

  it('hangs on inference while the probes answer, and notices who leaves', async () => {
    sim.faults.set({ kind: 'hang', inferenceOnly: true });
    const call = openRaw(sim.port, request());
    for (const path of ['/api/version', '/api/tags', '/api/ps']) {
      expect((await raw(sim.port, 'GET', path)).status).toBe(200);
    }
    expect(sim.state().requests.byRoute).toMatchObject({ 'POST /api/chat': 1 });
    call.socket.destroy();
    expect((await call.answer).line).toBe('');
    while (sim.state().aborted.total === 0) await raw(sim.port, 'GET', '/api/version');
    expect(sim.state().aborted.recent).toMatchObject([{ path: '/api/chat', model: MODEL, streaming: false }]);
  });

  it.each([
    [503, '/api/chat', '{"error":"server busy, please try again.  maximum pending requests exceeded"}'],
    [404, '/api/chat', `{"error":"model '${MODEL}' not found"}`],
    [500, '/api/chat', '{"error":"an error was encountered while running the model: unexpected EOF"}'],
  ])('answers %i on %s in the words of Ollama', async (status, path, body) => {
    const answer = await strike({ kind: 'status', status }, true, path);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('answers in the shape of the route that was called', async () => {
    const openAi = await strike({ kind: 'status', status: 503, message: 'full' }, true, '/v1/chat/completions');
    expect(openAi.body).toBe('{"error":{"message":"full","type":"api_error","param":null,"code":null}}\n');
    const anthropic = await chat(true, '/v1/messages');
    expect(JSON.parse(anthropic.body)).toMatchObject({
      type: 'error',
      error: { type: 'overloaded_error', message: 'full' },
    });
  });

  it('answers garbage that is not HTTP, or not JSON', async () => {
    expect(await strike({ kind: 'garbage', count: 1 })).toMatchObject({ status: Number.NaN });
    const answer = await strike({ kind: 'garbage', what: 'json' });
    expect(answer.status).toBe(200);
    expect(() => JSON.parse(answer.body) as unknown).toThrow();
  });
});

describe('in mid-stream', () => {
  it('says an error as the first line of a 200', async () => {
    const answer = await strike({ kind: 'error-first', message: 'out of memory' });
    expect([answer.status, answer.complete, ndjson(answer)]).toEqual([200, true, [{ error: 'out of memory' }]]);
  });

  it('says an error after so many lines and ends cleanly', async () => {
    const answer = await strike({ kind: 'error-line', afterLines: 3 });
    const lines = ndjson(answer);
    expect(answer.complete).toBe(true);
    expect(lines).toHaveLength(4);
    expect(lines[3]).toHaveProperty('error');
    expect(answer.body).not.toContain('"done":true');
  });

  it('says it to an OpenAI client as an empty chunk without a model, and to the others not at all', async () => {
    const openAi = await strike({ kind: 'error-line', afterLines: 2 }, true, '/v1/chat/completions');
    const chunks = openAi.body.split('\n\n').filter((chunk) => chunk !== '');
    expect(chunks).toHaveLength(3);
    expect(chunks[2]).toContain('"model":""');
    expect(openAi.body).not.toContain('[DONE]');
    const anthropic = await chat(true, '/v1/messages');
    expect([anthropic.complete, anthropic.body.includes('message_stop')]).toEqual([true, false]);
  });

  it('is a 500 where no stream was asked for', async () => {
    expect(await strike({ kind: 'error-line', afterLines: 3 }, false)).toMatchObject({
      status: 500,
      framing: 'length',
    });
  });

  it('resets after so many lines', async () => {
    const answer = await strike({ kind: 'cut', afterLines: 2 });
    expect(answer).toMatchObject({ status: 200, complete: false, closedBy: 'ECONNRESET', chunks: { length: 2 } });
  });

  it('ends with a plain FIN and no last chunk', async () => {
    const answer = await strike({ kind: 'cut', afterLines: 2, how: 'fin' });
    expect(answer).toMatchObject({ status: 200, complete: false, closedBy: 'end', chunks: { length: 2 } });
  });

  it('breaks a whole answer in the middle of its body', async () => {
    const answer = await strike({ kind: 'cut', afterLines: 0, how: 'fin' }, false);
    expect(answer).toMatchObject({ status: 200, framing: 'length', complete: false });
    expect(answer.body.length).toBeGreaterThan(0);
  });

  it('ends cleanly without the final record', async () => {
    const answer = await strike({ kind: 'end-early', afterLines: 4 });
    expect([answer.complete, ndjson(answer).map((line) => line['done'])]).toEqual([true, [false, false, false, false]]);
  });

  it('falls silent after so many lines with the connection open', async () => {
    sim.faults.set({ kind: 'stall', afterLines: 2 });
    const call = openRaw(sim.port, request());
    await call.chunks(2);
    // The machine itself finishes; only the wire is silent.
    while (sim.state().counters.done === 0) await raw(sim.port, 'GET', '/api/version');
    call.socket.destroy();
    expect(await call.answer).toMatchObject({ complete: false, chunks: { length: 2 } });
  });

  it('frees the slot of an answer that broke', async () => {
    await strike({ kind: 'cut', afterLines: 1, count: 1 });
    expect((await chat()).complete).toBe(true);
    expect(sim.state()).toMatchObject({ busy: 0, aborted: { total: 0 } });
  });
});

describe('a slow server', () => {
  it('takes as many times as long for its own work', async () => {
    const cost = async (): Promise<number> => {
      const last = ndjson(await chat()).at(-1);
      return (last?.['eval_duration'] as number) / 1e6;
    };
    const normal = await cost();
    sim.faults.set({ kind: 'slow', factor: 6 });
    expect((await cost()) / normal).toBeCloseTo(6, 3);
  });
});

describe('the remote control', () => {
  it('sets faults by HTTP, shows the state and resets', async () => {
    const set = await raw(sim.port, 'POST', '/__sim/faults', {
      kind: 'status',
      status: 503,
      count: 1,
      path: '/api/chat',
    });
    expect(JSON.parse(set.body)).toMatchObject({ faults: [{ kind: 'status' }] });
    expect((await chat()).status).toBe(503);
    const state = JSON.parse((await raw(sim.port, 'GET', '/__sim/state')).body) as Record<string, unknown>;
    expect(state).toMatchObject({ name: 'sim', requests: { total: 1, byRoute: { 'POST /api/chat': 1 } }, faults: [] });
    await raw(sim.port, 'POST', '/__sim/faults', [{ kind: 'hang' }, { kind: 'reset' }]);
    expect(sim.faults.list()).toHaveLength(2);
    await raw(sim.port, 'POST', '/__sim/reset');
    expect([sim.faults.list(), sim.state().requests.total]).toEqual([[], 0]);
  });

  it('explains what it did not understand, and leaves no half of a list behind', async () => {
    const unknown = await raw(sim.port, 'POST', '/__sim/faults', { kind: 'fire' });
    expect([unknown.status, unknown.body]).toEqual([400, expect.stringContaining('kind is one of refuse')]);
    const invalid = await raw(sim.port, 'POST', '/__sim/faults', [{ kind: 'hang' }, { kind: 'reset', count: 0 }]);
    expect([invalid.status, sim.faults.list()]).toEqual([400, []]);
  });
});
