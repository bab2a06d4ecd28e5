import { TaskRouter } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { printBars, printTable, registerAll, share, Stage } from './support.ts';

const CATEGORIES = ['coding', 'documentation', 'testing'] as const;
const MODELS = ['coder', 'writer', 'tester'] as const;

export interface AffinityOutcome {
  /** Category → the model that got most of its tasks, once the router knew. */
  readonly favourites: Readonly<Record<string, string>>;
  /** Twelve coding tasks at once, none of them ended. */
  readonly burst: Readonly<Record<string, number>>;
}

/** Each category finds the model that does it best, and a burst still does not all land on the favourite. */
export const run = async (print: Print): Promise<AffinityOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ strategy: 'affinity', clock: stage.clock, rng: stage.rng });
  registerAll(router, {
    coder: { ms: 300, success: { coding: 0.97, documentation: 0.5, testing: 0.6 } },
    writer: { ms: 300, success: { coding: 0.4, documentation: 0.97, testing: 0.5 } },
    tester: { ms: 300, success: { coding: 0.6, documentation: 0.4, testing: 0.97 } },
  });

  print('Three models, each good at one thing. The router learns it from results alone:');
  stage.tasks(router, 300, CATEGORIES);
  const rows = CATEGORIES.map((category) => {
    const counts = stage.tasks(router, 100, [category]);
    return { category, counts };
  });
  printTable(
    print,
    ['category', ...MODELS],
    rows.map(({ category, counts }) => [category, ...MODELS.map((model) => share(counts[model] ?? 0, 100))]),
  );
  const favourites = Object.fromEntries(
    rows.map(({ category, counts }) => [
      category,
      MODELS.toSorted((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0))[0] ?? '',
    ]),
  );

  print('');
  print('Twelve coding tasks arrive at once. The coder takes its share of the load, a quarter more at most:');
  const burst: Record<string, number> = {};
  for (let i = 0; i < 12; i++) {
    const id = router.routeTask('write some code', { category: 'coding' });
    burst[id] = (burst[id] ?? 0) + 1;
  }
  printBars(print, burst);
  return { favourites, burst };
};
