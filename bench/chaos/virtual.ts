import { fork, type ChildProcess } from 'node:child_process';
import { Totals } from './totals.ts';
import type { ChaosOptions, ChaosResult } from './world.ts';

const SCRIPT = new URL('./worker.ts', import.meta.url);
/** Requests of one seed: enough for a pool to fill, break and mend several times. */
export const REQUESTS_PER_SEED = 2_000;
const PROGRESS_MS = 5_000;

export interface VirtualOptions {
  /** In all, over as many seeds as that takes. */
  readonly requests: number;
  readonly firstSeed: number;
  readonly processes: number;
  /** Told of progress, in one line, every few seconds. */
  readonly progress: (line: string) => void;
}

/** How to play one seed again, alone. */
export const replayOf = (seed: number, requests: number): string =>
  `npm run bench:chaos -- --seed ${seed} --requests ${requests}`;

/** What did not hold, with the way there. */
export const storyOf = ({ seed, broken }: ChaosResult, requests: number): string =>
  broken === undefined
    ? ''
    : [
        `seed ${seed}: ${broken.what}`,
        'what happened last, oldest first (ms of virtual time):',
        ...broken.last.map((line) => `  ${line}`),
        `again: ${replayOf(seed, requests)}`,
      ].join('\n');

/**
 * Plays seeds in several processes until so many requests have come, or a promise was broken. What a seed comes to does
 * not depend on the process that played it.
 * @returns sums over all seeds, and the seeds in which something did not hold
 * @throws when a process dies
 */
export const playMany = (
  options: VirtualOptions,
): Promise<{ readonly totals: Totals; readonly broken: readonly ChaosResult[] }> =>
  new Promise((resolve, reject) => {
    const { requests, firstSeed, processes, progress } = options;
    const totals = new Totals();
    const broken: ChaosResult[] = [];
    const children = new Set<ChildProcess>();
    const from = performance.now();
    let planned = 0;
    let seed = firstSeed;
    let busy = 0;
    const timer = setInterval(() => {
      const seconds = (performance.now() - from) / 1_000;
      const rate = totals.requests / seconds;
      const left = rate === 0 ? '?' : ((requests - totals.requests) / rate).toFixed(0);
      progress(
        `${totals.requests} of ${requests} requests, ${totals.seeds} seeds, ${rate.toFixed(0)}/s, ${left} s left`,
      );
    }, PROGRESS_MS);
    const over = (error?: Error): void => {
      clearInterval(timer);
      for (const child of children) child.removeAllListeners('exit').disconnect();
      children.clear();
      if (error === undefined) resolve({ totals, broken });
      else reject(error);
    };
    const feed = (child: ChildProcess): void => {
      if (planned >= requests || broken.length > 0) {
        if (busy === 0) over();
        return;
      }
      const next: ChaosOptions = { seed: seed++, requests: Math.min(REQUESTS_PER_SEED, requests - planned) };
      planned += next.requests;
      busy++;
      child.send(next);
    };
    for (let i = 0; i < processes; i++) {
      // Maps come whole only by structured clone.
      const child = fork(SCRIPT, { serialization: 'advanced' });
      children.add(child);
      child.on('message', (result: ChaosResult) => {
        busy--;
        totals.add(result);
        if (result.broken !== undefined) broken.push(result);
        feed(child);
      });
      child.once('exit', (code) => over(new Error(`a process that plays seeds ended with code ${code}`)));
      feed(child);
    }
  });
