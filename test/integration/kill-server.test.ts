import { describe, expect, it, onTestFinished } from 'vitest';
import { startSim } from '../../src/sim/http/server.ts';
import type { Answer } from '../support/http-call.ts';
import { until } from '../support/faulty.ts';
import { startProxy } from '../support/proxy.ts';
import { ask, native, NDJSON } from '../support/scripts.ts';

const MODEL = 'llama3.2:3b';
/** The proxy is told that there are more, so that some chats wait on the server. */
const SLOTS = 4;
const CHATS = 50;

interface Chat {
  readonly id: string;
  readonly answer: Promise<Answer>;
  /** Whether a byte of the answer had reached the client. */
  begun: boolean;
}

interface BackendBreakers {
  readonly breaker: string;
  readonly models: readonly { readonly breaker: string }[];
}

describe('a server that is killed under fifty chats', () => {
  it('costs only the answers that had begun on it, and gets traffic again after its restart', async () => {
    const sims = await Promise.all(
      ['s0', 's1', 's2'].map(async (name) => {
        // Slots that are fewer than chats, so that at any moment some have begun and some have not.
        const sim = await startSim({ models: [MODEL], slots: SLOTS, timeScale: 0.3, outputTokens: [40, 60] });
        // In memory from the start: the chats are to be spread over all three, not to wait for loads.
        const load = { method: 'POST', body: JSON.stringify({ model: MODEL }) };
        await (await fetch(`${sim.url}/api/generate`, load)).text();
        return { name, sim };
      }),
    );
    const proxy = await startProxy({
      backends: sims.map(({ name, sim }) => ({ name, url: sim.url })),
      config: [
        'routing: { strategy: round-robin }',
        'circuit_breaker: { failure_threshold: 3, success_threshold: 2, timeout: 300ms }',
        'health: { interval: 100ms, unhealthy_after: 2 }',
      ].join('\n'),
    });
    onTestFinished(async () => {
      await proxy.stop();
      for (const { sim } of sims) await sim.close();
    });
    const [killed] = sims;
    if (killed === undefined) throw new Error('no server');
    const chatsOf = (): number => killed.sim.state().requests.byRoute['POST /api/chat'] ?? 0;

    // Killed in the tick of an answer of its, while as many chats as it has slots wait there behind those at work. It is
    // slow until then, so that they gather there however slowly this machine sends them.
    const slow = killed.sim.faults.set({ kind: 'slow', factor: 30 });
    const crowded = (): boolean => (killed.sim.state().models[MODEL]?.waiting ?? 0) >= SLOTS;
    let atKill = 0;
    let kill = (): void => {};
    const dead = new Promise<void>((resolve) => {
      kill = () => {
        kill = () => {};
        slow.clear();
        atKill = chats.filter(({ begun }) => begun).length;
        void killed.sim.kill().then(resolve);
      };
    });
    const chats = Array.from({ length: CHATS }, (_, i): Chat => {
      const chat: { id: string; answer: Promise<Answer>; begun: boolean } = {
        id: `chat-${i}`,
        begun: false,
        answer: proxy.call(native.path, {
          headers: { 'x-request-id': `chat-${i}` },
          body: ask(true, { model: MODEL, messages: [{ role: 'user', content: `chat ${i}` }] }),
          onData: (_chunk, headers) => {
            chat.begun = true;
            if (headers['x-task-router-backend'] === 's0' && crowded()) kill();
          },
        }),
      };
      return chat;
    });
    await dead;

    let cut = 0;
    let moved = 0;
    for (const chat of chats) {
      const answer = await chat.answer;
      expect([answer.status, answer.headers['content-type']]).toEqual([200, NDJSON]);
      if (answer.complete) {
        const lines = answer.body.trimEnd().split('\n');
        expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ done: true });
        expect(answer.body).not.toContain('"error"');
        if (answer.headers['x-task-router-attempts'] !== '1') {
          moved++;
          expect(answer.headers['x-task-router-backend']).not.toBe('s0');
        }
        continue;
      }
      // Cut off: only a chat that had begun on the killed server, and visibly so.
      cut++;
      expect(answer.headers).toMatchObject({ 'x-task-router-backend': 's0', 'x-task-router-attempts': '1' });
      expect(native.inBand(answer.body)).toMatch(/^the backend died in mid-answer/);
      expect(chat.begun).toBe(true);
    }
    expect(cut).toBeGreaterThan(0);
    expect(cut).toBeLessThanOrEqual(atKill + SLOTS);
    expect(moved).toBeGreaterThan(0);
    const opened = await proxy.log.line(
      ({ fields }) => fields['event'] === 'breaker-changed' && fields['backend'] === 's0' && fields['to'] === 'open',
    );
    expect(opened.level).toBe('warn');

    const before = chatsOf();
    const breakersOf = async (name: string): Promise<readonly string[]> => {
      const { body } = await proxy.admin('GET', `backends/${name}`);
      const { breaker, models } = body as BackendBreakers;
      return [breaker, ...models.map((model) => model.breaker)];
    };
    expect(await breakersOf('s0')).not.toEqual(['closed', 'closed']);

    await killed.sim.restart();
    // Cut answers step the breaker of the model, and those that had not begun that of the server: which of them opened
    // first, and so kept the other one closed, is chance.
    await until(async () => {
      await Promise.all([1, 2, 3].map(() => proxy.call(native.path, { body: ask(true, { model: MODEL }) })));
      return chatsOf() > before && (await breakersOf('s0')).every((state) => state === 'closed');
    });
    const { body } = await proxy.admin('GET', 'backends/s0');
    expect(body).toMatchObject({ health: 'up', breaker: 'closed', inflight: 0 });
  }, 60_000);
});
