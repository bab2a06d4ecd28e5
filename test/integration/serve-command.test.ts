import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { serveCommand } from '../../src/cli/serve.ts';
import { startChild, type Child } from '../support/child.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { call } from '../support/http-call.ts';
import { configText } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';
import { testIo, type TestIo } from '../support/test-io.ts';

const MODEL = 'llama3.2:3b';
const FREE = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];

let server: HeldBackend;
let folder: string;
let file: string;
beforeAll(async () => {
  server = await startHeld(MODEL);
  folder = await mkdtemp(join(tmpdir(), 'router-serve-'));
  file = join(folder, 'router.yaml');
});
beforeEach(() => server.hold());
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const write = (config: string): Promise<void> =>
  writeFile(file, configText({ backends: [{ name: 'box', url: server.url }], config }));

const strategyAt = async (admin: string): Promise<unknown> => {
  const { body } = await call(`${admin}/admin/v1/strategy`);
  return (JSON.parse(body) as { readonly strategy: unknown }).strategy;
};

describe('serve as a process of its own', () => {
  const children: Child[] = [];
  const start = (...argv: readonly string[]): Child => {
    const child = startChild(argv);
    children.push(child);
    return child;
  };
  const urls = async (child: Child) => {
    const [, proxy = '', admin = ''] = await child.says(/^proxy (http:\/\/\S+)\nadmin (http:\/\/\S+)\n/);
    return { proxy, admin };
  };
  const ready = async (admin: string): Promise<void> => {
    await vi.waitFor(async () => expect((await call(`${admin}/readyz`)).status).toBe(200), 10_000);
  };
  afterEach(async () => {
    for (const child of children) child.signal('SIGKILL');
    await Promise.all(children.splice(0).map(({ ended }) => ended));
  });

  it('prints its addresses, reloads on SIGHUP, and ends whole with 0 when told to stop in the middle of a stream', async () => {
    await write('routing: { strategy: round-robin }');
    const child = start('serve', '--config', file);
    const { proxy, admin } = await urls(child);
    await ready(admin);
    expect(await strategyAt(admin)).toBe('round-robin');
    await child.says(/"event":"started".*"strategy":"round-robin"/);

    await write('routing: { strategy: random }');
    child.signal('SIGHUP');
    await child.says(/"event":"reloaded","who":"SIGHUP"/);
    await child.says(/"event":"strategy-changed","from":"round-robin","to":"random"/);

    const streams = startStreams(proxy, MODEL, 3);
    await streams.started;
    child.signal('SIGTERM');
    await child.says(/"event":"draining"/);
    await expect(call(`${proxy}/api/version`)).rejects.toThrow(/ECONNREFUSED/);
    expect(streams.ended()).toBe(0);
    server.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(3));
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.err()).toContain('"event":"stopped","clean":true');
    // Results on stdout, everything else on stderr, a line of JSON each.
    expect(child.out()).toBe(`proxy ${proxy}\nadmin ${admin}\n`);
    const lines = child.err().trimEnd().split('\n');
    expect(() => lines.map((line) => JSON.parse(line) as unknown)).not.toThrow();
  });

  it('stops at once at the second signal, and cuts what runs so that nobody takes it for whole', async () => {
    const child = start('serve', ...FREE, '--backend', server.url);
    const { proxy, admin } = await urls(child);
    await ready(admin);
    const streams = startStreams(proxy, MODEL, 1);
    await streams.started;
    child.signal('SIGINT');
    await child.says(/"event":"draining"/);
    child.signal('SIGINT');
    expect(await child.ended).toEqual({ code: 130, signal: null });
    const [answer] = await streams.answers;
    expect(answer).toMatchObject({ status: 200, complete: false });
  });

  it('ends with 1 when it cannot listen, and with 2 when the configuration is wrong, saying where', async () => {
    const { port } = new URL(server.url);
    const taken = start(
      'serve',
      '--listen',
      `127.0.0.1:${port}`,
      '--admin-listen',
      '127.0.0.1:0',
      '--backend',
      server.url,
    );
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, 'listen: 127.0.0.1:0\nroutng: {}\nqueue:\n  max_wait: 5\n');
    const wrong = start('serve', '--config', bad);
    expect(await taken.ended).toEqual({ code: 1, signal: null });
    expect(taken.err()).toContain(`serve: cannot listen: listen EADDRINUSE: address already in use 127.0.0.1:${port}`);
    expect(await wrong.ended).toEqual({ code: 2, signal: null });
    expect(wrong.err()).toContain(`${bad}:2:1: routng: unknown key, did you mean "routing"?\n`);
    expect(wrong.err()).toContain(`${bad}:4:13: queue.max_wait: 5 has no unit`);
    expect([taken.out(), wrong.out()]).toEqual(['', '']);
  });
});

