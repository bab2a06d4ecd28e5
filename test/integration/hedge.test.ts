import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty, type FaultyOptions } from '../support/faulty.ts';
import type { Answer, CallOptions } from '../support/http-call.ts';
import type { Script } from '../support/scripted-backend.ts';
import { ask, native, never, once, pieces, resetAtOnce, whole } from '../support/scripts.ts';

const HEDGE = 'retry: { hedge: 500ms }';
const answer = (text: string) => pieces(native.type, [native.token(text), native.last]);
const answerOf = (text: string): string => native.token(text) + native.last;

const hedged = (count: number, more: FaultyOptions = {}): Promise<Faulty> =>
  startFaulty(count, { config: HEDGE, ...more });

const askedBy = ({ proxy }: Faulty, more: CallOptions = {}): Promise<Answer> =>
  proxy.call(native.path, {
    body: ask(true),
    ...more,
    headers: { 'x-request-id': 'r1', 'x-task-router-priority': 'interactive', ...more.headers },
  });

/** Nothing runs any more, nobody was blamed, and this is what became of the second attempt. */
const expectAfterwards = async (faulty: Faulty, result: string): Promise<void> => {
  for (let i = 0; i < faulty.backends.length; i++) {
    expect(await faulty.view(i)).toMatchObject({ inflight: 0, breaker: 'closed', models: [{ breaker: 'closed' }] });
  }
  const metrics = await faulty.proxy.metrics();
  const counted = [...metrics].filter(([name, value]) => name.startsWith('task_router_hedges_total') && value > 0);
  expect(counted).toEqual([[`task_router_hedges_total{result="${result}"}`, 1]]);
};

describe('a request whose server is silent', () => {
  it('is answered by a second one, and the first is let go of without blame', async () => {
    const faulty = await hedged(2);
    faulty.at(0).next(never);
    faulty.at(1).next(answer('two'));
    const { headers, body, complete } = await askedBy(faulty, { headers: { 'x-task-router-explain': '1' } });
    expect([body, complete]).toEqual([answerOf('two'), true]);
    expect(headers).toMatchObject({
      'x-task-router-backend': 'b1',
      'x-task-router-attempts': '2',
      'x-task-router-why': expect.stringMatching(/^idle and warm, asked as well because b0 had no byte for \d+ ms/),
    });
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    const record = await faulty.ended('r1');
    expect(record).toMatchObject({
      outcome: 'served',
      attempts: [
        { backend: 'b0', outcome: { kind: 'client-left', phase: 'head' } },
        { backend: 'b1', hedge: true, outcome: { kind: 'served' } },
      ],
    });
    // From the arrival on, the wait for the first server included.
    expect(record.firstByteMs).toBeGreaterThan(490);
    await expectAfterwards(faulty, 'won');
  });

  it('is answered by the first after all when that is sooner, and the second is let go of', async () => {
    const faulty = await hedged(2);
    faulty.at(0).next(once(faulty.at(1).call(0), answer('one')));
    faulty.at(1).next(never);
    const { headers, body, complete } = await askedBy(faulty);
    expect([body, complete, headers['x-task-router-backend']]).toEqual([answerOf('one'), true, 'b0']);
    expect(headers['x-task-router-attempts']).toBe('1');
    await (
      await faulty.at(1).call(0)
    ).hungUp;
    expect((await faulty.ended('r1')).attempts).toMatchObject([
      { backend: 'b1', hedge: true, outcome: { kind: 'client-left' } },
      { backend: 'b0', outcome: { kind: 'served' } },
    ]);
    await expectAfterwards(faulty, 'lost');
  });

  it('has one answer, whole and of one server, when both give theirs at once', async () => {
    const faulty = await hedged(2);
    const both = faulty.at(1).call(0);
    faulty.at(0).next(once(both, answer('one')));
    faulty.at(1).next(answer('two'));
    const { headers, body, complete } = await askedBy(faulty);
    const from = headers['x-task-router-backend'];
    expect([body, complete]).toEqual([answerOf(from === 'b0' ? 'one' : 'two'), true]);
    const { attempts } = await faulty.ended('r1');
    expect(attempts.map(({ outcome }) => outcome.kind)).toEqual(['client-left', 'served']);
    expect(attempts.at(-1)?.backend).toBe(from);
    await expectAfterwards(faulty, from === 'b0' ? 'lost' : 'won');
  });

  it('waits for the second one when the first has failed meanwhile', async () => {
    const faulty = await hedged(2);
    faulty.at(0).next(once(faulty.at(1).call(0), resetAtOnce));
    faulty.at(1).next(async (call) => {
      await until(async () => (await faulty.view(0)).inflight === 0);
      await answer('two')(call);
    });
    expect((await askedBy(faulty)).body).toBe(answerOf('two'));
    expect((await faulty.ended('r1')).attempts).toMatchObject([
      { backend: 'b0', outcome: { reason: 'reset' } },
      { backend: 'b1', hedge: true, outcome: { kind: 'served' } },
    ]);
    await expectAfterwards(faulty, 'won');
  });

  it('is tried on a third one when both have failed', async () => {
    const faulty = await hedged(3);
    // Either of the others may be the second: whoever is asked first fails, and whoever is asked then answers.
    let asked = 0;
    const inTurn: Script = (call) => (asked++ === 0 ? whole(500, { error: 'it broke' }) : answer('three'))(call);
    faulty.at(1).otherwise = inTurn;
    faulty.at(2).otherwise = inTurn;
    const second = Promise.race([faulty.at(1).call(0), faulty.at(2).call(0)]);
    faulty.at(0).next(
      once(
        second.then(({ received }) => received),
        resetAtOnce,
      ),
    );
    const { body, headers } = await askedBy(faulty);
    expect(body).toBe(answerOf('three'));
    expect(headers['x-task-router-backend']).toMatch(/^b[12]$/);
    const { attempts } = await faulty.ended('r1');
    expect(attempts.map(({ outcome }) => outcome.kind)).toContain('served');
    expect(attempts).toHaveLength(3);
    expect(attempts.slice(0, 2).map(({ outcome }) => outcome.kind)).toEqual(['backend-failed', 'backend-failed']);
    await expectAfterwards(faulty, 'failed');
  });

  it('is taken from both when the client leaves', async () => {
    const faulty = await hedged(2, { otherwise: never });
    const leaving = new AbortController();
    const asked = askedBy(faulty, { signal: leaving.signal }).catch(() => {});
    const second = await faulty.at(1).call(0);
    leaving.abort();
    await asked;
    await second.hungUp;
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect(await faulty.ended('r1')).toMatchObject({
      outcome: 'client-left',
      status: 499,
      attempts: [{ outcome: { kind: 'client-left' } }, { outcome: { kind: 'client-left' } }],
    });
    await expectAfterwards(faulty, 'left');
  });

  it('is late for both when its deadline passes', async () => {
    const faulty = await hedged(2, { otherwise: never });
    const { status, headers } = await askedBy(faulty, { headers: { 'x-task-router-deadline': '900ms' } });
    expect([status, headers['x-task-router-error']]).toEqual([504, 'deadline_exceeded']);
    expect((await faulty.ended('r1')).attempts).toMatchObject([
      { outcome: { reason: 'deadline' } },
      { outcome: { reason: 'deadline' } },
    ]);
  });
});

