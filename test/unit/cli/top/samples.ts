import type { TopServer, TopState } from '../../../../src/cli/top/model.ts';
import type { TopView } from '../../../../src/cli/top/render.ts';

/** A server that is up with one model in memory. */
export const server = (name: string, rest: Partial<TopServer> = {}): TopServer => ({
  name,
  level: 'ok',
  word: 'up',
  why: '',
  running: 1,
  loaded: [{ name: 'llama3.1:8b', running: 1, slots: 4, sizeBytes: 6.2e9, vramBytes: 6.2e9 }],
  ...rest,
});

/** A proxy that serves, with so many servers, a few of them in trouble from the third on. */
export const stateWith = (servers: number, rest: Partial<TopState> = {}): TopState => ({
  version: '1.2.3',
  strategy: 'hybrid',
  ready: true,
  reason: `${servers} backends up`,
  servers: Array.from({ length: servers }, (_, i) =>
    i === 2
      ? server(`gpu-${i}`, {
          level: 'bad',
          word: 'down',
          why: 'connect ECONNREFUSED 10.0.0.3:11434',
          running: 0,
          loaded: [],
        })
      : server(`gpu-${i}`),
  ),
  waiting: { interactive: 1, normal: 2, batch: 0 },
  rates: {
    requestsPerSecond: 12.4,
    failedPerSecond: 0,
    tokensInPerSecond: 15_200,
    tokensOutPerSecond: 831,
    firstTokenP50Ms: 180,
    firstTokenP95Ms: 1_420,
  },
  decisions: Array.from({ length: 12 }, (_, i) => ({
    id: `r${i}`,
    at: 1_000 * (100 - i),
    model: 'llama3.1:8b',
    category: 'coding',
    backend: `gpu-${i % 3}`,
    outcome: i === 1 ? 'failed' : 'served',
    problem: i === 1 ? 'backend_failed' : '',
    attempts: i === 1 ? 3 : 1,
    queueMs: i === 2 ? 1_200 : 3,
    foreseenMs: 150,
    seenMs: i === 1 ? undefined : 140 + i,
  })),
  tokensOut: [0, 100, 800],
  ...rest,
});

export const viewOf = (rest: Partial<TopView> = {}): TopView => ({
  columns: 120,
  rows: 40,
  scroll: 0,
  admin: 'http://127.0.0.1:11436',
  trouble: undefined,
  keys: 'q quits',
  timeOf: (ms) => `t${ms / 1_000}`,
  ...rest,
});
