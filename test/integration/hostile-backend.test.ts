import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { heldBytes } from '../support/live-memory.ts';
import type { Answer } from '../support/http-call.ts';
import { answerText, type RawScript } from '../support/raw-backend.ts';
import { startRawScene, type RawScene } from '../support/raw-scene.ts';
import { ask, native } from '../support/scripts.ts';

const MIB = 1024 * 1024;
const GOOD = JSON.stringify(native.whole('good'));
const STREAM_HEAD = `HTTP/1.1 200 OK\r\ncontent-type: ${native.type}\r\ntransfer-encoding: chunked\r\n\r\n`;
const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const TOKEN = chunk(native.token('a'));
const LAST = chunk(native.last);

const bytes =
  (...pieces: readonly string[]): RawScript =>
  async (socket) => {
    for (const piece of pieces) {
      await new Promise<void>((resolve) => socket.write(Buffer.from(piece, 'latin1'), () => setImmediate(resolve)));
    }
  };
const thenEnd =
  (script: RawScript): RawScript =>
  async (socket, request) => {
    await script(socket, request);
    socket.end();
  };

/** Writes the same for ever, as fast as it is taken. */
const forEver =
  (head: string, piece: string): RawScript =>
  async (socket) => {
    socket.write(head);
    while (!socket.destroyed) {
      const taken = socket.write(piece);
      await new Promise<void>((resolve) => {
        if (taken) setImmediate(resolve);
        else {
          const done = (): void => {
            socket.off('drain', done).off('close', done);
            resolve();
          };
          socket.on('drain', done).on('close', done);
        }
      });
    }
  };

const next = async ({ proxy }: RawScene, path = '/api/chat', stream = false): Promise<Answer> =>
  proxy.call(path, { body: { ...ask(stream), messages: [] }, headers: { 'x-request-id': 'r1' } });

