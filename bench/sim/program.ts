import type { CellResult } from './cell.ts';
import { Workers } from './workers.ts';

/** Single results as JSON. */
export const plainResults = (results: readonly CellResult[]): string =>
  JSON.stringify(
    results.map((result) => ({
      ...result,
      metrics: { ...result.metrics, tenants: Object.fromEntries(result.metrics.tenants) },
    })),
  );

/**
 * The frame of a command: `--help`, processes that end with it, progress on stderr, and a mistake told in one line.
 * @param usage what `--help` prints
 * @param processes default: one per core
 */
export const runProgram = async (
  usage: string,
  main: (workers: Workers) => Promise<void>,
  processes?: number,
): Promise<void> => {
  if (process.argv.includes('--help')) {
    console.log(usage);
    return;
  }
  let count = 0;
  const started = performance.now();
  const workers = new Workers(({ policy, preset, seed }) => {
    count += 1;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.error(`${count} done after ${seconds} s: ${policy} on ${preset}, seed ${seed}`);
  }, processes);
  try {
    await main(workers);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    workers.close();
  }
};
