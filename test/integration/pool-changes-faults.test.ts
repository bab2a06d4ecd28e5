import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import { linesOf, startPool } from '../support/pool.ts';
import type { Call, Script } from '../support/scripted-backend.ts';
import { early, finAtOnce, garbage, NDJSON, never, pieces, push, raw, resetAtOnce, whole } from '../support/scripts.ts';
import { heldBytes } from '../support/live-memory.ts';

const STRICT = { config: 'circuit_breaker: { failure_threshold: 1 }' };
const MANIFEST = '{"status":"pulling manifest"}\n';
const SUCCESS = '{"status":"success"}\n';
const bar = (completed: number): string =>
  `${JSON.stringify({ status: 'pulling aa', digest: 'sha256:aa', total: 100, completed })}\n`;
const good = pieces(NDJSON, [MANIFEST, bar(100), SUCCESS]);

const pull = (faulty: Faulty, more: object = {}) =>
  faulty.proxy.call('/api/pull', { body: { model: 'x', ...more }, headers: { 'x-request-id': 'r1' } });
const change = async (faulty: Faulty): Promise<Readonly<Record<string, unknown>>> =>
  (await faulty.proxy.log.event('model-change')).fields;
const next = (faulty: Faulty, ...scripts: readonly Script[]): void => {
  for (const [index, script] of scripts.entries()) faulty.at(index).next(script);
};

describe('a part of a pull', () => {
  const failures: readonly [what: string, script: Script, error: string | RegExp][] = [
    ['is refused', whole(400, { error: 'invalid model name' }), 'invalid model name'],
    ['fails in its stream', pieces(NDJSON, [MANIFEST, '{"error":"disk full"}\n']), 'disk full'],
    ['fails in its stream and then hangs', pieces(NDJSON, ['{"error":"disk full"}\n'], 'stall'), 'disk full'],
    ['ends without success', pieces(NDJSON, [MANIFEST, bar(60)]), 'ended its stream without success'],
    ['dies in the middle', pieces(NDJSON, [MANIFEST, bar(60)], 'fin'), /^died in mid-answer: /],
    ['is reset in the middle', pieces(NDJSON, [MANIFEST, bar(60)], 'reset'), /^died in mid-answer: /],
    ['dies before its answer', resetAtOnce, /^closed the connection before its answer: /],
    ['is closed before its answer', finAtOnce, /^closed the connection before its answer: /],
    ['answers no HTTP', garbage, /^answered no valid HTTP: /],
    [
      'answers lines that are no JSON',
      pieces(NDJSON, ['<html>\n']),
      'answered with a progress stream of no valid JSON',
    ],
    ['answers a line without end', pieces(NDJSON, ['x'.repeat(70_000)], 'stall'), /more than 65536 bytes/],
  ];
  it.each(failures)('that %s is named, and the others count', async (_what, script, error) => {
    const faulty = await startFaulty(3);
    next(faulty, good, script, good);
    const answer = await pull(faulty);
    expect([answer.status, answer.complete]).toEqual([200, true]);
    const lines = linesOf(answer.body);
    expect(lines.at(-1)).toEqual({ status: 'success' });
    const named = /^done on b0, b2; failed on b1 \((.*)\)$/.exec(String(lines.at(-2)?.['status']))?.[1];
    expect(named).toEqual(typeof error === 'string' ? error : expect.stringMatching(error));
    expect(lines).toContainEqual({ status: 'pulling aa', digest: 'sha256:aa', total: 300, completed: 300 });
    expect(await change(faulty)).toMatchObject({ outcome: 'partial', servers: { b0: 'done', b2: 'done' } });
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'served', status: 200 });
    const view = await faulty.view(1);
    expect(view.inflight).toBe(0);
  });

  it('that can only not be reached is the fault of its server, and one that fails in its work is not', async () => {
    const faulty = await startFaulty(2, STRICT);
    next(faulty, pieces(NDJSON, ['{"error":"disk full"}\n']), resetAtOnce);
    await pull(faulty);
    expect([(await faulty.view(0)).breaker, (await faulty.view(1)).breaker]).toEqual(['closed', 'open']);
  });

  it('that says nothing for too long has failed', async () => {
    const faulty = await startFaulty(2, { config: 'limits: { stream_idle_timeout: 150ms }' });
    next(faulty, good, pieces(NDJSON, [MANIFEST], 'stall'));
    const { body } = await pull(faulty);
    expect(linesOf(body).slice(-2)).toEqual([
      { status: 'done on b0; failed on b1 (sent nothing for 150 ms (limits.stream_idle_timeout))' },
      { status: 'success' },
    ]);
    await (
      await faulty.at(1).call(0)
    ).hungUp;
  });

  it('may come in any pieces', async () => {
    const faulty = await startFaulty(1);
    const bytes = Buffer.from(`{"status":"größer 🙂"}\r\n\n${bar(100)}{"status":"success"}`);
    next(
      faulty,
      pieces(
        NDJSON,
        Array.from(bytes, (byte) => Buffer.from([byte])),
      ),
    );
    expect(linesOf((await pull(faulty)).body)).toEqual([
      { status: 'größer 🙂' },
      { status: 'pulling aa', digest: 'sha256:aa', total: 100, completed: 100 },
      { status: 'success' },
    ]);
  });

  it('is sent the very bytes of the client, with their length and the headers of its server', async () => {
    const faulty = await startFaulty(2, { otherwise: good, prefix: '/behind' });
    const body = '{ "Model" :"x", "insecure":true }\n';
    await faulty.proxy.call('/api/pull?ts=1', {
      body,
      headers: { authorization: 'Bearer c', origin: faulty.proxy.url },
    });
    for (const { calls } of faulty.backends) {
      expect(calls).toHaveLength(1);
      expect(calls[0]?.path).toBe('/behind/api/pull?ts=1');
      expect(calls[0]?.body().toString()).toBe(body);
      expect(calls[0]?.headers).toMatchObject({ 'content-length': String(body.length), authorization: 'Bearer c' });
      expect(calls[0]?.headers.origin).toBeUndefined();
    }
  });

  it('takes no slot, so that it neither waits for one nor holds one up', async () => {
    const faulty = await startFaulty(1, { slots: 1 });
    faulty.at(0).next(never, good);
    const chat = faulty.proxy.call('/api/chat', { body: { model: 'm', messages: [{ role: 'user', content: 'x' }] } });
    chat.catch(() => {});
    await faulty.at(0).call(0);
    expect((await pull(faulty)).status).toBe(200);
  });
});

