import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startChild, type Child } from '../support/child.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { call } from '../support/http-call.ts';
import { configText } from '../support/proxy.ts';
import { expectedTexts, startStreams, textOf } from '../support/streams.ts';

const MODEL = 'llama3.2:3b';
/** New connections at a time while processes change. */
const CALLERS = 4;

let server: HeldBackend;
let folder: string;
let file: string;
beforeAll(async () => {
  server = await startHeld(MODEL);
  folder = await mkdtemp(join(tmpdir(), 'router-hand-over-'));
  file = join(folder, 'router.yaml');
});
beforeEach(() => server.hold());
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const children: Child[] = [];
const successors: number[] = [];
afterEach(async () => {
  for (const pid of successors.splice(0)) process.kill(pid, 'SIGKILL');
  for (const child of children) child.signal('SIGKILL');
  await Promise.all(children.splice(0).map(({ ended }) => ended));
});

const write = (config = ''): Promise<void> =>
  writeFile(file, configText({ backends: [{ name: 'box', url: server.url }], config }));

const start = async (): Promise<{ readonly child: Child; readonly proxy: string; readonly admin: string }> => {
  const child = startChild(['serve', '--config', file]);
  children.push(child);
  const [, proxy = '', admin = ''] = await child.says(/^proxy (http:\/\/\S+)\nadmin (http:\/\/\S+)\n/);
  await child.says(/"event":"backend-up"/);
  return { child, proxy, admin };
};

/** Calls without a pause, each on a connection of its own or all on one, until it is stopped. */
const callers = (url: string, agent: http.Agent | false) => {
  const over = new AbortController();
  let good = 0;
  const bad: string[] = [];
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const request = http.get(`${url}/api/version`, { agent }, (answer) => {
        answer.resume().once('close', () => {
          if (answer.statusCode === 200 && answer.complete) good++;
          else bad.push(`status ${answer.statusCode}`);
          resolve();
        });
      });
      request.once('error', (error) => {
        bad.push(error.message);
        resolve();
      });
    });
  const loop = async (): Promise<void> => {
    while (!over.signal.aborted) await one();
  };
  const loops = Array.from({ length: agent === false ? CALLERS : 1 }, loop);
  return {
    good: () => good,
    bad,
    async stop() {
      over.abort();
      await Promise.all(loops);
    },
  };
};

describe.skipIf(process.platform === 'win32')('a process that is told to make way (SIGUSR2)', () => {
  it(
    'is followed by another one on the same sockets, with no connection refused and no stream cut',
    { timeout: 90_000 },
    async () => {
      await write(`state: { kind: file, path: ${JSON.stringify(join(folder, 'state.json'))} }`);
      const { child, proxy, admin } = await start();
      await call(`${admin}/admin/v1/strategy`, { method: 'PUT', body: { strategy: 'random' } });
      const streams = startStreams(proxy, MODEL, 3);
      await streams.started;
      const fresh = callers(proxy, false);
      const keepAlive = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const kept = callers(proxy, keepAlive);

      child.signal('SIGUSR2');
      const [, pid = ''] = await child.says(/"event":"handed-over","pid":(\d+)/);
      successors.push(Number(pid));
      expect(streams.ended()).toBe(0);
      // The new process answers alone from here on, while the old one still streams.
      const before = fresh.good();
      while (fresh.good() < before + 50) await sleep(5);
      server.release();
      expect((await streams.answers).map(textOf)).toEqual(expectedTexts(3));
      await kept.stop();
      keepAlive.destroy();
      expect(await child.exited).toBe(0);
      await fresh.stop();
      expect([...fresh.bad, ...kept.bad]).toEqual([]);
      expect(kept.good()).toBeGreaterThan(0);

      // It goes on with what the old one has learned, and can be followed itself.
      const { body } = await call(`${admin}/admin/v1/strategy`);
      expect(JSON.parse(body)).toMatchObject({ strategy: 'random' });
      process.kill(Number(pid), 'SIGUSR2');
      const again = new RegExp(String.raw`"event":"handed-over","pid":(?!${pid}\b)(\d+)`);
      const [, third = ''] = await child.says(again);
      successors.splice(0, 1, Number(third));
      expect((await call(`${proxy}/api/version`)).status).toBe(200);
    },
  );

  it('goes on when the other one cannot start, and says why', { timeout: 60_000 }, async () => {
    await write();
    const { child, proxy } = await start();
    const streams = startStreams(proxy, MODEL, 1);
    await streams.started;
    await writeFile(file, 'listen: nowhere\n');
    child.signal('SIGUSR2');
    await child.says(/"event":"hand-over-failed","error":"it ended \(exit code 2\) before it was ready"/);
    expect(child.err()).toContain(`${file}:1:9: listen: "nowhere" is not an address`);
    expect((await call(`${proxy}/api/version`)).status).toBe(200);
    server.release();
    expect((await streams.answers).map(textOf)).toEqual(expectedTexts(1));
  });
});

describe.skipIf(process.platform === 'win32')('a process that a service manager has opened a socket for', () => {
  it('listens on it, and goes on when the manager closes its own end', { timeout: 60_000 }, async () => {
    const manager = net.createServer();
    await new Promise<void>((resolve) => manager.listen(0, '127.0.0.1', resolve));
    const { _handle: handle } = manager as net.Server & { readonly _handle?: { readonly fd: number } };
    const { port } = manager.address() as net.AddressInfo;
    const child = startChild(
      ['serve', '--admin-listen', '127.0.0.1:0', '--backend', server.url],
      {},
      { proxy: handle?.fd ?? -1 },
    );
    children.push(child);
    await child.says(new RegExp(String.raw`^proxy http://127\.0\.0\.1:${port}\n`));
    manager.close();
    expect((await call(`http://127.0.0.1:${port}/api/version`)).status).toBe(200);
  });
});
