import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import type { Script } from '../support/scripted-backend.ts';
import { ask, good, native, openai, pieces, resetAtOnce, SPEECHES, whole, type Speech } from '../support/scripts.ts';

const CONFIG = 'streaming: { keepalive: 30ms }';

/** A call whose answer is watched while it comes. */
const watch = (faulty: Faulty, speech: Speech, more: object = {}, headers: Readonly<Record<string, string>> = {}) => {
  let text = '';
  const answer = faulty.proxy.call(speech.path, {
    body: ask(true, more),
    headers: { 'x-request-id': 'r1', ...headers },
    onData: (chunk) => (text += chunk.toString()),
  });
  return { answer, text: () => text, filled: (bits: number) => until(() => countFiller(speech, text) >= bits) };
};

const FILLER: Readonly<Record<Speech['dialect'], string>> = {
  native: ' ',
  openai: ': waiting\n\n',
  anthropic: ': waiting\n\n',
};
const countFiller = ({ dialect }: Speech, text: string): number => {
  const filler = FILLER[dialect];
  let count = 0;
  while (text.startsWith(filler.repeat(count + 1))) count++;
  return count;
};
const withoutFiller = (speech: Speech, text: string): string =>
  text.slice(countFiller(speech, text) * FILLER[speech.dialect].length);

/** Waits for a word of the test before it goes on. */
const gated = (script: Script): { readonly script: Script; go(): void } => {
  let go = (): void => {};
  const opened = new Promise<void>((resolve) => (go = resolve));
  return {
    script: async (call) => {
      await opened;
      await script(call);
    },
    go: () => go(),
  };
};

describe.each(SPEECHES)('filler in a stream of the $dialect dialect', (speech) => {
  it('goes out while a cold load is waited for, and the answer follows whole', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const load = gated(good(speech, 'hello'));
    faulty.at(0).otherwise = load.script;
    const { answer, filled } = watch(faulty, speech);
    await filled(3);
    load.go();
    const { status, headers, body, complete } = await answer;
    expect([status, complete, headers['content-type']]).toEqual([200, true, speech.type]);
    expect(headers['x-request-id']).toBe('r1');
    expect(withoutFiller(speech, body)).toBe(speech.token('hello') + speech.last);
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'served', usage: { outputTokens: 7 } });
  });

  it('goes out while the request waits for a slot', async () => {
    const faulty = await startFaulty(1, { config: CONFIG, slots: 1 });
    const first = gated(good(speech, 'one'));
    faulty.at(0).next(first.script);
    faulty.at(0).otherwise = good(speech, 'two');
    const holder = faulty.proxy.call(speech.path, { body: ask(false) });
    await faulty.at(0).call(0);
    const { answer, filled } = watch(faulty, speech);
    await filled(2);
    expect(faulty.at(0).calls).toHaveLength(1);
    first.go();
    await holder;
    expect(withoutFiller(speech, (await answer).body)).toBe(speech.token('two') + speech.last);
  });

  it('never stands between the bytes of an answer', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const rest = gated(({ res }) => void res.end(speech.last));
    faulty.at(0).otherwise = async (call) => {
      call.res.writeHead(200, { 'content-type': speech.type });
      call.res.write(speech.token('one'));
      await rest.script(call);
    };
    const { answer, text } = watch(faulty, speech);
    await until(() => text().includes('one'));
    await new Promise((resolve) => setTimeout(resolve, 150));
    rest.go();
    expect(withoutFiller(speech, (await answer).body)).toBe(speech.token('one') + speech.last);
  });

  it('does not stop failover', async () => {
    const faulty = await startFaulty(2, { config: CONFIG });
    const dying = gated(resetAtOnce);
    faulty.at(0).otherwise = dying.script;
    faulty.at(1).otherwise = good(speech, 'from the other');
    const { answer, filled } = watch(faulty, speech);
    await filled(1);
    dying.go();
    const { body, complete } = await answer;
    expect([complete, withoutFiller(speech, body)]).toEqual([true, speech.token('from the other') + speech.last]);
  });

  it('is followed by the error in the stream and an abrupt end when every attempt failed', async () => {
    const faulty = await startFaulty(2, { config: CONFIG });
    const dying = gated(resetAtOnce);
    faulty.at(0).otherwise = dying.script;
    faulty.at(1).otherwise = resetAtOnce;
    const { answer, filled } = watch(faulty, speech);
    await filled(1);
    dying.go();
    const { status, body, complete } = await answer;
    expect([status, complete]).toEqual([200, false]);
    expect(speech.inBand(withoutFiller(speech, body))).toMatch(/^2 attempts failed; the last one: backend b1/);
    expect(body).not.toMatch(/^ *\n/);
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'failed', error: 'backend_failed' });
  });

  it('is followed by the backend’s own refusal in the stream', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const refusing = gated(whole(400, { error: 'no such thing' }));
    faulty.at(0).otherwise = refusing.script;
    const { answer, filled } = watch(faulty, speech);
    await filled(1);
    refusing.go();
    const { body, complete } = await answer;
    expect([complete, speech.inBand(withoutFiller(speech, body))]).toEqual([false, 'no such thing']);
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'client-error' });
  });

  it('is followed by the deadline in the stream', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    faulty.at(0).otherwise = gated(good(speech, 'never')).script;
    const { answer } = watch(faulty, speech, {}, { 'x-task-router-deadline': '200ms' });
    const { body, complete } = await answer;
    expect(complete).toBe(false);
    expect(speech.inBand(withoutFiller(speech, body))).toMatch(/deadline/);
  });

  it('is not sent where no stream was asked for, nor before its time, nor unless it is switched on', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const slow: Script = async (call) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await good(speech, 'hello')(call);
    };
    faulty.at(0).otherwise = slow;
    const unasked = await faulty.proxy.call(speech.path, { body: ask(false) });
    expect(JSON.parse(unasked.body)).toEqual(speech.whole('hello'));
    for (const config of ['streaming: { keepalive: 10s }', '']) {
      const quiet = await startFaulty(1, { config });
      quiet.at(0).otherwise = slow;
      const answer = await quiet.proxy.call(speech.path, { body: ask(true) });
      expect(answer.body).toBe(speech.token('hello') + speech.last);
      expect(answer.headers['x-task-router-backend']).toBe('b0');
    }
  });
});

