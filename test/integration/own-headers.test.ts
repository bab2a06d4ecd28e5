import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import type { Answer } from '../support/http-call.ts';
import { lastSeenBy } from '../support/listening.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

let sim: SimServer;
let proxy: TestProxy;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, outputTokens: 5 });
  proxy = await startProxy({ backends: [{ name: 'one', url: sim.url }], config: 'routing: { strategy: round-robin }' });
});
afterAll(async () => {
  await proxy.stop();
  await sim.close();
});

const chat = (headers: Record<string, string> = {}, stream = false): Promise<Answer> =>
  proxy.call('/api/chat', {
    headers,
    body: { model: MODEL, messages: [{ role: 'user', content: 'fix this TypeError' }], stream },
  });

/** Names of ours in an answer, sorted. */
const ours = ({ headers }: Answer): string[] =>
  Object.keys(headers)
    .filter((name) => name.startsWith('x-task-router-'))
    .toSorted();

const ROUTED = ['attempts', 'backend', 'category', 'queue-ms', 'strategy'].map((name) => `x-task-router-${name}`);

describe('every answer of the proxy', () => {
  it.each<[string, boolean]>([
    ['whole', false],
    ['streamed', true],
  ])('says how it was routed: %s', async (_how, stream) => {
    const answer = await chat({}, stream);
    expect(answer.status).toBe(200);
    expect(ours(answer)).toEqual(ROUTED);
    expect(answer.headers).toMatchObject({
      'x-request-id': expect.stringMatching(UUID),
      'x-task-router-backend': 'one',
      'x-task-router-category': 'debugging',
      'x-task-router-strategy': 'round-robin',
      'x-task-router-attempts': '1',
      'x-task-router-queue-ms': expect.stringMatching(/^\d+$/),
    });
  });

  it('says why only when asked', async () => {
    expect(ours(await chat({ 'x-task-router-explain': '0' }))).toEqual(ROUTED);
    const asked = await chat({ 'x-task-router-explain': '1' });
    expect(ours(asked)).toEqual([...ROUTED, 'x-task-router-why']);
    expect(asked.headers['x-task-router-why']).toMatch(/^[ -~]+$/);
  });

  it.each<[string, string]>([
    ['a listing', '/api/tags'],
    ['liveness', '/'],
    ['a route that is not there', '/api/nothing'],
  ])('carries a request id where nothing is routed by model: %s', async (_what, path) => {
    const { headers } = await proxy.call(path, { headers: { 'x-request-id': 'mine-1' } });
    expect(headers['x-request-id']).toBe('mine-1');
    expect(headers['x-task-router-error']).toBeUndefined();
  });

  it('that it makes itself says so, and is still told apart by its request id', async () => {
    const { status, headers } = await proxy.call('/api/chat', {
      body: 'no json',
      headers: { 'x-request-id': 'mine-2' },
    });
    expect(status).toBe(400);
    expect(headers).toMatchObject({ 'x-request-id': 'mine-2', 'x-task-router-error': 'bad_request' });
  });

  it('never shows a header of ours that a server made up', async () => {
    const answer = await chat();
    expect(String(answer.headers['x-request-id'])).not.toContain(',');
  });
});

describe('a request id of the client', () => {
  it.each<[string]>([['abc-123'], ['01J9Z/trace:4.5_6=7@8+9'], ['x'.repeat(128)]])(
    'is kept, and shown to the server, when it is well formed: %s',
    async (id) => {
      const { headers } = await chat({ 'x-request-id': id });
      expect(headers['x-request-id']).toBe(id);
      expect(lastSeenBy(sim).headers['x-request-id']).toBe(id);
    },
  );

  it.each<[string, string]>([
    ['too long', 'x'.repeat(129)],
    ['with blanks', 'two words'],
    ['with quotes', '"id"'],
    ['of other letters', '\u00fcber'],
    ['empty', ''],
  ])('is replaced when it is %s', async (_how, id) => {
    const { headers } = await chat({ 'x-request-id': id });
    expect(headers['x-request-id']).toMatch(UUID);
    expect(lastSeenBy(sim).headers['x-request-id']).toBe(headers['x-request-id']);
  });

  it('finds the decision again', async () => {
    await chat({ 'x-request-id': 'find-me' });
    const { status, body } = await proxy.admin('GET', 'decisions/find-me');
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 'find-me', outcome: 'served', model: MODEL, category: 'debugging' });
  });
});