describe('a pull whose parts all fail', () => {
  it('is handed on as it is when they agree before a line was shown', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(400, { error: 'invalid model name' }, { 'x-kept': '1' }) });
    const answer = await pull(faulty);
    expect([answer.status, answer.body, answer.headers['x-kept']]).toEqual([
      400,
      '{"error":"invalid model name"}',
      '1',
    ]);
    expect(await change(faulty)).toMatchObject({ outcome: 'refused' });
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'client-error' });
  });

  it('names each when they differ', async () => {
    const faulty = await startFaulty(2);
    next(faulty, whole(500, { error: 'disk full' }), resetAtOnce);
    const answer = await pull(faulty, { stream: false });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      500,
      { error: expect.stringMatching(/^b0: disk full; b1: closed the connection before its answer: /) },
    ]);
    expect(answer.headers['x-task-router-error']).toBe('backend_failed');
  });

  it('ends with their words when these came in the stream', async () => {
    const faulty = await startFaulty(2, { otherwise: pieces(NDJSON, [MANIFEST, '{"error":"no such model"}\n']) });
    const answer = await pull(faulty);
    expect(answer).toMatchObject({ status: 200, complete: true, body: `${MANIFEST}{"error":"no such model"}\n` });
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'failed' });
  });

  it('does not look whole when they died in the middle', async () => {
    const faulty = await startFaulty(2, { otherwise: pieces(NDJSON, [MANIFEST, bar(10)], 'fin') });
    const answer = await pull(faulty);
    expect([answer.status, answer.complete]).toEqual([200, false]);
    expect(linesOf(answer.body).at(-1)).toEqual({ error: expect.stringContaining('died in mid-answer') });
  });

  it.each([
    [1, /^backend b0 closed the connection before its answer: /],
    [2, /^every server failed: closed the connection before its answer: /],
  ])('is a 502 when none of %i said a word', async (count, error) => {
    const faulty = await startFaulty(count, { otherwise: resetAtOnce });
    const answer = await pull(faulty);
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([502, 'backend_failed']);
    expect(JSON.parse(answer.body)).toEqual({ error: expect.stringMatching(error) });
    expect(await change(faulty)).toMatchObject({ outcome: 'failed' });
    expect(faulty.backends.every(({ calls }) => calls.length === 1)).toBe(true);
  });
});

