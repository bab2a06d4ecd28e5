import { Client } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { Outcome } from '../../../src/core/types.ts';
import { askOneToken } from '../../../src/forward/one-token.ts';
import { ScriptedBackend, type Script } from '../../support/scripted-backend.ts';
import { resetAtOnce, whole } from '../../support/scripts.ts';

const NEVER: Script = () => {};

const asked = async (scripts: readonly Script[], timeoutMs = 20_000) => {
  const backend = await new ScriptedBackend('b').listen();
  const client = new Client(backend.url);
  onTestFinished(async () => {
    await client.destroy();
    await backend.refuse();
  });
  backend.next(...scripts);
  const outcome: Outcome = await askOneToken({
    dispatcher: client,
    pathPrefix: '/p',
    headers: { authorization: 'Bearer x' },
    model: 'm',
    shape: { numCtx: 4096, rest: 'num_gpu=1' },
    timeoutMs,
    clock: systemClock,
  });
  return { outcome, calls: backend.calls, backend, client };
};

describe('a request for one token', () => {
  it('asks for one, with the options that the model has, and leaves alone how long it stays', async () => {
    const { outcome, calls } = await asked([whole(200, { response: 'x', done: true })]);
    expect(outcome).toMatchObject({ kind: 'served', status: 200 });
    expect(calls.map(({ method, path, headers }) => [method, path, headers['authorization']])).toEqual([
      ['POST', '/p/api/generate', 'Bearer x'],
    ]);
    expect(JSON.parse(calls[0]?.body().toString() ?? '')).toEqual({
      model: 'm',
      prompt: '1',
      raw: true,
      stream: false,
      options: { num_ctx: 4096, num_gpu: 1, num_predict: 1 },
    });
  });

  it('is one of one embedding where the model can do nothing else', async () => {
    const { outcome, calls } = await asked([
      whole(400, { error: '"m" does not support generate' }),
      whole(200, { embeddings: [[1]] }),
    ]);
    expect(outcome.kind).toBe('served');
    expect(calls.map(({ path }) => path)).toEqual(['/p/api/generate', '/p/api/embed']);
  });

  it.each([
    ['an error of the model', whole(500, { error: 'oom' }), { reason: 'status-5xx', blame: 'model' }],
    ['a full server', whole(503, { error: 'busy' }), { reason: 'overloaded', blame: 'none' }],
    ['an error in a good answer', whole(200, { error: 'no' }), { reason: 'bad-answer', blame: 'model' }],
    ['no JSON', whole(200, '<html>'), { reason: 'bad-answer', blame: 'model' }],
    ['a broken connection', resetAtOnce, { reason: 'reset', blame: 'backend' }],
    ['a refusal that is no failure', whole(400, { error: 'bad' }), { kind: 'client-error', status: 400 }],
  ])('tells %s', async (_name, script, outcome) => {
    expect((await asked([script])).outcome).toMatchObject(outcome);
  });

  it('tells a server that hangs, once its time is over', async () => {
    expect((await asked([NEVER], 30)).outcome).toMatchObject({ reason: 'timeout', blame: 'model' });
  });

  it('tells that nobody listens', async () => {
    const backend = await new ScriptedBackend('b').listen();
    const client = new Client(backend.url);
    await backend.refuse();
    onTestFinished(() => client.destroy());
    const wanted = { dispatcher: client, pathPrefix: '', headers: {}, model: 'm', timeoutMs: 20_000 };
    const outcome = await askOneToken({ ...wanted, shape: { numCtx: undefined, rest: '' }, clock: systemClock });
    expect(outcome).toMatchObject({ reason: 'connect', blame: 'backend', phase: 'connect' });
  });
});
