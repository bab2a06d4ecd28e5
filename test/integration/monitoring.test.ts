import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/results/metrics.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { OUTCOMES } from '../support/backend-pool.ts';
import { recordOf } from '../support/record.ts';
import { call } from '../support/http-call.ts';
import { programPath, run } from '../support/program.ts';
import { readPromql } from '../support/promql.ts';
import { samplesOf, startProxy, type TestProxy } from '../support/proxy.ts';

const CHAT = 'llama3.2:3b';
const folder = fileURLToPath(new URL('../../config/', import.meta.url));
const read = (path: string): Promise<string> => readFile(join(folder, path), 'utf8');
const promtool = programPath('promtool', 'apt-get install prometheus');

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const rulesOf = async (path: string): Promise<readonly Rule[]> =>
  (parse(await read(path)) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(({ rules }) => rules);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}
const dashboard = async (): Promise<Dashboard> => JSON.parse(await read('grafana/dashboard.json')) as Dashboard;

/** Label names of each series, by its name; of a metric that counts nothing yet, none. */
type Exported = ReadonlyMap<string, ReadonlySet<string>>;

const exportedBy = (text: string): Exported => {
  const found = new Map<string, Set<string>>();
  const of = (name: string): Set<string> => {
    const known = found.get(name) ?? new Set<string>();
    found.set(name, known);
    return known;
  };
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    for (const ending of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) of(name + ending);
  }
  for (const key of samplesOf(text).keys()) {
    const [name = ''] = key.split('{', 1);
    for (const [, label = ''] of key.matchAll(/([a-z_]\w*)="/g)) of(name).add(label);
  }
  return found;
};

/** What counts only when something goes wrong that takes long to bring about: all of it at once, by the same code. */
const everything = async (): Promise<string> => {
  const metrics = new Metrics(
    {
      backends: () => [
        {
          name: 'a',
          health: 'up',
          inflight: 0,
          breaker: 'closed',
          models: [{ name: 'm', breaker: 'closed' }],
          ills: [{ kind: 'gpu-lost' }],
        },
      ],
      queueDepth: () => 0,
      strategy: () => 'hybrid',
      learnedArms: () => [{ arm: 'hybrid', share: 1 }],
      knownModel: () => true,
      availability: () => [{ model: 'm', backends: 1 }],
      placementActions: () => [{ kind: 'load', result: 'done', count: 1 }],
      heals: () => [{ backend: 'a', cause: 'hung-runner', result: 'done', count: 1 }],
      suspects: () => [{ backend: 'a', model: 'm', reason: 'spill' }],
      keyRequests: () => [{ key: 'k', outcome: 'served', count: 1 }],
      keyTokens: () => [{ key: 'k', promptTokens: 1, outputTokens: 1 }],
      digestSkew: () => [{ model: 'm', digests: [{ digest: '1' }, { digest: '2' }] }],
    },
    '1',
  );
  const [served] = recordOf().attempts;
  if (served === undefined) throw new Error('a record without an attempt');
  const usage = { promptTokens: 1, outputTokens: 1, cachedTokens: 1, loadMs: 2_000, prefillMs: 1, decodeMs: 1 };
  metrics.request(recordOf({ attempts: [{ ...served, evictions: 1, foreseenFirstMs: 5 }], usage }));
  const failed = { ...served, outcome: OUTCOMES['backend-fault'] };
  metrics.request(recordOf({ attempts: [failed, served], error: 'backend_failed' }));
  metrics.panicked('m');
  metrics.hedged('won');
  metrics.reloadAvoided('m');
  metrics.keepAliveHeldBack('a');
  metrics.modelChange('pull', 'done');
  metrics.gaps('m', 'a').observe(0.02);
  metrics.decision('hybrid', 1);
  return (await metrics.expose()).text;
};

let sims: readonly SimServer[];
let proxy: TestProxy;
let text = '';
let exported: Exported;
beforeAll(async () => {
  sims = await Promise.all(
    ['one', 'two'].map((name) => startSim({ name, timeScale: 0.001, models: [CHAT], outputTokens: 5 })),
  );
  proxy = await startProxy({
    backends: [
      ...sims.map(({ url }, index) => ({ name: `gpu-${index}`, url })),
      { name: 'gone', url: 'http://127.0.0.1:9' },
    ],
    config: [
      'routing: { strategy: round-robin }',
      'metrics: { listen: "127.0.0.1:0" }',
      'circuit_breaker: { failure_threshold: 2 }',
      'retry: { budget: 1 }',
    ].join('\n'),
  });
  const ask = (body: unknown): Promise<unknown> => proxy.call('/api/chat', { body });
  const chat = { model: CHAT, messages: [{ role: 'user', content: 'Write unit tests for the parser' }], stream: true };
  for (let i = 0; i < 4; i++) await ask(chat);
  sims[0]?.faults.set({ kind: 'status', status: 500, path: '/api/chat', message: 'out of memory' });
  for (let i = 0; i < 6; i++) await ask(chat);
  await ask('no json');
  ({ body: text } = await call(`${proxy.metricsUrl ?? ''}/metrics`));
  const seldom = exportedBy(await everything());
  // A label counts if the running proxy has it, or would have it once it counts something under that name.
  exported = new Map(
    Array.from(exportedBy(text), ([name, labels]) => [name, labels.size > 0 ? labels : (seldom.get(name) ?? labels)]),
  );
});
afterAll(async () => {
  await proxy.stop();
  await Promise.all(sims.map((sim) => sim.close()));
});

/** Put in by Prometheus. */
const ADDED = ['job', 'instance'];

/** What an expression asks for that nobody exports. */
const unknownIn = (expression: string, known: Exported): readonly string[] => {
  const { series, grouped } = readPromql(expression);
  const problems: string[] = [];
  const present = new Set(ADDED);
  for (const { name, labels } of series) {
    const has = known.get(name);
    if (has === undefined) {
      problems.push(name);
      continue;
    }
    for (const label of has) present.add(label);
    problems.push(
      ...labels.filter((label) => !has.has(label) && !ADDED.includes(label)).map((label) => `${name}{${label}}`),
    );
  }
  return [...problems, ...grouped.filter((label) => !present.has(label)).map((label) => `by (${label})`)];
};

/** Everything exported, and what the recording rules make of it. */
const withRecorded = async (): Promise<Exported> => {
  const all = new Map(exported);
  all.set('up', new Set());
  for (const { record, expr } of await rulesOf('prometheus/rules.yml')) {
    if (record === undefined) continue;
    all.set(record, new Set(readPromql(expr).grouped.filter((label) => label !== 'le')));
  }
  return all;
};

describe('the check of queries', () => {
  it('notices metrics, labels and groups that nobody exports', () => {
    expect(unknownIn('rate(task_router_nothing_total{job="a"}[5m])', exported)).toEqual(['task_router_nothing_total']);
    const query =
      'sum by (bakend) (task_router_backend_up{bakend=~"gpu-(1|2)", job="$job"}) and on (instance) up{x!="}"}';
    expect(unknownIn(query, new Map([...exported, ['up', new Set<string>()]]))).toEqual([
      'task_router_backend_up{bakend}',
      'up{x}',
      'by (bakend)',
    ]);
  });
});

describe('rules and alerts', () => {
  it('ask only for metrics and labels that a running proxy exports', async () => {
    const known = await withRecorded();
    const rules = [...(await rulesOf('prometheus/rules.yml')), ...(await rulesOf('prometheus/alerts.yml'))];
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.map(({ expr }) => [expr, unknownIn(expr, known)]).filter(([, found]) => found?.length)).toEqual([]);
  });

  it('say in each alert how bad it is, what is the matter and what to do', async () => {
    for (const { alert, labels, annotations } of await rulesOf('prometheus/alerts.yml')) {
      expect(alert).toMatch(/^TaskRouter[A-Z]/);
      expect(['page', 'ticket'], alert).toContain(labels?.['severity']);
      expect(annotations?.['summary']?.length, alert).toBeGreaterThan(20);
      expect(annotations?.['description']?.length, alert).toBeGreaterThan(40);
    }
  });

  it('have a test for each alert, in which it fires', async () => {
    const { tests } = parse(await read('prometheus/alerts.test.yml')) as {
      tests: readonly { alert_rule_test: readonly { alertname: string; exp_alerts: readonly unknown[] }[] }[];
    };
    const firing = tests.flatMap(({ alert_rule_test: cases }) =>
      cases.filter(({ exp_alerts: expected }) => expected.length > 0).map(({ alertname }) => alertname),
    );
    const alerts = (await rulesOf('prometheus/alerts.yml')).map(({ alert }) => alert);
    expect(new Set(firing)).toEqual(new Set(alerts));
  });

  it('count failures in the windows that their names say', async () => {
    for (const { record = '', expr } of await rulesOf('prometheus/rules.yml')) {
      const named = /(\d+[mh])$/.exec(record)?.[1];
      const windows = new Set([...expr.matchAll(/\[(\w+)\]/g)].map(([, window]) => window));
      expect([...windows], record).toEqual([named]);
    }
  });

  it.runIf(promtool !== undefined)('are what promtool takes for right, and do what their tests say', async () => {
    const path = promtool ?? '';
    for (const args of [
      ['check', 'config', join(folder, 'prometheus/prometheus.yml')],
      ['test', 'rules', join(folder, 'prometheus/alerts.test.yml')],
    ]) {
      const { code, said } = await run(path, args);
      expect(code, said).toBe(0);
    }
  });
});

