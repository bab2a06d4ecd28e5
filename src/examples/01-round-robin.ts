import { TaskRouter } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { printBars, registerAll, Stage } from './support.ts';

export interface RoundRobinOutcome {
  /** Who got the first ten tasks, in order. */
  readonly order: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly afterJoin: Readonly<Record<string, number>>;
}

/** Turns by weight: exact proportions without bursts, and what happens when a model joins. */
export const run = async (print: Print): Promise<RoundRobinOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ strategy: 'round-robin', clock: stage.clock, rng: stage.rng });
  registerAll(router, { 'gpu-large': { ms: 100, weight: 3 }, 'gpu-small': { ms: 100 }, cpu: { ms: 100 } });

  print('Three models with weights 3, 1 and 1. The heavy one leads three turns of five, but not three in a row:');
  const order = Array.from({ length: 10 }, () => stage.task(router, 'coding'));
  print(`  ${order.join(' → ')}`);

  print('');
  print('A hundred tasks more, in exact proportion to the weights:');
  const counts = stage.tasks(router, 100, ['coding']);
  printBars(print, counts);

  print('');
  print('A fourth model with weight 5 joins; the proportions follow from the next cycle on:');
  router.registerModel('gpu-new', { ms: 100 }, { weight: 5 });
  const afterJoin = stage.tasks(router, 100, ['coding']);
  printBars(print, afterJoin);
  return { order, counts, afterJoin };
};
