import { describe, expect, it } from 'vitest';
import { explainCommand } from '../../src/cli/explain.ts';
import { whyCommand } from '../../src/cli/why.ts';
import type { CandidateView, ExplainAnswer, WhyAnswer } from '../../src/results/decisions.ts';
import { loadPast } from '../support/auto-pool.ts';
import { until } from '../support/faulty.ts';
import { startPool, type Pool } from '../support/pool.ts';
import type { TestProxy } from '../support/proxy.ts';
import { testIo } from '../support/test-io.ts';

const MODEL = 'llama3.2:3b';
const OTHER = 'qwen2.5-coder:7b';
const PROMPT = 'Write a function that parses a date.';

const chat = (proxy: TestProxy, id: string, more: object = {}) =>
  proxy.call('/api/chat', {
    headers: { 'x-request-id': id },
    body: { model: MODEL, messages: [{ role: 'user', content: PROMPT }], ...more },
  });

/** What a verb prints for a running proxy. */
const run = async (verb: typeof explainCommand, proxy: TestProxy, argv: readonly string[]): Promise<string> => {
  const io = testIo();
  const code = await verb([...argv, '--admin', proxy.adminUrl], io);
  expect([code, io.stderr()]).toEqual([0, '']);
  return io.stdout();
};

const explain = async (proxy: TestProxy): Promise<ExplainAnswer> =>
  JSON.parse(await run(explainCommand, proxy, ['--model', MODEL, '--prompt', PROMPT, '--json'])) as ExplainAnswer;

/** What is recorded of a request once it has ended. */
const why = async (proxy: TestProxy, id: string): Promise<WhyAnswer> => {
  await proxy.log.line(({ fields }) => fields['requestId'] === id && 'outcome' in fields);
  return JSON.parse(await run(whyCommand, proxy, [id, '--json'])) as WhyAnswer;
};

const termsOf = ({ terms }: CandidateView): number =>
  Object.values(terms).reduce((sum: number, term) => sum + (term ?? Infinity), 0);

const twoServers = async (): Promise<Pool> => {
  const pool = await startPool(
    ['warm', 'cold'].map((name) => ({ name, models: [MODEL], slots: 1, timeScale: 0.1 })),
    'placement: { enabled: false }\nhealth: { interval: 200ms, timeout: 20s }',
  );
  await loadPast(pool.sim('warm'), MODEL);
  await until(async () => {
    const { body } = await pool.proxy.admin('GET', 'backends/warm');
    return (body as { readonly models: readonly { readonly loaded: boolean }[] }).models[0]?.loaded === true;
  });
  return pool;
};

describe('explain, asked of a running proxy', () => {
  it('gives each candidate with terms that add up to its cost, best first, and sends nothing', async () => {
    const pool = await twoServers();
    const { proxy } = pool;
    const answer = await explain(proxy);
    expect(pool.asked('POST /api/chat')).toEqual({});
    expect(answer).toMatchObject({
      strategy: 'hybrid',
      understood: { model: MODEL, category: 'coding', kind: 'completion', app: 'c:coding', shape: { rest: '' } },
      obstacles: [],
      wouldWait: false,
    });
    expect(answer.understood.promptTokens).toBeGreaterThan(2);
    expect(answer.understood.promptTokens).toBeLessThan(100);
    const [best, other] = answer.candidates;
    if (best === undefined || other === undefined) throw new Error('two candidates are there to be shown');
    expect([best.backend, best.chosen, best.ready, best.terms.load]).toEqual(['warm', true, true, 0]);
    expect([other.backend, other.chosen]).toEqual(['cold', false]);
    expect(other.terms.load).toBeGreaterThan(100);
    for (const each of [best, other]) {
      // Shown to a tenth of a ms, each.
      expect(Math.abs((each.cost ?? Infinity) - termsOf(each))).toBeLessThan(1);
      const { waitMs, loadMs, prefillMs, decodeMs, firstTokenMs, totalMs } = each.predicted;
      expect(firstTokenMs ?? Infinity).toBeCloseTo((waitMs ?? NaN) + (loadMs ?? NaN) + (prefillMs ?? NaN), 0);
      expect(totalMs ?? Infinity).toBeCloseTo((firstTokenMs ?? NaN) + (decodeMs ?? NaN), 0);
    }
    expect(other.cost ?? 0).toBeGreaterThan(best.cost ?? Infinity);
  });

  it('says who it is to a person', async () => {
    const { proxy } = await twoServers();
    const text = await run(explainCommand, proxy, ['--model', MODEL, '--prompt', PROMPT]);
    expect(text).toMatch(/^warm would answer first: first token in about \d+\.\d\d s\.\n/);
    expect(text).toMatch(/^ {2}cold .*/m);
  });
});

