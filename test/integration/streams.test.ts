import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { startFaulty } from '../support/faulty.ts';
import { fin, type Script } from '../support/scripted-backend.ts';
import { ask, good, native, NDJSON, never, openai, pieces, push, SPEECHES, whole } from '../support/scripts.ts';

const R1 = { 'x-request-id': 'r1' };

describe.each(SPEECHES)('a $dialect stream', (speech) => {
  const body = speech.token('Grüße') + speech.token('日本 🙂') + speech.last;

  it.each([1, 7, 64])(
    'passes unchanged when it comes in pieces of %i bytes, and its numbers are read',
    async (size) => {
      const bytes = Buffer.from(body);
      const cuts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const faulty = await startFaulty(1);
      faulty.at(0).next(pieces(speech.type, cuts));
      const answer = await faulty.proxy.call(speech.path, { headers: R1, body: ask(true) });
      expect(answer).toMatchObject({ status: 200, complete: true, body });
      expect((await faulty.ended('r1')).usage).toMatchObject({ promptTokens: 3, outputTokens: 7 });
    },
  );

  it('reaches the client record by record, not when it is over', async () => {
    const faulty = await startFaulty(1);
    const seen: string[] = [];
    const waiting: (() => void)[] = [];
    const onData = (chunk: Buffer): void => {
      seen.push(chunk.toString());
      waiting.shift()?.();
    };
    faulty.at(0).next(async (call) => {
      call.res.writeHead(200, { 'content-type': speech.type });
      for (const text of ['a', 'b', 'c']) {
        const arrived = new Promise<void>((resolve) => waiting.push(resolve));
        await push(call, speech.token(text));
        await arrived;
      }
      call.res.end(speech.last);
    });
    const answer = await faulty.proxy.call(speech.path, { body: ask(true), onData });
    expect(answer.complete).toBe(true);
    expect(seen.slice(0, 3)).toEqual(['a', 'b', 'c'].map((text) => speech.token(text)));
  });

  it('shows an error that the backend wrote into it, and counts as failed', async () => {
    const faulty = await startFaulty(2);
    const failing = speech.token('a') + speech.error('an error was encountered while running the model');
    faulty.at(0).next(pieces(speech.type, [failing]));
    const answer = await faulty.proxy.call(speech.path, { headers: R1, body: ask(true) });
    expect(answer.body).toBe(failing);
    expect(await faulty.ended('r1')).toMatchObject({
      outcome: 'failed',
      attempts: [{ outcome: { reason: 'error-line' } }],
    });
    expect(faulty.at(1).calls).toEqual([]);
  });

  it('that falls silent is cut after limits.stream_idle_timeout, with an error and no clean end', async () => {
    const faulty = await startFaulty(2, { config: 'limits: { stream_idle_timeout: 150ms }' });
    faulty.at(0).next(pieces(speech.type, [speech.token('a')], 'stall'));
    const answer = await faulty.proxy.call(speech.path, { headers: R1, body: ask(true) });
    expect(answer.complete).toBe(false);
    expect(speech.inBand(answer.body)).toBe('the backend sent nothing for 150 ms (limits.stream_idle_timeout)');
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect((await faulty.ended('r1')).attempts.at(0)?.outcome).toMatchObject({ reason: 'timeout', blame: 'model' });
  });

  it('whose deadline passes in its middle is cut, with an error, and nobody is blamed', async () => {
    const faulty = await startFaulty(2, { config: 'circuit_breaker: { failure_threshold: 1 }' });
    faulty.at(0).next(pieces(speech.type, [speech.token('a')], 'stall'));
    const headers = { ...R1, 'x-task-router-deadline': '300ms' };
    const answer = await faulty.proxy.call(speech.path, { headers, body: ask(true) });
    expect(answer.complete).toBe(false);
    expect(speech.inBand(answer.body)).toBe("the backend had not finished when the request's deadline passed");
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect(await faulty.view(0)).toMatchObject({ inflight: 0, breaker: 'closed', models: [{ breaker: 'closed' }] });
  });
});

