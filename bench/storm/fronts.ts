import { mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Fleet } from '../sim/fleets.ts';
import { firstUrl, start, stop } from '../wire/processes.ts';
import type { Contender } from './contenders.ts';
import { QUEUE } from './scene.ts';

/** What stands in front of the servers. */
export interface Front {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Where a contender is started. */
export interface Site {
  readonly fleet: Fleet;
  /** Of the servers, in the order of the fleet. */
  readonly urls: readonly string[];
  /** For configuration and logs. */
  readonly folder: string;
}

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;

/** How often the proxy looks at a server: as often as the simulator's prober does at a busy one. */
export const LOOK_SECONDS = 2;

const proxyConfig = ({ fleet, urls }: Site, tellSlots: boolean): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
backends:
${fleet.servers
  .map(({ id, slots }, i) => `  - { name: ${id}, url: "${urls[i]}", slots: ${tellSlots ? slots : 'auto'} }`)
  .join('\n')}
routing: { strategy: hybrid }
queue: { max_waiting: ${QUEUE.maxWaiting}, max_wait: ${QUEUE.maxWaitMs / 1000}s }
health: { interval: ${LOOK_SECONDS}s }
placement: { enabled: false } # the simulator has none
logging: { level: warn, format: json }
`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** 10 s in all for something on this machine to come up. */
const TRIES = 200;
const TRY_MS = 50;

const until = async (ready: () => Promise<boolean>, what: string): Promise<void> => {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (await ready()) return;
    await pause(TRY_MS);
  }
  throw new Error(`${what} within ${(TRIES * TRY_MS) / 1000} s`);
};

const knowsModels = async (origin: string, fleet: Fleet): Promise<boolean> => {
  const answer = await fetch(`${origin}/api/tags`);
  const text = await answer.text();
  return answer.ok && fleet.servers.every(({ models }) => models.every(({ name }) => text.includes(`"${name}"`)));
};

const startProxy = async (site: Site, tellSlots: boolean): Promise<Front> => {
  // The proxy watches the folder of its configuration, so the log is somewhere else.
  const config = join(mkdtempSync(join(site.folder, 'config-')), 'proxy.yaml');
  const log = join(site.folder, 'proxy.log');
  writeFileSync(config, proxyConfig(site, tellSlots));
  const child = start(process.execPath, [MAIN, 'serve', '--config', config], {
    cores: undefined,
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  });
  try {
    const origin = await firstUrl(child, 'the proxy');
    await until(() => knowsModels(origin, site.fleet), 'the proxy did not list the models of its servers');
    return { origin, stop: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw new Error(`the proxy did not start: ${readFileSync(log, 'utf8').slice(-2000)}`, { cause: error });
  }
};

/** The second server first, as the simulator's round-robin has it: then both send the same request to the same one. */
const nginxOrder = (urls: readonly string[]): readonly string[] => [...urls.slice(1), ...urls.slice(0, 1)];

/** One process that logs nothing, holds nothing back and tries nothing twice. */
const nginxConfig = (urls: readonly string[], port: number, method: string): string => `
daemon off;
master_process off;
error_log error.log crit;
pid nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  client_max_body_size 0;
  client_body_buffer_size 1m;
  upstream pool {
    ${method}
${nginxOrder(urls)
  .map((url) => `    server ${new URL(url).host} max_fails=0;`)
  .join('\n')}
    keepalive 256;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://pool;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      # Ollama answers only to names of its own machine.
      proxy_set_header Host localhost;
      proxy_buffering off;
      proxy_next_upstream off;
      proxy_read_timeout 600s;
    }
  }
}
`;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });

const startNginx = async ({ urls, folder }: Site, method: string): Promise<Front> => {
  const port = await freePort();
  const prefix = join(folder, `nginx-${port}`);
  mkdirSync(prefix);
  writeFileSync(join(prefix, 'nginx.conf'), nginxConfig(urls, port, method));
  const args = ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', join(prefix, 'error.log')];
  const child = start('nginx', args, { cores: undefined, stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    await until(async () => child.exitCode === null && (await accepts(port)), 'nginx did not accept connections');
  } catch (error) {
    await stop(child);
    throw error;
  }
  return { origin: `http://127.0.0.1:${port}`, stop: () => stop(child) };
};

/** Starts what is to be measured. @throws when it does not come up */
export const startFront = ({ front }: Contender, site: Site): Promise<Front> =>
  front.kind === 'proxy' ? startProxy(site, front.tellSlots) : startNginx(site, front.method);
