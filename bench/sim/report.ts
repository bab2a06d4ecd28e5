import type { Bounds } from './bounds.ts';
import type { Metrics, Spread } from './metrics.ts';
import { bootstrap, type Interval } from './statistics.ts';

/** One policy over all seeds. */
export interface PolicyRuns {
  readonly policy: string;
  readonly metrics: readonly Metrics[];
}

interface Column {
  readonly title: string;
  readonly of: (metrics: Metrics) => number;
  readonly show: (value: number) => string;
}

/** ms as seconds with three digits. */
export const seconds = (ms: number): string => {
  const value = ms / 1000;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};
/** A share 0…1 in per cent. */
export const percent = (share: number): string => (100 * share).toFixed(1);
const whole = (value: number): string => value.toFixed(0);

const MAIN: readonly Column[] = [
  { title: 'TTFT p50', of: ({ ttft }) => ttft.p50, show: seconds },
  { title: 'p95', of: ({ ttft }) => ttft.p95, show: seconds },
  { title: 'p99', of: ({ ttft }) => ttft.p99, show: seconds },
  { title: 'p99.9', of: ({ ttft }) => ttft.p999, show: seconds },
  { title: 'wait p95', of: ({ wait }) => wait.p95, show: seconds },
  { title: 'E2E mean', of: ({ e2eMeanMs }) => e2eMeanMs, show: seconds },
  { title: 'p95', of: ({ e2e }) => e2e.p95, show: seconds },
  { title: 'TPOT p95', of: ({ tpot }) => tpot.p95, show: whole },
  { title: 'cached', of: ({ cachedShare }) => cachedShare, show: percent },
  { title: 'loads', of: ({ loadsPerThousand }) => loadsPerThousand, show: whole },
  { title: 'good', of: ({ goodput }) => goodput, show: percent },
  { title: 'first', of: ({ goodFirst }) => goodFirst, show: percent },
  { title: 'errors', of: ({ errors }) => errors, show: (share) => (100 * share).toFixed(2) },
  { title: 'wasted', of: ({ wastedShare }) => wastedShare, show: percent },
  { title: 'Jain', of: ({ fairness }) => fairness, show: (value) => value.toFixed(2) },
  { title: 'tenant', of: ({ worstTenantMs }) => worstTenantMs, show: seconds },
];

/** Figures shown with their interval, when there is more than one seed. */
const WITH_INTERVAL: readonly Column[] = [
  { title: 'TTFT p50, s', of: ({ ttft }) => ttft.p50, show: seconds },
  { title: 'TTFT p95, s', of: ({ ttft }) => ttft.p95, show: seconds },
  { title: 'TTFT p99, s', of: ({ ttft }) => ttft.p99, show: seconds },
  { title: 'good, %', of: ({ goodput }) => goodput, show: percent },
];

/** Text in columns: the first one to the left, the others to the right. */
export const aligned = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

const over = (runs: PolicyRuns, column: Column): Interval => bootstrap(runs.metrics.map(column.of));

export const LEGEND = [
  'Times in s, TPOT in ms, shares in %; means over the seeds. good: first token within 5 s and 100 ms per further one;',
  'first: the first token alone; loads per 1,000 requests; wasted: tokens read or written for nobody, which includes the',
  'work of the warm-up that ended after it; tenant: the highest p95 of time to first token among the tenants.',
].join('\n');

/** The table that a person reads: a line per policy. */
export const mainTable = (policies: readonly PolicyRuns[]): string =>
  aligned([
    ['policy', ...MAIN.map(({ title }) => title)],
    ...policies.map((runs) => [runs.policy, ...MAIN.map((column) => column.show(over(runs, column).mean))]),
  ]);

/** The main figures with 95 % bootstrap intervals over the seeds. */
export const intervalTable = (policies: readonly PolicyRuns[]): string =>
  aligned([
    ['policy', ...WITH_INTERVAL.map(({ title }) => title)],
    ...policies.map((runs) => [
      runs.policy,
      ...WITH_INTERVAL.map((column) => {
        const { mean, low, high } = over(runs, column);
        return `${column.show(mean)} (${column.show(low)}–${column.show(high)})`;
      }),
    ]),
  ]);

const spreadText = ({ p50, p95, p99 }: Spread): string => `${seconds(p50)} / ${seconds(p95)} / ${seconds(p99)}`;

/** What nobody can beat, in one line. */
export const boundsLine = ({ ttftFloor, idealCachedShare, fluidPerSecond }: Bounds): string =>
  `bounds: TTFT p50/p95/p99 ${spreadText(ttftFloor)} s on the fastest idle server; ` +
  `${percent(idealCachedShare)} % cached by a perfect memory; ${fluidPerSecond.toFixed(1)} requests/s one at a time`;

/** A line per policy with the rate that it bears. */
export const capacityTable = (rows: readonly (readonly [policy: string, perSecond: number])[]): string =>
  aligned([
    ['policy', 'requests/s with 90 % good'],
    ...rows.map(([policy, perSecond]) => [policy, perSecond.toFixed(2)]),
  ]);