describe('why, asked of a running proxy', () => {
  it('shows what was foreseen beside what was observed, and the two agree once the servers are known', async () => {
    const { proxy } = await twoServers();
    for (let i = 0; i < 6; i++) await chat(proxy, `learn-${i}`, { options: { num_predict: 60 } });
    const { headers } = await chat(proxy, 'asked', { options: { num_predict: 60 } });
    const answer = await why(proxy, 'asked');
    expect(answer).toMatchObject({ outcome: 'served', status: 200, strategy: 'hybrid', category: 'coding' });
    expect(answer.attempts?.map(({ backend }) => backend)).toEqual([headers['x-task-router-backend']]);
    const [attempt] = answer.decided?.attempts ?? [];
    const chosen = attempt?.candidates.find((candidate) => candidate.chosen);
    expect([attempt?.attempt, attempt?.decisions, chosen?.backend]).toEqual([1, 1, headers['x-task-router-backend']]);
    const observed = answer.decided?.observed;
    expect(observed).toMatchObject({ outputTokens: 60, queueMs: expect.any(Number), loadMs: expect.any(Number) });
    // Of one order of size, on however slow a machine: the server's own times are learned, not assumed.
    const ratio = (chosen?.predicted.decodeMs ?? 0) / (observed?.decodeMs ?? 0);
    expect(ratio).toBeGreaterThan(0.2);
    expect(ratio).toBeLessThan(5);
    expect(attempt?.outputTokens).toBeGreaterThan(10);
    const text = await run(whyCommand, proxy, ['asked']);
    expect(text).toMatch(/^\w+ answered: first token after \d+\.\d\d s, foreseen \d+\.\d\d s\.\n/);
    expect(text).toMatch(/^seconds +foreseen +observed$/m);
    expect((await proxy.metrics()).get('task_router_prediction_error_ratio_count')).toBe(7);
  });

  it('tells of a request that waited and then failed over how it was decided each time', async () => {
    const pool = await startPool(
      ['a', 'b'].map((name) => ({ name, models: [MODEL], slots: 1, timeScale: 0.3, outputTokens: 300 })),
      'placement: { enabled: false }\nrouting: { strategy: round-robin }',
    );
    const { proxy } = pool;
    const first = [chat(proxy, 'first'), chat(proxy, 'second')];
    await until(() => Object.keys(pool.asked('POST /api/chat')).length === 2);
    const waits = chat(proxy, 'waits', { options: { num_predict: 3 } });
    type Queue = { readonly requests: readonly { readonly id: string }[] };
    await until(async () => ((await proxy.admin('GET', 'queue')).body as Queue).requests[0]?.id === 'waits');
    // Whoever is free first says no to it.
    const faults = ['a', 'b'].map((name) => pool.sim(name).faults.set({ kind: 'status', status: 500, count: 1 }));
    await until(() => faults.some((fault) => fault.hits() > 0));
    for (const fault of faults) fault.clear();
    await Promise.all(first);
    const { status, headers } = await waits;
    expect([status, headers['x-task-router-attempts']]).toEqual([200, '2']);
    const answer = await why(proxy, 'waits');
    expect(answer.attempts?.map(({ outcome }) => outcome.kind)).toEqual(['backend-failed', 'served']);
    const [one, two] = answer.decided?.attempts ?? [];
    expect([one?.attempt, two?.attempt]).toEqual([1, 2]);
    expect(one?.decisions).toBeGreaterThan(1);
    expect(one?.atFirst?.waitMs).toBeGreaterThan(0);
    const backends = [one, two].map((attempt) => attempt?.candidates.find(({ chosen }) => chosen)?.backend);
    expect(backends).toEqual(answer.attempts?.map(({ backend }) => backend));
    expect(two?.candidates.map(({ backend }) => backend)).toEqual([backends[1]]);
    expect(answer.decided?.observed?.queueMs).toBeGreaterThan(0);
    const text = await run(whyCommand, proxy, ['waits']);
    expect(text).toMatch(/^decided +\d+ times: it waited/m);
    expect(text).toMatch(/^failed attempts/m);
  });
});

describe('what goes past the proxy or is pushed out', () => {
  it('shows: a model that somebody else loads is taken for traffic of others', async () => {
    const pool = await startPool([{ name: 'a', models: [MODEL, OTHER] }], 'health: { interval: 100ms, timeout: 20s }');
    const { proxy } = pool;
    type Estimates = { readonly backends: readonly { readonly ghostRequests: number }[] };
    const ghosts = async (): Promise<number | undefined> =>
      ((await proxy.admin('GET', 'estimates')).body as Estimates).backends[0]?.ghostRequests;
    await chat(proxy, 'mine');
    expect(await ghosts()).toBe(0);
    await loadPast(pool.sim('a'), OTHER);
    await until(async () => ((await ghosts()) ?? 0) > 0.3);
    expect(await ghosts()).toBeLessThanOrEqual(1);
  });

  it('shows: loads that push other models out are counted once the room is known', async () => {
    const pool = await startPool(
      [{ name: 'a', models: [MODEL, OTHER], maxLoadedModels: 1 }],
      'health: { interval: 100ms, timeout: 20s }\nplacement: { enabled: false }',
    );
    const { proxy } = pool;
    const caused = async (): Promise<number> =>
      (await proxy.metrics()).get('task_router_evictions_caused_total{backend="a"}') ?? 0;
    for (let i = 0; (await caused()) === 0; i++) {
      const model = i % 2 === 0 ? MODEL : OTHER;
      await chat(proxy, `r${i}`, { model, options: { num_predict: 2 } });
      const seen = pool.sim('a').state().requests.byRoute['GET /api/ps'] ?? 0;
      await until(() => (pool.sim('a').state().requests.byRoute['GET /api/ps'] ?? 0) > seen + 1);
    }
    expect(await caused()).toBeLessThanOrEqual(pool.sim('a').state().counters.evictions);
    expect(pool.sim('a').state().counters.evictions).toBeGreaterThan(0);
  });
});