/** What comes before the first byte of answer, so that nothing of it may reach the client. */
const BEFORE: readonly (readonly [what: string, script: RawScript])[] = [
  ['nothing, and the end', thenEnd(bytes())],
  ['half a status line', thenEnd(bytes('HTTP/1.1 2'))],
  ['a head that does not end', thenEnd(bytes('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'))],
  ['a status line that is none', bytes('HELLO 200 OK\r\n\r\n')],
  ['a status that is no number', bytes('HTTP/1.1 two OK\r\n\r\n')],
  ['a header without a colon', bytes('HTTP/1.1 200 OK\r\nbroken\r\n\r\n')],
  ['a NUL in a header', bytes(`${JSON_HEAD}x-a: \u0000\r\ncontent-length: 2\r\n\r\n{}`)],
  ['two lengths that differ', bytes(`${JSON_HEAD}content-length: 2\r\ncontent-length: 200\r\n\r\n{}`)],
  [
    'a length and chunks',
    bytes(`${JSON_HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
  ],
  ['a length that is no number', bytes(`${JSON_HEAD}content-length: many\r\n\r\n{}`)],
  ['a length with a sign', bytes(`${JSON_HEAD}content-length: +2\r\n\r\n{}`)],
  ['a chunk size that is none', bytes(`${JSON_HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`)],
  ['a chunk that is longer than its size', bytes(`${JSON_HEAD}transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`)],
  ['a chunk size beyond all numbers', bytes(`${JSON_HEAD}transfer-encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n{}`)],
  ['fewer bytes than its length', thenEnd(bytes(`${JSON_HEAD}content-length: 200\r\n\r\n{`))],
  ['a stream whose first line is no JSON', bytes(`${STREAM_HEAD}${chunk('oops\n')}0\r\n\r\n`)],
  ['a stream without a line', bytes(`${STREAM_HEAD}0\r\n\r\n`)],
  ['a whole answer that is no JSON', bytes(answerText('oops'))],
  [
    'a head of more than 64 KiB',
    bytes(`HTTP/1.1 200 OK\r\nx-long: ${'a'.repeat(100_000)}\r\ncontent-length: 2\r\n\r\n{}`),
  ],
  ['a head without end', forEver('HTTP/1.1 200 OK\r\n', `x-a: ${'a'.repeat(1000)}\r\n`)],
  ['an interim answer and the end', thenEnd(bytes('HTTP/1.1 102 Processing\r\n\r\n'))],
  [
    'a switch of protocols that nobody asked for',
    bytes('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  ],
];

describe('what is no answer', () => {
  it.each(BEFORE)(
    'is given up before a byte of it reaches the client, who gets one from elsewhere: %s',
    async (what, script) => {
      const scene = await startRawScene({ count: 2 });
      const [bad, other] = scene.backends;
      if (bad === undefined || other === undefined) throw new Error('two backends are needed');
      bad.script = script;
      other.script = (socket) => void socket.write(answerText(GOOD));
      // Round robin: one of two in a row begins at the bad one.
      for (let i = 0; i < 2; i++) {
        const answer = await next(scene);
        expect([answer.status, answer.body, answer.headers['x-task-router-backend']]).toEqual([200, GOOD, 'b1']);
      }
      expect(bad.requests.length).toBeGreaterThan(0);
      if (/JSON|a stream without a line/.test(what)) return;
      // How the next bytes on that connection are to be read is in doubt: it serves nobody again.
      bad.script = (socket) => void socket.write(answerText(GOOD));
      const used = new Set(bad.used);
      for (let i = 0; i < 2; i++) expect((await next(scene)).body).toBe(GOOD);
      for (const { connection } of bad.requests.slice(1)) expect(used.has(connection)).toBe(false);
    },
  );

  it.each(BEFORE.filter(([what]) => !/JSON|line$/.test(what)))(
    'is a 502 where it runs no model and cannot be asked for elsewhere: %s',
    async (_what, script) => {
      const scene = await startRawScene();
      scene.backend.script = script;
      const answer = await scene.proxy.call('/v9/thing').catch(() => undefined);
      // A head that was good has been handed on already: then the end is abrupt.
      if (answer !== undefined && answer.status === 200) expect(answer.complete).toBe(false);
      else if (answer !== undefined)
        expect([answer.status, answer.headers['x-task-router-error']]).toEqual([502, 'backend_failed']);
      scene.backend.script = (socket) => void socket.write(answerText(GOOD));
      const used = new Set(scene.backend.used);
      const after = await scene.proxy.call('/v9/other');
      expect([after.status, after.body]).toEqual([200, GOOD]);
      expect(used.has(scene.backend.requests.at(-1)?.connection ?? -1)).toBe(false);
    },
  );
});

/** What breaks in the middle of a stream that the client has begun to get. */
const MIDDLE: readonly (readonly [what: string, script: RawScript])[] = [
  ['a chunk size that is none', bytes(STREAM_HEAD + TOKEN, 'zz\r\n')],
  ['a chunk that is longer than its size', bytes(STREAM_HEAD + TOKEN, `1\r\n${native.token('b')}\r\n`)],
  ['the end without a last chunk', thenEnd(bytes(STREAM_HEAD + TOKEN))],
  [
    'a reset',
    async (socket, request) => {
      await bytes(STREAM_HEAD + TOKEN)(socket, request);
      socket.resetAndDestroy();
    },
  ],
  ['a second head in the middle', bytes(STREAM_HEAD + TOKEN, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')],
  ['the last chunk without a final record', bytes(`${STREAM_HEAD}${TOKEN}0\r\n\r\n`)],
  ['a trailer that frames', bytes(`${STREAM_HEAD}${TOKEN}${LAST}0\r\ncontent-length: 5\r\n\r\n`)],
  ['half a character and the end', thenEnd(bytes(STREAM_HEAD + TOKEN, '2\r\n\u00f0\u009f\r\n'))],
];

describe('a stream that breaks', () => {
  it.each(MIDDLE)('ends in the error of its dialect and an abrupt end: %s', async (_what, script) => {
    const scene = await startRawScene();
    scene.backend.script = script;
    const answer = await next(scene, '/api/chat', true);
    expect([answer.status, answer.complete]).toEqual([200, false]);
    expect(answer.body.startsWith(native.token('a'))).toBe(true);
    expect(native.inBand(answer.body)).toMatch(/^the backend /);
    scene.backend.script = (socket) => void socket.write(`${STREAM_HEAD}${TOKEN}${LAST}0\r\n\r\n`);
    expect(await next(scene, '/api/chat', true)).toMatchObject({ status: 200, complete: true });
  });
});

describe('what a backend says too much', () => {
  it.each([
    ['garbage behind a whole answer', `${answerText(GOOD)}garbage`],
    ['a second answer that nobody asked for', answerText(GOOD) + answerText('{"poison":true}')],
    ['more bytes than its length', `${JSON_HEAD}content-length: ${GOOD.length}\r\n\r\n${GOOD}${'x'.repeat(100)}`],
  ])('never becomes part of another answer: %s', async (_what, text) => {
    for (const path of ['/api/chat', '/v9/thing']) {
      const scene = await startRawScene();
      scene.backend.script = bytes(text);
      const first = await next(scene, path);
      expect([first.status, first.body]).toEqual([200, GOOD]);
      const used = new Set(scene.backend.used);
      scene.backend.script = (socket) => void socket.write(answerText(GOOD));
      for (let i = 0; i < 3; i++) {
        const { status, body } = await next(scene, path);
        expect([status, body]).toEqual([200, GOOD]);
      }
      expect(scene.backend.requests.slice(1).some(({ connection }) => used.has(connection))).toBe(false);
    }
  });

  it('is cut where a stream goes on behind its last record', async () => {
    const scene = await startRawScene();
    scene.backend.script = bytes(`${STREAM_HEAD}${TOKEN}${LAST}0\r\n\r\n`, answerText('{"poison":true}'));
    const answer = await next(scene, '/api/chat', true);
    expect(answer).toMatchObject({ status: 200, complete: true, body: native.token('a') + native.last });
    scene.backend.script = (socket) => void socket.write(answerText(GOOD));
    expect((await next(scene)).body).toBe(GOOD);
  });

  it('is heard out when it is a flood of interim answers, which are no answer', async () => {
    const scene = await startRawScene();
    scene.backend.script = bytes('HTTP/1.1 102 Processing\r\n\r\n'.repeat(5_000), answerText(GOOD));
    expect((await next(scene)).body).toBe(GOOD);
  });

  it('is passed on where it is in a language of its own: bytes that are no UTF-8', async () => {
    const scene = await startRawScene();
    const line = '{"model":"m","message":{"content":"\u00ff\u00fe"},"done":false}\n';
    const body = Buffer.from(line, 'latin1');
    scene.backend.script = async (socket, request) => {
      await bytes(STREAM_HEAD + `${body.length.toString(16)}\r\n${line}\r\n${LAST}0\r\n\r\n`)(socket, request);
    };
    expect(await next(scene, '/api/chat', true)).toMatchObject({ status: 200, complete: true });
  });

  it('stays with the proxy when it is a trailer', async () => {
    const scene = await startRawScene();
    scene.backend.script = bytes(`${STREAM_HEAD}${TOKEN}${LAST}0\r\nx-after: 1\r\nset-cookie: a\r\n\r\n`);
    const answer = await next(scene, '/api/chat', true);
    expect(answer).toMatchObject({ status: 200, complete: true, body: native.token('a') + native.last });
  });

  it('passes as it is when it is compressed although plain bytes were asked for', async () => {
    const scene = await startRawScene();
    scene.backend.script = bytes(
      answerText('\u001f?not really gzip', 'application/json', 'content-encoding: gzip\r\n'),
    );
    const answer = await next(scene);
    expect([answer.status, answer.headers['content-encoding'], answer.body]).toEqual([
      200,
      'gzip',
      '\u001f?not really gzip',
    ]);
    expect(scene.backend.requests[0]?.values('accept-encoding')).toEqual(['identity']);
  });
});

/** The most that one request holds of an answer: 64 KiB or 256 KiB before it is judged, 8 MiB of its end, 1 MiB unsent. */
const BOUND = 40 * MIB;

/** Reads an answer of this many bytes at least, and gives it up; with the most that was held meanwhile. */
const readLong = async (scene: RawScene, path: string, stream: boolean, enough: number): Promise<number> => {
  const before = heldBytes();
  const leaving = new AbortController();
  let got = 0;
  let most = 0;
  let looked = 0;
  await scene.proxy
    .call(path, {
      body: { ...ask(stream), messages: [] },
      signal: leaving.signal,
      onData: (piece) => {
        got += piece.length;
        if (got - looked > 8 * MIB) {
          looked = got;
          // The test's own reader keeps all of it.
          most = Math.max(most, heldBytes() - before - got);
        }
        if (got >= enough) leaving.abort();
      },
    })
    .catch(() => undefined);
  return most;
};

describe('an answer without end', () => {
  it.each([
    ['a line that never ends', STREAM_HEAD, chunk('x'.repeat(60_000)), '/api/chat', true],
    [
      'a JSON value that never ends',
      `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n`,
      chunk('[0,0,0,'.repeat(9_000)),
      '/api/chat',
      false,
    ],
    ['lines without number', STREAM_HEAD, TOKEN.repeat(500), '/api/chat', true],
    [
      'a body of no known route',
      `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n`,
      chunk('x'.repeat(60_000)),
      '/v9/thing',
      false,
    ],
  ] as const)(
    'is passed on within bounds, not kept: %s',
    async (_what, head, piece, path, stream) => {
      const scene = await startRawScene();
      const ends: Promise<void>[] = [];
      scene.backend.script = (socket: Socket, request) => {
        ends.push(new Promise((resolve) => socket.once('close', () => resolve())));
        return forEver(head, piece)(socket, request);
      };
      expect(await readLong(scene, path, stream, 64 * MIB)).toBeLessThan(BOUND);
      // The client has gone, and with it the backend's connection.
      await Promise.all(ends);
      scene.backend.script = (socket) => void socket.write(answerText(GOOD));
      expect((await next(scene)).body).toBe(GOOD);
    },
    60_000,
  );

  it('is refused where it is a refusal', async () => {
    const scene = await startRawScene();
    scene.backend.script = forEver(
      'HTTP/1.1 500 Oops\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk('x'.repeat(60_000)),
    );
    const answer = await next(scene);
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([502, 'backend_failed']);
    scene.backend.script = (socket) => void socket.write(answerText(GOOD));
    expect((await next(scene)).body).toBe(GOOD);
  });

  it.each([
    [4 * MIB, true],
    [20 * MIB, false],
  ])('is taken for whole up to a final record of 8 MiB, as by Ollama itself: %i bytes', async (length, isWhole) => {
    const scene = await startRawScene();
    const last = `${JSON.stringify({ model: 'm', done: true, context: 'x'.repeat(length) })}\n`;
    scene.backend.script = (socket) => void socket.write(`${STREAM_HEAD}${TOKEN}${chunk(last)}0\r\n\r\n`);
    const answer = await next(scene, '/api/chat', true);
    expect(answer.body.startsWith(native.token('a') + last)).toBe(true);
    expect(answer.complete).toBe(isWhole);
  });
});

describe('one bad request among many', () => {
  it('harms no other stream of the same backend', async () => {
    const scene = await startRawScene();
    let asked = 0;
    scene.backend.script = async (socket, request) => {
      const mine = asked++;
      const [, script] = MIDDLE[mine % (MIDDLE.length * 2)] ?? [];
      if (script !== undefined) await script(socket, request);
      else await bytes(STREAM_HEAD + TOKEN, TOKEN, `${LAST}0\r\n\r\n`)(socket, request);
    };
    const config = Array.from({ length: MIDDLE.length * 2 }, () => next(scene, '/api/chat', true));
    const answers = await Promise.all(config);
    expect(answers.filter(({ complete }) => complete).length).toBe(MIDDLE.length);
    for (const { complete, body } of answers) {
      if (complete) expect(body).toBe(native.token('a').repeat(2) + native.last);
    }
  });
});
