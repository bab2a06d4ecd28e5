import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';
const STREAMS = 50;

let servers: readonly HeldBackend[];
let folder: string;
let file: string;
let proxy: TestProxy;
beforeAll(async () => {
  servers = await Promise.all([1, 2, 3].map(() => startHeld(MODEL)));
  folder = await mkdtemp(join(tmpdir(), 'router-set-'));
  file = join(folder, 'router.yaml');
});
beforeEach(async () => {
  for (const server of servers) server.hold();
  await rm(join(folder, 'state.json'), { force: true });
  await write(1, 2);
  proxy = await startProxy({ file });
});
afterEach(() => proxy.stop());
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await rm(folder, { recursive: true });
});

const entry = (box: number, more: object = {}) => ({
  name: `box-${box}`,
  url: servers[box - 1]?.url,
  slots: 100,
  ...more,
});
/** A file with these of the servers. */
const write = (...boxes: readonly (number | object)[]): Promise<void> =>
  writeFile(
    file,
    [
      'listen: 127.0.0.1:0',
      'admin: { listen: "127.0.0.1:0" }',
      'health: { timeout: 20s }',
      'routing: { strategy: round-robin }',
      `state: { kind: file, path: ${JSON.stringify(join(folder, 'state.json'))} }`,
      `backends: ${JSON.stringify(boxes.map((box) => (typeof box === 'number' ? entry(box) : box)))}`,
    ].join('\n'),
  );

const names = async (): Promise<readonly string[]> => {
  const { body } = await proxy.admin('GET', 'backends');
  return (body as { readonly backends: readonly { readonly name: string }[] }).backends.map(({ name }) => name);
};
const release = (): void => {
  for (const server of servers) server.release();
};
const up = (name: string) =>
  vi.waitFor(
    () =>
      expect(proxy.log.lines).toContainEqual(
        expect.objectContaining({ fields: expect.objectContaining({ event: 'backend-up', backend: name }) }),
      ),
    10_000,
  );

