import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../src/core/clock.ts';
import type { RequestRecord } from '../../src/results/history.ts';
import { until } from '../support/faulty.ts';
import { startPool } from '../support/pool.ts';
import { startProxy } from '../support/proxy.ts';
import { ScriptedBackend, type Script } from '../support/scripted-backend.ts';
import { never, whole } from '../support/scripts.ts';

const MODEL = 'all-minilm:latest';
const OTHER = 'llama3.2:1b';
const PATH = '/api/embed';
const SPLIT = 'embeddings: { split: 16 }';
const texts = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `text ${i}`);

/** Answers with one vector for each input. */
const embedder: Script = async (call) => {
  const { input } = JSON.parse(call.body().toString()) as { readonly input: readonly string[] };
  await whole(200, { model: 'm', embeddings: input.map(() => [1]), prompt_eval_count: input.length })(call);
};

describe('a part of a batch', () => {
  it('goes out without its keep_alive to a server with a load pending, and with it to the others', async () => {
    const pool = await startPool(
      [
        { name: 'a', models: [MODEL, OTHER], timeScale: 0.3 },
        { name: 'b', models: [MODEL] },
      ],
      SPLIT,
    );
    const { proxy } = pool;
    const embed = () => proxy.call(PATH, { body: { model: MODEL, input: texts(40), keep_alive: '30m' } });
    expect((await embed()).status).toBe(200);
    const loading = proxy.call('/api/generate', { body: { model: OTHER, prompt: 'x', options: { num_predict: 1 } } });
    await until(() => pool.sim('a').state().models[OTHER]?.loading === true);
    expect((await embed()).status).toBe(200);
    expect((await loading).status).toBe(200);
    const kept = ['a', 'b'].map((name) =>
      pool
        .sim(name)
        .state()
        .requests.recent.filter(({ path }) => path === PATH)
        .map(({ body }) => (JSON.parse(body) as { readonly keep_alive?: string }).keep_alive),
    );
    expect(kept).toEqual([
      ['30m', undefined],
      ['30m', '30m'],
    ]);
    expect((await proxy.metrics()).get('task_router_keep_alive_held_back_total{backend="a"}')).toBe(1);
  });

  it.each([true, false])('that hangs is given up for another server by the stall guard: %s', async (stallGuard) => {
    const servers = await Promise.all(
      ['b0', 'b1'].map((name) => new ScriptedBackend(name, { otherwise: embedder }).listen()),
    );
    onTestFinished(async () => {
      for (const server of servers) await server.refuse();
    });
    const clock = new ManualClock();
    const proxy = await startProxy({
      backends: servers.map(({ name, url }) => ({ name, url })),
      config: `routing: { strategy: round-robin }\nhealth: { interval: 10m, timeout: 20s }\n${SPLIT}\nlimits: { stream_idle_timeout: 400ms }\nretry: { stall_guard: ${stallGuard} }`,
      clock,
    });
    onTestFinished(() => proxy.stop());
    const [hanging] = servers;
    if (hanging === undefined) throw new Error('a server is missing');
    hanging.next(never);
    const leaving = new AbortController();
    const answer = proxy
      .call(PATH, { body: { model: 'm', input: texts(40) }, headers: { 'x-request-id': 'r1' }, signal: leaving.signal })
      .catch(() => undefined);
    const { hungUp } = await hanging.call(0);
    let over = false;
    void hungUp.then(() => (over = true));
    let turns = 0;
    await until(() => {
      clock.advance(5_000);
      // More than five minutes, the most that a load is given, and a beat of the sweeps for each minute of them.
      if (!stallGuard && ++turns > 200) leaving.abort();
      return over;
    });
    const status = (await answer)?.status;
    await proxy.log.line(({ fields }) => fields['requestId'] === 'r1' && 'outcome' in fields);
    const { body } = await proxy.admin('GET', 'decisions/r1');
    if (!stallGuard) {
      expect([status, body]).toMatchObject([undefined, { outcome: 'client-left' }]);
      return;
    }
    expect(status).toBe(200);
    const { outcome, attempts } = body as RequestRecord;
    expect(outcome).toBe('served');
    const failures = attempts.filter((attempt) => attempt.outcome.kind === 'backend-failed');
    expect(failures).toMatchObject([{ backend: 'b0', outcome: { reason: 'stall', blame: 'model' } }]);
    expect((await proxy.metrics()).get('task_router_retries_total{reason="stall"}')).toBe(1);
  });
});
