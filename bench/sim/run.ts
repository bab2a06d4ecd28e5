/**
 * Policies on simulated pools in virtual time: the router's own beside what others do. `--help` lists the options, and
 * a legend under the tables says what the numbers mean. Tables go to stdout, progress to stderr, plots to bench/results/sim.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCapacity } from './capacity.ts';
import { rateOf, sceneBounds, type CellResult, type Scene } from './cell.ts';
import { readOptions, USAGE, type RunOptions } from './options.ts';
import { distribution, lineChart, type Series } from './plot.ts';
import { plainResults, runProgram } from './program.ts';
import { boundsLine, capacityTable, intervalTable, LEGEND, mainTable, type PolicyRuns } from './report.ts';
import { mean, sortedNumbers } from './statistics.ts';
import type { Workers } from './workers.ts';

const RESULTS = new URL('../results/sim/', import.meta.url).pathname;

const labelOf = (scene: Scene): string =>
  [
    [scene.preset, ...scene.variants].join('+'),
    typeof scene.fleet === 'string' ? scene.fleet : scene.fleet?.name,
    scene.faults === 'none' || typeof scene.faults !== 'string' ? undefined : scene.faults,
    scene.slots === undefined ? undefined : `${scene.slots}-slots`,
    scene.reuse,
    scene.tellSlots ? undefined : 'untold',
    scene.retry ? 'retry' : undefined,
  ]
    .filter((part) => part !== undefined)
    .join('-');

const save = (name: string, text: string): void => {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, name), text);
  console.error(`wrote bench/results/sim/${name}`);
};

const seedsOf = (options: RunOptions): readonly number[] =>
  Array.from({ length: options.seeds }, (_, index) => index + 1);

/** Every policy with every seed, grouped by policy. */
const runAll = async (
  workers: Workers,
  scene: Scene,
  { policies, seeds }: { readonly policies: readonly string[]; readonly seeds: readonly number[] },
): Promise<ReadonlyMap<string, readonly CellResult[]>> => {
  const results = await Promise.all(
    policies.flatMap((policy) => seeds.map((seed) => workers.run({ ...scene, policy, seed }))),
  );
  return new Map(policies.map((policy) => [policy, results.filter(({ cell }) => cell.policy === policy)]));
};

const goodMean = (results: readonly CellResult[]): number => mean(results.map(({ metrics }) => metrics.goodput));

const ratePlot = async (workers: Workers, scene: Scene, options: RunOptions): Promise<readonly Series[]> => {
  const base = rateOf(scene);
  const rates = options.rateFactors.map((factor) => base * factor);
  const runs = await Promise.all(
    rates.map(async (rate) => runAll(workers, { ...scene, rate }, { policies: options.policies, seeds: [1] })),
  );
  return options.policies.map((policy) => ({
    name: policy,
    points: rates.map((rate, index) => [rate, goodMean(runs[index]?.get(policy) ?? [])] as const),
  }));
};

const capacities = async (workers: Workers, scene: Scene, options: RunOptions) => {
  const base = rateOf(scene);
  return Promise.all(
    options.policies.map(async (policy) => {
      const good = async (rate: number): Promise<number> => {
        const runs = await runAll(workers, { ...scene, rate }, { policies: [policy], seeds: seedsOf(options) });
        return goodMean(runs.get(policy) ?? []);
      };
      const { perSecond } = await findCapacity(good, base);
      return [policy, perSecond] as const;
    }),
  );
};

const runScene = async (workers: Workers, scene: Scene, options: RunOptions): Promise<readonly CellResult[]> => {
  const label = labelOf(scene);
  const seeds = seedsOf(options);
  const runs = await runAll(workers, scene, { policies: options.policies, seeds });
  const rows: readonly PolicyRuns[] = [...runs].map(([policy, results]) => ({
    policy,
    metrics: results.map(({ metrics }) => metrics),
  }));
  console.log(
    `\n${label}: ${rateOf(scene).toFixed(2)} requests/s, ${scene.requests} requests, ${seeds.length} seeds\n`,
  );
  console.log(mainTable(rows));
  if (seeds.length > 1) console.log(`\n95 % intervals over the seeds\n${intervalTable(rows)}`);
  console.log(`\n${boundsLine(sceneBounds(scene, 1))}`);
  const series = [...runs].map(([policy, results]) =>
    distribution(policy, sortedNumbers(results.flatMap(({ ttft }) => ttft))),
  );
  const cdf = {
    title: `Time to first token: ${label}`,
    xLabel: 'seconds',
    yLabel: '% of requests',
    logX: true,
    series,
  };
  save(`${label}-ttft.svg`, lineChart(cdf));
  if (options.rateFactors.length > 0) {
    const byRate = await ratePlot(workers, scene, options);
    const title = `Good requests: ${label}`;
    const chart = { title, xLabel: 'requests per second', yLabel: '% good', logX: false, series: byRate };
    save(`${label}-rate.svg`, lineChart(chart));
  }
  if (options.capacity) console.log(`\n${capacityTable(await capacities(workers, scene, options))}`);
  return [...runs.values()].flat();
};

await runProgram(USAGE, async (workers) => {
  const options = readOptions(process.argv.slice(2));
  const results: CellResult[] = [];
  for (const scene of options.scenes) results.push(...(await runScene(workers, scene, options)));
  console.log(`\n${LEGEND}`);
  if (options.json !== undefined) writeFileSync(options.json, plainResults(results));
});
