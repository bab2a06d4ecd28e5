import { describe, expect, it, onTestFinished } from 'vitest';
import { startSim } from '../../src/sim/http/server.ts';
import type { Answer } from '../support/http-call.ts';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import { startProxy } from '../support/proxy.ts';
import type { Call } from '../support/scripted-backend.ts';
import { ask, good, native, never, whole } from '../support/scripts.ts';

/** How many wait in the proxy, of whatever class. */
const waiting = async ({ proxy }: Faulty): Promise<number> => {
  const { waiting: depths } = (await proxy.admin('GET', 'queue')).body as { readonly waiting: Record<string, number> };
  return Object.values(depths).reduce((sum, each) => sum + each, 0);
};

const send = (
  { proxy }: Faulty,
  id: string,
  headers: Readonly<Record<string, string>> = {},
  model = 'm',
): Promise<Answer> =>
  proxy.call(native.path, { headers: { 'x-request-id': id, ...headers }, body: ask(false, { model }) });

/** Sends one after the other, each once the one before has taken its place in the queue. */
const line = async (
  faulty: Faulty,
  ids: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Promise<Answer>[]> => {
  const before = await waiting(faulty);
  const answers: Promise<Answer>[] = [];
  for (const [i, id] of ids.entries()) {
    answers.push(send(faulty, id, headers));
    await until(async () => (await waiting(faulty)) === before + i + 1);
  }
  return answers;
};

const idsOf = (calls: readonly Call[]): unknown[] => calls.map((call) => call.headers['x-request-id']);

/** A backend that holds every request until it is told to answer the one before it in line. */
const startHeld = async (
  slots: number,
  config = '',
): Promise<{ readonly faulty: Faulty; readonly answer: (i: number) => Promise<void> }> => {
  const faulty = await startFaulty(1, { slots, config, models: ['m', 'other'], otherwise: never });
  return {
    faulty,
    answer: async (i) => {
      const call = await faulty.at(0).call(i);
      await call.received;
      await whole(200, native.whole(`answer ${i}`))(call);
    },
  };
};

describe('with slots configured', () => {
  it('never has more requests on a backend than that, and answers all of them', async () => {
    const sim = await startSim({ models: ['llama3.2:3b'], slots: 4, timeScale: 0.1, outputTokens: [20, 30] });
    const proxy = await startProxy({
      backends: [{ name: 'sim', url: sim.url, slots: 2 }],
      config: 'queue: { max_waiting: 100 }',
    });
    onTestFinished(async () => {
      await proxy.stop();
      await sim.close();
    });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => proxy.call(native.path, { body: ask(true, { model: 'llama3.2:3b' }) })),
    );
    expect(answers.filter(({ status, complete }) => status === 200 && complete).length).toBe(30);
    expect(sim.state().models['llama3.2:3b']?.maxRunning).toBe(2);
    expect(answers.some(({ headers }) => Number(headers['x-task-router-queue-ms']) > 0)).toBe(true);
  });

  it('starts those who wait in the order of their arrival', async () => {
    const { faulty, answer } = await startHeld(1);
    const first = send(faulty, 'first');
    await faulty.at(0).call(0);
    const ids = ['a', 'b', 'c', 'd'];
    const answers = await line(faulty, ids);
    for (let i = 0; i <= ids.length; i++) await answer(i);
    for (const { status } of await Promise.all([first, ...answers])) expect(status).toBe(200);
    expect(idsOf(faulty.at(0).calls)).toEqual(['first', ...ids]);
  });

  it('does not let a full model hold up another one', async () => {
    const { faulty, answer } = await startHeld(1);
    void send(faulty, 'first');
    await faulty.at(0).call(0);
    const [waits] = await line(faulty, ['waits']);
    const other = send(faulty, 'other', {}, 'other');
    await answer(1);
    expect((await other).status).toBe(200);
    expect(idsOf(faulty.at(0).calls)).toEqual(['first', 'other']);
    await answer(0);
    await answer(2);
    expect((await waits)?.status).toBe(200);
  });

  it('shares the slots among the classes by their weights', async () => {
    const { faulty, answer } = await startHeld(1, 'queue: { class_weights: { interactive: 2, normal: 1, batch: 1 } }');
    void send(faulty, 'first');
    await faulty.at(0).call(0);
    const names = (letter: string): string[] => [1, 2, 3, 4].map((n) => `${letter}${n}`);
    const answers = [
      ...(await line(faulty, names('b'), { 'x-task-router-priority': 'batch' })),
      ...(await line(faulty, names('n'))),
      ...(await line(faulty, names('i'), { 'x-task-router-priority': 'interactive' })),
    ];
    for (let i = 0; i <= answers.length; i++) await answer(i);
    await Promise.all(answers);
    const order = idsOf(faulty.at(0).calls).slice(1).map(String);
    // In each class first come, first served; of the first eight, half are interactive.
    for (const letter of 'bni') expect(order.filter((id) => id.startsWith(letter))).toEqual(names(letter));
    const share = order.slice(0, 8).map((id) => id.charAt(0));
    expect(share.toSorted().join('')).toBe('bbiiiinn');
  });

  it('refuses with 503 queue_full and Retry-After when too many wait', async () => {
    const { faulty } = await startHeld(1, 'queue: { max_waiting: 1 }');
    void send(faulty, 'first').catch(() => {});
    await faulty.at(0).call(0);
    for (const answer of await line(faulty, ['waits'])) answer.catch(() => {});
    const refused = await send(faulty, 'too-many');
    expect([refused.status, refused.headers['x-task-router-error']]).toEqual([503, 'queue_full']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await faulty.ended('too-many')).outcome).toBe('refused');
  });

  it.each([
    ['queue.max_wait', 'queue: { max_wait: 200ms }', {}, 'queue_timeout'],
    ['the client’s deadline', '', { 'x-task-router-deadline': '200ms' }, 'deadline_exceeded'],
  ])('ends the wait with 504 at %s', async (_what, config, headers, code) => {
    const { faulty } = await startHeld(1, config);
    void send(faulty, 'first').catch(() => {});
    await faulty.at(0).call(0);
    const late = await send(faulty, 'late', headers);
    expect([late.status, late.headers['x-task-router-error']]).toEqual([504, code]);
    expect(await waiting(faulty)).toBe(0);
    expect(faulty.at(0).calls.length).toBe(1);
  });

  it('starts a waiter on the backend that comes back, in the tick in which it does', async () => {
    const { faulty } = await startHeld(1);
    void send(faulty, 'first').catch(() => {});
    await faulty.at(0).call(0);
    const [waits] = await line(faulty, ['waits']);
    faulty.at(0).otherwise = good(native, 'after the failure');
    (await faulty.at(0).call(0)).res.socket?.resetAndDestroy();
    expect((await waits)?.status).toBe(200);
  });
});

