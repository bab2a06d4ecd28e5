import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { startSim, type SimOptions, type SimServer } from '../../src/sim/http/server.ts';
import { until } from '../support/faulty.ts';
import type { Answer } from '../support/http-call.ts';
import type { LogLine } from '../support/log-book.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const A = 'llama3.2:3b';
const B = 'qwen2.5-coder:7b';
const C = 'gemma3:4b';

interface Scene {
  readonly proxy: TestProxy;
  /** Moves the proxy's clock forward. */
  readonly skip: (ms: number) => void;
  readonly sim: (name: string) => SimServer;
  readonly ask: (model: string, more?: object) => Promise<Answer>;
  readonly ills: (name: string) => Promise<readonly string[]>;
}

const HEALTH = 'health: { interval: 200ms, timeout: 5s }';

const start = async (names: readonly string[], config: string, options: SimOptions = {}): Promise<Scene> => {
  const sims = new Map<string, SimServer>();
  for (const name of names) {
    const sim = await startSim({
      name,
      models: [A, B, C],
      profile: 'slow-gpu',
      slots: 4,
      timeScale: 0.01,
      outputTokens: 40,
      ...options,
    });
    onTestFinished(() => sim.close());
    sims.set(name, sim);
  }
  let skew = 0;
  const proxy = await startProxy({
    backends: Array.from(sims, ([name, { url }]) => ({ name, url })),
    config: ['placement: { enabled: false }', /^health:/m.test(config) ? '' : HEALTH, config].join('\n'),
    clock: { now: () => systemClock.now() + skew },
  });
  onTestFinished(() => proxy.stop());
  return {
    proxy,
    skip: (ms) => {
      skew += ms;
    },
    sim: (name) => {
      const sim = sims.get(name);
      if (sim === undefined) throw new RangeError(`there is no server ${name}`);
      return sim;
    },
    ask: (model, more = {}) =>
      proxy.call('/api/chat', { body: { model, messages: [{ role: 'user', content: 'hello' }], ...more } }),
    ills: async (name) => {
      const { body } = await proxy.admin('GET', `backends/${name}`);
      return (body as { ills: readonly { kind: string }[] }).ills.map(({ kind }) => kind);
    },
  };
};

const ill =
  (kind: string, event = 'backend-ill') =>
  (line: LogLine) =>
    line.fields['event'] === event && line.fields['kind'] === kind;
const over = (kind: string) => ill(kind, 'backend-ill-over');
const servedBy = ({ headers }: Answer): unknown => headers['x-task-router-backend'];

/** Past the proxy. */
const direct = async (sim: SimServer, body: object, signal?: AbortSignal): Promise<void> => {
  const more = signal === undefined ? {} : { signal };
  await (await fetch(`${sim.url}/api/generate`, { method: 'POST', body: JSON.stringify(body), ...more })).text();
};

/**
 * Two models are busy with others' requests, the load of a third one waits, and a late keep_alive reaches the one that is to
 * go.
 * @returns what becomes of the request for the third one, once it is there
 */
const wedge = async ({ sim, ask }: Scene, name: string): Promise<{ answer: Answer | undefined }> => {
  const server = sim(name);
  for (const model of [A, B]) expect((await ask(model, FEW)).status).toBe(200);
  const { submitted } = server.state().counters;
  const leaving = new AbortController();
  const long = [A, B].map((model) => direct(server, { model, prompt: 'long', stream: false }, leaving.signal));
  await until(() => server.state().counters.submitted === submitted + 2);
  const stuck: { answer: Answer | undefined } = { answer: undefined };
  void ask(C, FEW).then((answer) => {
    stuck.answer = answer;
  });
  await until(() => server.state().counters.submitted === submitted + 3);
  await Promise.all([A, B].map((model) => direct(server, { model, keep_alive: '30m' })));
  leaving.abort();
  await Promise.allSettled(long);
  await until(() => server.state().busy === 0);
  expect(server.state().models[C]?.loaded ?? false).toBe(false);
  return stuck;
};

const FEW = { options: { num_predict: 5 } };
const WEDGEABLE: SimOptions = { maxLoadedModels: 2, outputTokens: 100_000 };

