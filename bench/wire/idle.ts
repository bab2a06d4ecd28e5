/**
 * What a connection costs that does nothing: memory of the proxy while many clients hold one open after their request.
 *
 *   npx tsx bench/wire/idle.ts [--connections N]
 *
 * 10,000 by default, which is also the default of limits.connections; takes as many file descriptors (`ulimit -n`) in
 * this process and as many in the proxy's.
 */
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { firstUrl, killAll, residentBytes, start } from './processes.ts';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const MIB = 1024 * 1024;
/** Connections that are opened at a time. */
const OPENING = 200;
/** Not counted: code is compiled and pools are filled. */
const WARM_UP = 500;
/** For what the collector gives back of what opening has cost. */
const SETTLE_MS = 3_000;

const { values } = parseArgs({ options: { connections: { type: 'string', default: '10000' } } });
const count = Number(values.connections);
if (!(Number.isInteger(count) && count > 0)) throw new Error('--connections takes a whole number above 0');

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Opens a connection, has one request answered on it and leaves it open. */
const idle = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  return socket;
};

const open = async (port: number, wanted: number): Promise<Socket[]> => {
  const sockets: Socket[] = [];
  while (sockets.length < wanted) {
    const batch = Math.min(OPENING, wanted - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => idle(port)))));
  }
  return sockets;
};

const main = async (folder: string): Promise<void> => {
  if (!existsSync(MAIN)) throw new Error('there is no dist/main.js; run npm run build first');
  const config = join(mkdtempSync(join(folder, 'config-')), 'proxy.yaml');
  const connections = count + WARM_UP;
  writeFileSync(
    config,
    [
      'listen: 127.0.0.1:0',
      'admin: { listen: 127.0.0.1:0 }',
      'backends: [{ name: none, url: "http://127.0.0.1:9" }]',
      `limits: { connections: ${connections} }`,
      'logging: { level: error }',
    ].join('\n'),
  );
  const child = start(process.execPath, [MAIN, 'serve', '--config', config], {
    cores: undefined,
    stdio: ['ignore', 'pipe', openSync(join(folder, 'proxy.log'), 'w')],
  });
  const port = Number(new URL(await firstUrl(child, 'the proxy')).port);
  if (child.pid === undefined) throw new Error('the proxy has no process');
  for (const socket of await open(port, WARM_UP)) socket.destroy();
  await pause(SETTLE_MS);
  const before = residentBytes(child.pid);
  const sockets = await open(port, count);
  await pause(SETTLE_MS);
  const after = residentBytes(child.pid);
  const each = (after - before) / count / 1024;
  console.log(
    `${count} idle connections: ${(before / MIB).toFixed(0)} → ${(after / MIB).toFixed(0)} MiB resident, ${each.toFixed(1)} KiB each (Node ${process.version})`,
  );
  for (const socket of sockets) socket.destroy();
};

const folder = mkdtempSync(join(tmpdir(), 'bench-idle-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(`bench/wire/idle failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  killAll();
}
