import { GOOD_TTFT_MS } from '../sim/metrics.ts';
import { quantile, sortedNumbers } from '../sim/statistics.ts';

/** What was seen of the counted requests of one run or several, in life's own time. */
export interface Sample {
  readonly requests: number;
  /** ms from arrival to first token of those that were answered well. */
  readonly firstMs: readonly number[];
  readonly loads: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

export interface Figures {
  readonly requests: number;
  /** ms to the first token. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Shares 0…1 of the requests: first token in time, and no good answer at all. */
  readonly inTime: number;
  readonly failed: number;
  readonly loadsPerThousand: number;
  /** Share of the prompt tokens that the servers remembered. */
  readonly cachedShare: number;
}

/** All runs as one. */
export const pooled = (samples: readonly Sample[]): Sample => {
  const sum = (value: (sample: Sample) => number): number => samples.reduce((total, each) => total + value(each), 0);
  return {
    requests: sum(({ requests }) => requests),
    firstMs: samples.flatMap(({ firstMs }) => firstMs),
    loads: sum(({ loads }) => loads),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
  };
};

export const figuresOf = (sample: Sample): Figures => {
  const { requests } = sample;
  const sorted = sortedNumbers(sample.firstMs);
  return {
    requests,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    inTime: sorted.filter((ms) => ms <= GOOD_TTFT_MS).length / requests,
    failed: 1 - sorted.length / requests,
    loadsPerThousand: (1000 * sample.loads) / requests,
    cachedShare: sample.cachedTokens / sample.promptTokens,
  };
};

/** A figure over runs that differ by chance alone. */
export interface Range {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export const rangeOf = (values: readonly number[]): Range => {
  const sorted = sortedNumbers(values);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0), high: quantile(sorted, 1) };
};
