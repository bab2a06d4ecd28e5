import { TaskRouter } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { printBars, registerAll, Stage } from './support.ts';

export interface PerformanceOutcome {
  readonly learned: Readonly<Record<string, number>>;
  readonly withNewcomer: Readonly<Record<string, number>>;
  /** Tasks of the old favourite and of the newcomer while eight tasks are always under way. */
  readonly underLoad: Readonly<Record<string, number>>;
}

/** Speed and reliability learned from results; a newcomer gets its chance, and load moves tasks on. */
export const run = async (print: Print): Promise<PerformanceOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ strategy: 'performance', clock: stage.clock, rng: stage.rng });
  registerAll(router, {
    steady: { ms: 400 },
    slow: { ms: 1500 },
    hasty: { ms: 150, success: 0.4 }, // fast, but most of its answers are no good
  });

  print('Nothing is known at first. One task after another, the router learns who gives a good answer soonest:');
  const learned = stage.tasks(router, 200, ['coding']);
  printBars(print, learned);
  print('');
  print(
    `  why: ${router
      .explain('the next task')
      .ranking.map(({ modelId, why }) => `${modelId} (${why})`)
      .join(', ')}`,
  );

  print('');
  print('A better model joins. It starts as an average one, is tried now and then, proves itself and takes over:');
  router.registerModel('newcomer', { ms: 200 });
  const withNewcomer = stage.tasks(router, 300, ['coding']);
  printBars(print, withNewcomer);

  print('');
  print('With eight tasks always under way the favourite is busy, and the others get what it would be too slow for:');
  const underLoad = keepBusy(stage, router, 8, 200);
  printBars(print, underLoad);
  return { learned, withNewcomer, underLoad };
};

/** Runs `total` tasks with `atOnce` under way at any time; the one that ends soonest makes room for the next. */
const keepBusy = (stage: Stage, router: TaskRouter<PretendModel>, atOnce: number, total: number) => {
  const counts: Record<string, number> = {};
  const running: {
    readonly id: string;
    readonly success: boolean;
    readonly latencyMs: number;
    readonly ends: number;
  }[] = [];
  for (let i = 0; i < total; i++) {
    const id = router.routeTask('a task', { category: 'coding' });
    const model = router.getInstance(id) ?? { ms: 0 };
    const attempt = stage.attempt(model, 'coding');
    running.push({ id, ...attempt, ends: stage.clock.now() + attempt.latencyMs });
    counts[id] = (counts[id] ?? 0) + 1;
    if (running.length < atOnce) continue;
    running.sort((a, b) => b.ends - a.ends);
    const first = running.pop();
    if (first === undefined) continue;
    stage.clock.advance(Math.max(0, first.ends - stage.clock.now()));
    router.recordTaskResult(first.id, first.success, first.latencyMs, 'coding');
  }
  for (const { id, success, latencyMs } of running) router.recordTaskResult(id, success, latencyMs, 'coding');
  return counts;
};
