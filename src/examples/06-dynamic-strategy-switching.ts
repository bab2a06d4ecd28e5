import { STRATEGY_NAMES, TaskRouter, UnknownStrategyError } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { printTable, registerAll, Stage } from './support.ts';

const MODELS = ['fast', 'slow', 'flaky'] as const;

export interface SwitchingOutcome {
  readonly changes: readonly string[];
  /** Strategy → tasks by model, of a hundred. */
  readonly byStrategy: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Results recorded by the end: nothing was lost on the way. */
  readonly recorded: number;
  readonly refused: string;
}

/** The strategy changes while the router works; what it learned stays and serves the next one. */
export const run = async (print: Print): Promise<SwitchingOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ strategy: 'round-robin', clock: stage.clock, rng: stage.rng });
  registerAll(router, { fast: { ms: 200 }, slow: { ms: 900 }, flaky: { ms: 200, success: 0.6 } });
  const changes: string[] = [];
  router.on('strategy-changed', ({ from, to }) => changes.push(`${from} → ${to}`));

  print('The same router, the same models, a hundred tasks under each strategy:');
  const byStrategy: Record<string, Readonly<Record<string, number>>> = {};
  for (const name of STRATEGY_NAMES) {
    router.setRoutingStrategy(name);
    byStrategy[name] = stage.tasks(router, 100, ['coding', 'testing']);
  }
  printTable(
    print,
    ['strategy', ...MODELS],
    STRATEGY_NAMES.map((name) => [name, ...MODELS.map((model) => byStrategy[name]?.[model] ?? 0)]),
  );

  let recorded = 0;
  for (const { totalRequests } of router.getAllMetrics().values()) recorded += totalRequests;
  print('');
  print(`${recorded} results are on record; performance, affinity and hybrid started from those of the others.`);
  print(`Events heard: ${changes.join(', ')}`);

  let refused = '';
  try {
    router.setRoutingStrategy('fastest');
  } catch (error) {
    if (!(error instanceof UnknownStrategyError)) throw error;
    refused = error.message;
  }
  print(`A wrong name changes nothing: ${refused}`);
  return { changes, byStrategy, recorded, refused };
};