describe('the request headers that the proxy reads', () => {
  it('never reach a server, whatever their value and spelling', async () => {
    const { status } = await chat({
      'X-Task-Router-Category': 'testing',
      'x-task-router-priority': 'batch',
      'x-task-router-session': 's1',
      'x-task-router-deadline': '5m',
      'x-task-router-explain': '1',
      'x-task-router-something-new': 'x',
      'x-openwebui-chat-id': 'kept',
      'x-custom': 'kept',
    });
    expect(status).toBe(200);
    const { headers } = lastSeenBy(sim);
    expect(Object.keys(headers).filter((name) => name.startsWith('x-task-router'))).toEqual([]);
    expect(headers).toMatchObject({ 'x-openwebui-chat-id': 'kept', 'x-custom': 'kept' });
  });

  it.each<[string, string, string]>([
    ['x-task-router-category', 'cooking', 'coding, refactoring, testing'],
    ['x-task-router-category', 'Coding', 'coding, refactoring, testing'],
    ['x-task-router-priority', 'urgent', 'interactive, normal, batch'],
    ['x-task-router-priority', '', 'interactive, normal, batch'],
    ['x-task-router-deadline', '30', '30s'],
    ['x-task-router-deadline', 'soon', 'not a duration'],
    ['x-task-router-deadline', '0s', 'too short'],
    ['x-task-router-deadline', '-5s', 'not a duration'],
  ])('are refused by name when %s is %j', async (name, value, says) => {
    const before = sim.state().requests.byRoute['POST /api/chat'];
    const answer = await chat({ [name]: value });
    expect(answer.status).toBe(400);
    expect(answer.headers['x-task-router-error']).toBe('bad_request');
    const { error } = JSON.parse(answer.body) as { error: string };
    expect(error).toContain(`header ${name}: `);
    expect(error).toContain(says);
    expect(sim.state().requests.byRoute['POST /api/chat']).toBe(before);
  });

  it('refuse to pin a server where nothing allows it', async () => {
    const answer = await chat({ 'x-task-router-backend': 'one' });
    expect(answer.status).toBe(403);
    expect(answer.headers['x-task-router-error']).toBe('forbidden');
    expect(answer.body).toContain('x-task-router-backend');
  });

  it('refuse to pin a server for a request that runs no model, before it could harm the wrong one', async () => {
    const answer = await proxy.call('/api/delete', {
      method: 'DELETE',
      body: { model: MODEL },
      headers: { 'x-task-router-backend': 'two' },
    });
    expect(answer.status).toBe(403);
    expect(answer.headers['x-task-router-error']).toBe('forbidden');
    expect(sim.models()).toContain(MODEL);
  });

  it('give a deadline that is kept', async () => {
    sim.faults.set({ kind: 'hang', path: '/api/chat', count: 1 });
    const answer = await chat({ 'x-task-router-deadline': '50ms' });
    expect(answer.status).toBe(504);
    expect(answer.headers['x-task-router-error']).toBe('deadline_exceeded');
  });

  it('are no reason to keep hop-by-hop headers, Origin or a foreign Host', async () => {
    await chat({
      host: 'router.localhost',
      origin: 'http://localhost:3000',
      connection: 'x-secret-hop, close',
      'x-secret-hop': '1',
      te: 'trailers',
      'proxy-authorization': 'Basic eDp5',
      'user-agent': 'kept/1.0',
    });
    const { headers } = lastSeenBy(sim);
    expect(headers).toMatchObject({ host: sim.url.slice('http://'.length), 'user-agent': 'kept/1.0' });
    for (const name of ['origin', 'x-secret-hop', 'te', 'proxy-authorization']) expect(headers[name]).toBeUndefined();
  });
});
