import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { startHeld, type HeldBackend } from '../support/held-backend.ts';
import { call } from '../support/http-call.ts';
import { samplesOf, startProxy, type TestProxy } from '../support/proxy.ts';

const CHAT = 'llama3.2:3b';
const EMBED = 'nomic-embed-text:latest';

/** Name and type of everything that dashboards and alerts are written against. */
const PROMISED = {
  requests_total: 'counter',
  request_duration_seconds: 'histogram',
  time_to_first_token_seconds: 'histogram',
  queue_wait_seconds: 'histogram',
  inter_token_seconds: 'histogram',
  decision_seconds: 'histogram',
  model_load_seconds: 'histogram',
  tokens_total: 'counter',
  inflight_requests: 'gauge',
  queue_depth: 'gauge',
  backend_up: 'gauge',
  circuit_breaker_state: 'gauge',
  circuit_breaker_transitions_total: 'counter',
  retries_total: 'counter',
  model_loads_total: 'counter',
  prompt_tokens_cached_total: 'counter',
  strategy_info: 'gauge',
  strategy_changes_total: 'counter',
  config_reloads_total: 'counter',
  refusals_total: 'counter',
  evictions_caused_total: 'counter',
  prediction_error_ratio: 'histogram',
  build_info: 'gauge',
  model_available_backends: 'gauge',
  config_last_reload_successful: 'gauge',
} as const;

let sims: readonly SimServer[];
let slow: HeldBackend;
let proxy: TestProxy;
beforeAll(async () => {
  slow = await startHeld('slow:1b');
  slow.release();
  sims = await Promise.all([
    startSim({ timeScale: 0.001, version: '0.33.3', models: [CHAT, EMBED], outputTokens: 5 }),
    startSim({ timeScale: 0.001, version: '0.33.3', models: [CHAT], outputTokens: 5 }),
  ]);
  proxy = await startProxy({
    backends: [
      { name: 'one', url: sims[0]?.url ?? '' },
      { name: 'two', url: sims[1]?.url ?? '' },
      { name: 'slow', url: slow.url },
      { name: 'gone', url: 'http://127.0.0.1:9' },
    ],
    config: [
      'routing: { strategy: round-robin }',
      'aliases: { small: "llama3.2:3b" }',
      'metrics: { listen: "127.0.0.1:0" }',
      'circuit_breaker: { failure_threshold: 2 }',
      'retry: { budget: 1 }',
    ].join('\n'),
  });
});
afterAll(async () => {
  await proxy.stop();
  await Promise.all([slow, ...sims].map((server) => server.close()));
});

const text = async (): Promise<string> => (await call(`${proxy.adminUrl}/metrics`)).body;

/** The sum of all samples whose name and labels contain these pieces. */
const sum = (samples: ReadonlyMap<string, number>, name: string, ...labels: readonly string[]): number =>
  [...samples]
    .filter(([key]) => key.split('{', 1)[0] === `task_router_${name}` && labels.every((label) => key.includes(label)))
    .reduce((total, [, value]) => total + value, 0);

const chat = (model: string, prompt = 'Write unit tests for the date parser', headers = {}) =>
  proxy.call('/api/chat', { body: { model, messages: [{ role: 'user', content: prompt }], stream: true }, headers });