describe('a server that has stopped loading', () => {
  it('is freed by unloading what it waits for, and the request that waited is answered there', async () => {
    const scene = await start(['a'], '', WEDGEABLE);
    const { proxy, skip, ills } = scene;
    const stuck = await wedge(scene, 'a');
    skip(25_000);
    const { fields } = await proxy.log.line(ill('wedged-loading'));
    expect(fields['evidence']).toMatch(
      /^a load of gemma3:4b has not come for \d+ s, while the server answers; the longest/,
    );
    await proxy.log.line((line) => line.fields['event'] === 'heal');
    await until(() => stuck.answer !== undefined);
    expect(stuck.answer).toMatchObject({ status: 200, complete: true });
    await proxy.log.line(over('wedged-loading'));
    expect(await ills('a')).toEqual([]);
    const metrics = await proxy.metrics();
    expect(metrics.get('task_router_heals_total{backend="a",cause="wedged-loading",result="done"}')).toBeGreaterThan(0);
  }, 30_000);

  it('loses what waits there to others, keeps what it has in memory, and is tried before it loads for clients', async () => {
    const scene = await start(['a', 'b'], 'circuit_breaker: { heal: false }', WEDGEABLE);
    const { proxy, skip, ask, sim, ills } = scene;
    await proxy.admin('PATCH', 'backends/b', { drain: true });
    const stuck = await wedge(scene, 'a');
    await proxy.admin('PATCH', 'backends/b', { drain: false });
    skip(35_000);
    await proxy.log.line(ill('wedged-loading'));
    await until(() => stuck.answer !== undefined);
    expect(stuck.answer).toMatchObject({ status: 200, complete: true });
    expect(stuck.answer && servedBy(stuck.answer)).toBe('b');
    expect(await ills('a')).toEqual(['wedged-loading']);
    expect((await proxy.metrics()).get('task_router_backend_degraded{backend="a",cause="wedged-loading"}')).toBe(1);
    expect((await Promise.all([1, 2, 3].map(() => ask(C, FEW)))).map(servedBy)).toEqual(['b', 'b', 'b']);
    expect(servedBy(await ask(A, FEW))).toBe('a');
    expect(JSON.stringify((await proxy.admin('GET', 'backends/a')).body)).not.toContain('"open"');
    expect(proxy.log.events('heal')).toEqual([]);
    // Somebody else frees it.
    for (const model of [A, B]) await direct(sim('a'), { model, keep_alive: 0 });
    const rest = proxy.log.line(over('wedged-loading'));
    let freed = false;
    void rest.then(() => (freed = true));
    await until(() => {
      skip(50);
      return freed;
    });
    expect(sim('a').state().models[C]).toMatchObject({ loaded: true });
  }, 30_000);
});

describe('a server that lost its GPU', () => {
  it('is noticed by three slow answers of whichever models, and expected to be slow with all of them', async () => {
    const { proxy, ask, sim, ills } = await start(['a'], '');
    const decodeMs = async (model: string): Promise<number> => {
      const { backends } = (await proxy.admin('GET', 'estimates?backend=a')).body as {
        backends: { models: { model: string; decodeMsPerToken: { value: number } }[] }[];
      };
      return backends[0]?.models.find((each) => each.model === model)?.decodeMsPerToken.value ?? Number.NaN;
    };
    for (let i = 0; i < 6; i++) for (const model of [A, B, C]) await ask(model);
    const before = await decodeMs(C);
    const fault = sim('a').faults.set({ kind: 'gpu-lost', factor: 10 });
    for (const model of [A, B, A]) expect((await ask(model)).status).toBe(200);
    const { fields } = await proxy.log.line(ill('gpu-lost'));
    expect(fields['evidence']).toBe('everything takes about 10 times as long as it usually does');
    expect(await decodeMs(C)).toBeGreaterThan(5 * before);
    expect(await ills('a')).toEqual(['gpu-lost']);
    expect((await proxy.metrics()).get('task_router_backend_degraded{backend="a",cause="gpu-lost"}')).toBe(1);
    fault.clear();
    for (let i = 0; i < 4; i++) for (const model of [A, B]) await ask(model);
    await proxy.log.line(over('gpu-lost'));
    expect(await decodeMs(C)).toBeLessThan(2 * before);
  }, 30_000);

  it('is noticed by what it loads into main memory as well', async () => {
    const { proxy, ask, sim } = await start(['a'], '');
    await ask(A);
    await until(async () => JSON.stringify((await proxy.admin('GET', 'backends/a')).body).includes('"loaded":true'));
    sim('a').faults.set({ kind: 'gpu-lost', factor: 10 });
    await ask(B);
    const { fields } = await proxy.log.line(ill('gpu-lost'));
    expect(fields['evidence']).toBe(`in memory without any video memory, where there was some: ${B}`);
  }, 30_000);
});

describe('a runner that hangs', () => {
  it('loses its request to another server, is ended, tried with a new one, and comes back', async () => {
    const rules = 'failure_threshold: 1, success_threshold: 1, timeout: 1s';
    const { proxy, skip, ask, sim, ills } = await start(
      ['a', 'b'],
      `routing: { strategy: round-robin }\ncircuit_breaker: { ${rules} }`,
    );
    for (let i = 0; i < 4; i++) for (const model of [A, B]) await ask(model);
    sim('a').faults.set({ kind: 'hung-runner', model: A });
    const before = sim('a').state().counters.submitted;
    const asked = [ask(A), ask(A)];
    await until(() => sim('a').state().counters.submitted > before);
    skip(61_000);
    for (const answer of await Promise.all(asked)) {
      expect(answer).toMatchObject({ status: 200, complete: true });
      expect(servedBy(answer)).toBe('b');
    }
    const { fields } = await proxy.log.line((line) => line.fields['event'] === 'heal');
    expect(fields).toMatchObject({ backend: 'a', model: A, cause: 'hung-runner', result: 'done' });
    expect(sim('a').faults.list()).toEqual([]);
    await proxy.log.line(ill('hung-runner'));
    await proxy.log.line(over('hung-runner'));
    expect(await ills('a')).toEqual([]);
    const used = new Set<unknown>();
    for (let i = 0; i < 4; i++) used.add(servedBy(await ask(A)));
    expect([...used].map(String).toSorted()).toEqual(['a', 'b']);
  }, 30_000);
});

