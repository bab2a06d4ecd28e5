/**
 * Looks for scenes in which the router does worse than least connections: random fleets, workloads, rates and faults.
 * `--help` lists the options. Tables go to stdout, progress to stderr.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { CellResult } from './cell.ts';
import { whole } from './options.ts';
import { ALL_TOLD } from './oracle.ts';
import { policyOf } from './policies.ts';
import { runProgram } from './program.ts';
import { randomScene, type RandomScene } from './random-scenes.ts';
import { aligned, percent, seconds } from './report.ts';
import { mean, quantile, sortedNumbers } from './statistics.ts';
import type { Workers } from './workers.ts';

const DEFAULT_FLEETS = 200;
const DEFAULT_REQUESTS = 600;
const DEFAULT_SEED = 1;
const DEFAULT_SHOWN = 10;
const DEFAULT_POLICY = 'ours';
const RIVAL = 'least-connections';
const PROCESSES = 2;
/** Beyond this ratio a scene counts as worse. */
const WORSE = 1.05;
/** Further workloads on the fleet of a bad case, which tell a flaw from the bad luck of the one that was picked. */
const AGAIN = 3;
const SHARES = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1];

const USAGE = `npx tsx bench/sim/worst.ts
  --fleets N     random scenes   (default ${DEFAULT_FLEETS})
  --requests N   in each   (default ${DEFAULT_REQUESTS})
  --seed S       (default ${DEFAULT_SEED})
  --worst N      bad cases that are looked at closely   (default ${DEFAULT_SHOWN})
  --only I       looks at scene I alone
  --policy P     what is compared with ${RIVAL}   (default ${DEFAULT_POLICY})
  --json FILE    every scene with its ratios`;

interface Pair {
  readonly random: RandomScene;
  readonly ours: CellResult;
  readonly other: CellResult;
}

const p95Ratio = ({ ours, other }: Pair): number => ours.metrics.ttft.p95 / other.metrics.ttft.p95;
const meanRatio = ({ ours, other }: Pair): number => ours.metrics.ttftMeanMs / other.metrics.ttftMeanMs;
const goodGain = ({ ours, other }: Pair): number => ours.metrics.goodput - other.metrics.goodput;
const errorGain = ({ ours, other }: Pair): number => ours.metrics.errors - other.metrics.errors;

const run = async (
  workers: Workers,
  { scene, seed }: RandomScene,
  policy: string,
  tellSlots?: boolean,
): Promise<CellResult> => workers.run({ ...scene, tellSlots: tellSlots ?? scene.tellSlots, policy, seed });

const pairOf = async (workers: Workers, random: RandomScene, policy: string): Promise<Pair> => {
  const [ours, other] = await Promise.all([run(workers, random, policy), run(workers, random, RIVAL)]);
  return { random, ours, other };
};

const distributionTable = (pairs: readonly Pair[]): string => {
  const row = (title: string, of: (pair: Pair) => number, show: (value: number) => string): readonly string[] => {
    const sorted = sortedNumbers(pairs.map(of));
    return [title, ...SHARES.map((share) => show(quantile(sorted, share)))];
  };
  const ratio = (value: number): string => value.toFixed(2);
  const points = (value: number): string => `${value < 0 ? '' : '+'}${(100 * value).toFixed(1)}`;
  return aligned([
    [`over ${RIVAL}`, 'least', '5 %', '25 %', 'median', '75 %', '95 %', 'most'],
    row('p95 of TTFT, ratio', p95Ratio, ratio),
    row('mean TTFT, ratio', meanRatio, ratio),
    row('good, points', goodGain, points),
    row('errors, points', errorGain, points),
  ]);
};

const countsLine = (title: string, pairs: readonly Pair[]): string => {
  const count = (is: (pair: Pair) => boolean): number => pairs.filter(is).length;
  return (
    `${title}: of ${pairs.length} scenes worse by more than 5 %: p95 ${count((pair) => p95Ratio(pair) > WORSE)}, ` +
    `mean ${count((pair) => meanRatio(pair) > WORSE)}; ` +
    `fewer good by more than a point ${count((pair) => goodGain(pair) < -0.01)}, ` +
    `more errors ${count((pair) => errorGain(pair) > 0)}`
  );
};

/** The same fleet and rate with other requests: ratios of p95. */
const again = async (workers: Workers, { random, ours: { cell } }: Pair): Promise<readonly number[]> =>
  Promise.all(
    Array.from({ length: AGAIN }, async (_, index) =>
      p95Ratio(await pairOf(workers, { ...random, seed: random.seed + index + 1 }, cell.policy)),
    ),
  );