describe('a request that comes back from a failed backend', () => {
  it('goes ahead of those who have not been served yet, and holds nobody up who could use another slot', async () => {
    const faulty = await startFaulty(2, { slots: 1, otherwise: never });
    const overloaded = whole(503, { error: 'server busy' });
    void send(faulty, 'on-b0').catch(() => {});
    const onB0 = await faulty.at(0).call(0);
    void send(faulty, 'on-b1').catch(() => {});
    const onB1 = await faulty.at(1).call(0);
    const [first, second] = await line(faulty, ['w1', 'w2']);
    // w1 gets the slot of b0, is turned away there, and now waits for b1 alone, ahead of w2.
    faulty.at(0).next(overloaded);
    await onB0.received;
    await whole(200, native.whole('done'))(onB0);
    // w2 must get the slot of b0 that w1 cannot use, although w1 stands before it.
    const w2 = await faulty.at(0).call(2);
    expect(w2.headers['x-request-id']).toBe('w2');
    await whole(200, native.whole('w2'))(w2);
    expect((await second)?.status).toBe(200);
    await whole(200, native.whole('done'))(onB1);
    const w1 = await faulty.at(1).call(1);
    expect(w1.headers['x-request-id']).toBe('w1');
    await whole(200, native.whole('w1'))(w1);
    expect((await first)?.headers).toMatchObject({ 'x-task-router-backend': 'b1', 'x-task-router-attempts': '2' });
  });
});
