import { describe, expect, it } from 'vitest';
import { until } from '../support/faulty.ts';
import type { Answer, CallOptions } from '../support/http-call.ts';
import { startPool, type Pool } from '../support/pool.ts';

const MODEL = 'llama3.2:3b';

/** One server with one slot, whose answers have no end unless they are limited. */
const startOne = (config = ''): Promise<Pool> =>
  startPool([{ name: 'a', models: [MODEL], slots: 1, timeScale: 0.2, outputTokens: 20_000 }], config);

const chat = (
  { proxy }: Pool,
  id: string,
  headers: Readonly<Record<string, string>> = {},
  more: Pick<CallOptions, 'signal' | 'onData'> & { readonly options?: object } = {},
): Promise<Answer> => {
  const { options = { num_predict: 20 }, ...rest } = more;
  const body = { model: MODEL, messages: [{ role: 'user', content: id }], options };
  return proxy.call('/api/chat', { headers: { 'x-request-id': id, ...headers }, body, ...rest });
};

const waiting = async ({ proxy }: Pool): Promise<number> => {
  const { waiting: depths } = (await proxy.admin('GET', 'queue')).body as { readonly waiting: Record<string, number> };
  return Object.values(depths).reduce((sum, each) => sum + each, 0);
};

/** Takes the slot with an answer that has no end; gives back what ends it. */
const hold = async (pool: Pool): Promise<() => void> => {
  const leaving = new AbortController();
  await new Promise<void>((resolve) => {
    const more = { signal: leaving.signal, onData: () => resolve(), options: {} };
    chat(pool, 'holds', {}, more).catch(() => undefined);
  });
  return () => leaving.abort();
};

/** Sends each once the one before stands in line, behind a slot that is held. */
const line = async (
  pool: Pool,
  requests: readonly (readonly [string, string])[],
): Promise<readonly Promise<Answer>[]> => {
  const answers: Promise<Answer>[] = [];
  for (const [id, priority] of requests) {
    answers.push(chat(pool, id, { 'x-task-router-priority': priority }));
    await until(async () => (await waiting(pool)) === answers.length);
  }
  return answers;
};

const normal = (count: number): readonly (readonly [string, string])[] =>
  Array.from({ length: count }, (_, i) => [`r${i}`, 'normal'] as const);

/** The ids in the order in which the server was asked. */
const order = (pool: Pool): readonly unknown[] =>
  pool
    .sim('a')
    .state()
    .requests.recent.filter(({ path }) => path === '/api/chat')
    .map(({ headers }) => headers['x-request-id']);

describe('where a server has one slot', () => {
  it('batch requests wait behind interactive ones, whoever came first', async () => {
    const pool = await startOne();
    const letGo = await hold(pool);
    const answers = await line(pool, [
      ['batch-1', 'batch'],
      ['batch-2', 'batch'],
      ['interactive-1', 'interactive'],
      ['interactive-2', 'interactive'],
    ]);
    letGo();
    await Promise.all(answers);
    expect(order(pool)).toEqual(['holds', 'interactive-1', 'interactive-2', 'batch-1', 'batch-2']);
  });

  it('a deadline that cannot be met is refused at once, while all before it still wait', async () => {
    const pool = await startOne();
    const letGo = await hold(pool);
    const answers = await line(pool, normal(8));
    letGo();
    await Promise.all(answers);
    // What a place takes is known by now.
    const letGoAgain = await hold(pool);
    const before = await line(pool, normal(6));
    const late = await chat(pool, 'late', { 'x-task-router-deadline': '100ms' });
    expect([late.status, late.headers['x-task-router-error']]).toEqual([504, 'deadline_exceeded']);
    expect(late.body).toMatch(/the deadline cannot be met: it is 0\.\d s away, and a slot is expected in \d+\.\d s/);
    expect(await waiting(pool)).toBe(6);
    letGoAgain();
    await Promise.all(before);
    expect(order(pool)).not.toContain('late');
  });

  it('a full queue says when to come back, by what a place took lately', async () => {
    const pool = await startOne('queue: { max_waiting: 8, shed: false }');
    const letGo = await hold(pool);
    const answers = await line(pool, normal(8));
    // While nothing is known it is the longest wait there is, of five minutes.
    expect((await chat(pool, 'early')).headers['retry-after']).toBe('300');
    letGo();
    await Promise.all(answers);
    const letGoAgain = await hold(pool);
    const before = await line(pool, normal(8));
    const full = await chat(pool, 'full');
    expect([full.status, full.headers['x-task-router-error']]).toEqual([503, 'queue_full']);
    const seconds = Number(full.headers['retry-after']);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThan(300);
    letGoAgain();
    await Promise.all(before);
  });
});