describe('waiting for the first byte', () => {
  const late =
    (stream: boolean): Script =>
    (call) =>
      new Promise((resolve) => {
        setTimeout(() => resolve(good(native, stream ? 'late stream' : 'late answer')(call)), 700);
      });

  it.each([true, false])('is cut by no timeout, however silent the backend is (stream: %s)', async (stream) => {
    const faulty = await startFaulty(1, { config: 'limits: { stream_idle_timeout: 50ms }' });
    faulty.at(0).next(late(stream));
    expect(await faulty.proxy.call(native.path, { body: ask(stream) })).toMatchObject({ status: 200, complete: true });
  });

  it('ends at the deadline that the client gave, with 504 and no second attempt', async () => {
    const faulty = await startFaulty(2);
    faulty.at(0).next(never);
    const answer = await faulty.proxy.call(native.path, {
      headers: { 'x-task-router-deadline': '200ms' },
      body: ask(true),
    });
    expect([answer.status, answer.headers['x-task-router-error']]).toEqual([504, 'deadline_exceeded']);
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect(faulty.at(1).calls).toEqual([]);
  });

  it('takes any deadline that a header can say, far away as it may be', async () => {
    const faulty = await startFaulty(1, { otherwise: good(native, 'soon') });
    const headers = { 'x-task-router-deadline': '596h' };
    expect(await faulty.proxy.call(native.path, { headers, body: ask(true) })).toMatchObject({ status: 200 });
  });
});

describe('long records', () => {
  it('passes a first record longer than what is held back', async () => {
    const faulty = await startFaulty(1);
    const body = native.token('x'.repeat(300_000)) + native.last;
    faulty.at(0).next(pieces(NDJSON, [body.slice(0, 100_000), body.slice(100_000)]));
    expect(await faulty.proxy.call(native.path, { body: ask(true) })).toMatchObject({ complete: true, body });
  });

  it('reads the numbers of a final record of megabytes', async () => {
    const faulty = await startFaulty(1);
    const context = Array.from({ length: 400_000 }, (_, i) => i);
    const last = `${JSON.stringify({ done: true, context, prompt_eval_count: 5, eval_count: 6 })}\n`;
    faulty.at(0).next(pieces(NDJSON, [native.token('a'), last]));
    const answer = await faulty.proxy.call('/api/generate', { headers: R1, body: { model: 'm', prompt: 'x' } });
    expect(answer).toMatchObject({ complete: true, body: native.token('a') + last });
    expect((await faulty.ended('r1')).usage).toMatchObject({ promptTokens: 5, outputTokens: 6 });
  });

  it.each([
    ['/api/embed', { model: 'm', embeddings: [Array.from({ length: 60_000 }, () => 0.0123)], prompt_eval_count: 11 }],
    [
      '/v1/embeddings',
      { data: [{ embedding: Array.from({ length: 60_000 }, () => 0.0123) }], model: 'm', usage: { prompt_tokens: 11 } },
    ],
  ])('reads the numbers at the end of embeddings that are too long to hold: %s', async (path, value) => {
    const faulty = await startFaulty(1);
    faulty.at(0).next(whole(200, value));
    const answer = await faulty.proxy.call(path, { headers: R1, body: { model: 'm', input: 'x' } });
    expect(answer).toMatchObject({ status: 200, complete: true, body: JSON.stringify(value) });
    expect((await faulty.ended('r1')).usage).toMatchObject({ promptTokens: 11 });
  });

  it('cuts a whole answer that dies after it had become too long to hold', async () => {
    const faulty = await startFaulty(2);
    faulty.at(0).next(async (call) => {
      call.res.writeHead(200, { 'content-type': 'application/json', 'content-length': 900_000 });
      await push(call, `{"embeddings":[[${'0.1,'.repeat(100_000)}`);
      fin(call);
    });
    const answer = await faulty.proxy.call('/api/embed', { headers: R1, body: { model: 'm', input: 'x' } });
    expect(answer).toMatchObject({ status: 200, complete: false });
    expect(faulty.at(1).calls).toEqual([]);
    expect((await faulty.ended('r1')).outcome).toBe('failed');
  });
});

describe('a client that stops reading a stream', () => {
  it('is let go of after limits.stream_idle_timeout, and its backend is not blamed', async () => {
    const faulty = await startFaulty(1, {
      config: 'limits: { stream_idle_timeout: 300ms }\ncircuit_breaker: { failure_threshold: 1 }',
    });
    faulty.at(0).next(async (call) => {
      call.res.writeHead(200, { 'content-type': NDJSON });
      const line = openai.token('x'.repeat(60_000)).replace('data: ', '').trimEnd();
      while (!call.res.destroyed) {
        if (!call.res.write(`${line}\n`)) {
          await new Promise<void>((resolve) => {
            const go = (): void => {
              call.res.off('drain', go).off('close', go);
              resolve();
            };
            call.res.on('drain', go).on('close', go);
          });
        }
      }
    });
    const req = http.request(faulty.proxy.url + native.path, { method: 'POST', agent: false, headers: R1 });
    req.on('error', () => {});
    req.on('response', (res) => res.on('error', () => {}).pause());
    req.end(JSON.stringify(ask(true)));
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect((await faulty.ended('r1')).outcome).toBe('client-left');
    expect(await faulty.view(0)).toMatchObject({ inflight: 0, breaker: 'closed', models: [{ breaker: 'closed' }] });
    req.destroy();
  });
});
