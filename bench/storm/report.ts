import { rangeOf, type Figures, type Range } from './figures.ts';

/** What came of one contender over all seeds. */
export interface Result {
  readonly name: string;
  readonly wire: Figures;
  /** The simulator on the same scene at the same scale, once for each chance, and in life's own time. */
  readonly predicted: readonly Figures[];
  readonly lifelike: readonly Figures[];
  /** ms of life by which answers ended later than servers and queue account for: half of them, and 95 in a hundred. */
  readonly added: { readonly p50: number; readonly p95: number };
  /** The median on the wire if each request had come without what was added to it, in ms. */
  readonly netP50: number;
  /** Why requests failed, with how often. */
  readonly failures: ReadonlyMap<string, number>;
}

/** How far wire and simulator may be apart at the median. */
const AGREES = 0.1;
/** How much of the median may be the rig's own doing. */
const RIG_SHARE = 0.03;
/** What part of the other's 95th percentile the router's may be. */
const RIVAL_SHARE = 1 / 3;

interface Column {
  readonly title: string;
  readonly of: (figures: Figures) => number;
  readonly show: (value: number) => string;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const percent = (share: number): string => (100 * share).toFixed(1);

const COLUMNS: readonly Column[] = [
  { title: 'p50 s', of: ({ p50 }) => p50, show: seconds },
  { title: 'p95 s', of: ({ p95 }) => p95, show: seconds },
  { title: 'p99 s', of: ({ p99 }) => p99, show: seconds },
  { title: '≤ 5 s %', of: ({ inTime }) => inTime, show: percent },
  { title: 'cached %', of: ({ cachedShare }) => cachedShare, show: percent },
  { title: 'loads/1k', of: ({ loadsPerThousand }) => loadsPerThousand, show: (value) => value.toFixed(0) },
  { title: 'failed %', of: ({ failed }) => failed, show: percent },
];

const aligned = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
};

const ranged = ({ median, low, high }: Range, show: (value: number) => string): string =>
  low === high ? show(median) : `${show(median)} (${show(low)}–${show(high)})`;

const simulated = (title: string, runs: readonly Figures[]): readonly string[] => [
  '',
  title,
  ...COLUMNS.map(({ of, show }) => ranged(rangeOf(runs.map(of)), show)),
];

/** Wire beside simulator, three lines for each contender. */
export const table = (results: readonly Result[]): string =>
  aligned([
    ['', '', ...COLUMNS.map(({ title }) => title)],
    ...results.flatMap(({ name, wire, predicted, lifelike }) => [
      [name, 'wire', ...COLUMNS.map(({ of, show }) => show(of(wire)))],
      simulated('simulator', predicted),
      simulated('… at scale 1', lifelike),
    ]),
  ]);

export interface Judgement {
  readonly name: string;
  /** Median on the wire over the simulator's, and the same without what the rig adds. */
  readonly ratio: number;
  readonly netRatio: number;
  /** Whether the one without is close to 1, and whether it lies within what chance does to the simulator. */
  readonly agrees: boolean;
  readonly withinChance: boolean;
  /** Part of the median and of the 95th percentile that is the rig's own doing. */
  readonly rigShare: number;
  readonly rigShareOfTail: number;
}

export const judge = ({ name, wire, predicted, added, netP50 }: Result): Judgement => {
  const { median, low, high } = rangeOf(predicted.map(({ p50 }) => p50));
  const netRatio = netP50 / median;
  return {
    name,
    ratio: wire.p50 / median,
    netRatio,
    agrees: Math.abs(netRatio - 1) <= AGREES,
    withinChance: netP50 >= low && netP50 <= high,
    rigShare: added.p50 / wire.p50,
    rigShareOfTail: added.p50 / wire.p95,
  };
};

const verdict = (result: Result): string => {
  const { ratio, netRatio, agrees, withinChance, rigShare, rigShareOfTail } = judge(result);
  const { p50, p95 } = result.added;
  const close = agrees ? 'agrees within 10 %' : 'does NOT agree within 10 %';
  const chance = withinChance ? "within the simulator's range" : "outside of the simulator's range";
  const sound = rigShare < RIG_SHARE ? 'below 3 %' : 'ABOVE 3 %: a smaller --scale or a quieter machine adds less';
  return [
    `${result.name}: median ${ratio.toFixed(2)} × the simulator's, ${netRatio.toFixed(2)} × without what the rig adds: ${close}, ${chance}`,
    `  the rig adds ${p50.toFixed(1)} ms of life (95 %: ${p95.toFixed(1)} ms): ${percent(rigShare)} % of the median, ${percent(rigShareOfTail)} % of p95; ${sound}`,
  ].join('\n');
};

/** A line for each contender: does the simulator tell the truth, and can this run tell? */
export const verdicts = (results: readonly Result[]): string =>
  results
    .flatMap((result) => [verdict(result), ...Array.from(result.failures, ([why, count]) => `  ${count} × ${why}`)])
    .join('\n');

/** The router's tail beside that of the best that nginx has, where both were run. */
export const rivalry = (results: readonly Result[]): string => {
  const rival = results.find(({ name }) => name === 'nginx-least-conn');
  if (rival === undefined) return '';
  return results
    .filter(({ name }) => name.startsWith('hybrid'))
    .map(({ name, wire }) => {
      const share = wire.p95 / rival.wire.p95;
      const target = share <= RIVAL_SHARE ? 'at most a third' : 'more than a third';
      return `${name}: p95 is ${share.toFixed(2)} × that of nginx least_conn, ${target}`;
    })
    .join('\n');
};
