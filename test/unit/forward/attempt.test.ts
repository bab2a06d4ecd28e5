import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { Attempt, type AttemptEnd, type AttemptInput } from '../../../src/forward/attempt.ts';

/** A response that keeps what was written and can refuse to take more. */
class FakeResponse extends Writable {
  head: { readonly status: number; readonly headers: readonly string[] } | undefined;
  text = '';
  stuck = false;
  readonly socket = { destroySoon: (): void => void this.destroy() };

  writeHead(status: number, headers: readonly string[]): void {
    this.head = { status, headers };
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (!this.stuck) done();
  }
}

class FakeController {
  aborted = false;
  paused = false;
  rawHeaders: Buffer[] = [];
  abort(): void {
    this.aborted = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

interface Stage {
  readonly attempt: Attempt;
  readonly res: FakeResponse;
  readonly controller: FakeController;
  readonly clock: ManualClock;
  readonly sent: Dispatcher.DispatchOptions[];
  readonly end: Promise<AttemptEnd>;
  readonly start: () => void;
  /** A sweep 100 ms after the last one. */
  readonly sweep: (idleMs: number) => void;
  readonly head: (headers: Readonly<Record<string, string | string[]>>, status?: number) => void;
  readonly data: (text: string) => void;
}

const stage = (body = '{}', dispatch?: () => boolean, more: Partial<AttemptInput> = {}): Stage => {
  const res = new FakeResponse({ highWaterMark: 16 });
  const controller = new FakeController();
  const clock = new ManualClock();
  const sent: Dispatcher.DispatchOptions[] = [];
  const attempt = new Attempt({
    dispatcher: {
      dispatch: (options: Dispatcher.DispatchOptions) => {
        sent.push(options);
        return dispatch?.() ?? true;
      },
    } as unknown as Dispatcher,
    method: 'POST',
    path: '/api/chat',
    headers: ['accept', '*/*'],
    body: Buffer.from(body),
    dialect: 'native',
    res: res as unknown as ServerResponse,
    ownHeaders: () => ['x-request-id', 'r1'],
    clock,
    ...more,
  });
  const end = attempt.run();
  const handle = controller as unknown as Dispatcher.DispatchController;
  return {
    attempt,
    res,
    controller,
    clock,
    sent,
    end,
    start: () => attempt.onRequestStart(handle),
    sweep: (idleMs) => {
      clock.advance(100);
      attempt.sweep(clock.now(), idleMs);
    },
    head: (headers, status = 200) => {
      controller.rawHeaders = Object.entries(headers).flatMap(([name, values]) =>
        [values].flat().flatMap((value) => [Buffer.from(name), Buffer.from(value)]),
      );
      attempt.onResponseStart(handle, status, headers);
    },
    data: (text) => attempt.onResponseData(handle, Buffer.from(text)),
  };
};

const STREAM = { 'content-type': 'application/x-ndjson' };

describe('an attempt', () => {
  it('sends no body instead of an empty one', () => {
    expect(stage('').sent[0]?.body).toBeNull();
    expect(stage('{}').sent[0]?.body).toEqual(Buffer.from('{}'));
  });

  it('fails like an unreachable backend when it cannot even be dispatched', async () => {
    const { end } = stage('{}', () => {
      throw new Error('destroyed');
    });
    expect(await end).toMatchObject({ kind: 'failed', failure: { reason: 'connect', retryable: true } });
  });

  it('writes nothing to the client before the first record is whole', async () => {
    const { start, head, data, res, attempt, end } = stage();
    start();
    head(STREAM);
    data('{"done":');
    expect([res.head, res.text]).toEqual([undefined, '']);
    data('false}\n');
    expect(res.head).toEqual({ status: 200, headers: ['content-type', 'application/x-ndjson', 'x-request-id', 'r1'] });
    data('{"done":true,"eval_count":1}\n');
    attempt.onResponseEnd();
    expect(res.text).toBe('{"done":false}\n{"done":true,"eval_count":1}\n');
    expect(await end).toMatchObject({ kind: 'answered', outcome: { kind: 'served', usage: { outputTokens: 1 } } });
  });

  it('measures the first byte and the whole on the given clock', async () => {
    const { start, head, data, attempt, clock, end } = stage();
    start();
    head(STREAM);
    clock.advance(700);
    data('{"done":true}\n');
    clock.advance(300);
    attempt.onResponseEnd();
    expect((await end).outcome).toMatchObject({ firstByteMs: 700, totalMs: 1_000 });
  });

  it('passes over interim heads and takes headers that came twice', async () => {
    const { start, head, data, attempt, end } = stage();
    start();
    head({ link: 'x' }, 103);
    head({ 'content-type': ['application/json', 'application/json'], connection: ['a', 'b'] });
    data('{"done":true}');
    attempt.onResponseEnd();
    expect(await end).toMatchObject({ kind: 'answered', outcome: { kind: 'served' } });
  });

  it('is never ended by a sweep while it waits for its first byte, however often', async () => {
    const { start, head, data, sweep, attempt, end, controller } = stage();
    for (let i = 0; i < 5; i++) sweep(100);
    start();
    for (let i = 0; i < 5; i++) sweep(100);
    head(STREAM);
    data('{"half":');
    for (let i = 0; i < 5; i++) sweep(100);
    expect(controller.aborted).toBe(false);
    data('1}\n{"done":true}\n');
    attempt.onResponseEnd();
    expect((await end).kind).toBe('answered');
  });

  it('is ended by the second sweep that finds its relay where the last one left it', async () => {
    const { start, head, data, sweep, end, controller, res } = stage();
    start();
    head(STREAM);
    data('{"done":false}\n');
    sweep(100);
    data('{"done":false}\n');
    sweep(100);
    expect(controller.aborted).toBe(false);
    sweep(100);
    expect(controller.aborted).toBe(true);
    expect(await end).toMatchObject({ kind: 'cut', outcome: { reason: 'timeout', blame: 'model', phase: 'body' } });
    expect(res.text).toContain('"error":"the backend sent nothing for 100 ms');
  });

  it('pauses the backend when a MiB waits for the client, and a sweep then blames the client', async () => {
    const { start, head, data, sweep, end, controller, res } = stage();
    start();
    head(STREAM);
    data('{"done":false}\n');
    res.stuck = true;
    for (let i = 0; i < 20; i++) data(`${'x'.repeat(64 * 1024 - 1)}\n`);
    expect(controller.paused).toBe(true);
    sweep(100);
    sweep(100);
    expect(await end).toMatchObject({ kind: 'left', outcome: { kind: 'client-left' } });
    expect(controller.aborted).toBe(true);
    expect(res.destroyed).toBe(true);
  });

  it('measures the time between pieces of a stream, and not what a client that does not read makes of it', () => {
    const seen: number[] = [];
    let asked = 0;
    const gaps = (): { observe: (seconds: number) => void } => {
      asked++;
      return { observe: (seconds) => void seen.push(seconds) };
    };
    const { start, head, data, clock, controller, res } = stage('{}', undefined, { gaps });
    start();
    head(STREAM);
    clock.advance(900);
    data('{"done":false}\n');
    expect(asked).toBe(0);
    for (const ms of [20, 30]) {
      clock.advance(ms);
      data('{"done":false}\n');
    }
    res.stuck = true;
    for (let i = 0; i < 20; i++) data(`${'x'.repeat(64 * 1024 - 1)}\n`);
    expect(controller.paused).toBe(true);
    clock.advance(5_000);
    res.emit('drain');
    data('{"done":false}\n');
    clock.advance(40);
    data('{"done":false}\n');
    expect(seen.filter((seconds) => seconds > 0)).toEqual([0.02, 0.03, 0.04]);
    expect(asked).toBe(1);
  });

  it('measures no time between the pieces of an answer that is no stream', () => {
    const gaps = (): never => {
      throw new Error('asked for');
    };
    const { start, head, data } = stage('{}', undefined, { gaps });
    start();
    head({ 'content-type': 'application/json' });
    for (const piece of ['{', '"a":', '1}']) data(piece);
  });

  it('is taken back before it was sent when the client leaves while it connects', async () => {
    const { attempt, start, end, controller } = stage();
    attempt.clientLeft();
    start();
    expect(controller.aborted).toBe(true);
    expect(await end).toMatchObject({ kind: 'left', outcome: { phase: 'connect' } });
  });

  it('ends once: what comes after its end changes nothing', async () => {
    const { attempt, start, head, data, sweep, end, res } = stage();
    start();
    head(STREAM);
    attempt.clientLeft();
    data('{"done":true}\n');
    attempt.onResponseEnd();
    attempt.onResponseError(undefined, new Error('late'));
    attempt.deadlinePassed();
    sweep(1);
    expect((await end).kind).toBe('left');
    expect(res.text).toBe('');
  });
});

describe('the stall guard', () => {
  const IDLE_MS = 600_000;
  const patience = { firstMs: 90_000, gapMs: 40_000 };
  /** A sweep each second for so long. */
  const wait = ({ clock, attempt }: Stage, ms: number): void => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000);
      attempt.sweep(clock.now(), IDLE_MS);
    }
  };
  const guarded = (more: Partial<AttemptInput> = {}): Stage =>
    stage('{}', undefined, { patience: () => patience, ...more });

