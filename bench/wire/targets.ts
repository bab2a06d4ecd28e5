import { spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { firstUrl, start, startScript, type Cores } from './processes.ts';

export type TargetName = 'direct' | 'proxy' | 'relay' | 'nginx';

/** One way to the backend. */
export interface Target {
  readonly name: TargetName;
  readonly origin: string;
  /** The process in between; undefined for the direct way. */
  readonly process: ChildProcess | undefined;
}

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
/** The strategy has something to decide: three entries, all of them the one fake server. */
const BACKENDS = ['one', 'two', 'three'];

const proxyConfig = (backend: string): string => `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
backends:
${BACKENDS.map((name) => `  - { name: ${name}, url: "${backend}/${name}" }`).join('\n')}
routing: { strategy: hybrid }
logging: { level: info, format: json }
`;

const startProxy = async (backend: string, folder: string, cores: Cores): Promise<Target> => {
  // The proxy watches the folder of its configuration, so the log has to be somewhere else to cost only itself.
  const config = join(mkdtempSync(join(folder, 'config-')), 'proxy.yaml');
  const log = join(folder, 'proxy.log');
  writeFileSync(config, proxyConfig(backend));
  const child = start(process.execPath, [MAIN, 'serve', '--config', config], {
    cores,
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  });
  try {
    return { name: 'proxy', origin: await firstUrl(child, 'the proxy'), process: child };
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
  client_body_buffer_size 1m;
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
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(port)) return { name: 'nginx', origin: `http://127.0.0.1:${port}`, process: child };
    if (child.exitCode !== null) throw new Error(`nginx ended with code ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx does not accept connections on port ${port}`);
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
    case 'proxy':
      return startProxy(backend, folder, cores);
    case 'relay':
      return startRelay(backend, cores);
    case 'nginx':
      return startNginx(backend, folder, cores);
  }
};
