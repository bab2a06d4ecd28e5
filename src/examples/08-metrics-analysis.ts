import { TaskRouter } from '../index.ts';
import type { ModelStatus } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { printTable, registerAll, share, Stage } from './support.ts';

const CATEGORIES = ['coding', 'debugging', 'documentation'] as const;

export interface MetricsOutcome {
  readonly totalRequests: number;
  readonly slowest: string;
  readonly leastReliable: string;
  /** The category in which the least reliable model does worst. */
  readonly weakSpot: string;
  /** Did metrics survive a trip through JSON into another router? */
  readonly restored: boolean;
}

/** Reads the metrics of a router: who is slow, who fails and at what; saves them and starts over. */
export const run = async (print: Print): Promise<MetricsOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ strategy: 'random', clock: stage.clock, rng: stage.rng });
  const models = {
    llama: { ms: 400, success: 0.97 },
    mistral: { ms: 250, success: { coding: 0.9, debugging: 0.35, documentation: 0.95 } },
    qwen: { ms: 1200, success: 0.99 },
  };
  registerAll(router, models);
  stage.tasks(router, 600, CATEGORIES);

  const all = [...router.getAllMetrics()];
  print('Six hundred tasks, spread by chance so that every model is measured:');
  printTable(
    print,
    ['model', 'tasks', 'ok', 'mean ms', 'p50 ms', 'p95 ms'],
    all.map(([id, m]) => [
      id,
      m.totalRequests,
      share(m.successfulTasks, m.totalRequests),
      Math.round(m.averageLatencyMs),
      m.p50LatencyMs,
      m.p95LatencyMs,
    ]),
  );

  const worst = (score: (metrics: ModelStatus) => number): [string, ModelStatus] => {
    const [first] = all.toSorted(([, a], [, b]) => score(b) - score(a));
    if (first === undefined) throw new Error('no model is registered');
    return first;
  };
  const [slowest] = worst((m) => m.p95LatencyMs);
  const [leastReliable, itsMetrics] = worst((m) => m.failedTasks / m.totalRequests);
  const byFailure = Object.entries(itsMetrics.byCategory).toSorted(
    ([, a], [, b]) => b.failedTasks / b.totalRequests - a.failedTasks / a.totalRequests,
  );
  const weakSpot = byFailure[0]?.[0] ?? '';

  print('');
  print(`Slowest at the 95th percentile: ${slowest}. Least reliable: ${leastReliable}, and this is where:`);
  printTable(
    print,
    ['category', 'tasks', 'ok'],
    byFailure.map(([name, m]) => [name, m.totalRequests, share(m.successfulTasks, m.totalRequests)]),
  );

  const saved = JSON.stringify(router.snapshot());
  const other = new TaskRouter<PretendModel>({ clock: stage.clock, rng: stage.rng });
  registerAll(other, models);
  other.restore(JSON.parse(saved));
  const restored = JSON.stringify(other.snapshot()) === saved;
  router.resetMetrics();
  print('');
  print(
    `A snapshot takes ${Math.ceil(saved.length / 1024)} KiB of JSON; another router restored it ${restored ? 'whole' : 'in part'}.`,
  );
  print(`After resetMetrics() the first one has ${router.getModelMetrics('llama')?.totalRequests} results of llama.`);

  let totalRequests = 0;
  for (const [, metrics] of all) totalRequests += metrics.totalRequests;
  return { totalRequests, slowest, leastReliable, weakSpot, restored };
};
