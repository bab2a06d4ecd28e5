import { spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { firstUrl, firstUrls, start, startScript, type Cores } from './processes.ts';

export type TargetName = 'direct' | 'proxy' | 'relay' | 'nginx' | 'haproxy' | VariantName;

/** The proxy with one thing switched off or made simple, to see what it costs; `given` is told by the client instead. */
export type VariantName = 'no-log' | 'round-robin' | 'no-stall-guard' | 'given';

interface Variant {
  readonly config: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly title: string;
}

const FULL = { strategy: 'hybrid', level: 'info', retry: '' };
const proxyLines = (change: Partial<typeof FULL>): string => {
  const { strategy, level, retry } = { ...FULL, ...change };
  return `routing: { strategy: ${strategy} }\nlogging: { level: ${level}, format: json }\n${retry}`;
};

export const VARIANTS: Readonly<Record<VariantName, Variant>> = {
  'no-log': { config: proxyLines({ level: 'error' }), headers: {}, title: 'access log' },
  'round-robin': { config: proxyLines({ strategy: 'round-robin' }), headers: {}, title: 'hybrid strategy' },
  'no-stall-guard': {
    config: proxyLines({ retry: 'retry: { stall_guard: false }' }),
    headers: {},
    title: 'stall guard',
  },
  given: { config: proxyLines({}), headers: { 'x-task-router-category': 'coding' }, title: 'categorizer' },
};

/** One way to the backend. */
export interface Target {
  readonly name: TargetName;
  readonly origin: string;
  /** Where its `/metrics` are, if it has any. */
  readonly admin?: string;
  /** What its clients send besides. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The process in between; undefined for the direct way. */
  readonly process: ChildProcess | undefined;
}

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
/** The strategy has something to decide: three entries, all of them the one fake server. */
const BACKENDS = ['one', 'two', 'three'];

/**
 * Slots are told, more than there are clients: the fake server takes whatever comes, and a queue before it would be
 * measured instead of the way through the proxy.
 */
const proxyConfig = (backend: string, lines: string): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
backends:
${BACKENDS.map((name) => `  - { name: ${name}, url: "${backend}/${name}", slots: 4096 }`).join('\n')}
${lines}
`;

const startProxy = async (
  name: 'proxy' | VariantName,
  backend: string,
  folder: string,
  cores: Cores,
): Promise<Target> => {
  const { config: lines, headers } = name === 'proxy' ? { config: proxyLines({}), headers: {} } : VARIANTS[name];
  // The proxy watches the folder of its configuration, so the log has to be somewhere else to cost only itself.
  const config = join(mkdtempSync(join(folder, 'config-')), 'proxy.yaml');
  const log = join(folder, `${name}.log`);
  writeFileSync(config, proxyConfig(backend, lines));
  const child = start(process.execPath, [MAIN, 'serve', '--config', config], {
    cores,
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  });
  try {
    const [origin = '', admin = ''] = await firstUrls(child, 'the proxy', 2);
    return { name, origin, admin, headers, process: child };
  } catch (error) {
    throw new Error(`the proxy did not start: ${readFileSync(log, 'utf8').slice(-2000)}`, { cause: error });
  }
};

const startRelay = async (backend: string, cores: Cores): Promise<Target> => {
  const child = startScript('relay.ts', [backend], cores);
  return { name: 'relay', origin: await firstUrl(child, 'the relay'), process: child };
};

/** One process, nothing logged, nothing buffered on the way back, no temporary file for any body of this benchmark. */
const nginxConfig = (backend: string, port: number): string => `
daemon off;
master_process off;
worker_rlimit_nofile 16384;
error_log error.log crit;
pid nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  keepalive_timeout 120s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 32m;
  upstream backend {
    server ${new URL(backend).host};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
    location /api/file {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
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

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });

const startNginx = async (backend: string, folder: string, cores: Cores): Promise<Target> => {
  const port = await freePort();
  const prefix = join(folder, `nginx-${port}`);
  mkdirSync(prefix);
  writeFileSync(join(prefix, 'nginx.conf'), nginxConfig(backend, port));
  const args = ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', join(prefix, 'error.log')];
  const child = start('nginx', args, { cores, stdio: ['ignore', 'ignore', 'inherit'] });
  return whenReady('nginx', port, child);
};

const whenReady = async (name: 'nginx' | 'haproxy', port: number, child: ChildProcess): Promise<Target> => {
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(port)) return { name, origin: `http://127.0.0.1:${port}`, process: child };
    if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} does not accept connections on port ${port}`);
};

/** One thread, nothing logged, connections to the backend shared by all clients. */
const haproxyConfig = (backend: string, port: number): string => `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 120s
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend servers
backend servers
  http-reuse always
  server one ${new URL(backend).host} pool-max-conn -1
`;

const startHaproxy = async (backend: string, folder: string, cores: Cores): Promise<Target> => {
  const port = await freePort();
  const config = join(folder, `haproxy-${port}.cfg`);
  writeFileSync(config, haproxyConfig(backend, port));
  const child = start('haproxy', ['-db', '-q', '-f', config], { cores, stdio: ['ignore', 'ignore', 'inherit'] });
  return whenReady('haproxy', port, child);
};

/** The version of the HAProxy that is installed, if one is. */
export const haproxyVersion = (): string | undefined => {
  const { status, stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return status === 0 ? `HAProxy/${/version (\d[\d.]*)/.exec(stdout)?.[1] ?? '?'}` : undefined;
};

/** The version of the nginx that is installed, if one is. */
export const nginxVersion = (): string | undefined => {
  const { status, stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  return status === 0 ? (/nginx\/\S+/.exec(stderr)?.[0] ?? 'nginx') : undefined;
};

/** Starts one way to `backend`; the direct one needs nothing. @param folder for its configuration and logs */
export const startTarget = (name: TargetName, backend: string, folder: string, cores: Cores): Promise<Target> => {
  switch (name) {
    case 'direct':
      return Promise.resolve({ name, origin: backend, process: undefined });
    case 'relay':
      return startRelay(backend, cores);
    case 'nginx':
      return startNginx(backend, folder, cores);
    case 'haproxy':
      return startHaproxy(backend, folder, cores);
    default:
      return startProxy(name, backend, folder, cores);
  }
};