describe('a runner that died', () => {
  it('costs no client a request and no server its standing, and the next request there loads it', async () => {
    const { proxy, ask, sim, ills } = await start(
      ['a', 'b'],
      'routing: { strategy: round-robin }\ncircuit_breaker: { failure_threshold: 1 }',
    );
    for (let i = 0; i < 4; i++) await ask(A);
    sim('a').faults.set({ kind: 'dead-runner', model: A });
    const { loads } = sim('a').state().counters;
    const answers = [await ask(A), await ask(A)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ headers }) => headers['x-task-router-attempts'])).toContain('2');
    expect(JSON.stringify((await proxy.admin('GET', 'backends/a')).body)).not.toContain('"open"');
    await proxy.log.line(ill('dead-runner'));
    for (let i = 0; i < 3; i++) expect((await ask(A)).status).toBe(200);
    expect(sim('a').state().counters.loads).toBe(loads + 1);
    await proxy.log.line(over('dead-runner'));
    expect(await ills('a')).toEqual([]);
  }, 30_000);
});

describe('a server that is stopped', () => {
  it('loses what waits there to another one, shows as silent, and comes back', async () => {
    const { proxy, skip, ask, sim, ills } = await start(
      ['a', 'b'],
      'routing: { strategy: round-robin }\nhealth: { interval: 200ms, timeout: 2s, unhealthy_after: 1 }',
    );
    for (let i = 0; i < 4; i++) await ask(A);
    const fault = sim('a').faults.set({ kind: 'stopped' });
    const asked = [ask(A), ask(A)];
    await until(() => proxy.log.lines.filter(({ fields }) => 'requestId' in fields).length === 5);
    skip(61_000);
    for (const answer of await Promise.all(asked)) {
      expect(answer).toMatchObject({ status: 200, complete: true });
      expect(servedBy(answer)).toBe('b');
    }
    await proxy.log.line(ill('server-silent'));
    expect(await ills('a')).toEqual(['server-silent']);
    fault.clear();
    await proxy.log.line(over('server-silent'));
    const used = new Set<unknown>();
    await until(async () => used.add(servedBy(await ask(A))).size === 2);
  }, 30_000);
});

describe('memory that a runner of an earlier server holds', () => {
  it('shows as models that spill and did not before', async () => {
    const profile = {
      name: 'tight',
      prefillPerSecond: 5000,
      decodePerSecond: 100,
      loadBaseMs: 100,
      loadBytesPerSecond: 1e10,
      memoryBytes: 8e9,
      gpu: true,
      companySlowdown: 0.5,
    };
    const { proxy, ask, sim } = await start(['a'], '', { profile });
    await ask(B);
    await until(async () => JSON.stringify((await proxy.admin('GET', 'backends/a')).body).includes('"loaded":true'));
    await sim('a').kill({ leavesRunners: true });
    await proxy.log.event('backend-down');
    await sim('a').restart();
    await proxy.log.event('backend-up', 1);
    await ask(B);
    const { fields } = await proxy.log.line(ill('spill'));
    expect(fields['evidence']).toMatch(/^\d+ % of it is in video memory; all of it was, once/);
  }, 30_000);
});

describe('traffic on a server that is ill', () => {
  it('goes through to its end: runners die and the GPU is lost beside a server that is well', async () => {
    const { proxy, ask, sim } = await start(['a', 'b'], 'retry: { budget: 1 }');
    for (const model of [A, B]) await Promise.all([ask(model), ask(model), ask(model)]);
    let failed = 0;
    const client = async (own: number): Promise<void> => {
      for (let i = 0; i < 15; i++) {
        const answer = await ask(i % 2 === 0 ? A : B, { stream: (i + own) % 3 === 0 });
        // A stream that was begun can only break off.
        if (answer.status !== 200 || (answer.body.includes('"error"') && (i + own) % 3 !== 0)) failed++;
      }
    };
    const faults = (async () => {
      sim('a').faults.set({ kind: 'gpu-lost', factor: 10 });
      for (const model of [A, B, A, B]) {
        const { done } = sim('a').state().counters;
        await until(() => sim('a').state().counters.done > done + 3);
        sim('a').faults.set({ kind: 'dead-runner', model });
      }
    })();
    const clients = [0, 1, 2, 3].map((own) => client(own));
    await Promise.all([...clients, Promise.race([faults, Promise.all(clients)])]);
    expect(failed).toBe(0);
    const { body } = await proxy.admin('GET', 'backends');
    expect((body as { backends: { inflight: number }[] }).backends.map(({ inflight }) => inflight)).toEqual([0, 0]);
  }, 30_000);
});