describe('filler', () => {
  it('is followed by a line of its own when a load is answered with one object', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const load = gated(whole(200, { model: 'm', done: true, done_reason: 'load' }));
    faulty.at(0).otherwise = load.script;
    const { answer, filled } = watch(faulty, native, { messages: [] });
    await filled(1);
    load.go();
    const { body, complete } = await answer;
    expect([complete, body.trimStart()]).toEqual([true, '{"model":"m","done":true,"done_reason":"load"}\n']);
  });

  it('is told of as not to be cached where Ollama does so', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const load = gated(pieces('text/event-stream', [openai.token('x'), openai.last]));
    faulty.at(0).otherwise = load.script;
    const answer = faulty.proxy.call('/v1/responses', { body: { model: 'm', input: 'x', stream: true } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    load.go();
    expect((await answer).headers['cache-control']).toBe('no-cache');
  });

  it('ends with the client: the backend is stopped when it leaves while it waits', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    faulty.at(0).otherwise = gated(good(native, 'x')).script;
    const leaving = new AbortController();
    const answer = faulty.proxy.call(native.path, {
      body: ask(true),
      headers: { 'x-request-id': 'r1' },
      signal: leaving.signal,
      onData: () => leaving.abort(),
    });
    await answer.catch(() => {});
    await (
      await faulty.at(0).call(0)
    ).hungUp;
    expect(await faulty.ended('r1')).toMatchObject({ outcome: 'client-left' });
  });

  it('does not disturb the stock clients', async () => {
    const faulty = await startFaulty(1, { config: CONFIG });
    const slow =
      (speech: Speech): Script =>
      async (call) => {
        await new Promise((resolve) => setTimeout(resolve, 120));
        await pieces(speech.type, [speech.token('hello'), speech.last])(call);
      };
    faulty.at(0).next(slow(native), slow(openai));
    const messages = [{ role: 'user' as const, content: 'hi' }];
    let said = '';
    const stream = await new Ollama({ host: faulty.proxy.url }).chat({ model: 'm', messages, stream: true });
    for await (const { message } of stream) said += message.content;
    expect(said).toBe('hello');
    said = '';
    const client = new OpenAI({ baseURL: `${faulty.proxy.url}/v1`, apiKey: 'x' });
    const chunks = await client.chat.completions.create({ model: 'm', messages, stream: true });
    for await (const { choices } of chunks) said += choices[0]?.delta.content ?? '';
    expect(said).toBe('hello');
  });
});
