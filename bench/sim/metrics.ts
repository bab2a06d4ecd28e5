import type { SimResult } from './driver.ts';
import { tpotMs, ttftMs, type RequestRecord } from './record.ts';
import { FLOODER } from './workloads.ts';
import { jain, mean, quantile, sortedNumbers } from './statistics.ts';

/** A request is good if its first token comes within this time, and if further tokens come at this pace. */
export const GOOD_TTFT_MS = 5000;
export const GOOD_TPOT_MS = 100;

/** p50, p95, p99 and p99.9 of a time in ms; NaN where nothing was measured. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Metrics {
  readonly requests: number;
  readonly ttft: Spread;
  readonly tpot: Spread;
  readonly e2e: Spread;
  /** From arrival to dispatch. */
  readonly wait: Spread;
  readonly e2eMeanMs: number;
  readonly ttftMeanMs: number;
  /** Shares 0…1 of the requests whose first token was in time; `goodput` asks for the pace too. */
  readonly goodFirst: number;
  readonly goodput: number;
  /** Share that the client saw fail: refused, failed or unfinished. */
  readonly errors: number;
  readonly loadsPerThousand: number;
  /** Share of the prompt tokens of served requests that needed no work. */
  readonly cachedShare: number;
  /** Share of the tokens read and written that no client got to the end: aborted and retried work. */
  readonly wastedShare: number;
  /** Jain's index over the tenants' mean times to first token. */
  readonly fairness: number;
  /** The highest p95 of time to first token that a tenant had, ms. */
  readonly worstTenantMs: number;
  readonly tenants: ReadonlyMap<string, Spread>;
  /** Time to first token of everybody but the tenant that floods. */
  readonly others: Spread;
}

/** Spread of values in ms; what is NaN is left out. */
export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = sortedNumbers(values);
  return {
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
  };
};

/** Left while it could still have been in time: says nothing about the pool. */
const isNeutral = (record: RequestRecord): boolean =>
  record.end === 'left' && Number.isNaN(record.firstTokenAt) && record.endedAt - record.arrivedAt <= GOOD_TTFT_MS;

const isFirstGood = (record: RequestRecord): boolean =>
  (record.end === 'served' || record.end === 'left') && ttftMs(record) <= GOOD_TTFT_MS;

/** An answer of one token, or one whose client left, has no pace to miss. */
const isGood = (record: RequestRecord): boolean => isFirstGood(record) && !(tpotMs(record) > GOOD_TPOT_MS);

const share = (part: number, whole: number): number => (whole === 0 ? Number.NaN : part / whole);

const count = (records: readonly RequestRecord[], is: (record: RequestRecord) => boolean): number =>
  records.reduce((sum, record) => sum + (is(record) ? 1 : 0), 0);

const sum = (records: readonly RequestRecord[], value: (record: RequestRecord) => number): number =>
  records.reduce((total, record) => total + value(record), 0);

/** Tenants with fewer requests than this say nothing about their own tail. */
const LEAST_FOR_TENANT = 20;

const tenantsOf = (records: readonly RequestRecord[]): ReadonlyMap<string, readonly number[]> => {
  const tenants = new Map<string, number[]>();
  for (const record of records) {
    const times = tenants.get(record.tenant) ?? [];
    tenants.set(record.tenant, times);
    if (!Number.isNaN(record.firstTokenAt)) times.push(ttftMs(record));
  }
  return new Map([...tenants].filter(([, times]) => times.length >= LEAST_FOR_TENANT));
};

/** Sums one run up. */
export const metricsOf = ({ records, totals }: SimResult): Metrics => {
  const judged = records.filter((record) => !isNeutral(record));
  const served = records.filter(({ end }) => end === 'served');
  const first = records.map(ttftMs);
  const e2e = served.map((record) => record.endedAt - record.arrivedAt);
  const tenants = tenantsOf(records);
  const spreads = new Map([...tenants].map(([tenant, times]) => [tenant, spreadOf(times)]));
  const promptTokens = sum(served, (record) => record.promptTokens);
  const cachedTokens = sum(served, (record) => record.cachedTokens);
  const delivered = promptTokens - cachedTokens + sum(served, (record) => record.outputTokens);
  return {
    requests: records.length,
    ttft: spreadOf(first),
    tpot: spreadOf(served.map(tpotMs)),
    e2e: spreadOf(e2e),
    wait: spreadOf(records.map((record) => record.sentAt - record.arrivedAt)),
    e2eMeanMs: mean(e2e),
    ttftMeanMs: mean(sortedNumbers(first)),
    goodFirst: share(count(judged, isFirstGood), judged.length),
    goodput: share(count(judged, isGood), judged.length),
    errors: share(
      count(records, ({ end }) => end !== 'served' && end !== 'left'),
      records.length,
    ),
    loadsPerThousand: share(1000 * totals.loads, records.length),
    cachedShare: share(cachedTokens, promptTokens),
    wastedShare: Math.max(0, share(totals.workTokens - delivered, totals.workTokens)),
    fairness: jain([...tenants.values()].map((times) => mean(times))),
    worstTenantMs: Math.max(...[...spreads.values()].map(({ p95 }) => p95)),
    tenants: spreads,
    others: spreadOf(records.filter(({ tenant }) => tenant !== FLOODER).map(ttftMs)),
  };
};
