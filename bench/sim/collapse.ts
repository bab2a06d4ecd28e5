/**
 * Situations in which routers are known to collapse, one after the other: the router beside least connections, with a
 * line that says whether it bore up. `--help` lists the options. The table goes to stdout, progress to stderr.
 */
import { parseArgs } from 'node:util';
import type { CellResult } from './cell.ts';
import { COLLAPSES, type Collapse } from './collapse-scenes.ts';
import { list, whole } from './options.ts';
import { runProgram } from './program.ts';
import { aligned, percent, seconds } from './report.ts';
import { mean } from './statistics.ts';
import type { Workers } from './workers.ts';

/** A fault of ten minutes and the time to recover, at three requests a second. */
const DEFAULT_REQUESTS = 4000;
const DEFAULT_SEEDS = 2;

const USAGE = `npx tsx bench/sim/collapse.ts
  --only a,b     ${COLLAPSES.map(({ name }) => name).join(', ')}
  --seeds N      (default ${DEFAULT_SEEDS})
  --requests N   (default ${DEFAULT_REQUESTS}; fewer end before faults do)`;

const shareText = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '–' : percent(value);

const rowOf = (name: string, results: readonly CellResult[]): readonly string[] => {
  const over = (of: (result: CellResult) => number | undefined): number =>
    mean(results.map((result) => of(result) ?? Number.NaN));
  return [
    name,
    seconds(over(({ metrics }) => metrics.others.p50)),
    seconds(over(({ metrics }) => metrics.others.p95)),
    seconds(over(({ metrics }) => metrics.others.p99)),
    percent(over(({ metrics }) => metrics.goodput)),
    percent(over(({ metrics }) => metrics.errors)),
    over(({ metrics }) => metrics.loadsPerThousand).toFixed(0),
    shareText(over(({ traffic }) => traffic?.before)),
    shareText(over(({ traffic }) => traffic?.during)),
  ];
};

const TITLES = ['', 'TTFT p50', 'p95', 'p99', 'good', 'errors', 'loads', 'bad before', 'bad during'];

const show = async (workers: Workers, collapse: Collapse, seeds: number, requests: number): Promise<boolean> => {
  const { scene, policies } = collapse;
  const runs = await Promise.all(
    policies.map(async (policy) =>
      Promise.all(
        Array.from({ length: seeds }, async (_, index) => workers.run({ ...scene, requests, policy, seed: index + 1 })),
      ),
    ),
  );
  const [ours = [], other = []] = runs;
  const broken = collapse.promises.filter(({ holds }) => !holds(ours, other)).map(({ text }) => text);
  const verdict = broken.length === 0 ? 'pass' : `FAIL: not ${broken.join('; not ')}`;
  const table = aligned([TITLES, ...policies.map((policy, index) => rowOf(policy, runs[index] ?? []))]);
  console.log(
    `\n${collapse.name}: ${collapse.about}\n${table}\n` +
      `${verdict}${broken.length === 0 ? ` (${collapse.promises.map(({ text }) => text).join('; ')})` : ''}`,
  );
  return broken.length === 0;
};

await runProgram(USAGE, async (workers) => {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: { only: { type: 'string' }, seeds: { type: 'string' }, requests: { type: 'string' } },
  });
  const only = list(values.only);
  const unknown = only?.find((name) => !COLLAPSES.some((each) => each.name === name));
  if (unknown !== undefined) {
    throw new Error(`no scenario is called ${unknown}: take some of ${COLLAPSES.map(({ name }) => name).join(', ')}`);
  }
  const seeds = whole('seeds', values.seeds) ?? DEFAULT_SEEDS;
  const requests = whole('requests', values.requests) ?? DEFAULT_REQUESTS;
  const chosen = COLLAPSES.filter(({ name }) => only === undefined || only.includes(name));
  const failed: string[] = [];
  for (const collapse of chosen) if (!(await show(workers, collapse, seeds, requests))) failed.push(collapse.name);
  console.log(
    `\n${chosen.length - failed.length} of ${chosen.length} passed${failed.length > 0 ? `; not ${failed.join(', ')}` : ''}.\n` +
      'Times in s, shares in %; means over the seeds. TTFT is that of everybody but a tenant that floods; bad: attempts\n' +
      'that went to the servers that something is the matter with, before it began and while it lasted.',
  );
  if (failed.length > 0) process.exitCode = 1;
});
