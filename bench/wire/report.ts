import type { Sample } from './cases.ts';
import { VARIANTS, type TargetName } from './targets.ts';

export interface Measure {
  readonly key: string;
  readonly title: string;
  /** With which others a target is compared: as a ratio, or by what it adds. */
  readonly ratioTo: readonly TargetName[];
  readonly addedTo?: TargetName;
  readonly digits: number;
}

const RIVALS: readonly TargetName[] = ['relay', 'nginx', 'haproxy'];

export const MEASURES: readonly Measure[] = [
  { key: 'short.cpu', title: 'short requests, 32 clients: CPU µs per request', ratioTo: RIVALS, digits: 0 },
  {
    key: 'short.rate',
    title: 'short requests, 32 clients: requests per second',
    ratioTo: ['direct', ...RIVALS],
    digits: 0,
  },
  { key: 'streams.cpu', title: '200 streams, a line each 20 ms: CPU µs per line', ratioTo: RIVALS, digits: 1 },
  {
    key: 'streams.gap',
    title: '200 streams: 99th percentile of the time between two pieces, in µs',
    ratioTo: [],
    addedTo: 'direct',
    digits: 0,
  },
  { key: 'streams.loop', title: '200 streams: 99th percentile of event-loop delay, in µs', ratioTo: [], digits: 0 },
  { key: 'first.p50', title: 'first byte, 4 clients: median in µs', ratioTo: ['direct'], addedTo: 'direct', digits: 0 },
  {
    key: 'first.p99',
    title: 'first byte, 4 clients: 99th percentile in µs',
    ratioTo: ['direct'],
    addedTo: 'direct',
    digits: 0,
  },
  { key: 'large.cpu', title: '200 KiB prompts, 8 clients: CPU µs per request', ratioTo: RIVALS, digits: 0 },
  { key: 'history.cpu', title: '64 KiB of history, 8 clients: CPU µs per request', ratioTo: RIVALS, digits: 0 },
  { key: 'embed.cpu', title: '8 KiB of texts to embed, 32 clients: CPU µs per request', ratioTo: RIVALS, digits: 0 },
  { key: 'images.cpu', title: '20 MiB with pictures, 2 clients: CPU µs per request', ratioTo: RIVALS, digits: 0 },
  { key: 'file.cpu', title: 'a file passed through unread: CPU µs per MiB', ratioTo: RIVALS, digits: 0 },
  { key: 'memory.open', title: '2,000 open streams: resident MiB of the process', ratioTo: RIVALS, digits: 0 },
  { key: 'memory.stream', title: '2,000 open streams: resident KiB that each added', ratioTo: RIVALS, digits: 1 },
];

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const spread = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  const lower = sorted.length % 2 === 1 ? upper : (sorted[middle - 1] ?? NaN);
  return { median: (lower + upper) / 2, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
};

export interface Row extends Spread {
  readonly measure: string;
  readonly target: TargetName;
  /** Median over the rounds of this target's value divided by the other's in the same round. */
  readonly ratios: Readonly<Partial<Record<TargetName, Spread>>>;
  readonly added: Spread | undefined;
}

/** Medians with extremes; whatever compares two targets compares them within a round. */
export const summarise = (samples: readonly Sample[], targets: readonly TargetName[]): readonly Row[] =>
  MEASURES.flatMap((measure) =>
    targets.flatMap((target) => {
      const own = valuesOf(samples, measure.key, target);
      if (own.size === 0) return [];
      const against = (other: TargetName, combine: (mine: number, theirs: number) => number): Spread | undefined => {
        const others = valuesOf(samples, measure.key, other);
        if (other === target || others.size === 0) return undefined;
        return spread([...own].map(([round, mine]) => combine(mine, others.get(round) ?? NaN)));
      };
      const ratios: Partial<Record<TargetName, Spread>> = {};
      for (const other of measure.ratioTo) {
        const ratio = against(other, (mine, theirs) => mine / theirs);
        if (ratio !== undefined) ratios[other] = ratio;
      }
      const added = measure.addedTo && against(measure.addedTo, (mine, theirs) => mine - theirs);
      return [{ measure: measure.key, target, ...spread([...own.values()]), ratios, added }];
    }),
  );

const valuesOf = (samples: readonly Sample[], key: string, target: TargetName): ReadonlyMap<number, number> =>
  new Map(
    samples
      .filter((sample) => sample.measure === key && sample.target === target && !Number.isNaN(sample.value))
      .map(({ round, value }) => [round, value]),
  );

/** What each thing that can be switched off costs a short request: the proxy as it ships, minus the proxy without it. */
export const featureTable = (samples: readonly Sample[]): string => {
  const full = valuesOf(samples, 'feature.short.cpu', 'proxy');
  if (full.size === 0) return '';
  const lines = Object.entries(VARIANTS).map(([name, { title }]) => {
    const without = valuesOf(samples, 'feature.short.cpu', name as TargetName);
    const costs = spread([...full].map(([round, cpu]) => cpu - (without.get(round) ?? NaN)));
    return `  ${title.padEnd(18)}${costs.median.toFixed(0).padStart(6)}  ${costs.min.toFixed(0)}–${costs.max.toFixed(0)}`;
  });
  return ['\nshort requests: CPU µs per request that each of these costs', ...lines].join('\n');
};

/** The table that a person reads. */
export const table = (rows: readonly Row[]): string =>
  MEASURES.flatMap(({ key, title, digits, addedTo }) => {
    const own = rows.filter(({ measure }) => measure === key);
    if (own.length === 0) return [];
    const number = (value: number): string => value.toFixed(digits);
    const lines = own.map(({ target, median, min, max, ratios, added }) => {
      const range = `${number(min)}–${number(max)}`;
      const compared = Object.entries(ratios).map(([other, ratio]) => `${ratio.median.toFixed(2)} × ${other}`);
      if (added !== undefined) {
        compared.unshift(`+${number(added.median)} (${number(added.min)}–${number(added.max)}) to ${addedTo}`);
      }
      return `  ${target.padEnd(8)}${number(median).padStart(9)}  ${range.padEnd(17)} ${compared.join('   ')}`.trimEnd();
    });
    return [`\n${title}`, ...lines];
  }).join('\n');
