import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watch, type WatchIo } from '../../src/cli/top/live.ts';
import { topCommand, type TopIo } from '../../src/cli/top.ts';
import { testIo } from '../support/test-io.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SNAPSHOT = {
  servers: [
    { name: 'gpu-1', enabled: true, health: 'up', breaker: 'closed', inflight: 1, ills: [], models: [] },
    { name: 'gpu-2', enabled: true, health: 'down', lastError: 'no route', breaker: 'closed', ills: [], models: [] },
  ],
  status: { ready: true, reason: '1 backend up', strategy: 'hybrid', version: '1.2.3' },
  decisions: [],
};

/** An admin listener that tells what a test wants. */
let server: http.Server;
let url: string;
const streams: http.ServerResponse[] = [];
let refuse: number | undefined;
const tell = (event: string, data: object): void => {
  for (const each of streams) each.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
};

const listen = (port: number): Promise<void> =>
  new Promise((resolve) => {
    server = http.createServer((_req, res) => {
      if (refuse !== undefined) {
        res.writeHead(refuse, { 'content-type': 'application/json' }).end('{"error":"no"}');
        return;
      }
      streams.push(res);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(`retry: 1\n\nevent: snapshot\ndata: ${JSON.stringify(SNAPSHOT)}\n\n`);
    });
    server.listen(port, '127.0.0.1', () => {
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      resolve();
    });
  });
const close = (): Promise<void> =>
  new Promise((resolve) => {
    streams.length = 0;
    server.close(() => resolve());
    server.closeAllConnections();
  });
beforeEach(async () => {
  refuse = undefined;
  await listen(0);
});
afterEach(close);

