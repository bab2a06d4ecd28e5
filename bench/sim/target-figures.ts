import type { CellResult, Scene } from './cell.ts';
import type { Metrics } from './metrics.ts';
import { CAPACITY_GOODPUT } from './capacity.ts';
import { percent, seconds } from './report.ts';

/** A scene under a policy, run once per seed. */
export interface Wanted {
  readonly scene: Partial<Scene>;
  readonly policy: string;
  /** Something happens at a time, so that a short run would end before it. */
  readonly timed?: boolean;
}

/** One figure that was promised, beside its target. */
export interface Figure {
  readonly title: string;
  /** Runs of one seed in the order of `runs` → the figure. */
  readonly of: (results: readonly CellResult[]) => number;
  readonly runs: readonly Wanted[];
  readonly target: { readonly atMost: number } | { readonly atLeast: number };
  readonly show: (value: number) => string;
}

/** Rates around the capacity that is aimed at, requests per second. */
const CAPACITY_RATES = [3.5, 4, 4.3, 4.6, 5, 5.5];

const base: Wanted = { scene: {}, policy: 'ours' };
const at = (scene: Partial<Scene>, policy = 'ours'): Wanted => ({ scene, policy });
const timed = (scene: Partial<Scene>, policy = 'ours'): Wanted => ({ scene, policy, timed: true });
const under = (policy: string): Wanted => ({ scene: {}, policy });
const oneModel = (rate: number, policy = 'ours'): Wanted => at({ variants: ['one'], rate }, policy);
const flood = timed({ variants: ['flood'] });
const slow = timed({ faults: 'slow' });

const times = (value: number): string => `${value.toFixed(2)}×`;
const count = (value: number): string => value.toFixed(0);
const perSecond = (value: number): string => value.toFixed(2);

const single = (
  title: string,
  run: Wanted,
  of: (metrics: Metrics) => number,
  target: Figure['target'],
  show: Figure['show'],
): Figure => ({
  title,
  runs: [run],
  of: ([result]) => (result === undefined ? Number.NaN : of(result.metrics)),
  target,
  show,
});

/** The first run's value over the second's. */
const ratio = (
  title: string,
  runs: readonly [above: Wanted, below: Wanted],
  of: (metrics: Metrics) => number,
  target: Figure['target'],
): Figure => ({
  title,
  runs,
  of: ([above, below]) =>
    above === undefined || below === undefined ? Number.NaN : of(above.metrics) / of(below.metrics),
  target,
  show: times,
});

const p95 = ({ ttft }: Metrics): number => ttft.p95;
const p99 = ({ ttft }: Metrics): number => ttft.p99;
const inTime = ({ goodFirst }: Metrics): number => goodFirst;
const errors = ({ errors: share }: Metrics): number => share;

/**
 * The rate at which the share of good requests falls below nine in ten, in proportion between two rates of the grid. 0
 * where the lowest one is too high, and the highest where all are borne.
 */
export const crossing = (rates: readonly number[], shares: readonly number[]): number => {
  for (let index = 0; index < rates.length; index += 1) {
    const share = shares[index] ?? 0;
    if (share >= CAPACITY_GOODPUT) continue;
    const rate = rates[index] ?? 0;
    const before = rates[index - 1];
    const shareBefore = shares[index - 1];
    if (before === undefined || shareBefore === undefined) return 0;
    return before + ((rate - before) * (shareBefore - CAPACITY_GOODPUT)) / (shareBefore - share);
  }
  return rates.at(-1) ?? 0;
};

/**
 * The figures that the project promised itself for the science preset on twenty servers: 3 requests a second unless
 * said otherwise, good = first token within 5 s.
 */
export const FIGURES: readonly Figure[] = [
  single('TTFT p95, s', base, p95, { atMost: 4500 }, seconds),
  single('TTFT p99, s', base, p99, { atMost: 11_000 }, seconds),
  ratio('p95: least connections over ours', [under('least-connections'), base], p95, { atLeast: 13 }),
  ratio('p99: least connections over ours', [under('least-connections'), base], p99, { atLeast: 8 }),
  ratio('p95: round robin over ours', [under('round-robin'), base], p95, { atLeast: 80 }),
  single('good at 3/s, %', base, inTime, { atLeast: 0.96 }, percent),
  single('good at 4/s, %', at({ rate: 4 }), inTime, { atLeast: 0.93 }, percent),
  {
    title: 'requests/s with 90 % good',
    runs: CAPACITY_RATES.map((rate) => at({ rate })),
    of: (results) =>
      crossing(
        CAPACITY_RATES,
        results.map(({ metrics }) => metrics.goodFirst),
      ),
    target: { atLeast: 4.3 },
    show: perSecond,
  },
  single('loads per 1,000', base, ({ loadsPerThousand }) => loadsPerThousand, { atMost: 8 }, count),
  single('cached prompt tokens, %', base, ({ cachedShare }) => cachedShare, { atLeast: 0.64 }, percent),
  ratio('cached: ours over told prefixes', [base, under('ours-told-prefixes')], (metrics) => metrics.cachedShare, {
    atLeast: 0.9,
  }),
  single('one model, 5/s: TTFT p95, s', oneModel(5), p95, { atMost: 5000 }, seconds),
  single('one model, 5/s: TTFT p99, s', oneModel(5), p99, { atMost: 7500 }, seconds),
  ratio('one model, 6/s: E2E mean over llm-d', [oneModel(6), oneModel(6, 'llm-d')], ({ e2eMeanMs }) => e2eMeanMs, {
    atMost: 1,
  }),
  ratio('one model, 6/s: TTFT p99 over llm-d', [oneModel(6), oneModel(6, 'llm-d')], p99, { atMost: 0.5 }),
  ratio('p95 over ours told everything', [base, under('ours-told')], p95, { atMost: 1.15 }),
  ratio('p99 over ours told everything', [base, under('ours-told')], p99, { atMost: 1.3 }),
  single(
    'black hole, one attempt: errors, %',
    timed({ faults: 'black-hole' }, 'ours-once'),
    errors,
    { atMost: 0.009 },
    percent,
  ),
  single('black hole: errors, %', timed({ faults: 'black-hole' }), errors, { atMost: 0 }, percent),
  single('three servers 6× slow: TTFT p95, s', slow, p95, { atMost: 4500 }, seconds),
  {
    title: 'their share after 3 answers, less by %',
    runs: [slow],
    of: ([result]) => 1 - (result?.traffic?.afterThree ?? Number.NaN) / (result?.traffic?.before ?? Number.NaN),
    target: { atLeast: 0.8 },
    show: percent,
  },
  single('flood: others’ TTFT p50, s', flood, ({ others }) => others.p50, { atMost: 1500 }, seconds),
  single('flood: others’ TTFT p95, s', flood, ({ others }) => others.p95, { atMost: 18_000 }, seconds),
];

export const isMet = (target: Figure['target'], value: number): boolean =>
  'atMost' in target ? value <= target.atMost : value >= target.atLeast;
