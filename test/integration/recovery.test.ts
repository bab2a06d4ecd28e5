import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { until } from '../support/faulty.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { ScriptedBackend, type Script } from '../support/scripted-backend.ts';
import { ask, good, native, never, pieces, whole } from '../support/scripts.ts';

const MODEL = 'llama3.2:3b';

interface View {
  readonly breaker: string;
  readonly models: readonly { readonly name: string; readonly breaker: string }[];
}
const breakersOf = async (proxy: TestProxy, name: string): Promise<readonly string[]> => {
  const { breaker, models } = (await proxy.admin('GET', `backends/${name}`)).body as View;
  return [breaker, ...models.map((model) => model.breaker)];
};

const scripted = async (count: number, config: string, clock?: ManualClock) => {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, i) => new ScriptedBackend(`b${i}`, { otherwise: good(native, 'fine') }).listen()),
  );
  onTestFinished(async () => {
    for (const backend of backends) await backend.refuse();
  });
  const proxy = await startProxy({
    backends: backends.map(({ name, url }, i) => ({ name, url, weight: [1e10, 1e5, 1][i] ?? 1 })),
    config: `routing: { strategy: round-robin }\nplacement: { enabled: false }\nhealth: { interval: 10m }\n${config}`,
    ...(clock === undefined ? {} : { clock }),
  });
  onTestFinished(() => proxy.stop());
  const at = (index: number): ScriptedBackend => {
    const backend = backends[index];
    if (backend === undefined) throw new RangeError(`there is no backend ${index}`);
    return backend;
  };
  const chat = (id: string) => proxy.call(native.path, { headers: { 'x-request-id': id }, body: ask(true) });
  return { proxy, backends, at, chat };
};

/** Bodies of the requests of our own. */
const trialsOf = (backend: ScriptedBackend): readonly string[] =>
  backend.calls.filter(({ path }) => path === '/api/generate').map((call) => call.body().toString());

const failing = (text: string): Script => whole(500, { error: text });

describe('a model that recovers', () => {
  it('gets its traffic back without one client that had to try it', async () => {
    const sims: SimServer[] = [];
    for (let i = 0; i < 3; i++)
      sims.push(await startSim({ models: [MODEL], slots: 4, timeScale: 0.01, outputTokens: [2, 3] }));
    const proxy = await startProxy({
      backends: sims.map(({ url }, i) => ({ name: `s${i}`, url })),
      config: [
        'routing: { strategy: round-robin }',
        'placement: { enabled: false }',
        'circuit_breaker: { failure_threshold: 2, success_threshold: 2, timeout: 100ms }',
      ].join('\n'),
    });
    onTestFinished(async () => {
      await proxy.stop();
      for (const sim of sims) await sim.close();
    });
    const [sick] = sims;
    const fault = sick?.faults.set({ kind: 'status', status: 500, inferenceOnly: true });
    const say = async (i: number) =>
      proxy.call(native.path, { body: ask(true, { model: MODEL, messages: [{ role: 'user', content: `${i}` }] }) });
    let served = 0;
    await until(async () => {
      if ((await say(served)).status === 200) served++;
      return (await breakersOf(proxy, 's0')).includes('open');
    });
    const clients = proxy.log.lines.filter(({ fields }) => 'outcome' in fields && 'requestId' in fields).length;
    fault?.clear();
    await until(async () => (await breakersOf(proxy, 's0')).every((state) => state === 'closed'));
    const later = proxy.log.lines.filter(({ fields }) => 'outcome' in fields && 'requestId' in fields).length;
    expect(later).toBe(clients);
    expect(proxy.log.events('tried-out').length).toBeGreaterThan(1);
    const used = new Set<unknown>();
    for (let i = 0; i < 6; i++) used.add((await say(100 + i)).headers['x-task-router-backend']);
    expect([...used].map(String).toSorted()).toEqual(['s0', 's1', 's2']);
  }, 30_000);
});

