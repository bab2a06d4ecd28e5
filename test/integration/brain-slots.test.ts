import { describe, expect, it } from 'vitest';
import { startAutoPool, loadPast, type AutoPool } from '../support/auto-pool.ts';
import { until } from '../support/faulty.ts';

const MODEL = 'llama3.2:3b';

interface Estimates {
  readonly backends: readonly { readonly slots: { readonly proven: number } }[];
}

/** So many chats at once; tells the most that were ever at the first server, running or waiting there. */
const rush = async ({ proxy, sims }: AutoPool, chats: number): Promise<number> => {
  let most = 0;
  const look = (): void => {
    const { running = 0, waiting = 0 } = sims[0]?.state().models[MODEL] ?? {};
    most = Math.max(most, running + waiting);
  };
  await Promise.all(
    Array.from({ length: chats }, async (_, i) => {
      const messages = [{ role: 'user', content: `chat ${i}` }];
      const { status } = await proxy.call('/api/chat', { body: { model: MODEL, messages }, onData: look });
      expect(status).toBe(200);
    }),
  );
  return most;
};

const provenSlots = async ({ proxy }: AutoPool): Promise<number | undefined> =>
  ((await proxy.admin('GET', 'estimates')).body as Estimates).backends[0]?.slots.proven;

describe('slots that nobody told', () => {
  it('are found out from traffic: a server with four gets three or four at a time', async () => {
    const server = { name: 'a', models: [MODEL], slots: 4, timeScale: 0.3, outputTokens: 500 };
    const pool = await startAutoPool([server], { loaded: MODEL });
    await rush(pool, 12);
    expect(pool.sims[0]?.state().models[MODEL]?.maxRunning).toBeGreaterThanOrEqual(3);
    expect(await provenSlots(pool)).toBeGreaterThanOrEqual(3);
    expect(await rush(pool, 8)).toBeLessThanOrEqual(5);
  });

  it('are not made up: a server with one never has more than one that runs and one that tries', async () => {
    const server = { name: 'a', models: [MODEL], slots: 1, timeScale: 0.3, outputTokens: 300 };
    const pool = await startAutoPool([server], { loaded: MODEL });
    expect(await rush(pool, 8)).toBeLessThanOrEqual(2);
    expect(await provenSlots(pool)).toBe(1);
    // Having found out, it does not try again at once.
    expect(await rush(pool, 4)).toBe(1);
  });
});

describe('a pool that stands idle', () => {
  const chat = async ({ proxy }: AutoPool, messages: readonly object[]): Promise<string> => {
    const body = { model: MODEL, messages, stream: false, options: { num_predict: 5 } };
    const { status, headers } = await proxy.call('/api/chat', { body });
    expect(status).toBe(200);
    return String(headers['x-task-router-backend']);
  };

  it('answers where the model is in memory, and not where it would have to be loaded', async () => {
    const names = ['a', 'b', 'c'];
    const pool = await startAutoPool(
      names.map((name) => ({ name, models: [MODEL], timeScale: 0.05 })),
      { config: 'placement: { enabled: false }\nhealth: { interval: 200ms, timeout: 20s }' },
    );
    const [, b] = pool.sims;
    if (b === undefined) throw new Error('no server');
    await loadPast(b, MODEL);
    await pool.proxy.app.probed();
    await until(async () => {
      const { body } = await pool.proxy.admin('GET', 'backends/b');
      return (body as { readonly models: readonly { readonly loaded: boolean }[] }).models[0]?.loaded === true;
    });
    const picked: string[] = [];
    for (let i = 0; i < 5; i++) picked.push(await chat(pool, [{ role: 'user', content: `hello ${i}` }]));
    expect(picked).toEqual(['b', 'b', 'b', 'b', 'b']);
    expect(pool.sims.map((sim) => sim.state().counters.loads)).toEqual([0, 1, 0]);
  });

  it('sends each turn of a long conversation to the server that remembers the turns before', async () => {
    const pool = await startAutoPool(
      ['a', 'b', 'c'].map((name) => ({ name, models: [MODEL], timeScale: 0.5 })),
      { loaded: MODEL },
    );
    for (const subject of ['tides', 'roses']) {
      const messages: object[] = [];
      const picked = new Set<string>();
      for (let turn = 0; turn < 4; turn++) {
        messages.push({ role: 'user', content: `${turn} ${subject} `.repeat(turn === 0 ? 2_500 : 20) });
        picked.add(await chat(pool, messages));
        messages.push({ role: 'assistant', content: `answer ${turn}` });
      }
      expect([...picked], subject).toHaveLength(1);
    }
  });
});