describe('/metrics', () => {
  it('has every promised metric, with its type and a help that says something', async () => {
    const { headers, body } = await call(`${proxy.adminUrl}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const [name, type] of Object.entries(PROMISED)) {
      expect(body).toMatch(new RegExp(`^# HELP task_router_${name} .{20,}$`, 'm'));
      expect(body).toContain(`\n# TYPE task_router_${name} ${type}\n`);
    }
    expect(body).toMatch(/^process_cpu_seconds_total \d/m);
    expect(body).toMatch(/^nodejs_eventloop_lag_seconds \d/m);
  });

  it('explains and names everything of ours by the rules: _total for counters, base units, no ending of another type', async () => {
    const all = await text();
    for (const [, name = '', type] of all.matchAll(/^# TYPE (task_router_\S+) (\S+)$/gm)) {
      expect(all).toMatch(new RegExp(`^# HELP ${name} .{20,}$`, 'm'));
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/(_ms|milliseconds|_minutes|_kb|_mb|_count|_sum|_bucket)$/);
    }
  });

  it('is well-formed text: every line a comment or one sample of a declared metric', async () => {
    const lines = (await text()).trimEnd().split('\n');
    const declared = new Set(lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []));
    for (const line of lines) {
      if (line === '' || /^# (HELP|TYPE) \w+ /.test(line)) continue;
      const sample = /^(\w+?)(_bucket|_sum|_count)?(\{(\w+="[^"\n]*",?)+\})? (-?[\d.e+-]+|\+Inf|Nan)( \d+)?$/i.exec(
        line,
      );
      expect(sample, line).not.toBeNull();
      expect(declared.has(sample?.[1] ?? '') || declared.has(`${sample?.[1] ?? ''}${sample?.[2] ?? ''}`), line).toBe(
        true,
      );
    }
  });

  it('tells the version, the strategy, and which backends are up', async () => {
    const samples = await proxy.metrics();
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      readonly version: string;
    };
    expect(samples.get(`task_router_build_info{version="${version}"}`)).toBe(1);
    expect(samples.get('task_router_strategy_info{strategy="round-robin"}')).toBe(1);
    expect(samples.get('task_router_backend_up{backend="one"}')).toBe(1);
    expect(samples.get('task_router_backend_up{backend="gone"}')).toBe(0);
    expect(samples.get('task_router_circuit_breaker_state{backend="one",model=""}')).toBe(0);
    for (const each of ['interactive', 'normal', 'batch']) {
      expect(samples.get(`task_router_queue_depth{class="${each}"}`)).toBe(0);
    }
  });

  it('counts a served request once, where it belongs, with its tokens and times', async () => {
    const before = await proxy.metrics();
    expect((await chat(CHAT)).status).toBe(200);
    const after = await proxy.metrics();
    const grown = (name: string, ...labels: readonly string[]): number =>
      sum(after, name, ...labels) - sum(before, name, ...labels);
    expect(
      grown('requests_total', 'endpoint="chat"', `model="${CHAT}"`, 'category="testing"', 'outcome="served"'),
    ).toBe(1);
    expect(grown('requests_total')).toBe(1);
    expect(grown('request_duration_seconds_count', 'endpoint="chat"', 'outcome="served"')).toBe(1);
    expect(grown('time_to_first_token_seconds_count', 'endpoint="chat"', `model="${CHAT}"`)).toBe(1);
    expect(grown('queue_wait_seconds_count', 'endpoint="chat"')).toBe(1);
    expect(grown('decision_seconds_count', 'strategy="round-robin"')).toBe(1);
    // Five tokens and the final record; pieces that come close together may be read as one, up to all of them.
    expect(grown('inter_token_seconds_count', `model="${CHAT}"`)).toBeLessThanOrEqual(5);
    expect(grown('tokens_total', 'direction="out"')).toBe(5);
    expect(grown('tokens_total', 'direction="in"')).toBeGreaterThan(5);
    expect(grown('model_loads_total')).toBe(0);
  });

  it('counts a load that a request had to wait for, and how long', async () => {
    expect((await chat('slow:1b')).status).toBe(200);
    const samples = await proxy.metrics();
    expect(samples.get('task_router_model_loads_total{backend="slow",model="slow:1b"}')).toBe(1);
    expect(samples.get('task_router_model_load_seconds_sum{backend="slow",model="slow:1b"}')).toBe(2);
  });

  it('counts the gap between two pieces of a stream, and how long it was', async () => {
    const before = await proxy.metrics();
    slow.hold();
    const answer = await fetch(`${proxy.url}/api/chat`, {
      method: 'POST',
      body: JSON.stringify({ model: 'slow:1b', messages: [{ role: 'user', content: 'x' }] }),
    });
    const lines = answer.body?.getReader();
    await lines?.read();
    slow.release();
    while ((await lines?.read())?.done === false);
    const after = await proxy.metrics();
    const grown = (name: string): number => sum(after, name, 'model="slow:1b"') - sum(before, name, 'model="slow:1b"');
    expect(grown('inter_token_seconds_count')).toBeGreaterThanOrEqual(1);
    expect(grown('inter_token_seconds_count')).toBeLessThanOrEqual(5);
    expect(grown('inter_token_seconds_sum')).toBeGreaterThan(0);
  });

  it('counts embeddings and requests that run no model apart', async () => {
    const before = await proxy.metrics();
    await proxy.call('/api/embed', { body: { model: EMBED, input: 'x' } });
    await proxy.call('/api/show', { body: { model: CHAT } });
    const after = await proxy.metrics();
    expect(sum(after, 'requests_total', 'endpoint="embed"') - sum(before, 'requests_total', 'endpoint="embed"')).toBe(
      1,
    );
    const other = ['requests_total', 'endpoint="other"', 'outcome="served"'] as const;
    expect(sum(after, ...other) - sum(before, ...other)).toBe(1);
    expect(sum(after, 'queue_wait_seconds_count', 'endpoint="other"')).toBe(0);
  });

  it('shows requests in flight while they run', async () => {
    const [one] = sims;
    one?.faults.set({ kind: 'hang', path: '/api/embed', count: 1 });
    const leaving = new AbortController();
    const answer = proxy.call('/api/embed', { body: { model: EMBED, input: 'x' }, signal: leaving.signal });
    answer.catch(() => {});
    await vi.waitFor(async () => {
      expect((await proxy.metrics()).get('task_router_inflight_requests{backend="one"}')).toBe(1);
    }, 5_000);
    leaving.abort();
    await vi.waitFor(async () => {
      const samples = await proxy.metrics();
      expect(samples.get('task_router_inflight_requests{backend="one"}')).toBe(0);
      expect(sum(samples, 'requests_total', 'endpoint="embed"', 'outcome="client-left"')).toBe(1);
    }, 5_000);
  });

  it('counts refusals, retries and breakers', async () => {
    const before = await proxy.metrics();
    await proxy.call('/api/chat', { body: 'no json' });
    await chat('nobody:1b');
    const [one] = sims;
    one?.faults.set({ kind: 'status', status: 500, path: '/api/chat', message: 'out of memory' });
    for (let i = 0; i < 4; i++) expect((await chat(CHAT)).status).toBe(200);
    one?.faults.clear();
    const after = await proxy.metrics();
    const grown = (name: string, ...labels: readonly string[]): number =>
      sum(after, name, ...labels) - sum(before, name, ...labels);
    expect(grown('refusals_total', 'code="bad_request"')).toBe(1);
    expect(grown('refusals_total', 'code="model_not_found"')).toBe(1);
    expect(grown('retries_total', 'reason="status-5xx"')).toBe(2);
    expect(grown('circuit_breaker_transitions_total', 'to="open"')).toBe(1);
    expect(after.get(`task_router_circuit_breaker_state{backend="one",model="${CHAT}"}`)).toBe(2);
    expect(after.get('task_router_circuit_breaker_state{backend="one",model=""}')).toBe(0);
  });

  it('never takes text of a client for a label', async () => {
    await chat('not-a-model-"quoted"\n:1b');
    await chat('another-unknown:7b');
    await chat('small');
    await proxy.call('/api/show', { body: { model: 'strange-name' } });
    await proxy.call('/strange-path', { headers: { 'x-request-id': 'strange-id' } });
    await chat(CHAT, 'x', { 'x-task-router-category': 'strange-category' });
    const all = await text();
    for (const word of ['not-a-model', 'another-unknown', 'strange-']) expect(all).not.toContain(word);
    const labels = [...all.matchAll(/^task_router_requests_total\{.*?model="([^"]*)"/gm)].map(([, model]) => model);
    // An alias that refused nothing counts as the model that served it.
    expect(new Set(labels)).toEqual(new Set(['', 'other', CHAT, EMBED, 'slow:1b']));
  });

  it('is served alone where it has a listener of its own', async () => {
    const url = proxy.metricsUrl ?? '';
    const { status, body } = await call(`${url}/metrics`, { headers: { host: 'prometheus.example' } });
    expect(status).toBe(200);
    expect(samplesOf(body).has('task_router_strategy_info{strategy="round-robin"}')).toBe(true);
    for (const path of ['/', '/healthz', '/admin/v1/strategy', '/admin/v1/config']) {
      expect((await call(url + path)).status).toBe(404);
    }
    const change = await call(`${url}/admin/v1/strategy`, { method: 'PUT', body: { strategy: 'random' } });
    expect(change.status).toBe(404);
  });

  it('is only read', async () => {
    for (const url of [proxy.adminUrl, proxy.metricsUrl ?? '']) {
      const answer = await call(`${url}/metrics`, { method: 'POST', body: {} });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
    }
  });
});