  it('gives up on a backend whose first byte does not come in time, so that another one may be tried', async () => {
    const scene = guarded();
    scene.start();
    wait(scene, 89_000);
    expect(scene.controller.aborted).toBe(false);
    wait(scene, 1_000);
    expect(scene.controller.aborted).toBe(true);
    expect(await scene.end).toMatchObject({ kind: 'failed', failure: { blame: 'model', retryable: true } });
    expect(scene.res.text).toBe('');
  });

  it('cuts a stream that falls silent, with an error and no clean end', async () => {
    const scene = guarded();
    scene.start();
    scene.head(STREAM);
    scene.data('{"done":false}\n');
    wait(scene, 40_000);
    scene.data('{"done":false}\n');
    wait(scene, 40_000);
    expect(scene.controller.aborted).toBe(false);
    wait(scene, 1_000);
    expect(await scene.end).toMatchObject({ kind: 'cut', outcome: { blame: 'model', phase: 'body' } });
    expect(scene.res.text).toContain('"error":"the backend stalled: nothing more for 40 s');
  });

  it('does not take the silence of a client that does not read for one of the backend', async () => {
    const scene = guarded();
    scene.start();
    scene.head(STREAM);
    scene.res.stuck = true;
    scene.data('{"done":false}\n');
    for (let i = 0; i < 20; i++) scene.data(`${'x'.repeat(64 * 1024 - 1)}\n`);
    wait(scene, 100_000);
    expect(scene.controller.aborted).toBe(false);
    scene.res.emit('drain');
    wait(scene, 40_000);
    expect(scene.controller.aborted).toBe(false);
    wait(scene, 1_000);
    expect((await scene.end).kind).toBe('cut');
  });

  it('asks nobody for patience before half a minute of silence, and ends nothing where there is none', () => {
    let asked = 0;
    const scene = guarded({
      patience: () => {
        asked++;
        return undefined;
      },
    });
    scene.start();
    wait(scene, 29_000);
    expect(asked).toBe(0);
    wait(scene, 3_600_000);
    expect([asked > 0, scene.controller.aborted]).toEqual([true, false]);
  });

  it('tells when more has come since the last sweep', () => {
    let moved = 0;
    const scene = guarded({ moved: () => void moved++ });
    scene.start();
    wait(scene, 2_000);
    scene.head(STREAM);
    scene.data('{"done":false}\n');
    scene.data('{"done":false}\n');
    wait(scene, 2_000);
    expect(moved).toBe(1);
  });
});
