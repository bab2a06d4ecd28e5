import { describe, expect, it } from 'vitest';
import { Metrics, type MetricsSources } from '../../../src/results/metrics.ts';
import { samplesOf } from '../../support/proxy.ts';
import { OUTCOMES } from '../../support/backend-pool.ts';
import { recordOf } from '../../support/record.ts';

const SOURCES: MetricsSources = {
  backends: () => [
    { name: 'a', health: 'up', inflight: 2, breaker: 'closed', models: [{ name: 'm', breaker: 'open' }] },
    { name: 'b', health: 'down', inflight: 0, breaker: 'half-open', models: [] },
  ],
  queueDepth: (priority) => (priority === 'batch' ? 4 : 0),
  strategy: () => 'hybrid',
  availability: () => [{ model: 'm:latest', backends: 0 }],
  digestSkew: () => [],
  placementActions: () => [{ kind: 'load', result: 'done', count: 3 }],
  suspects: () => [{ backend: 'a', model: 'm', reason: 'spill' }],
  knownModel: (name) => name === 'm',
  keyRequests: () => [{ key: 'ci', outcome: 'rate_limited', count: 5 }],
  keyTokens: () => [{ key: 'ci', promptTokens: 30, outputTokens: 7 }],
};

const scrape = async (metrics: Metrics): Promise<(name: string) => number | undefined> => {
  const samples = samplesOf((await metrics.expose()).text);
  return (name) => samples.get(`task_router_${name}`);
};

const USAGE = { promptTokens: 30, outputTokens: 11, cachedTokens: 20, loadMs: 2_500, prefillMs: 5, decodeMs: 1_100 };

