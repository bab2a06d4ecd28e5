import { describe, expect, it } from 'vitest';
import type { Answer } from '../support/http-call.ts';
import { startFaulty, type Faulty } from '../support/faulty.ts';
import type { Script } from '../support/scripted-backend.ts';
import {
  ask,
  finAtOnce,
  garbage,
  good,
  interim,
  native,
  NDJSON,
  openai,
  pieces,
  raw,
  resetAtOnce,
  short,
  SPEECHES,
  SSE,
  whole,
  type Speech,
} from '../support/scripts.ts';

const send = ({ proxy }: Faulty, speech: Speech, stream: boolean, id = 'r1'): Promise<Answer> =>
  proxy.call(speech.path, { headers: { 'x-request-id': id }, body: ask(stream) });

/** Everything that may go wrong before a byte of answer is out, whichever way the answer was asked for. */
const anyway: readonly [name: string, script: Script, reason: string][] = [
  ['a reset', resetAtOnce, 'reset'],
  ['an end without a byte', finAtOnce, 'reset'],
  ['bytes that are not HTTP', garbage, 'bad-answer'],
  ['a 500', whole(500, { error: 'model runner has unexpectedly stopped' }), 'status-5xx'],
  ['a 503', whole(503, { error: 'server busy, please try again.  maximum pending requests exceeded' }), 'overloaded'],
  ['a 404 although it lists the model', whole(404, { error: "model 'm' not found" }), 'model-missing'],
  ['a 502 of some middle box', whole(502, '<html>', { 'content-type': 'text/html' }), 'status-5xx'],
  ['a head and then a reset', (call) => raw('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'reset')(call), 'reset'],
];

const whenStreaming = (speech: Speech): typeof anyway => [
  ['an end before the first record', pieces(speech.type, []), 'cut-stream'],
  ['half a record and a dead connection', pieces(speech.type, [speech.token('lost').slice(0, 9)], 'fin'), 'reset'],
  ['an error as the first record', pieces(speech.type, [speech.error('out of memory')]), 'error-line'],
  ['an error without the end of its line', pieces(speech.type, [speech.error('oom').trimEnd()]), 'error-line'],
  ['a stream of something else', pieces(speech.type, ['data: <html>\n\n<html>\n\n']), 'bad-answer'],
];

const whenWhole = (speech: Speech): typeof anyway => [
  ['an answer that is no JSON', whole(200, '{"model": <html>'), 'bad-answer'],
  ['death in the middle of the answer', short('application/json', 900, JSON.stringify(speech.whole('lost'))), 'reset'],
  ['a chunked answer that dies', pieces('application/json', ['{"model":"m",', '"message":'], 'reset'), 'reset'],
];

describe.each(SPEECHES)('$dialect: before the first byte is out', (speech) => {
  for (const stream of [true, false]) {
    const faults = [...anyway, ...(stream ? whenStreaming(speech) : whenWhole(speech))];
    it.each(faults)(`hides %s from the client (stream: ${stream})`, async (_name, script, reason) => {
      const faulty = await startFaulty(2);
      faulty.at(0).next(script);
      faulty.at(1).next(good(speech, 'hello from b1'));
      const answer = await send(faulty, speech, stream);
      expect(answer).toMatchObject({ status: 200, complete: true });
      expect(answer.body).toBe(
        stream ? speech.token('hello from b1') + speech.last : JSON.stringify(speech.whole('hello from b1')),
      );
      expect(answer.headers).toMatchObject({ 'x-task-router-backend': 'b1', 'x-task-router-attempts': '2' });
      const { attempts, outcome, usage } = await faulty.ended('r1');
      expect(attempts.map((attempt) => attempt.outcome)).toMatchObject([
        { kind: 'backend-failed', reason },
        { kind: 'served', status: 200 },
      ]);
      expect(outcome).toBe('served');
      expect(usage).toMatchObject({ promptTokens: 3, outputTokens: 7 });
      expect([faulty.at(0).calls.length, faulty.at(1).calls.length]).toEqual([1, 1]);
    });
  }

  it('goes to the next one when the connection is refused', async () => {
    const faulty = await startFaulty(2);
    await faulty.at(0).refuse();
    faulty.at(1).next(good(speech, 'here'));
    expect(await send(faulty, speech, true)).toMatchObject({ status: 200, complete: true });
    const { attempts } = await faulty.ended('r1');
    expect(attempts[0]?.outcome).toMatchObject({ reason: 'connect', blame: 'backend', phase: 'connect' });
  });

  it.each(['reset', 'fin'] as const)(
    'never repeats a stream that was cut by a %s after its first byte',
    async (how) => {
      const faulty = await startFaulty(2);
      faulty.at(0).next(pieces(speech.type, [speech.token('one'), speech.token('two').slice(0, 12)], how));
      const answer = await send(faulty, speech, true);
      expect(answer).toMatchObject({ status: 200, complete: false });
      expect(answer.body.startsWith(speech.token('one'))).toBe(true);
      expect(speech.inBand(answer.body)).toMatch(/^the backend died in mid-answer/);
      expect(faulty.at(1).calls).toEqual([]);
      const { outcome, attempts } = await faulty.ended('r1');
      expect(outcome).toBe('failed');
      expect(attempts.at(0)?.outcome).toMatchObject({ reason: 'cut-stream', phase: 'body', blame: 'model' });
      expect((await faulty.view(0)).inflight).toBe(0);
    },
  );

  it('takes a stream that ends cleanly without its final record for a failure, and lets the client see it', async () => {
    const faulty = await startFaulty(2);
    faulty.at(0).next(pieces(speech.type, [speech.token('one'), speech.token('two')]));
    const answer = await send(faulty, speech, true);
    expect(answer).toMatchObject({ status: 200, complete: false });
    expect(speech.inBand(answer.body)).toBe('the backend ended its stream without a final record');
    expect(faulty.at(1).calls).toEqual([]);
    const { outcome, attempts } = await faulty.ended('r1');
    expect([outcome, attempts.at(0)?.outcome]).toMatchObject(['failed', { reason: 'cut-stream' }]);
  });

  it('cuts off a stream that came with a length and without its final record', async () => {
    const faulty = await startFaulty(1);
    const body = speech.token('one');
    faulty.at(0).next(whole(200, body, { 'content-type': speech.type }));
    const answer = await send(faulty, speech, true);
    expect(answer.complete).toBe(false);
    expect(answer.headers['content-length']).toBeUndefined();
    expect(speech.inBand(answer.body)).toBe('the backend ended its stream without a final record');
  });
});

describe('when every attempt failed', () => {
  it('answers 502 naming the last cause', async () => {
    const faulty = await startFaulty(3);
    faulty.at(0).next(resetAtOnce);
    faulty.at(1).next(whole(500, { error: 'first cause' }));
    faulty.at(2).next(whole(500, { error: 'CUDA error: out of memory' }));
    const answer = await send(faulty, native, true);
    expect(answer).toMatchObject({ status: 502, complete: true });
    expect(answer.headers).toMatchObject({ 'x-task-router-error': 'backend_failed', 'x-task-router-attempts': '3' });
    expect(JSON.parse(answer.body)).toEqual({
      error: '3 attempts failed; the last one: backend b2 answered 500: CUDA error: out of memory',
    });
  });

  it('answers 503 with Retry-After when all are overloaded, and blames nobody', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(503, { error: 'server busy' }) });
    const answer = await send(faulty, openai, false);
    expect(answer.status).toBe(503);
    expect(answer.headers['x-task-router-error']).toBe('no_backend');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { type: 'api_error', code: 'no_backend' } });
    const { attempts } = await faulty.ended('r1');
    expect(attempts.map(({ outcome }) => outcome)).toMatchObject([{ blame: 'none' }, { blame: 'none' }]);
  });

  it('hands on the 404 of the only holder as it is', async () => {
    const faulty = await startFaulty(1);
    const body = '{"error":"model \'m\' not found"}';
    faulty.at(0).next(whole(404, body, { 'x-of-the-backend': 'kept' }));
    const answer = await send(faulty, native, true);
    expect(answer).toMatchObject({ status: 404, body, complete: true });
    expect(answer.headers).toMatchObject({ 'x-of-the-backend': 'kept', 'x-task-router-backend': 'b0' });
    expect(answer.headers['x-task-router-error']).toBeUndefined();
  });

  it.each([
    ['a wrong type in options', 500, { error: 'option "temperature" must be of type float32' }],
    ['a bad request', 400, { error: '"m" does not support thinking' }],
    ['a feature that is not there', 501, { error: 'this model does not support embeddings' }],
    ['a limit of the cloud', 429, { error: 'too many requests' }],
  ])('hands on %s as it is, retries nothing and blames nobody', async (_name, status, error) => {
    const faulty = await startFaulty(2, { config: 'circuit_breaker: { failure_threshold: 1 }' });
    faulty.at(0).next(whole(status, error));
    const answer = await send(faulty, native, false);
    expect(answer).toMatchObject({ status, body: JSON.stringify(error), complete: true });
    expect(faulty.at(1).calls).toEqual([]);
    expect((await faulty.ended('r1')).outcome).toBe('client-error');
    expect(await faulty.view(0)).toMatchObject({ breaker: 'closed', models: [{ breaker: 'closed' }] });
  });

  it('makes no more attempts than retry.max_attempts', async () => {
    const faulty = await startFaulty(3, { config: 'retry: { max_attempts: 2 }', otherwise: resetAtOnce });
    expect((await send(faulty, native, true)).status).toBe(502);
    expect(faulty.backends.map(({ calls }) => calls.length)).toEqual([1, 1, 0]);
  });

  it('stops repeating work that backends failed at once the retry budget is spent', async () => {
    const faulty = await startFaulty(2, {
      config: 'retry: { budget: 0 }\ncircuit_breaker: { failure_threshold: 1000 }',
      otherwise: whole(500, { error: 'no' }),
    });
    for (let i = 0; i < 15; i++) await send(faulty, native, false, `r${i}`);
    const retried = faulty.at(1).calls.length;
    expect([faulty.at(0).calls.length, retried]).toEqual([15, 10]);
  });

  it('asks the only backend once more when its connection broke at the moment of use', async () => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(resetAtOnce, good(native, 'second try'));
    expect(await send(faulty, native, true)).toMatchObject({ status: 200, complete: true });
    // The first of these breaks a kept connection, which is no attempt of its own.
    faulty.at(0).next(resetAtOnce, resetAtOnce, resetAtOnce, good(native, 'never'));
    expect((await send(faulty, native, true, 'r2')).status).toBe(502);
    expect(faulty.at(0).calls.length).toBe(5);
  });
});