/** What it would be with one kind of fact told: the one that helps is the one that misled. And with background copies. */
const ablation = async (workers: Workers, { random, ours, other }: Pair): Promise<string> => {
  const { tellSlots } = random.scene;
  const told: readonly (readonly [title: string, policy: string, tellSlots: boolean])[] = [
    ['told slots', 'ours', true],
    ...ALL_TOLD.map((fact) => [`told ${fact}`, `ours-told-${fact}`, tellSlots] as const),
    ['told all', 'ours-told', true],
    ['without copies', 'ours-unplaced', tellSlots],
  ];
  const results = await Promise.all(told.map(async ([, policy, tellSlots]) => run(workers, random, policy, tellSlots)));
  const cells: readonly (readonly [title: string, result: CellResult | undefined])[] = [
    [RIVAL, other],
    [ours.cell.policy, ours],
    ...told.map(([title], index) => [title, results[index]] as const),
  ];
  return aligned([
    ['', 'TTFT p50', 'p95', 'mean', 'wait p95', 'E2E mean', 'cached', 'loads', 'good', 'errors'],
    ...cells.flatMap(([title, result]) => {
      if (result === undefined) return [];
      const { ttft, ttftMeanMs, wait, e2eMeanMs, cachedShare, loadsPerThousand, goodput, errors } = result.metrics;
      const times = [ttft.p50, ttft.p95, ttftMeanMs, wait.p95, e2eMeanMs].map(seconds);
      const loads = loadsPerThousand.toFixed(0);
      return [[`  ${title}`, ...times, percent(cachedShare), loads, percent(goodput), percent(errors)]];
    }),
  ]);
};

const showWorst = async (workers: Workers, pairs: readonly Pair[]): Promise<void> => {
  for (const pair of pairs) {
    const [others, table] = await Promise.all([again(workers, pair), ablation(workers, pair)]);
    const repeated = others.map((ratio) => ratio.toFixed(2)).join(', ');
    const geometric = Math.exp(mean(others.map(Math.log)));
    console.log(
      `\n${pair.random.about}\n` +
        `  p95 ratio ${p95Ratio(pair).toFixed(2)}, mean ratio ${meanRatio(pair).toFixed(2)}; ` +
        `p95 with other requests: ${repeated} (geometric mean ${geometric.toFixed(2)})\n${table}`,
    );
  }
};

const plain = (pair: Pair): object => ({
  about: pair.random.about,
  p95Ratio: p95Ratio(pair),
  meanRatio: meanRatio(pair),
  goodGain: goodGain(pair),
  errorGain: errorGain(pair),
});

const readArguments = () => {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      fleets: { type: 'string' },
      requests: { type: 'string' },
      seed: { type: 'string' },
      worst: { type: 'string' },
      only: { type: 'string' },
      policy: { type: 'string', default: DEFAULT_POLICY },
      json: { type: 'string' },
    },
  });
  const only = values.only === undefined ? undefined : Number(values.only);
  if (only !== undefined && !(Number.isInteger(only) && only >= 0)) {
    throw new Error(`--only ${values.only}: give the number of a scene, from 0`);
  }
  return {
    fleets: whole('fleets', values.fleets) ?? DEFAULT_FLEETS,
    requests: whole('requests', values.requests) ?? DEFAULT_REQUESTS,
    seed: whole('seed', values.seed) ?? DEFAULT_SEED,
    shown: whole('worst', values.worst) ?? DEFAULT_SHOWN,
    only,
    policy: values.policy,
    json: values.json,
  };
};

await runProgram(
  USAGE,
  async (workers) => {
    const { fleets, requests, seed, shown, only, policy, json } = readArguments();
    policyOf(policy);
    const numbers = only === undefined ? Array.from({ length: fleets }, (_, index) => index) : [only];
    const pairs = await Promise.all(
      numbers.map(async (index) => pairOf(workers, randomScene(seed, index, requests), policy)),
    );
    console.log(
      `${pairs.length} random scenes of ${requests} requests, seed ${seed}, ${policy}\n\n${distributionTable(pairs)}\n`,
    );
    const told = pairs.filter(({ random }) => random.scene.tellSlots);
    const untold = pairs.filter(({ random }) => !random.scene.tellSlots);
    if (told.length > 0) console.log(countsLine('slots told', told));
    if (untold.length > 0) console.log(countsLine('slots not told', untold));
    if (json !== undefined) writeFileSync(json, JSON.stringify(pairs.map(plain)));
    const worst = pairs.toSorted((a, b) => p95Ratio(b) - p95Ratio(a)).slice(0, shown);
    if (worst.length > 0) console.log(`\nThe ${worst.length} worst by p95`);
    await showWorst(workers, worst);
  },
  PROCESSES,
);
