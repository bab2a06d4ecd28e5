import { NoModelAvailableError, TaskRouter } from '../index.ts';
import type { PretendModel, Print } from './support.ts';
import { registerAll, Stage } from './support.ts';

export interface CircuitBreakerOutcome {
  /** State of the failing model's breaker at each step. */
  readonly states: readonly string[];
  readonly events: readonly string[];
  /** Models that answered tasks given to `run` while the first choice was failing. */
  readonly answeredBy: readonly string[];
  /** What the error says when every breaker is open. */
  readonly nothingLeft: string;
}

/** A model breaks, is left alone, is tried again and comes back; and `run` hides all of it from its caller. */
export const run = async (print: Print): Promise<CircuitBreakerOutcome> => {
  const stage = new Stage();
  const router = new TaskRouter<PretendModel>({ strategy: 'round-robin', clock: stage.clock, rng: stage.rng });
  registerAll(router, { fragile: { ms: 100 }, solid: { ms: 100 } });
  const events: string[] = [];
  router.on('breaker-opened', ({ model }) => events.push(`${model} opened`));
  router.on('breaker-closed', ({ model }) => events.push(`${model} closed`));

  const states: string[] = [];
  const note = (what: string): void => {
    const status = router.getCircuitBreakerStatus('fragile');
    states.push(status?.state ?? 'gone');
    print(`  ${String(stage.clock.now()).padStart(6)} ms  ${(status?.state ?? '').padEnd(9)}  ${what}`);
  };

  print('The default breaker opens after 5 failures in a row, waits 30 s, then lets 2 trials at a time through and');
  print('closes after 3 successes. Its clock is injected, so half a minute passes at once here:');
  note('all is well');
  let broken = true;
  const answeredBy: string[] = [];
  for (let i = 0; i < 10; i++) {
    const answer = await router.run('a task', (_, { modelId }) => {
      stage.clock.advance(100);
      if (broken && modelId === 'fragile') throw new Error('connection refused');
      return modelId;
    });
    answeredBy.push(answer);
  }
  note(`ten tasks, all answered by ${[...new Set(answeredBy)].join(', ')}: run() went on to the next choice`);
  print(
    `             healthy: ${[...router.healthCheck()].map(([id, ok]) => `${id} ${ok ? 'yes' : 'no'}`).join(', ')}`,
  );

  stage.clock.advance(30_000);
  note('half a minute later it may be tried');
  router.recordTaskResult('fragile', false, 100);
  note('the trial fails: left alone for another half minute');

  stage.clock.advance(30_000);
  broken = false;
  note('half a minute later');
  for (let i = 0; i < 3; i++) router.recordTaskResult('fragile', true, 100);
  note('three good answers');

  for (const id of ['fragile', 'solid']) for (let i = 0; i < 5; i++) router.recordTaskResult(id, false, 100);
  let nothingLeft = '';
  try {
    router.routeTask('a task');
  } catch (error) {
    if (!(error instanceof NoModelAvailableError)) throw error;
    nothingLeft = error.message;
  }
  note('both fail: routing says why it cannot');
  print(`             ${nothingLeft}`);
  router.forceHealthRecovery();
  note('forceHealthRecovery() closes all breakers by hand');
  return { states, events, answeredBy, nothingLeft };
};
