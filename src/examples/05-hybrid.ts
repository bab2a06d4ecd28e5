import { TaskRouter } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { printBars, printTable, registerAll, Stage } from './support.ts';

const CATEGORIES = ['coding', 'documentation'] as const;
const MODELS = ['all-rounder', 'coder', 'writer'] as const;

export interface HybridOutcome {
  /** Twelve tasks at once before anything is known. */
  readonly blank: Readonly<Record<string, number>>;
  /** Category → tasks by model, of a hundred each, after 300 tasks of learning. */
  readonly learned: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly bestForCoding: string;
}

/** The default strategy: least-loaded while nothing is known, then more and more speed, reliability and category. */
export const run = async (print: Print): Promise<HybridOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ clock: stage.clock, rng: stage.rng });
  registerAll(router, {
    'all-rounder': { ms: 450, success: 0.9 },
    coder: { ms: 300, success: { coding: 0.98, documentation: 0.45 } },
    writer: { ms: 300, success: { coding: 0.4, documentation: 0.98 } },
  });

  print('Twelve tasks at once, nothing known: they are spread by load alone.');
  const blank: Record<string, number> = {};
  for (let i = 0; i < 12; i++) {
    const id = router.routeTask('a task', { category: 'coding' });
    blank[id] = (blank[id] ?? 0) + 1;
  }
  printBars(print, blank);
  for (const [id, count] of Object.entries(blank)) {
    for (let i = 0; i < count; i++) router.recordTaskResult(id, true, 400, 'unknown');
  }

  print('');
  print('After 300 tasks each category has found its model, and the all-rounder is there when both are busy:');
  stage.tasks(router, 300, CATEGORIES);
  const learned = Object.fromEntries(CATEGORIES.map((category) => [category, stage.tasks(router, 100, [category])]));
  printTable(
    print,
    ['category', ...MODELS],
    CATEGORIES.map((category) => [category, ...MODELS.map((model) => learned[category]?.[model] ?? 0)]),
  );

  print('');
  print('Every decision can be explained; lower costs are better:');
  const { ranking } = router.explain('implement a parser', { category: 'coding' });
  printTable(
    print,
    ['model', 'cost', 'why'],
    ranking.map(({ modelId, cost, why }) => [modelId, Math.round(cost), why]),
  );
  return { blank, learned, bestForCoding: ranking[0]?.modelId ?? '' };
};
