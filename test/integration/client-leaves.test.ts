import http from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import type { Script } from '../support/scripted-backend.ts';
import { ask, early, good, native, never, openai, pieces, resetAtOnce } from '../support/scripts.ts';

/** One failure would open every breaker, so a closed one shows that nobody was blamed. */
const STRICT = { config: 'circuit_breaker: { failure_threshold: 1 }' };

/** Sends a request and gives what makes its client leave; the answer, if any, is of no interest. */
const sendAndLeave = (
  { proxy }: Faulty,
  path: string,
  body: unknown,
  { id = 'r1', method = 'POST' }: { readonly id?: string; readonly method?: string } = {},
): { readonly leave: () => void; readonly firstData: Promise<void> } => {
  const leaving = new AbortController();
  const firstData = new Promise<void>((resolve) => {
    const headers = { 'x-request-id': id };
    proxy.call(path, { method, headers, body, signal: leaving.signal, onData: () => resolve() }).catch(() => {});
  });
  return { leave: () => leaving.abort(), firstData };
};

/** The backend was let go of, nobody was blamed, nothing was learned, and nothing is counted as running. */
const expectNoTrace = async (faulty: Faulty, id = 'r1'): Promise<void> => {
  expect((await faulty.ended(id)).outcome).toBe('client-left');
  expect(await faulty.view(0)).toMatchObject({
    inflight: 0,
    breaker: 'closed',
    models: [{ running: 0, breaker: 'closed' }],
  });
  const metrics = (await faulty.proxy.admin('GET', 'metrics')).body;
  expect(JSON.stringify(metrics)).not.toContain('b0/m:latest');
};

describe('a client that leaves', () => {
  it('gives up its place in the queue and never reaches a backend', async () => {
    const faulty = await startFaulty(1, { ...STRICT, slots: 1 });
    const depth = async (): Promise<unknown> => (await faulty.proxy.admin('GET', 'queue')).body;
    faulty.at(0).next(never);
    const first = sendAndLeave(faulty, native.path, ask(true), { id: 'first' });
    await faulty.at(0).call(0);
    const second = sendAndLeave(faulty, native.path, ask(true), { id: 'second' });
    await until(async () => JSON.stringify(await depth()).includes('"normal":1'));
    second.leave();
    expect(await faulty.ended('second')).toMatchObject({ outcome: 'client-left', status: 499, attempts: [] });
    expect(await depth()).toMatchObject({ waiting: { interactive: 0, normal: 0, batch: 0 } });
    first.leave();
    await faulty.ended('first');
    expect(faulty.at(0).calls.length).toBe(1);
    await expectNoTrace(faulty, 'second');
  });

  const waits: readonly [where: string, script: Script, stream: boolean, firstData: boolean][] = [
    ['for the head of a stream', never, true, false],
    ['for a whole answer', never, false, false],
    ['for the rest of a whole answer that is held', pieces('application/json', ['{"model":'], 'stall'), false, false],
    ['for the first record to be complete', pieces(native.type, ['{"mod'], 'stall'), true, false],
    ['in mid-stream', pieces(native.type, [native.token('a')], 'stall'), true, true],
  ];
  it.each(waits)('is let go of at the backend while it waits %s', async (_where, script, stream, seesData) => {
    const faulty = await startFaulty(2, STRICT);
    faulty.at(0).next(script);
    const { leave, firstData } = sendAndLeave(faulty, native.path, ask(stream));
    const call = await faulty.at(0).call(0);
    if (seesData) await firstData;
    leave();
    await call.hungUp;
    await expectNoTrace(faulty);
    expect(faulty.at(1).calls).toEqual([]);
  });

  it('makes room for the next one in the queue', async () => {
    const faulty = await startFaulty(1, { slots: 1 });
    faulty.at(0).next(never, good(openai, 'my turn'));
    const { leave } = sendAndLeave(faulty, native.path, ask(true));
    await faulty.at(0).call(0);
    const next = faulty.proxy.call(openai.path, { body: ask(false) });
    leave();
    expect(await next).toMatchObject({ status: 200, complete: true });
  });

  it('is not retried for when its backend fails at the same time', async () => {
    const faulty = await startFaulty(2);
    let fail = (): void => {};
    faulty.at(0).next(
      (call) =>
        new Promise((resolve) => {
          fail = () => {
            void resetAtOnce(call);
            resolve();
          };
        }),
    );
    const { leave } = sendAndLeave(faulty, native.path, ask(true));
    const call = await faulty.at(0).call(0);
    await call.received;
    leave();
    fail();
    await faulty.ended('r1');
    expect(faulty.at(1).calls).toEqual([]);
  });

  it('is recorded as such when it leaves before its body was complete', async () => {
    const faulty = await startFaulty(1, STRICT);
    const socket = connect(faulty.proxy.port, '127.0.0.1');
    socket.write(
      'POST /api/chat HTTP/1.1\r\nhost: 127.0.0.1\r\nx-request-id: r1\r\ncontent-length: 100\r\n\r\n{"model":',
      () => {
        socket.resetAndDestroy();
      },
    );
    await expectNoTrace(faulty);
    expect(faulty.at(0).calls).toEqual([]);
  });
});

describe('a client that leaves a request which runs no model', () => {
  const cases: readonly [
    what: string,
    method: string,
    path: string,
    body: unknown,
    script: Script,
    seesData: boolean,
  ][] = [
    ['before the answer begins', 'GET', '/api/status', undefined, never, false],
    ['before the answer begins, its body read by the proxy', 'POST', '/api/show', { model: 'm' }, never, false],
    [
      'in the middle of a stream',
      'POST',
      '/v9/stream',
      { model: 'x' },
      pieces(native.type, ['{"status":"a"}\n'], 'stall'),
      true,
    ],
  ];
  it.each(cases)('ends it at the backend %s', async (_what, method, path, body, script, seesData) => {
    const faulty = await startFaulty(1, STRICT);
    faulty.at(0).next(script);
    const { leave, firstData } = sendAndLeave(faulty, path, body, { method });
    const call = await faulty.at(0).call(0);
    if (seesData) await firstData;
    leave();
    await call.hungUp;
    await expectNoTrace(faulty);
  });

  it('ends it at the backend in the middle of an upload', async () => {
    const faulty = await startFaulty(1, STRICT);
    faulty.at(0).next(early(never));
    const req = http.request(`${faulty.proxy.url}/api/experimental/web_search`, {
      method: 'POST',
      headers: { 'x-request-id': 'r1' },
    });
    req.on('error', () => {});
    req.write(Buffer.alloc(100_000));
    const call = await faulty.at(0).call(0);
    await until(() => call.bodyBytes() === 100_000);
    req.destroy();
    await call.hungUp;
    await expectNoTrace(faulty);
  });
});
