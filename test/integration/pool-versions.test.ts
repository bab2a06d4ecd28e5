import { describe, expect, it } from 'vitest';
import { startFaulty, until, type Faulty } from '../support/faulty.ts';
import type { Call, Script } from '../support/scripted-backend.ts';
import { ask, native, whole } from '../support/scripts.ts';

const NO_ROUTE = whole(404, '404 page not found', { 'content-type': 'text/plain' });
const NO_METHOD = whole(405, '405 method not allowed', { 'content-type': 'text/plain', allow: 'GET' });
const OK = whole(200, native.whole('ok'));

/** Paths that a backend was asked for, the proxy's own looks left out. */
const asked = (faulty: Faulty, index: number): readonly string[] => faulty.at(index).calls.map(({ path }) => path);

/** Answers one path like this and all others like that. */
const at =
  (path: string, here: Script, elsewhere: Script = OK): Script =>
  (call: Call) =>
    (call.path === path ? here : elsewhere)(call);

const responses = { model: 'm', input: 'hello' };

describe.each([
  ['an inference route', '/v1/responses', responses],
  ['an inference route with another method', '/v1/responses', responses],
  ['a route that the proxy does not know', '/v9/new', { anything: 1 }],
  ['a route without a body', '/api/experimental/model-recommendations', undefined],
])('%s that only some servers have', (what, path, body) => {
  const missing = what.endsWith('method') ? NO_METHOD : NO_ROUTE;

  it('is served by those, and the others are not asked for it again', async () => {
    const faulty = await startFaulty(3, { otherwise: OK });
    faulty.at(0).otherwise = at(path, missing);
    faulty.at(1).otherwise = at(path, missing);
    for (let i = 0; i < 4; i++) {
      const answer = await faulty.proxy.call(path, { body });
      expect([answer.status, answer.headers['x-task-router-backend']]).toEqual([200, 'b2']);
    }
    expect([asked(faulty, 0).length <= 1, asked(faulty, 1).length <= 1, asked(faulty, 2)]).toEqual([
      true,
      true,
      [path, path, path, path],
    ]);
    // Nothing was learned about what else these can do, and no breaker heard of it.
    const view = await faulty.view(0);
    expect(view.breaker).toBe('closed');
    expect((await faulty.proxy.call('/api/chat', { body: ask(false) })).headers['x-task-router-backend']).toBe('b0');
  });

  it('is refused in the words of a server when none has it, by asking only one once that is known', async () => {
    const faulty = await startFaulty(3, { otherwise: missing });
    const first = await faulty.proxy.call(path, { body });
    const all = faulty.backends.reduce((sum, { calls }) => sum + calls.length, 0);
    const second = await faulty.proxy.call(path, { body });
    for (const { status, body: text, headers } of [first, second]) {
      expect([status, text, headers['content-type']]).toEqual(
        what.endsWith('method')
          ? [405, '405 method not allowed', 'text/plain']
          : [404, '404 page not found', 'text/plain'],
      );
      expect(headers['x-task-router-error']).toBeUndefined();
    }
    expect(all).toBe(3);
    expect(faulty.backends.reduce((sum, { calls }) => sum + calls.length, 0)).toBe(4);
  });

  it('is asked for again after the server has another version', async () => {
    const faulty = await startFaulty(2, { otherwise: OK, config: 'retry: { max_attempts: 1 }' });
    faulty.at(0).otherwise = at(path, missing);
    for (let i = 0; i < 2; i++) await faulty.proxy.call(path, { body });
    faulty.at(0).otherwise = OK;
    faulty.at(0).version = '0.40.0';
    await faulty.proxy.call('/api/tags');
    await faulty.at(1).refuse();
    const before = asked(faulty, 0).length;
    await until(async () => (await faulty.proxy.call(path, { body })).status === 200);
    expect(asked(faulty, 0).length).toBeGreaterThan(before);
  });
});

it('looks through more servers for a route than a failing request may have attempts', async () => {
  const faulty = await startFaulty(3, { otherwise: OK, config: 'retry: { max_attempts: 1 }' });
  for (const index of [0, 1]) faulty.at(index).otherwise = at('/v1/responses', NO_ROUTE);
  const answer = await faulty.proxy.call('/v1/responses', { body: responses });
  expect([answer.status, answer.headers['x-task-router-attempts']]).toEqual([200, '3']);
});

