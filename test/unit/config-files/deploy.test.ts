import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { formatIssue, parseConfig } from '../../../src/config/parse.ts';
import type { Config } from '../../../src/config/types.ts';
import { STRATEGY_NAMES } from '../../../src/routing/index.ts';
import { TASK_CATEGORIES } from '../../../src/core/types.ts';
import { programPath, run } from '../../support/program.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const deploy = join(root, 'config/deploy');
const read = (path: string): Promise<string> => readFile(join(deploy, path), 'utf8');

const checkJsonschema = programPath('check-jsonschema', 'pip install check-jsonschema');
const kubernetesValidate = programPath('kubernetes-validate', 'pip install kubernetes-validate');
const kubectl = programPath('kubectl', 'https://kubernetes.io/docs/tasks/tools/', 'where present');
const systemdAnalyze = programPath('systemd-analyze', 'apt-get install systemd', 'where present');

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'deploy-'));
});
afterAll(() => rm(temporary, { recursive: true }));

/** A configuration as the program reads it, with the secret that the platform would put there. */
const configOf = async (path: string): Promise<Config> => {
  const parsed = parseConfig(await read(path), {
    env: {},
    strategies: STRATEGY_NAMES,
    categories: TASK_CATEGORIES,
    file: () => ({ ok: true, value: 'a-token-for-the-test' }),
  });
  if (!parsed.ok) expect.fail(parsed.issues.map((issue) => formatIssue(path, issue)).join('\n'));
  return parsed.value.config;
};

const seconds = (text: string): number => {
  const [, amount = '', unit = 's'] = /^(\d+)(s|m)?$/.exec(text) ?? [];
  return Number(amount) * (unit === 'm' ? 60 : 1);
};

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly build?: string;
        readonly command?: readonly string[];
        readonly ports: readonly string[];
        readonly volumes: readonly string[];
        readonly secrets?: readonly string[];
        readonly stop_grace_period?: string;
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, unknown>>;
}