/** Answers when a second attempt would have been sent for long. */
const late =
  (script: Script): Script =>
  async (call) => {
    await new Promise((resolve) => setTimeout(resolve, 900));
    await script(call);
  };

describe('nobody else is asked', () => {
  const long = 'x'.repeat(9_000);

  it.each<[string, string, CallOptions]>([
    ['it is off', '', {}],
    ['nobody waits at a screen', HEDGE, { headers: { 'x-task-router-priority': 'normal' } }],
    ['the prompt is long', HEDGE, { body: { ...ask(true), messages: [{ role: 'user', content: long }] } }],
    ['it says how long the model is to stay', HEDGE, { body: { ...ask(true), keep_alive: '5m' } }],
  ])('when %s', async (_what, config, options) => {
    const faulty = await startFaulty(2, { config });
    faulty.at(0).next(late(answer('one')));
    expect((await askedBy(faulty, options)).body).toBe(answerOf('one'));
    expect(faulty.at(1).calls).toEqual([]);
  });

  it('when the others have work', async () => {
    const faulty = await hedged(2);
    faulty.at(0).next(late(answer('one')));
    faulty.at(1).next(never);
    const leaving = new AbortController();
    // For as long as it is off, the other one gets what comes.
    await faulty.proxy.admin('PATCH', 'backends/b0', { enabled: false });
    const busy = askedBy(faulty, { signal: leaving.signal, headers: { 'x-request-id': 'busy' } }).catch(() => {});
    await faulty.at(1).call(0);
    await faulty.proxy.admin('PATCH', 'backends/b0', { enabled: true });
    expect((await askedBy(faulty)).body).toBe(answerOf('one'));
    expect(faulty.at(1).calls).toHaveLength(1);
    leaving.abort();
    await busy;
  });

  it('when the budget is spent', async () => {
    const faulty = await hedged(2, { otherwise: answer('two') });
    faulty.at(0).next(never, late(answer('one')));
    expect((await askedBy(faulty)).body).toBe(answerOf('two'));
    expect((await askedBy(faulty, { headers: { 'x-request-id': 'r2' } })).body).toBe(answerOf('one'));
    expect(faulty.at(1).calls).toHaveLength(1);
  });
});
