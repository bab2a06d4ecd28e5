import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { Attempt, type AttemptEnd } from '../../../src/forward/attempt.ts';

class FakeResponse extends Writable {
  text = '';
  readonly socket = { destroySoon: (): void => void this.destroy() };
  writeHead(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

interface Stage {
  readonly res: FakeResponse;
  readonly end: Promise<AttemptEnd>;
  readonly aborted: () => boolean;
  readonly data: (text: string) => void;
  readonly ends: () => void;
  readonly breaks: (error: Error) => void;
  /** So many ms go by without a byte. */
  readonly silence: (ms: number, idleMs?: number) => void;
}

/** An attempt whose answer has begun with this content type. */
const begun = (type: string): Stage => {
  const res = new FakeResponse();
  const clock = new ManualClock();
  let aborted = false;
  const controller = { rawHeaders: [Buffer.from('content-type'), Buffer.from(type)], abort: () => (aborted = true) };
  const handle = controller as unknown as Dispatcher.DispatchController;
  const attempt = new Attempt({
    dispatcher: { dispatch: () => true } as unknown as Dispatcher,
    method: 'POST',
    path: '/api/chat',
    headers: [],
    body: Buffer.from('{}'),
    dialect: 'native',
    res: res as unknown as ServerResponse,
    ownHeaders: () => [],
    patience: () => ({ firstMs: 60_000, gapMs: 30_000 }),
    clock,
  });
  const end = attempt.run();
  attempt.onRequestStart(handle);
  attempt.onResponseStart(handle, 200, { 'content-type': type });
  return {
    res,
    end,
    aborted: () => aborted,
    data: (text) => attempt.onResponseData(handle, Buffer.from(text)),
    ends: () => attempt.onResponseEnd(),
    breaks: (error) => attempt.onResponseError(handle, error),
    silence: (ms, idleMs = 600_000) => {
      attempt.sweep(clock.now(), idleMs);
      clock.advance(ms);
      attempt.sweep(clock.now(), idleMs);
    },
  };
};

const NDJSON = 'application/x-ndjson';
const JSON_TYPE = 'application/json; charset=utf-8';
const TOKEN = '{"response":"a","done":false}\n';
const LAST = '{"response":"","done":true,"eval_count":7}\n';
const RESET = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
const GARBLED = Object.assign(new Error('chunk'), { code: 'HPE_INVALID_CHUNK_SIZE' });

describe('a stream with its last record and without the end of its framing', () => {
  it.each<[string, (stage: Stage) => void]>([
    ['is reset', ({ breaks }) => breaks(RESET)],
    ['is silent for longer than its server ever is', ({ silence }) => silence(31_000)],
    ['is silent for the time that is set', ({ silence }) => silence(1_000, 500)],
  ])('ends well when it %s', async (_what, how) => {
    const stage = begun(NDJSON);
    stage.data(TOKEN);
    stage.data(LAST);
    how(stage);
    expect(await stage.end).toMatchObject({
      kind: 'answered',
      outcome: { kind: 'served', usage: { outputTokens: 7 } },
    });
    expect([stage.res.text, stage.res.writableEnded]).toEqual([TOKEN + LAST, true]);
  });

  it('is let go of when it is silent', () => {
    const { data, silence, aborted } = begun(NDJSON);
    data(LAST);
    silence(31_000);
    expect(aborted()).toBe(true);
  });

  it('is cut when what comes in place of the framing is none, or the last record is not the last', async () => {
    const garbled = begun(NDJSON);
    garbled.data(TOKEN + LAST);
    garbled.breaks(GARBLED);
    expect(await garbled.end).toMatchObject({ kind: 'cut', outcome: { reason: 'bad-answer' } });
    const more = begun(NDJSON);
    more.data(`${TOKEN}${LAST}{"resp`);
    more.breaks(RESET);
    expect(await more.end).toMatchObject({ kind: 'cut', outcome: { reason: 'cut-stream' } });
  });
});

describe('an answer in one piece', () => {
  it('is whole once its JSON is, though the end of its framing does not come', async () => {
    for (const how of [({ breaks }: Stage) => breaks(RESET), ({ silence }: Stage) => silence(31_000)]) {
      const stage = begun(JSON_TYPE);
      stage.data('{"response":"a","done"');
      stage.data(':true}');
      how(stage);
      expect(await stage.end).toMatchObject({ kind: 'answered', outcome: { kind: 'served' } });
      expect(stage.res.text).toBe('{"response":"a","done":true}');
    }
  });

  it('has failed where a part of it does not come, and none of it has gone out', async () => {
    const stage = begun(JSON_TYPE);
    stage.data('{"response":"a","done":true');
    stage.breaks(RESET);
    expect(await stage.end).toMatchObject({ kind: 'failed', failure: { reason: 'reset' } });
    expect(stage.res.text).toBe('');
  });

  it.each(['{"error":"CUDA error"}', '{"error":{"message":"CUDA error","code":null}}'])(
    'has failed when it is an error with status 200: %s',
    async (body) => {
      for (const how of [({ ends }: Stage) => ends(), ({ breaks }: Stage) => breaks(RESET)]) {
        const stage = begun(JSON_TYPE);
        stage.data(body);
        how(stage);
        const end = await stage.end;
        expect(end).toMatchObject({ kind: 'failed', failure: { retryable: true } });
        expect(stage.res.text).toBe('');
      }
    },
  );

  it('is one where its error is null', async () => {
    const stage = begun(JSON_TYPE);
    stage.data('{"status":"completed","error":null}');
    stage.ends();
    expect((await stage.end).kind).toBe('answered');
  });
});
