import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { answerText, type RawScript } from '../support/raw-backend.ts';
import { startRawScene, type RawScene } from '../support/raw-scene.ts';
import { ask } from '../support/scripts.ts';

const GOOD = '{"model":"m","message":{"role":"assistant","content":"a"},"done":true}';
/** One failure that is held against a backend shows. */
const CONFIG = 'circuit_breaker: { failure_threshold: 1 }';

const ENDS: readonly ((socket: Socket) => void)[] = [
  (socket) => void socket.end(),
  (socket) => socket.destroy(),
  (socket) => void socket.resetAndDestroy(),
];

/** Answers one request on a connection, and ends it at the moment the next one comes. */
const closesAtReuse = (): { readonly script: RawScript; readonly closed: () => number } => {
  const served = new WeakSet<Socket>();
  let closed = 0;
  return {
    closed: () => closed,
    script: (socket) => {
      if (served.has(socket)) {
        ENDS[closed++ % ENDS.length]?.(socket);
        return;
      }
      served.add(socket);
      socket.write(answerText(GOOD));
    },
  };
};

/** Each with the number of rounds. */
const REQUESTS: readonly (readonly [
  name: string,
  rounds: number,
  send: (scene: RawScene) => ReturnType<RawScene['proxy']['call']>,
])[] = [
  ['POST /api/chat, a stream', 200, ({ proxy }) => proxy.call('/api/chat', { body: ask(true) })],
  ['POST /v1/chat/completions, whole', 50, ({ proxy }) => proxy.call('/v1/chat/completions', { body: ask(false) })],
  ['POST /api/show', 50, ({ proxy }) => proxy.call('/api/show', { body: { model: 'm' } })],
  ['GET of an unknown path', 50, ({ proxy }) => proxy.call('/v9/thing')],
  ['POST to an unknown path', 200, ({ proxy }) => proxy.call('/v9/thing', { body: { a: 1 } })],
  [
    'a body of unknown length to an unknown path',
    50,
    ({ proxy }) => proxy.call('/v9/thing', { body: { a: 1 }, headers: { 'transfer-encoding': 'chunked' } }),
  ],
];

const blameless = async ({ proxy }: RawScene, served: number): Promise<void> => {
  const { body } = await proxy.admin('GET', 'backends/b0');
  expect(body).toMatchObject({ inflight: 0, breaker: 'closed', models: [{ running: 0, breaker: 'closed' }] });
  const samples = [...(await proxy.metrics())];
  const sum = (pattern: RegExp): number =>
    samples.reduce((total, [name, value]) => (pattern.test(name) ? total + value : total), 0);
  expect(sum(/^task_router_requests_total\{.*outcome="served"/)).toBe(served);
  expect(sum(/^task_router_requests_total/)).toBe(served);
  expect(sum(/^task_router_retries_total/)).toBe(0);
  expect(sum(/^task_router_circuit_breaker_transitions_total/)).toBe(0);
};

describe('a backend that closes a kept connection just when it is used again', () => {
  it.each(REQUESTS)('costs the client nothing and is not blamed: %s, %i times', async (name, rounds, send) => {
    const { script, closed } = closesAtReuse();
    const scene = await startRawScene({ config: CONFIG, script });
    for (let i = 0; i < rounds; i++) {
      const { status, body, complete, headers } = await send(scene);
      expect([status, body, complete, headers['x-task-router-attempts']]).toEqual([200, GOOD, true, '1']);
    }
    // What is piped cannot be sent twice, so it never goes over a connection that was used.
    if (name.startsWith('a body of')) expect(closed()).toBe(0);
    else expect(closed()).toBeGreaterThan(rounds / 3);
    expect(scene.backend.broken).toEqual([]);
    await blameless(scene, rounds);
  });

  it('is asked over a new one however many were kept', async () => {
    const { script, closed } = closesAtReuse();
    const scene = await startRawScene({ config: CONFIG, script });
    const { proxy } = scene;
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(
        Array.from({ length: 25 }, (_, i) =>
          i % 2 === 0 ? proxy.call('/api/chat', { body: ask(false) }) : proxy.call('/v9/x'),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
    expect(closed()).toBeGreaterThan(25);
    await blameless(scene, 100);
  });

  it('is blamed when a new connection ends without a byte, too', async () => {
    let asked = 0;
    const scene = await startRawScene({
      config: 'circuit_breaker: { failure_threshold: 1, adaptive: false }',
      script: (socket) => {
        if (asked++ === 0) socket.write(answerText(GOOD));
        else socket.destroy();
      },
    });
    expect((await scene.proxy.call('/api/chat', { body: ask(false) })).status).toBe(200);
    expect((await scene.proxy.call('/api/chat', { body: ask(false) })).status).toBe(502);
    expect((await scene.proxy.admin('GET', 'backends/b0')).body).toMatchObject({ inflight: 0, breaker: 'open' });
  });

  it('is not asked twice once a byte of its answer was there', async () => {
    let asked = 0;
    const scene = await startRawScene({
      script: (socket) => {
        if (asked++ === 0) socket.write(answerText(GOOD));
        else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{');
      },
    });
    expect((await scene.proxy.call('/v9/x', { body: {} })).status).toBe(200);
    expect((await scene.proxy.call('/v9/x', { body: {} })).complete).toBe(false);
    expect(asked).toBe(2);
  });
});
