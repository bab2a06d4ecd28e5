/**
 * Whether the proxy grows while everything happens to it for long:
 *
 *   npx tsx bench/soak/run.ts [--help]
 *
 * See docs/chaos.md.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { socketChaos } from '../chaos/sockets.ts';
import { socketTable } from '../chaos/totals.ts';
import { positive, whole } from '../sim/options.ts';
import { lineChart } from '../sim/plot.ts';
import { killAll, residentBytes } from '../wire/processes.ts';
import { ownProcess } from './front.ts';
import { askInside } from './inside.ts';
import { trendOf, verdictOf, type Point, type Trend } from './trend.ts';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;

const USAGE = `npm run build && npm run bench:soak -- [options]
  --minutes M   for how long (default 30)
  --every S     seconds between two samples (default 5)
  --seed N      (default 1)
  --svg FILE    a plot (default soak.svg in the folder for temporary files)
  --json FILE   every sample`;

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
/**
 * What is not counted: code is compiled, tables fill. The heap was seen to climb for the first ten minutes and then to stay,
 * so a run of less than twenty may take filling for growth.
 */
const WARM_SHARE = 1 / 2;
const MOST_WARM_MS = 600_000;
const SERVERS = 6;
/** What is in flight takes memory, too: it must be as much in the end as in the beginning. */
const MOST_OPEN = 30;

interface Kind {
  readonly name: string;
  readonly unit: string;
  /** Growth per hour that may be. */
  readonly most: number;
  readonly why: string;
}

/** In the order of the columns. */
const KINDS: readonly Kind[] = [
  { name: 'heap after collection', unit: 'MiB', most: 2, why: '48 MiB in a day' },
  { name: 'external memory', unit: 'MiB', most: 2, why: '48 MiB in a day' },
  { name: 'resident memory', unit: 'MiB', most: 8, why: 'the allocator keeps pages that nobody holds' },
  { name: 'handles', unit: '', most: 20, why: 'one leaked in three minutes' },
  { name: 'sockets', unit: '', most: 20, why: 'one leaked in three minutes' },
  { name: 'timers', unit: '', most: 20, why: 'one leaked in three minutes' },
  { name: 'file descriptors', unit: '', most: 20, why: 'one leaked in three minutes' },
];

interface Sample {
  readonly ms: number;
  readonly values: readonly number[];
}

const sampleOf = async (child: ChildProcess, ms: number): Promise<Sample> => {
  const { pid } = child;
  if (pid === undefined) throw new Error('the proxy has no process');
  const { heap, external, handles, sockets, timers } = await askInside(child);
  const resident = residentBytes(pid);
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return { ms, values: [heap / MIB, external / MIB, resident / MIB, handles, sockets, timers, descriptors] };
};

const digits = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : 1);

const tell = ({ name, unit, mean, slope, margin, samples }: Trend, { most, why }: Kind, verdict: string): string =>
  `${name.padEnd(22)} ${`${digits(mean)} ${unit}`.padStart(11)}  ${`${slope >= 0 ? '+' : ''}${digits(slope)} ± ${digits(margin)} ${unit}/h`.padStart(26)}  ${verdict} (${samples} samples; up to ${most} ${unit}/h may be: ${why})`.replaceAll(
    / +\/h/g,
    '/h',
  );

const chartOf = (samples: readonly Sample[]): string =>
  lineChart({
    title: 'The proxy while everything happens to it',
    xLabel: 'minutes',
    yLabel: 'share of the largest value',
    logX: false,
    series: KINDS.map(({ name, unit }, column) => {
      const most = Math.max(1e-9, ...samples.map(({ values }) => values[column] ?? 0));
      return {
        name: `${name} (${digits(most)}${unit === '' ? '' : ` ${unit}`})`,
        points: samples.map(({ ms, values }) => [ms / 60_000, (values[column] ?? 0) / most] as const),
      };
    }),
  });

const main = async (folder: string): Promise<boolean> => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      every: { type: 'string' },
      seed: { type: 'string' },
      svg: { type: 'string' },
      json: { type: 'string' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  if (!existsSync(MAIN)) throw new Error('there is no dist/main.js; run npm run build first');
  const durationMs = (positive('minutes', values.minutes) ?? 30) * 60_000;
  const everyMs = (positive('every', values.every) ?? 5) * 1_000;
  const samples: Sample[] = [];
  let child: ChildProcess | undefined;
  let from = 0;
  let sampling = Promise.resolve();
  const timer = setInterval(() => {
    const asked = child;
    if (asked === undefined) return;
    sampling = sampling
      .then(async () => {
        const sample = await sampleOf(asked, performance.now() - from);
        samples.push(sample);
        if (samples.length % 12 === 1) {
          const [heap = 0, , resident = 0, handles = 0] = sample.values;
          console.error(
            `${(sample.ms / 60_000).toFixed(1)} min: heap ${digits(heap)} MiB, resident ${digits(resident)} MiB, ${handles} handles`,
          );
        }
      })
      .catch((error: unknown) => void (child === undefined || console.error(String(error))));
  }, everyMs);
  const result = await socketChaos({
    seed: whole('seed', values.seed) ?? 1,
    durationMs,
    servers: SERVERS,
    calmMs: 2_000,
    gapMs: 20,
    mostOpen: MOST_OPEN,
    front: async (config) => {
      const front = await ownProcess(folder, config, (process) => {
        child = process;
        from = performance.now();
      });
      return {
        ...front,
        stop: async () => {
          clearInterval(timer);
          await sampling;
          child = undefined;
          await front.stop();
        },
      };
    },
    config: 'logging: { level: error }',
    note: () => {},
  }).finally(() => clearInterval(timer));
  const warmMs = Math.min(MOST_WARM_MS, durationMs * WARM_SHARE);
  const counted = samples.filter(({ ms }) => ms >= warmMs && ms <= durationMs);
  console.log(socketTable(result));
  console.log(
    `\nafter ${(warmMs / 60_000).toFixed(1)} minutes of warm-up, per hour, with the 95 % confidence interval:\n`,
  );
  let growing = false;
  for (const [column, kind] of KINDS.entries()) {
    const points = counted.map(({ ms, values }): Point => ({ hours: ms / HOUR_MS, value: values[column] ?? 0 }));
    const trend = trendOf(kind.name, kind.unit, points);
    const verdict = verdictOf(trend, kind.most);
    if (verdict === 'growing') growing = true;
    console.log(tell(trend, kind, verdict));
  }
  for (const wrong of result.wrong) console.log(`\n${wrong}`);
  const svg = values.svg ?? join(tmpdir(), 'soak.svg');
  if (samples.length > 0) writeFileSync(svg, chartOf(samples));
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ kinds: KINDS, samples }));
  console.log(`\n${svg}`);
  return !growing && result.wrong.length === 0;
};

const folder = mkdtempSync(join(tmpdir(), 'bench-soak-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  if (!(await main(folder))) process.exitCode = 1;
} catch (error) {
  console.error(`bench/soak failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  killAll();
}
// Whatever a simulated server or a broken connection still holds in this process is of no interest any more.
process.exit();