describe('what Prometheus sees', () => {
  it('is the state of backends, queue and strategy at the moment of the scrape', async () => {
    const sample = await scrape(new Metrics(SOURCES, '1.2.3'));
    expect(sample('inflight_requests{backend="a"}')).toBe(2);
    expect(sample('backend_up{backend="a"}')).toBe(1);
    expect(sample('backend_up{backend="b"}')).toBe(0);
    expect(sample('circuit_breaker_state{backend="a",model=""}')).toBe(0);
    expect(sample('circuit_breaker_state{backend="b",model=""}')).toBe(1);
    expect(sample('circuit_breaker_state{backend="a",model="m"}')).toBe(2);
    expect(sample('queue_depth{class="batch"}')).toBe(4);
    expect(sample('strategy_info{strategy="hybrid"}')).toBe(1);
    expect(sample('build_info{version="1.2.3"}')).toBe(1);
    expect(sample('placement_actions_total{kind="load",result="done"}')).toBe(3);
    expect(sample('model_available_backends{model="m:latest"}')).toBe(0);
    expect(sample('backend_suspect{backend="a",model="m",reason="spill"}')).toBe(1);
  });

  it('has the actions of placement as the total that they are, at each scrape anew', async () => {
    const metrics = new Metrics(SOURCES, '1');
    await metrics.expose();
    expect((await scrape(metrics))('placement_actions_total{kind="load",result="done"}')).toBe(3);
  });

  it('counts requests whose keep_alive was held back, by backend', async () => {
    const metrics = new Metrics(SOURCES, '1');
    metrics.keepAliveHeldBack('a');
    metrics.keepAliveHeldBack('a');
    expect((await scrape(metrics))('keep_alive_held_back_total{backend="a"}')).toBe(2);
  });

  it('counts a served request with its times in seconds and its tokens', async () => {
    const metrics = new Metrics(SOURCES, '1');
    metrics.request(recordOf({ totalMs: 1_500, firstByteMs: 250, queueMs: 40, usage: USAGE }));
    const sample = await scrape(metrics);
    const labels = ['endpoint="chat"', 'model="m:latest"', 'category="coding"', 'backend="a"', 'outcome="served"'];
    const counted = (await metrics.expose()).text
      .split('\n')
      .filter((line) => line.startsWith('task_router_requests_total{'));
    expect(counted.map((line) => labels.filter((label) => line.includes(label)))).toEqual([labels]);
    expect(counted[0]).toMatch(/ 1$/);
    expect(sample('request_duration_seconds_sum{endpoint="chat",outcome="served"}')).toBe(1.5);
    expect(sample('time_to_first_token_seconds_sum{endpoint="chat",model="m:latest",backend="a"}')).toBe(0.25);
    expect(sample('queue_wait_seconds_sum{endpoint="chat"}')).toBe(0.04);
    expect(sample('tokens_total{direction="in"}')).toBe(30);
    expect(sample('tokens_total{direction="out"}')).toBe(11);
    expect(sample('prompt_tokens_cached_total')).toBe(20);
    expect(sample('model_loads_total{backend="a",model="m:latest"}')).toBe(1);
    expect(sample('model_load_seconds_sum{backend="a",model="m:latest"}')).toBe(2.5);
  });

  it('counts the time between pieces of a stream by the model and backend that sent them, and unknown models together', async () => {
    const metrics = new Metrics(SOURCES, '1');
    const gaps = metrics.gaps('m', 'a');
    gaps.observe(0.02);
    gaps.observe(0.04);
    gaps.observe(NaN);
    metrics.gaps('never heard of', 'a').observe(1);
    const sample = await scrape(metrics);
    expect(sample('inter_token_seconds_sum{model="m:latest",backend="a"}')).toBeCloseTo(0.06);
    expect(sample('inter_token_seconds_count{model="m:latest",backend="a"}')).toBe(2);
    expect(sample('inter_token_seconds_bucket{le="0.02",model="m:latest",backend="a"}')).toBe(1);
    expect(sample('inter_token_seconds_count{model="other",backend="a"}')).toBe(1);
  });

  it('has what alerts wait for at 0 before it happens for the first time', async () => {
    const sample = await scrape(new Metrics(SOURCES, '1'));
    for (const series of [
      'config_reloads_total{result="failed"}',
      'state_writes_total{result="failed"}',
      'circuit_breaker_transitions_total{to="open"}',
      'tokens_total{direction="out"}',
    ])
      expect(sample(series), series).toBe(0);
  });

  it('says whether the last reload was good', async () => {
    const metrics = new Metrics(SOURCES, '1');
    expect((await scrape(metrics))('config_last_reload_successful')).toBe(1);
    metrics.reloaded('failed');
    expect((await scrape(metrics))('config_last_reload_successful')).toBe(0);
    metrics.reloaded('applied');
    expect((await scrape(metrics))('config_last_reload_successful')).toBe(1);
  });

  it('takes the short load time of a resident model for no load', async () => {
    const metrics = new Metrics(SOURCES, '1');
    metrics.request(recordOf({ usage: { ...USAGE, loadMs: 160 } }));
    expect((await scrape(metrics))('model_loads_total{backend="a",model="m:latest"}')).toBeUndefined();
  });

  it('counts retries by what went wrong before, and refusals by their code', async () => {
    const metrics = new Metrics(SOURCES, '1');
    const failed = { backend: 'b', model: 'm', why: '', outcome: OUTCOMES['backend-fault'] };
    metrics.request(recordOf({ attempts: [failed, ...recordOf().attempts] }));
    metrics.request(recordOf({ attempts: [failed], outcome: 'failed', error: 'backend_failed', status: 502 }));
    const sample = await scrape(metrics);
    expect(sample('retries_total{reason="connect"}')).toBe(1);
    expect(sample('refusals_total{code="backend_failed"}')).toBe(1);
  });

  it('measures no first token for requests that run no model or failed', async () => {
    const metrics = new Metrics(SOURCES, '1');
    metrics.request(recordOf({ endpoint: 'other' }));
    metrics.request(recordOf({ outcome: 'client-left' }));
    const { text } = await metrics.expose();
    expect(text).not.toContain('task_router_time_to_first_token_seconds_sum');
  });

  it('never makes a label of what a client wrote', async () => {
    const metrics = new Metrics(SOURCES, '1');
    for (let i = 0; i < 100; i++) {
      metrics.request(recordOf({ model: `made-up-${i}`, category: `category-${i}`, attempts: [], outcome: 'refused' }));
    }
    const { text } = await metrics.expose();
    expect(text).not.toContain('made-up');
    const categories = new Set([...text.matchAll(/category="([^"]*)"/g)].map(([, name]) => name));
    expect(categories.size).toBe(51);
    expect(categories).toContain('other');
  });

  it('counts decisions, breaker changes, strategy changes and reloads', async () => {
    const metrics = new Metrics(SOURCES, '1');
    metrics.decision('hybrid', 0.02);
    metrics.breakerChanged('open');
    metrics.strategyChanged();
    metrics.reloaded('failed');
    const sample = await scrape(metrics);
    expect(sample('decision_seconds_count{strategy="hybrid"}')).toBe(1);
    expect(sample('circuit_breaker_transitions_total{to="open"}')).toBe(1);
    expect(sample('strategy_changes_total')).toBe(1);
    expect(sample('config_reloads_total{result="failed"}')).toBe(1);
  });
});