describe('a capability that one server lacks', () => {
  const lacks = (what: string): Script => whole(400, { error: `"m" does not support ${what}` });

  it.each([
    ['tools', 'tools'],
    ['thinking', 'thinking'],
    ['chat', 'completion'],
    ['generate', 'completion'],
  ])('%s: the request goes to one that lists it', async (word, capability) => {
    const faulty = await startFaulty(3, { otherwise: OK });
    for (const [index, capabilities] of [['embedding'], ['completion'], ['completion', capability]].entries()) {
      faulty.at(index).entries.set('m', { capabilities });
    }
    faulty.at(0).otherwise = lacks(word);
    faulty.at(1).otherwise = word === 'tools' || word === 'thinking' ? lacks(word) : OK;
    await faulty.proxy.call('/api/tags');
    const answer = await faulty.proxy.call('/api/chat', { body: ask(false) });
    expect(answer.status).toBe(200);
    const expected = capability === 'completion' ? 'b1' : 'b2';
    expect([answer.headers['x-task-router-backend'], answer.headers['x-task-router-attempts']]).toEqual([
      expected,
      '2',
    ]);
    expect((await faulty.view(0)).breaker).toBe('closed');
  });

  it('is refused in the server’s words, without asking others, when nobody lists it', async () => {
    const faulty = await startFaulty(2, { otherwise: lacks('tools') });
    const answer = await faulty.proxy.call('/api/chat', { body: ask(false) });
    expect([answer.status, answer.body]).toEqual([400, '{"error":"\\"m\\" does not support tools"}']);
    expect([asked(faulty, 0).length, asked(faulty, 1).length]).toEqual([1, 0]);
  });

  it('is refused in the last server’s words when one that lists it says no as well', async () => {
    const faulty = await startFaulty(2, { otherwise: lacks('tools') });
    faulty.at(1).entries.set('m', { capabilities: ['completion', 'tools'] });
    await faulty.proxy.call('/api/tags');
    const answer = await faulty.proxy.call('/api/chat', { body: ask(false) });
    expect([answer.status, answer.headers['x-task-router-attempts']]).toEqual([400, '2']);
    expect(answer.body).toBe('{"error":"\\"m\\" does not support tools"}');
  });

  it('is no matter of other refusals', async () => {
    const faulty = await startFaulty(2, { otherwise: whole(400, { error: 'invalid model name' }) });
    faulty.at(1).entries.set('m', { capabilities: ['completion', 'tools'] });
    await faulty.proxy.call('/api/tags');
    expect((await faulty.proxy.call('/api/chat', { body: ask(false) })).headers['x-task-router-attempts']).toBe('1');
  });
});

describe('a cloud model', () => {
  const cloud = { ...ask(false), model: 'gpt-oss:120b-cloud' };
  const SIGNED_OUT = whole(401, { error: 'unauthorized', signin_url: 'https://ollama.com/connect' });

  it('goes to any server although none lists it, past its slots', async () => {
    const faulty = await startFaulty(1, { otherwise: OK, slots: 1, config: 'queue: { max_waiting: 0 }' });
    const held: (() => void)[] = [];
    faulty.at(0).otherwise = (call) => new Promise((resolve) => held.push(() => resolve(OK(call))));
    const running = [cloud, cloud, ask(false)].map((body) => faulty.proxy.call('/api/chat', { body }));
    await until(() => held.length === 3);
    for (const go of held) go();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('is tried at the next server when one is not signed in', async () => {
    const faulty = await startFaulty(2, { otherwise: OK });
    faulty.at(0).otherwise = SIGNED_OUT;
    const answer = await faulty.proxy.call('/api/chat', { body: cloud });
    expect([answer.status, answer.headers['x-task-router-backend']]).toEqual([200, 'b1']);
  });

  it('tells the client where to sign in when no server is', async () => {
    const faulty = await startFaulty(2, { otherwise: SIGNED_OUT });
    const answer = await faulty.proxy.call('/api/chat', { body: cloud });
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ signin_url: 'https://ollama.com/connect' });
    expect([asked(faulty, 0).length, asked(faulty, 1).length]).toEqual([1, 1]);
  });

  it('leaves a local model’s 401 alone', async () => {
    const faulty = await startFaulty(2, { otherwise: SIGNED_OUT });
    expect((await faulty.proxy.call('/api/chat', { body: ask(false) })).headers['x-task-router-attempts']).toBe('1');
  });

  it('does not fill the memory with names', async () => {
    const faulty = await startFaulty(1, { otherwise: OK });
    for (let i = 0; i < 200; i++) await faulty.proxy.call('/api/chat', { body: { ...cloud, model: `m${i}:cloud` } });
    const metrics = await faulty.proxy.metrics();
    const labels = [...metrics.keys()].filter((key) => key.startsWith('task_router_requests_total'));
    expect(labels.length).toBeLessThan(5);
    expect((await faulty.proxy.admin('GET', 'metrics')).body).toSatisfy(
      (view: object) => JSON.stringify(view).split('cloud').length < 300,
    );
  });
});

describe('what speaks for the account of one server', () => {
  it('always goes to the same', async () => {
    const faulty = await startFaulty(3, { otherwise: OK });
    for (let i = 0; i < 5; i++) await faulty.proxy.call('/api/me', { method: 'POST' });
    await faulty.proxy.call('/api/signout', { method: 'POST' });
    await faulty.proxy.call('/api/user/keys/abc', { method: 'DELETE' });
    expect(asked(faulty, 0)).toHaveLength(7);
  });
});
