import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { programPath } from '../support/program.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const program = programPath('prometheus', 'apt-get install prometheus');
const files = fileURLToPath(new URL('../../config/prometheus/', import.meta.url));

/** Our own files with another pace: seconds of test stand for minutes of operation. */
const PACE = '200ms';
const SHORT_FOR = '400ms';
const COMMON = 'common:1b';
const ONLY = 'only:1b';

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}
interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Prometheus that scrapes one proxy and evaluates our rules and alerts. */
class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;

  constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(path: string, folder: string, target: string): Promise<Prometheus> {
    const config = parse(await readFile(join(files, 'prometheus.yml'), 'utf8')) as {
      rule_files: readonly string[];
      scrape_configs: readonly { static_configs: object }[];
    };
    const alerts = (await readFile(join(files, 'alerts.yml'), 'utf8')).replaceAll(/for: \d+m/g, `for: ${SHORT_FOR}`);
    await writeFile(join(folder, 'rules.yml'), await readFile(join(files, 'rules.yml')));
    await writeFile(join(folder, 'alerts.yml'), alerts);
    const global = { scrape_interval: PACE, scrape_timeout: PACE, evaluation_interval: PACE };
    const jobs = config.scrape_configs.map((job) => ({ ...job, static_configs: [{ targets: [target] }] }));
    await writeFile(join(folder, 'prometheus.yml'), stringify({ ...config, global, scrape_configs: jobs }));
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--enable-feature=exemplar-storage',
    ];
    const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      const port = /msg="Listening on" address=127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port === undefined) continue;
      // What it says from here on is of no interest, but must be read.
      child.stderr.resume();
      return new Prometheus(child, `http://127.0.0.1:${port}/api/v1/`);
    }
    throw new Error(`Prometheus did not start:\n${said.join('\n')}`);
  }

  async #ask(path: string): Promise<unknown> {
    const answer = (await (await fetch(this.#url + path)).json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? ''}`);
    return answer.data;
  }

  async query(expression: string): Promise<readonly Sample[]> {
    return ((await this.#ask(`query?query=${encodeURIComponent(expression)}`)) as { result: readonly Sample[] }).result;
  }

  async exemplars(expression: string): Promise<readonly string[]> {
    const now = Date.now() / 1000;
    const range = `start=${now - 3_600}&end=${now + 60}`;
    const found = (await this.#ask(`query_exemplars?query=${encodeURIComponent(expression)}&${range}`)) as readonly {
      exemplars: readonly { labels: Readonly<Record<string, string>> }[];
    }[];
    return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels['request_id'] ?? ''));
  }

  async alerts(name: string): Promise<readonly Alert[]> {
    const { alerts } = (await this.#ask('alerts')) as { alerts: readonly Alert[] };
    return alerts.filter(({ labels }) => labels['alertname'] === name);
  }

  async ruleProblems(): Promise<readonly string[]> {
    const { groups } = (await this.#ask('rules')) as {
      groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[];
    };
    return groups.flatMap(({ rules }) =>
      rules
        .filter(({ health }) => health !== 'ok')
        .map(({ name, health, lastError = '' }) => `${name} ${health} ${lastError}`),
    );
  }

  async stop(): Promise<void> {
    const over = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await over;
  }
}

const soon = { timeout: 12_000, interval: 100 };

describe.runIf(program !== undefined)('a Prometheus that scrapes the proxy', () => {
  let sims: readonly [SimServer, SimServer];
  let proxy: TestProxy;
  let prometheus: Prometheus;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    sims = await Promise.all([
      startSim({ timeScale: 0.001, models: [COMMON, ONLY], outputTokens: 5 }),
      startSim({ timeScale: 0.001, models: [COMMON], outputTokens: 5 }),
    ]);
    proxy = await startProxy({
      backends: sims.map(({ url }, index) => ({ name: `gpu-${index}`, url })),
      config: [
        'routing: { strategy: round-robin }',
        'metrics: { listen: "127.0.0.1:0" }',
        'health: { interval: 200ms, timeout: 5s, unhealthy_after: 1, healthy_after: 1 }',
      ].join('\n'),
    });
    prometheus = await Prometheus.start(program ?? '', folder, (proxy.metricsUrl ?? '').replace('http://', ''));
  });
  afterAll(async () => {
    await prometheus.stop();
    await proxy.stop();
    await Promise.all(sims.map((sim) => sim.close()));
    await rm(folder, { recursive: true, force: true });
  });

  const chat = (id: string) =>
    proxy.call('/api/chat', {
      body: { model: COMMON, messages: [{ role: 'user', content: 'hello' }] },
      headers: { 'x-request-id': id },
    });

  it('evaluates every rule on what it reads, and keeps the ids of requests', async () => {
    let sent = 0;
    await vi.waitFor(async () => {
      expect((await chat(`seen-${++sent}`)).status).toBe(200);
      const [served] = await prometheus.query('job_outcome:task_router_requests:rate5m{outcome="served"} > 0');
      expect(served?.metric['job']).toBe('task-router');
      const [first] = await prometheus.query(
        `job_model:task_router_time_to_first_token_seconds:p95_5m{model="${COMMON}"} > 0`,
      );
      expect(first).toBeDefined();
      const [failed] = await prometheus.query('job:task_router_requests_failed:ratio_rate5m');
      expect(failed?.value[1]).toBe('0');
      expect(await prometheus.exemplars('task_router_time_to_first_token_seconds_bucket')).toContainEqual(
        expect.stringMatching(/^seen-\d+$/),
      );
      expect(await prometheus.ruleProblems()).toEqual([]);
    }, soon);
  });

  it('raises an alert when a server is killed that was the only one with a model, and takes it back when it returns', async () => {
    const [first] = sims;
    expect(await prometheus.alerts('TaskRouterModelOut')).toEqual([]);
    await first.kill();
    await vi.waitFor(async () => {
      const alerts = await prometheus.alerts('TaskRouterModelOut');
      expect(alerts.map(({ state, labels }) => [state, labels['model']])).toEqual([['firing', ONLY]]);
      expect(alerts[0]?.annotations['summary']).toBe(`No server can take requests for ${ONLY}`);
    }, soon);
    expect((await chat('meanwhile')).headers['x-task-router-backend']).toBe('gpu-1');
    await first.restart();
    await vi.waitFor(async () => {
      expect(await prometheus.alerts('TaskRouterModelOut')).toEqual([]);
      const [up] = await prometheus.query('min(task_router_backend_up)');
      expect(up?.value[1]).toBe('1');
    }, soon);
  });
});