describe('a backend that hangs', () => {
  it('loses its request to another one, and gets no further one before it answered one of ours', async () => {
    const clock = new ManualClock();
    const { proxy, at, chat } = await scripted(2, 'limits: { stream_idle_timeout: 100ms }', clock);
    at(0).next(never);
    const answer = chat('r1');
    await at(0).call(0);
    clock.advance(60_000);
    expect(await answer).toMatchObject({ status: 200, complete: true });
    expect((await answer).headers).toMatchObject({ 'x-task-router-backend': 'b1', 'x-task-router-attempts': '2' });
    expect(proxy.log.events('backend-hangs').map(({ fields }) => fields['backend'])).toEqual(['b0']);
    expect((await chat('r2')).headers['x-task-router-backend']).toBe('b1');
    await proxy.log.line(({ fields }) => fields['event'] === 'tried-out');
    expect(trialsOf(at(0)).map((body) => JSON.parse(body))).toMatchObject([
      { model: 'm', stream: false, options: { num_predict: 1 } },
    ]);
    expect((await chat('r3')).headers['x-task-router-backend']).toBe('b0');
  }, 30_000);

  it('in the middle of an answer has that cut with an error, and no clean end', async () => {
    const clock = new ManualClock();
    const { at, proxy } = await scripted(2, '', clock);
    at(0).next(pieces('application/x-ndjson', [native.token('one')], 'stall'));
    let over = false;
    const answer = proxy.call(native.path, { body: ask(true) }).finally(() => {
      over = true;
    });
    await at(0).call(0);
    await until(() => {
      clock.advance(500);
      return over;
    });
    const { complete, body } = await answer;
    expect(complete).toBe(false);
    expect(native.inBand(body)).toMatch(/^the backend stalled: nothing more for \d+ s/);
    expect(at(1).calls).toEqual([]);
  }, 30_000);

  it('is waited for without the guard', async () => {
    const clock = new ManualClock();
    const config = 'retry: { stall_guard: false }\nlimits: { stream_idle_timeout: 100ms }';
    const { at, chat } = await scripted(2, config, clock);
    at(0).next(never);
    const answer = chat('r1');
    const call = await at(0).call(0);
    clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await good(native, 'late')(call);
    expect((await answer).headers['x-task-router-backend']).toBe('b0');
  });
});

describe('a model that fails everywhere', () => {
  it('opens no breaker, and is told once', async () => {
    const { proxy, backends, chat } = await scripted(
      2,
      'circuit_breaker: { failure_threshold: 2 }\nretry: { budget: 1 }',
    );
    for (const backend of backends) backend.otherwise = failing('broken blob');
    for (let i = 0; i < 4; i++) expect((await chat(`r${i}`)).status).toBe(502);
    for (const { name } of backends) expect(await breakersOf(proxy, name)).toEqual(['closed', 'closed']);
    expect(proxy.log.events('model-fails-alike').length).toBe(1);
  });
});

describe('a request that makes models fail', () => {
  it('is spared a third backend, and the answer says so', async () => {
    const { at, chat } = await scripted(3, '');
    for (const i of [0, 1]) at(i).otherwise = failing('crash');
    const answer = await chat('r1');
    expect([answer.status, at(2).calls.length]).toEqual([502, 0]);
    expect(JSON.parse(answer.body)).toEqual({
      error:
        'this very request made the model fail on b0 and b1, so no other backend is tried; the last one: backend b1 answered 500: crash',
    });
  });
});

describe('breakers of most backends', () => {
  it('do not leave a model without anybody, and it is counted', async () => {
    const { proxy, at, chat } = await scripted(1, 'circuit_breaker: { failure_threshold: 1 }');
    at(0).next(failing('once'));
    expect((await chat('r1')).status).toBe(502);
    expect(await breakersOf(proxy, 'b0')).toEqual(['closed', 'open']);
    expect((await chat('r2')).status).toBe(200);
    expect((await proxy.metrics()).get('task_router_panic_total{model="m:latest"}')).toBe(1);
  });

  it('are obeyed as they are where the rules on top are off', async () => {
    const { at, chat } = await scripted(1, 'circuit_breaker: { failure_threshold: 1, adaptive: false }');
    at(0).next(failing('once'));
    expect((await chat('r1')).status).toBe(502);
    expect((await chat('r2')).status).toBe(503);
  });
});