describe('serve in this process', () => {
  const running: { readonly io: TestIo; readonly code: Promise<number> }[] = [];
  const serve = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const io = testIo(env);
    const code = serveCommand(argv, io);
    running.push({ io, code });
    return { io, code };
  };
  const urls = async (io: TestIo) => {
    await vi.waitFor(() => expect(io.stdout()).toContain('admin '), 5_000);
    const [, proxy = '', admin = ''] = /^proxy (\S+)\nadmin (\S+)\n$/.exec(io.stdout()) ?? [];
    return { proxy, admin };
  };
  afterEach(async () => {
    await Promise.all(
      running.splice(0).map(async ({ io, code }) => {
        await io.stop();
        await code;
      }),
    );
  });

  it('reloads when the process is told to, whether or not the file has changed', async () => {
    await write('routing: { strategy: random }');
    const { io } = serve(['--config', file]);
    const { admin } = await urls(io);
    io.reload();
    await vi.waitFor(async () => {
      const { body } = await call(`${admin}/metrics`);
      expect(body).toContain('task_router_config_reloads_total{result="applied"} 1\n');
    }, 5_000);
    expect(await strategyAt(admin)).toBe('random');
  });

  it('follows edits of its file without being told', async () => {
    await write('routing: { strategy: random }');
    const { io } = serve(['--config', file]);
    const { admin } = await urls(io);
    await write('routing: { strategy: hybrid }');
    await vi.waitFor(async () => expect(await strategyAt(admin)).toBe('hybrid'), 10_000);
  });

  it('lets flags beat the environment and the environment beat the file, over reloads too', async () => {
    await write('routing: { strategy: random }');
    const env = { TASK_ROUTER_STRATEGY: 'affinity', TASK_ROUTER_ADMIN_TOKEN: 'a-token-of-the-environment' };
    const { io } = serve(['--config', file, '--strategy', 'performance'], env);
    const { admin } = await urls(io);
    const headers = { authorization: 'Bearer a-token-of-the-environment' };
    const config = async () => JSON.parse((await call(`${admin}/admin/v1/config`, { headers })).body) as unknown;
    expect(await config()).toMatchObject({ routing: { strategy: 'performance' }, admin: { token: '[hidden]' } });
    await write('routing: { strategy: hybrid }\nretry: { max_attempts: 2 }');
    io.reload();
    await vi.waitFor(async () => expect(await config()).toMatchObject({ retry: { max_attempts: 2 } }), 5_000);
    expect(await config()).toMatchObject({ routing: { strategy: 'performance' } });
  });

  it('takes several backends from flags and serves them', async () => {
    const other = await startHeld('other:1b');
    const { io } = serve([...FREE, '--backend', server.url, '--backend', other.url, '--strategy', 'least-loaded']);
    const { proxy, admin } = await urls(io);
    await vi.waitFor(async () => expect((await call(`${admin}/readyz`)).body).toContain('2 backends up'), 5_000);
    for (const model of [MODEL, 'other:1b']) {
      expect((await call(`${proxy}/api/generate`, { body: { model, prompt: 'x' } })).status).toBe(200);
    }
    await other.close();
  });

  it('tries the usual place of a local server when nobody names one', async () => {
    const { io } = serve(FREE);
    const { admin } = await urls(io);
    const { body } = await call(`${admin}/admin/v1/backends`);
    expect(JSON.parse(body)).toMatchObject({ backends: [{ url: 'http://127.0.0.1:11434' }] });
  });

  it('tells a client that asks again on its open connection while draining that this was the last time', async () => {
    const { io, code } = serve([...FREE, '--backend', server.url]);
    const { proxy, admin } = await urls(io);
    await vi.waitFor(async () => expect((await call(`${admin}/readyz`)).status).toBe(200), 5_000);
    const body = JSON.stringify({ model: MODEL, messages: [] });
    const socket = connect(Number(new URL(proxy).port), '127.0.0.1');
    let text = '';
    const started = new Promise((resolve) => socket.once('data', resolve));
    socket.setEncoding('utf8').on('data', (more: string) => void (text += more));
    socket.write(`POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await started;
    const stopped = io.stop();
    socket.write('GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await vi.waitFor(async () => {
      const { body: seen } = await call(`${admin}/admin/v1/decisions`);
      expect(seen).toContain('"path":"/api/version"');
    }, 5_000);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    server.release();
    await Promise.all([stopped, closed]);
    expect(await code).toBe(0);
    const [first = '', second = ''] = text.split(/(?<=\r\n0\r\n\r\n)/);
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*"done":true[\s\S]*\r\n0\r\n\r\n$/);
    expect(first).toMatch(/\r\nconnection: keep-alive\r\n/i);
    expect(second).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nconnection: close\r\n/i);
  });

  it('gives back 0 once it has drained', async () => {
    const { io, code } = serve([...FREE, '--backend', server.url]);
    await urls(io);
    await io.stop();
    expect(await code).toBe(0);
  });

  it('gives back 1 when requests had to be cut off at the end of limits.drain_timeout', async () => {
    await write('limits: { drain_timeout: 100ms }');
    const { io, code } = serve(['--config', file]);
    const { proxy, admin } = await urls(io);
    await vi.waitFor(async () => expect((await call(`${admin}/readyz`)).status).toBe(200), 5_000);
    const streams = startStreams(proxy, MODEL, 1);
    await streams.started;
    await io.stop();
    expect(await code).toBe(1);
    expect(await streams.answers).toMatchObject([{ status: 200, complete: false }]);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['an unknown flag', ['--port', '80'], 2, /^serve: Unknown option '--port'[\s\S]*usage: ollama-task-router serve/],
    ['a word too many', ['router.yaml'], 2, /^serve: Unexpected argument 'router.yaml'/],
    ['a flag without its value', ['--config'], 2, /^serve: /],
    ['a wrong address', ['--listen', 'here'], 2, /^--listen.*"here" is not an address/],
    ['a wrong backend', ['--backend', 'gpu-1'], 2, /^--backend/],
    ['an unknown strategy', ['--strategy', 'hybird'], 2, /^--strategy.*did you mean "hybrid"\?/],
    ['an open admin listener without a token', ['--admin-listen', '0.0.0.0:0'], 2, /token/],
    ['a file that is not there', ['--config', '/no/such/file.yaml'], 2, /^\/no\/such\/file\.yaml:1:1: .*no such file/],
  ])('refuses %s', async (_what, argv, code, says) => {
    const io = testIo();
    expect(await serveCommand(argv, io)).toBe(code);
    expect(io.stderr()).toMatch(says);
    expect(io.stdout()).toBe('');
  });

  it('shows warnings of its file and runs all the same', async () => {
    await write('routing: { zone: eu }');
    const { io } = serve(['--config', file]);
    await urls(io);
    expect(io.stderr()).toBe(`${file}:5:12: routing.zone: has no effect in this version\n`);
  });

  it('explains itself on stdout', async () => {
    const io = testIo();
    expect(await serveCommand(['--help'], io)).toBe(0);
    expect(io.stdout()).toMatch(/^usage: ollama-task-router serve/);
  });
});
