import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/core/types.ts';
import { Decisions } from '../../../src/results/decisions.ts';
import { History } from '../../../src/results/history.ts';
import { Learned } from '../../../src/results/learned.ts';
import { Metrics } from '../../../src/results/metrics.ts';
import { nominalLatencyMs, Recorder } from '../../../src/results/recorder.ts';
import { LogBook } from '../../support/log-book.ts';
import { OUTCOMES } from '../../support/backend-pool.ts';
import { recordOf } from '../../support/record.ts';

type Served = Extract<Outcome, { kind: 'served' }>;
const NO_USAGE = {
  promptTokens: undefined,
  outputTokens: undefined,
  cachedTokens: undefined,
  loadMs: undefined,
  prefillMs: undefined,
  decodeMs: undefined,
};
const served = (totalMs: number, usage?: Partial<NonNullable<Served['usage']>>): Served => ({
  kind: 'served',
  status: 200,
  firstByteMs: 1,
  totalMs,
  usage: usage && { ...NO_USAGE, ...usage },
});

const scene = (): {
  readonly recorder: Recorder;
  readonly learned: Learned;
  readonly history: History;
  readonly log: LogBook;
} => {
  const learned = new Learned();
  const history = new History(10);
  const log = new LogBook();
  const metrics = new Metrics(
    {
      backends: () => [],
      queueDepth: () => 0,
      availability: () => [],
      strategy: () => 'hybrid',
      knownModel: () => true,
      digestSkew: () => [],
      placementActions: () => [],
      suspects: () => [],
      keyRequests: () => [],
      keyTokens: () => [],
    },
    '1.0.0',
  );
  return { recorder: new Recorder(learned, metrics, history, new Decisions(), log), learned, history, log };
};

describe('the latency that routing compares', () => {
  it.each([
    ['takes the whole time where there are no numbers', served(500), 500],
    ['leaves the load of the model out', served(5_000, { loadMs: 4_000 }), 1_000],
    ['scales decoding to a hundred tokens', served(1_200, { outputTokens: 50, decodeMs: 1_000 }), 200 + 2_000],
    ['does so for long answers too', served(10_200, { outputTokens: 1_000, decodeMs: 10_000 }), 200 + 1_000],
    ['does both at once', served(6_000, { loadMs: 4_000, outputTokens: 100, decodeMs: 1_500 }), 500 + 1_500],
    ['takes an answer without a token as it is', served(300, { outputTokens: 0, decodeMs: 10 }), 300],
    ['is never negative, whatever a backend claims', served(10, { loadMs: 4_000 }), 0],
  ] as const)('%s', (_name, outcome, expected) => {
    expect(nominalLatencyMs(outcome)).toBe(expected);
  });
});

describe('an attempt', () => {
  it('teaches success with its latency, by category', () => {
    const { recorder, learned } = scene();
    recorder.attempt('a/m', 'coding', served(400), 0);
    expect(learned.of('a/m')).toMatchObject({ successes: 1, failures: 0, latencyMs: 400 });
    expect(learned.of('a/m').category('coding')).toMatchObject({ successes: 1 });
    expect(recorder.modelMetrics()['a/m']).toMatchObject({ totalRequests: 1, successfulTasks: 1 });
  });

  it.each(['backend-fault', 'model-fault'] as const)('teaches failure when it was the backend’s: %s', (kind) => {
    const { recorder, learned } = scene();
    recorder.attempt('a/m', 'coding', OUTCOMES[kind], 0);
    expect(learned.of('a/m')).toMatchObject({ successes: 0, failures: 1, latencyMs: undefined });
    expect(recorder.modelMetrics()['a/m']).toMatchObject({ failedTasks: 1 });
  });

  it.each(['client-left', 'client-error', 'overloaded'] as const)('teaches nothing about a backend by %s', (kind) => {
    const { recorder, learned } = scene();
    recorder.attempt('a/m', 'coding', OUTCOMES[kind], 0);
    expect(learned.of('a/m')).toMatchObject({ successes: 0, failures: 0 });
    expect(recorder.modelMetrics()).toEqual({});
  });

  it('is forgotten with its candidate, and by a reset', () => {
    const { recorder, learned } = scene();
    for (const id of ['a/m', 'b/m']) recorder.attempt(id, 'coding', served(1), 0);
    recorder.forget('a/m');
    expect(Object.keys(recorder.modelMetrics())).toEqual(['b/m']);
    recorder.reset();
    expect(recorder.modelMetrics()).toEqual({});
    expect(learned.of('b/m').successes).toBe(0);
  });
});

describe('a request', () => {
  it('goes into the history and the log, in one flat line with what one asks about a slow answer', () => {
    const { recorder, history, log } = scene();
    recorder.request(
      recordOf({ id: 'x', queueMs: 12.345, firstByteMs: 99.99, usage: { ...NO_USAGE, outputTokens: 5 } }),
    );
    expect(history.get('x')?.id).toBe('x');
    expect(log.lines).toMatchObject([
      {
        level: 'info',
        fields: {
          requestId: 'x',
          backend: 'a',
          queueMs: 12.3,
          firstByteMs: 100,
          outputTokens: 5,
          attempts: 1,
          failures: [],
        },
      },
    ]);
  });

  it.each([
    ['served', 200, 'info'],
    ['client-error', 400, 'info'],
    ['client-left', 499, 'info'],
    ['refused', 503, 'warn'],
    ['failed', 200, 'warn'],
  ] as const)('is worth a warning when it failed: %s with %i', (outcome, status, level) => {
    const { recorder, log } = scene();
    recorder.request(recordOf({ outcome, status }));
    expect(log.lines[0]?.level).toBe(level);
  });

  it('lists every failure on its way', () => {
    const { recorder, log } = scene();
    const attempt = { backend: 'b', model: 'm', why: 'x', outcome: OUTCOMES['backend-fault'] };
    recorder.request(recordOf({ attempts: [attempt, ...recordOf().attempts] }));
    expect(log.lines[0]?.fields).toMatchObject({ failures: ['b: connect: refused'], attempts: 2, backend: 'a' });
  });
});