/** A terminal of which all that was written is kept. */
const fakeTerminal = () => {
  const size = { columns: 80, rows: 24 };
  let written = '';
  let on: Parameters<WatchIo['live']['listen']>[0] | undefined;
  let released = false;
  const waiting = new Set<() => void>();
  const stops: (() => Promise<void>)[] = [];
  const exits: (() => void)[] = [];
  const io: WatchIo = {
    live: {
      color: false,
      size: () => size,
      write: (text) => {
        written += text;
        for (const each of waiting) each();
      },
      listen: (given) => {
        on = given;
      },
      release: () => {
        released = true;
      },
    },
    onStop: (fn) => void stops.push(fn),
    onReload: () => undefined,
    atExit: (fn) => void exits.push(fn),
    timeOf: String,
  };
  return {
    io,
    size,
    stops,
    exits,
    press: (key: string) => on?.key(key),
    resize: () => on?.resize(),
    gone: () => on?.gone(),
    isReleased: () => released,
    text: () => written,
    clear: () => {
      written = '';
    },
    /** Resolves when this has been written since the last `clear`. */
    shows: (pattern: RegExp): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!pattern.test(written)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
};

const ESC = '\u001B';
const OPEN = `${ESC}[?1049h`;
const CLOSE = `${ESC}[?1049l`;

describe('the live view', () => {
  it('shows the state and its changes on a screen of its own, and gives the terminal back at q', async () => {
    const terminal = fakeTerminal();
    const over = watch({ admin: url, token: undefined }, terminal.io);
    await terminal.shows(/gpu-1 +● up[\s\S]*gpu-2 +■ down +0 +no route/);
    expect(terminal.text().startsWith(OPEN)).toBe(true);
    terminal.clear();
    tell('servers', { changed: [{ ...SNAPSHOT.servers[0], draining: true }], gone: [] });
    await terminal.shows(/gpu-1 +◐ draining/);
    expect(terminal.text()).not.toContain('ollama-task-router');
    terminal.press('q');
    await over;
    expect(terminal.text().endsWith(CLOSE)).toBe(true);
    expect(terminal.isReleased()).toBe(true);
  });

  it('says that the proxy is gone, keeps what it knew, and comes back with it', async () => {
    const terminal = fakeTerminal();
    const port = Number(new URL(url).port);
    const over = watch({ admin: url, token: undefined }, terminal.io, 20);
    await terminal.shows(/gpu-1/);
    await close();
    await terminal.shows(/no connection, trying again[\s\S]*cannot reach the admin listener at /);
    terminal.clear();
    await listen(port);
    await terminal.shows(/ready/);
    terminal.press('\u0003');
    await over;
  });

  it('waits for a proxy that is not there yet', async () => {
    const port = Number(new URL(url).port);
    await close();
    const terminal = fakeTerminal();
    const over = watch({ admin: url, token: undefined }, terminal.io, 20);
    await terminal.shows(/cannot reach/);
    await listen(port);
    await terminal.shows(/gpu-1/);
    await Promise.all(terminal.stops.map((stop) => stop()));
    await over;
    expect(terminal.text().endsWith(CLOSE)).toBe(true);
  });

  it('ends where trying again does not help, with the terminal given back', async () => {
    refuse = 401;
    const terminal = fakeTerminal();
    await expect(watch({ admin: url, token: undefined }, terminal.io, 20)).rejects.toThrow('wants the admin token');
    expect(terminal.text().endsWith(CLOSE)).toBe(true);
  });

  it('keeps to the size of the terminal, and gives it back when nobody is there any more', async () => {
    const terminal = fakeTerminal();
    const over = watch({ admin: url, token: undefined }, terminal.io);
    await terminal.shows(/gpu-1/);
    terminal.clear();
    Object.assign(terminal.size, { columns: 20, rows: 2 });
    terminal.resize();
    expect(terminal.text()).toContain('\u001B[2J\u001B[1;1Hollama-task-router…');
    terminal.exits.forEach((exit) => exit());
    expect(terminal.text().endsWith(CLOSE)).toBe(true);
    terminal.gone();
    await over;
  });
});

/** `top` where no terminal is. */
const run = async (...argv: readonly string[]) => {
  const io = testIo();
  const top: TopIo = { ...io, atExit: () => undefined };
  return { code: await topCommand(argv, top), out: io.stdout(), err: io.stderr() };
};

describe('a single look', () => {
  it('prints the state as text, or as it came', async () => {
    const text = await run('--admin', url);
    expect([text.code, text.err]).toEqual([0, '']);
    expect(text.out).toMatch(/^ollama-task-router 1\.2\.3 {3}ready {3}strategy hybrid/);
    expect(text.out).toMatch(/^gpu-2 +■ down +0 +no route$/m);
    expect(text.out).not.toContain('\u001B');
    const json = await run('--json', '--admin', url);
    expect(JSON.parse(json.out)).toEqual(SNAPSHOT);
  });

  it('fails with 1 where there is no proxy or it refuses, and with 2 for a wrong command line', async () => {
    refuse = 403;
    expect(await run('--admin', url)).toEqual({
      code: 1,
      out: '',
      err: `ollama-task-router top: ${url} refuses the call: no\n`,
    });
    await close();
    expect(await run('--admin', url)).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot reach') as string,
    });
    await listen(0);
    expect(await run('--onse')).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean "--once"?') as string,
    });
  });
});

/** util-linux's `script` gives a command a terminal. */
const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

describe.runIf(hasScript)('in a real terminal', () => {
  it('is drawn, and q ends it with 0 and the terminal as it was', async () => {
    const command = `'${process.execPath}' --import tsx '${MAIN}' top --admin ${url}`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      env: { ...process.env, NO_COLOR: '1', TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      // Once only; nothing is read from it afterwards.
      if (said.includes('gpu-2') && child.stdin.writable) child.stdin.end('q');
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code, said).toBe(0);
    expect(said).toMatch(/gpu-1 +● up/);
    expect(said).not.toMatch(new RegExp(`${ESC}\\[\\d+m`));
    expect(said.trimEnd().endsWith(CLOSE)).toBe(true);
  });
});