describe('a client that leaves a change', () => {
  it.each<[string, Script, boolean]>([
    ['in the middle of its stream', pieces(NDJSON, [MANIFEST, bar(10)], 'stall'), true],
    ['before anything was said', never, true],
    ['that is no stream', never, false],
  ])('stops every part: %s', async (_what, script, stream) => {
    const faulty = await startFaulty(3, { ...STRICT, otherwise: script });
    const leaving = new AbortController();
    const seen = new Promise<void>((resolve) => {
      const body = { model: 'x', stream };
      const headers = { 'x-request-id': 'r1' };
      faulty.proxy
        .call('/api/pull', { body, headers, signal: leaving.signal, onData: () => resolve() })
        .catch(() => {});
    });
    const calls = await Promise.all(faulty.backends.map((backend) => backend.call(0)));
    await (script === never ? Promise.all(calls.map(({ received }) => received)) : seen);
    leaving.abort();
    await Promise.all(calls.map(({ hungUp }) => hungUp));
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'client-left' });
    expect(await change(faulty)).toMatchObject({ outcome: 'client-left', servers: { b1: 'stopped: the client left' } });
    for (const index of [0, 1, 2]) expect(await faulty.view(index)).toMatchObject({ inflight: 0, breaker: 'closed' });
  });
});

describe('a client that reads slowly', () => {
  it('slows no server down and costs no memory, and gets the latest when it reads again', async () => {
    const LINES = 100_000;
    let sent = 0;
    const flood: Script = async (call: Call) => {
      call.res.writeHead(200, { 'content-type': NDJSON });
      for (let from = 0; from < LINES; from += 1_000) {
        let text = '';
        for (let i = from; i < from + 1_000; i++) {
          text += `${JSON.stringify({ status: 'pulling aa', digest: 'sha256:aa', total: LINES, completed: i + 1, pad: 'x'.repeat(200) })}\n`;
        }
        await push(call, text);
        sent += text.length;
      }
      call.res.end(SUCCESS);
    };
    const faulty = await startFaulty(2, { otherwise: flood });
    const socket = connect(faulty.proxy.port, '127.0.0.1');
    const body = '{"model":"x"}';
    socket.write(
      `POST /api/pull HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const before = heldBytes();
    // Nothing is read yet: the servers finish all the same.
    await faulty.proxy.log.event('model-change');
    const grown = heldBytes() - before;
    expect(sent).toBeGreaterThan(50 * 1024 * 1024);
    expect(grown).toBeLessThan(16 * 1024 * 1024);
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString('latin1');
    expect(text.length).toBeLessThan(sent / 4);
    expect(text).toContain(`"completed":${2 * LINES}`);
    expect(text).toMatch(/\{"status":"success"\}\n\r\n0\r\n\r\n$/);
  });
});

describe('a change that must reach every holder', () => {
  const remove = (faulty: Faulty) =>
    faulty.proxy.call('/api/delete', { method: 'DELETE', body: { model: 'm' }, headers: { 'x-request-id': 'r1' } });

  it('says where it did not come through', async () => {
    const faulty = await startFaulty(3, { otherwise: whole(200, '') });
    faulty.at(1).next(resetAtOnce);
    const answer = await remove(faulty);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      500,
      { error: expect.stringMatching(/^deleted on b0, b2; failed on b1 \(closed the connection before its answer: /) },
    ]);
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'failed', status: 500 });
  });

  it('is a 502 when no holder said a word', async () => {
    const faulty = await startFaulty(2, { otherwise: resetAtOnce });
    expect((await remove(faulty)).status).toBe(502);
  });

  it('waits for the slowest, and not for one that needs long to be looked at again', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(200, '') });
    let answerNow = (): void => {};
    faulty.at(1).next(
      early(
        (call) =>
          new Promise((resolve) => {
            answerNow = () => {
              call.res.writeHead(200, { 'content-length': 0 }).end();
              resolve();
            };
          }),
      ),
    );
    let over = false;
    const answer = remove(faulty).then((got) => {
      over = true;
      return got;
    });
    await faulty.at(1).call(0);
    await until(() => faulty.at(0).calls.length === 1);
    expect(over).toBe(false);
    answerNow();
    expect((await answer).status).toBe(200);
  });

  it('does not wait for a holder that stopped answering altogether', async () => {
    const config = 'health: { interval: 100ms, timeout: 300ms, unhealthy_after: 2 }';
    const pool = await startPool(
      ['a', 'b'].map((name) => ({ name, models: ['llama3.2:1b'] })),
      config,
    );
    pool.sim('b').faults.set({ kind: 'hang' });
    const answer = await pool.proxy.call('/api/delete', { method: 'DELETE', body: { model: 'llama3.2:1b' } });
    expect([answer.status, answer.body]).toEqual([
      500,
      '{"error":"deleted on a; failed on b (does not answer any more)"}',
    ]);
  });

  it('is not tried twice', async () => {
    const faulty = await startFaulty(1, { otherwise: raw('') });
    expect((await remove(faulty)).status).toBe(502);
    expect(faulty.at(0).calls).toHaveLength(1);
  });
});