describe('odd answers that are good', () => {
  it('passes over interim answers', async () => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(interim(good(native, 'after 102 and 103')));
    expect(await send(faulty, native, true)).toMatchObject({ status: 200, complete: true });
  });

  it('takes a native stream whose last line has no newline for whole', async () => {
    const faulty = await startFaulty(1);
    const body = native.token('a') + native.last.trimEnd();
    faulty.at(0).next(pieces(NDJSON, [body]));
    expect(await send(faulty, native, true)).toMatchObject({ body, complete: true });
  });

  it('takes the one JSON object that answers a load for whole, although a stream was asked for', async () => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(whole(200, { model: 'm', done: true, done_reason: 'load' }));
    expect(await send(faulty, native, true)).toMatchObject({ status: 200, complete: true });
  });

  it('shows the first event of a stream with CRLF line ends as soon as it is there', async () => {
    const faulty = await startFaulty(1);
    const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
    let release = (): void => {};
    const seen = new Promise<void>((resolve) => {
      release = resolve;
    });
    faulty.at(0).next(async (call) => {
      await pieces(SSE, [crlf(openai.token('first'))], 'stall')(call);
      await seen;
      call.res.end(crlf(openai.last));
    });
    const answer = await faulty.proxy.call(openai.path, { body: ask(true), onData: () => release() });
    expect(answer).toMatchObject({ complete: true, body: crlf(openai.token('first') + openai.last) });
  });

  it('relays a compressed answer as it is', async () => {
    const faulty = await startFaulty(1);
    const body = Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]);
    faulty.at(0).next(whole(200, body, { 'content-encoding': 'gzip' }));
    const answer = await send(faulty, native, false);
    expect(answer).toMatchObject({ status: 200, complete: true, body: body.toString('utf8') });
    expect(faulty.at(0).calls[0]?.headers['accept-encoding']).toBe('identity');
  });
});