describe('a backend', () => {
  it('comes and goes under load without disturbing a stream, and each change is logged', async () => {
    const streams = startStreams(proxy.url, MODEL, STREAMS);
    await streams.started;
    const added = await proxy.admin('POST', 'backends', entry(3, { headers: { Authorization: 'Bearer secret' } }));
    expect([added.status, added.body]).toEqual([201, expect.objectContaining({ name: 'box-3', url: servers[2]?.url })]);
    await up('box-3');
    const more = startStreams(proxy.url, MODEL, 6);
    await more.started;
    expect(servers[2]?.held()).toBe(2);

    const removed = await proxy.admin('DELETE', 'backends/box-1');
    expect([removed.status, removed.body]).toEqual([200, { removed: 'box-1', running: STREAMS / 2 + 2 }]);
    expect(await names()).toEqual(['box-2', 'box-3']);
    const held = servers[0]?.held();
    const last = startStreams(proxy.url, MODEL, 4);
    await last.started;
    expect(servers[0]?.held()).toBe(held);

    release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(STREAMS));
    expect((await more.answers).map(textOf)).toEqual(expectedTexts(6));
    expect((await last.answers).map(textOf)).toEqual(expectedTexts(4));
    await proxy.log.event('backend-gone');
    expect(proxy.log.events('backend-added')).toMatchObject([
      { fields: { backend: 'box-3', who: '127.0.0.1', before: null, after: { url: servers[2]?.url } } },
    ]);
    expect(proxy.log.events('backend-removed')).toMatchObject([
      { fields: { backend: 'box-1', who: '127.0.0.1', before: { url: servers[0]?.url }, after: null, drain: true } },
    ]);
    expect(JSON.stringify(proxy.log.lines)).not.toContain('Bearer secret');
  });

  it('that comes back while its requests still run counts them', async () => {
    const streams = startStreams(proxy.url, MODEL, 4);
    await streams.started;
    await proxy.admin('DELETE', 'backends/box-1');
    await proxy.admin('POST', 'backends', entry(1));
    expect((await proxy.admin('GET', 'backends/box-1')).body).toMatchObject({ inflight: 2, draining: false });
    release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(4));
    await vi.waitFor(async () =>
      expect((await proxy.admin('GET', 'backends/box-1')).body).toMatchObject({ inflight: 0, health: 'up' }),
    );
    expect(proxy.log.events('backend-gone')).toEqual([]);
  });

  it('that is taken away without draining is cut off, so that nobody takes what was sent for whole', async () => {
    const streams = startStreams(proxy.url, MODEL, 4);
    await streams.started;
    expect((await proxy.admin('DELETE', 'backends/box-1?drain=false')).status).toBe(200);
    await vi.waitFor(() => expect(streams.ended()).toBe(2));
    release();
    const answers = await streams.answers;
    expect(answers.filter(({ headers }) => headers['x-task-router-backend'] === 'box-1').map(textOf)).toEqual([
      undefined,
      undefined,
    ]);
    expect(answers.filter((answer) => textOf(answer) !== undefined)).toHaveLength(2);
  });

  it('of the API outlives reloads and a restart, until the file says something else of its name', async () => {
    await proxy.admin('POST', 'backends', entry(3, { weight: 5 }));
    await proxy.admin('DELETE', 'backends/box-1');
    expect((await proxy.admin('POST', 'config/reload')).body).toEqual({ changes: [] });
    expect(await names()).toEqual(['box-2', 'box-3']);

    await vi.waitFor(async () =>
      expect((await proxy.metrics()).get('task_router_state_writes_total{result="written"}')).toBeGreaterThan(0),
    );
    await proxy.stop();
    proxy = await startProxy({ file });
    expect(await names()).toEqual(['box-2', 'box-3']);
    expect((await proxy.admin('GET', 'backends/box-3')).body).toMatchObject({ weight: 5, health: 'up' });

    // Named by the file, and changed in it: its word is the newer one.
    await write(entry(1, { weight: 2 }), 2, entry(3, { weight: 7 }));
    await proxy.admin('POST', 'config/reload');
    expect(await names()).toEqual(['box-1', 'box-2', 'box-3']);
    expect((await proxy.admin('GET', 'backends/box-3')).body).toMatchObject({ weight: 7 });
    expect(proxy.log.events('backend-change-dropped')).toHaveLength(2);
  });

  it('is refused with everything that is wrong with it, a name that is taken, or when it is the last', async () => {
    const bad = await proxy.admin('POST', 'backends', {
      name: 'box 9',
      url: 'gpu-9',
      wieght: 2,
      headers: { 'a b': 'x' },
    });
    expect([bad.status, bad.body]).toEqual([
      400,
      {
        error: expect.stringContaining('name: "box 9" cannot name a backend'),
        issues: expect.arrayContaining([
          { path: 'url', message: expect.stringContaining('must start with http://') },
          { path: 'wieght', message: expect.stringContaining('did you mean "weight"?') },
          { path: 'headers["a b"]', message: expect.stringContaining('is not the name of a header') },
        ]),
      },
    ]);
    const variable = await proxy.admin('POST', 'backends', { ...entry(3), headers: { Authorization: '${HOME}' } });
    expect(variable.status).toBe(201);
    expect((await proxy.admin('DELETE', 'backends/box-3')).status).toBe(200);
    const cases: readonly (readonly [string, string, unknown, number, RegExp])[] = [
      ['POST', 'backends', [], 400, /mapping/],
      ['POST', 'backends', { name: 'copy', url: servers[0]?.url }, 400, /^url: duplicate URL/],
      ['POST', 'backends', { name: 'safe', url: 'http://a', tls: {} }, 400, /^tls: is for an https:\/\/ URL/],
      ['POST', 'backends', { name: 'safe', url: 'https://a', tls: { ca: '/no/ca' } }, 400, /^tls\.ca: .*no such file/],
      ['POST', 'backends', entry(1), 409, /called "box-1" already/],
      ['DELETE', 'backends/box-9', undefined, 404, /no backend is called "box-9"/],
      ['DELETE', 'backends/box-1?drain=maybe', undefined, 400, /^drain: true or false/],
    ];
    for (const [method, path, body, status, error] of cases) {
      const answer = await proxy.admin(method, path, body);
      expect([path, answer.status, answer.body]).toEqual([
        path,
        status,
        expect.objectContaining({ error: expect.stringMatching(error) }),
      ]);
    }
    expect((await proxy.admin('DELETE', 'backends/box-1')).status).toBe(200);
    expect((await proxy.admin('DELETE', 'backends/box-2')).body).toMatchObject({
      error: expect.stringContaining('?force=true'),
    });
    expect((await proxy.admin('DELETE', 'backends/box-2?force=true')).status).toBe(200);
    expect(await names()).toEqual([]);
  });
});