describe('the Grafana dashboard', () => {
  it('asks only for metrics and labels that a running proxy exports, and names series by labels they have', async () => {
    const known = await withRecorded();
    const { panels } = await dashboard();
    const problems = panels.flatMap(({ title, targets = [] }) =>
      targets.flatMap(({ expr, legendFormat }) => {
        const { series, grouped } = readPromql(expr);
        const labels = new Set([
          ...grouped,
          ...(grouped.length > 0 ? [] : ADDED),
          ...series.flatMap((one) => one.labels),
        ]);
        const legend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        return [
          ...unknownIn(expr, known),
          ...legend.filter((label) => !labels.has(label)).map((label) => `{{${label}}}`),
        ].map((problem) => `${title}: ${problem}`);
      }),
    );
    expect(problems).toEqual([]);
  });

  it('shows every metric of ours but a few that have nothing to chart', async () => {
    const { panels } = await dashboard();
    const shown = new Set(
      panels.flatMap(({ targets = [] }) =>
        targets.flatMap(({ expr }) => readPromql(expr).series.map(({ name }) => name)),
      ),
    );
    for (const { record, expr } of await rulesOf('prometheus/rules.yml')) {
      if (record !== undefined && shown.has(record)) for (const { name } of readPromql(expr).series) shown.add(name);
    }
    const families = [...text.matchAll(/^# TYPE (task_router_\S+) /gm)].map(([, name = '']) => name);
    const hidden = families.filter(
      (name) => ![name, `${name}_bucket`, `${name}_count`].some((each) => shown.has(each)),
    );
    expect(hidden.toSorted()).toEqual([
      'task_router_build_info',
      'task_router_config_last_reload_successful',
      'task_router_keep_alive_held_back_total',
      'task_router_model_changes_total',
      'task_router_model_digest_skew',
      'task_router_reloads_avoided_total',
      'task_router_request_duration_seconds',
    ]);
  });

  it('takes its data source from a variable, everywhere', async () => {
    const { panels, templating } = await dashboard();
    expect(templating.list.find(({ type }) => type === 'datasource')?.name).toBe('datasource');
    const sources = panels.flatMap(({ datasource, targets = [] }) => [
      ...(datasource === undefined ? [] : [datasource.uid]),
      ...targets.map((target) => target.datasource.uid),
    ]);
    expect(new Set(sources)).toEqual(new Set(['${datasource}']));
    const used = new Set((JSON.stringify(panels).match(/\$\w+/g) ?? []).filter((name) => !name.startsWith('$__')));
    const defined = templating.list.map(({ name }) => `$${name}`);
    expect([...used].filter((name) => !defined.includes(name))).toEqual([]);
  });

  it('lays its panels side by side, none over another, each with an id and a word on what it shows', async () => {
    const { panels } = await dashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [index, { gridPos: a, title, type, description = '' }] of panels.entries()) {
      expect(a.x + a.w, title).toBeLessThanOrEqual(24);
      if (type !== 'row') expect(description.length, title).toBeGreaterThan(8);
      for (const { gridPos: b, title: other } of panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect(apart, `${title} and ${other}`).toBe(true);
      }
    }
  });

  it.runIf(promtool !== undefined)('has only queries that Prometheus can read', async () => {
    const { panels } = await dashboard();
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const rules = queries.map((expr, index) => ({
      record: `query:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h'),
    }));
    const temporary = await mkdtemp(join(tmpdir(), 'queries-'));
    try {
      const path = join(temporary, 'rules.json');
      await writeFile(path, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
      const { code, said } = await run(promtool ?? '', ['check', 'rules', '--lint=none', path]);
      expect(code, said).toBe(0);
      expect(said).toContain(`${queries.length} rules found`);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });
});

describe('/metrics', () => {
  it.runIf(promtool !== undefined)('is named by the rules that promtool knows', async () => {
    const checked = await run(promtool ?? '', ['check', 'metrics'], text);
    expect(checked.said.trim()).toBe('');
    expect(checked.code).toBe(0);
    const rare = await run(promtool ?? '', ['check', 'metrics'], await everything());
    expect(rare).toEqual({ code: 0, said: '' });
  });

  it('comes as OpenMetrics with request ids to a scraper that asks for it, on both listeners', async () => {
    const mine = 'scrape-test:1';
    const chat = { model: CHAT, messages: [{ role: 'user', content: 'x' }], stream: true };
    await proxy.call('/api/chat', { body: chat, headers: { 'x-request-id': mine } });
    for (const url of [proxy.adminUrl, proxy.metricsUrl ?? '']) {
      const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
      const { headers, body } = await call(`${url}/metrics`, { headers: { accept } });
      expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
      expect(body.endsWith('\n# EOF\n')).toBe(true);
      expect(body).toMatch(/^# TYPE task_router_requests counter$/m);
      expect(body).toMatch(/^task_router_requests_total\{/m);
      for (const name of ['time_to_first_token_seconds', 'request_duration_seconds', 'queue_wait_seconds']) {
        expect(body).toMatch(
          new RegExp(`^task_router_${name}_bucket\\{.*\\} \\d+ # \\{request_id="${mine}"\\} \\S+ \\d+\\.?\\d*$`, 'm'),
        );
      }
    }
  });

  it('is the plain text as before for everybody else, whatever was asked for in between', async () => {
    const { headers, body } = await call(`${proxy.adminUrl}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toMatch(/^# TYPE task_router_requests_total counter$/m);
    expect(body).not.toContain('request_id');
    expect(body).toMatch(/^task_router_request_duration_seconds_bucket\{le="1\.0",/m);
  });

  it('is what the docs say, name by name, label by label, type by type', async () => {
    const rows = (await read('../docs/monitoring.md')).matchAll(
      /^\| `([a-z_]+)(?:\{([a-z,]+)\})?` +\| (counter|gauge|histogram) +\|/gm,
    );
    const documented = Array.from(rows, ([, name, labels, type]) => [name, labels?.split(',').toSorted() ?? [], type]);
    const real = Array.from(text.matchAll(/^# TYPE task_router_(\S+) (\S+)$/gm), ([, name = '', type]) => {
      const series = `task_router_${name}${type === 'histogram' ? '_count' : ''}`;
      return [name, [...(exported.get(series) ?? [])].toSorted(), type];
    });
    const byName = (a: readonly unknown[], b: readonly unknown[]): number => String(a[0]).localeCompare(String(b[0]));
    expect(documented.toSorted(byName)).toEqual(real.toSorted(byName));
  });

  it('says how many servers could take a request for each model', async () => {
    const samples = await proxy.metrics();
    // One of the two has failed until its breaker opened.
    expect(samples.get(`task_router_model_available_backends{model="${CHAT}"}`)).toBe(1);
  });
});