describe('the compose file', () => {
  const compose = async (): Promise<Compose> => parse(await read('compose.yaml')) as Compose;

  it('mounts files that are there, and volumes and secrets that it declares', async () => {
    const { services, volumes, secrets } = await compose();
    for (const [name, { volumes: mounts, build, secrets: used = [] }] of Object.entries(services)) {
      for (const mount of mounts) {
        const [from = ''] = mount.split(':');
        if (from.startsWith('.')) expect(existsSync(join(deploy, from)), `${name}: ${from}`).toBe(true);
        else expect(Object.keys(volumes), name).toContain(from);
      }
      for (const secret of used) expect(Object.keys(secrets), name).toContain(secret);
      if (build !== undefined) expect(existsSync(join(deploy, build, 'Dockerfile'))).toBe(true);
    }
  });

  it('lets others reach the proxy, and only this machine the rest', async () => {
    const { services } = await compose();
    const open = Object.values(services).flatMap(({ ports }) => ports.filter((port) => !port.startsWith('127.0.0.1:')));
    expect(open).toEqual(['11435:11435']);
  });

  it('is wired: the proxy listens where its ports, Prometheus and Grafana look for it', async () => {
    const { services } = await compose();
    const { listen, admin, metrics } = await configOf('router.yaml');
    expect([listen.host, admin.listen.host, metrics.listen?.host]).toEqual(['0.0.0.0', '0.0.0.0', '0.0.0.0']);
    const router = services['task-router'];
    expect(router?.ports.map((port) => Number(port.split(':').at(-1)))).toEqual([listen.port, admin.listen.port]);
    const { scrape_configs: jobs } = parse(await read('../prometheus/prometheus.yml')) as {
      scrape_configs: readonly { static_configs: readonly { targets: readonly string[] }[] }[];
    };
    const targets = jobs.flatMap((job) => job.static_configs.flatMap((each) => each.targets));
    expect(targets).toEqual([`task-router:${metrics.listen?.port}`]);
    const { datasources } = parse(await read('../grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: readonly { url: string }[];
    };
    expect(datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090']);
    const { providers } = parse(await read('../grafana/provisioning/dashboards/task-router.yml')) as {
      providers: readonly { options: { path: string } }[];
    };
    const mounted = services['grafana']?.volumes.map((mount) => dirname(mount.split(':')[1] ?? ''));
    expect(mounted).toContain(providers[0]?.options.path);
    expect(router?.command?.at(-1)).toBe(router?.volumes[0]?.split(':')[1]);
  });

  it('lets running answers finish before it kills the proxy', async () => {
    const { services } = await compose();
    const { limits } = await configOf('router.yaml');
    expect(seconds(services['task-router']?.stop_grace_period ?? '')).toBeGreaterThan(limits.drainTimeoutMs / 1000);
  });

  it.runIf(checkJsonschema !== undefined)('is valid by the schema of the Compose specification', async () => {
    const args = ['--builtin-schema', 'vendor.compose-spec', join(deploy, 'compose.yaml')];
    const { code, said } = await run(checkJsonschema ?? '', args);
    expect(code, said).toBe(0);
  });
});

describe('the image', () => {
  it('runs as nobody special, and has a place for state that this user can write', async () => {
    const dockerfile = await read('../../Dockerfile');
    const { state } = await configOf('router.yaml');
    const folder = dirname(state.path ?? '');
    expect(dockerfile).toContain(`RUN install -d -o node -g node ${folder}\nUSER node\n`);
  });
});

/** A unit file: values by section and key, in order. */
const unitOf = async (name: string): Promise<(section: string, key: string) => readonly string[]> => {
  const entries: { section: string; key: string; value: string }[] = [];
  let section = '';
  for (const line of (await read(`systemd/${name}`)).split('\n')) {
    const head = /^\[(\w+)\]$/.exec(line)?.[1];
    if (head !== undefined) section = head;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) entries.push({ section, key, value });
  }
  return (where, what) => entries.filter((one) => one.section === where && one.key === what).map(({ value }) => value);
};

describe('the systemd units', () => {
  it('drain: more time to stop than running answers may take, and a reload by signal', async () => {
    const service = await unitOf('ollama-task-router.service');
    const { limits } = await configOf('router.yaml');
    const [stop = ''] = service('Service', 'TimeoutStopSec');
    expect(Number(stop)).toBeGreaterThan(limits.drainTimeoutMs / 1000);
    expect(service('Service', 'ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
    expect(service('Service', 'KillMode')).toEqual(['mixed']);
  });

  it('hand the socket to Node itself, by the name of its listener, on the port of the proxy', async () => {
    const socket = await unitOf('ollama-task-router.socket');
    const service = await unitOf('ollama-task-router.service');
    const { listen } = await configOf('router.yaml');
    expect(socket('Socket', 'ListenStream')).toEqual([String(listen.port)]);
    expect(socket('Socket', 'FileDescriptorName')).toEqual(['proxy']);
    expect(service('Service', 'ExecStart')[0]).toMatch(/^\/usr\/bin\/node \S+\/dist\/main\.js serve --config \S+$/);
    expect(service('Unit', 'Requires')).toEqual(['ollama-task-router.socket']);
  });

  it('keep the service from everything but its state, and V8 its compiler', async () => {
    const service = await unitOf('ollama-task-router.service');
    const { state } = await configOf('router.yaml');
    for (const [key, value] of [
      ['DynamicUser', 'yes'],
      ['NoNewPrivileges', 'yes'],
      ['ProtectSystem', 'strict'],
      ['CapabilityBoundingSet', ''],
      ['StateDirectory', 'ollama-task-router'],
    ] as const) {
      expect(service('Service', key), key).toEqual([value]);
    }
    expect(state).toMatchObject({ path: '/var/lib/ollama-task-router/state.json' });
    expect(service('Service', 'MemoryDenyWriteExecute')).toEqual([]);
  });

  it.runIf(systemdAnalyze !== undefined)('are what systemd takes for right', async () => {
    const names = ['ollama-task-router.service', 'ollama-task-router.socket'];
    for (const name of names) {
      // Node need not be where the unit expects it on the machine that runs the tests.
      const unit = (await read(`systemd/${name}`)).replace('/usr/bin/node', process.execPath);
      await writeFile(join(temporary, name), unit.replace('/opt/ollama-task-router\n', `${temporary}\n`));
    }
    const { code, said } = await run(systemdAnalyze ?? '', ['verify', ...names.map((name) => join(temporary, name))]);
    expect(said.split('\n').filter((line) => line.includes('ollama-task-router'))).toEqual([]);
    expect(code, said).toBe(0);
  });
});

interface Container {
  readonly args: readonly string[];
  readonly image: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly startupProbe: Probe;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly volumes: readonly { readonly name: string }[];
  readonly containers: readonly [Container];
}
interface Deployment {
  readonly spec: {
    readonly replicas: number;
    readonly strategy: { readonly type: string };
    readonly selector: { readonly matchLabels: object };
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: Pod };
  };
}
interface Service {
  readonly spec: {
    readonly selector: object;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
}

describe('the Kubernetes manifests', () => {
  const deployment = async (): Promise<Deployment> => parse(await read('kubernetes/deployment.yaml')) as Deployment;

  it('run one, never two at a time', async () => {
    const { spec } = await deployment();
    expect([spec.replicas, spec.strategy.type]).toEqual([1, 'Recreate']);
  });

  it('probe what the admin listener answers without a token, and let running answers finish', async () => {
    const pod = (await deployment()).spec.template.spec;
    const [container] = pod.containers;
    const { limits } = await configOf('kubernetes/router.yaml');
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'admin' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'admin' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' });
    const [command, pause] = container.lifecycle.preStop.exec.command;
    expect(command).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(limits.drainTimeoutMs / 1000 + Number(pause));
  });

  it('name the ports on which the configuration listens, for every interface', async () => {
    const [container] = (await deployment()).spec.template.spec.containers;
    const { listen, admin, metrics, state } = await configOf('kubernetes/router.yaml');
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(ports).toEqual({ proxy: listen.port, admin: admin.listen.port, metrics: metrics.listen?.port });
    expect([listen.host, admin.listen.host, metrics.listen?.host]).toEqual(['0.0.0.0', '0.0.0.0', '0.0.0.0']);
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(mounts).toContain(dirname(state.path ?? ''));
    expect(mounts).toContain(dirname(/token_file: (\S+)/.exec(await read('kubernetes/router.yaml'))?.[1] ?? ''));
    expect(mounts).toContain(dirname(container.args.at(-1) ?? ''));
  });

  it('fit together: services find the pod and its ports, volumes are there, the kustomization names the files', async () => {
    const { spec } = await deployment();
    const [container] = spec.template.spec.containers;
    expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
    for (const service of parseAllDocuments(await read('kubernetes/service.yaml'))) {
      const { selector, ports } = (service.toJS() as Service).spec;
      expect(selector).toEqual(spec.template.metadata.labels);
      for (const { port, targetPort } of ports) {
        expect(container.ports).toContainEqual({ name: targetPort, containerPort: port });
      }
    }
    const declared = spec.template.spec.volumes.map(({ name }) => name);
    expect(container.volumeMounts.map(({ name }) => name).filter((name) => !declared.includes(name))).toEqual([]);
    const { resources, configMapGenerator, images } = parse(await read('kubernetes/kustomization.yaml')) as {
      resources: readonly string[];
      configMapGenerator: readonly { files: readonly string[] }[];
      images: readonly { name: string }[];
    };
    for (const file of [...resources, ...configMapGenerator.flatMap(({ files }) => files)]) {
      expect(existsSync(join(deploy, 'kubernetes', file)), file).toBe(true);
    }
    expect(images.map(({ name }) => name)).toEqual([container.image]);
  });

  it.runIf(kubernetesValidate !== undefined)('are valid by the schemas of Kubernetes', async () => {
    const names = ['deployment', 'service', 'volume'].map((name) => join(deploy, `kubernetes/${name}.yaml`));
    const { code, said } = await run(kubernetesValidate ?? '', ['--strict', ...names]);
    expect(code, said).toBe(0);
  });

  it.runIf(kubectl !== undefined)('are put together by kustomize, the configuration included', async () => {
    const { code, said } = await run(kubectl ?? '', ['kustomize', join(deploy, 'kubernetes')]);
    expect(code, said).toBe(0);
    expect(said).toMatch(/name: task-router-[a-z0-9]+\n/);
    expect(said).toContain('token_file: /run/secrets/task-router/admin_token');
  });
});
