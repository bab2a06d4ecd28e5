import { DECODE_WEIGHT, type Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';

/** The coefficients of the cost, in one place. */
export const COST = {
  decodeWeight: DECODE_WEIGHT,
  /** Usual requests that a failure costs: the time it took itself, and the place that its next try takes from another. */
  failureServices: 2,
  /** Lowest chance of success that is told apart: below one in a hundred nobody would send a request by choice. */
  leastRate: 0.01,
  /** Costs within this fraction count as equal and fall by chance, or all proxies would rush to the same candidate. */
  spread: 0.02,
  /** ms below which costs are not told apart: a cost of 0 could not be spread. */
  leastMs: 1e-3,
} as const;

/** The parts of one cost in ms; they add up to it in this order, bit for bit. */
export interface CostTerms {
  /** Until it may start. */
  readonly wait: number;
  /** Bringing the model into memory. */
  readonly load: number;
  /** Reading what is not remembered of the prompt, alone on the server. */
  readonly prefill: number;
  /** Writing the answer, alone on the server, times the weight of writing. */
  readonly decode: number;
  /** What reading and writing take longer beside others. */
  readonly slowdown: number;
  /** Loads that others will need because this one pushes their models out. */
  readonly evict: number;
  /** Delay of those who run beside it. */
  readonly harm: number;
  /** Price of the work while requests queue. */
  readonly congestion: number;
  /** What is to be expected of failures: everything above once more, and two usual requests, for each failed try. */
  readonly risk: number;
}

/**
 * The cost of candidate `index` part by part, for explanations.
 *
 * @param p its chance of success, 0…1
 */
export const terms = (
  outlook: Outlook,
  index: number,
  p: number,
  decodeWeight: number = COST.decodeWeight,
): CostTerms => {
  const wait = outlook.wait[index] ?? 0;
  const load = outlook.load[index] ?? 0;
  const prefill = outlook.prefill[index] ?? 0;
  const decode = decodeWeight * (outlook.decode[index] ?? 0);
  const slowdown = ((outlook.slowdown[index] ?? 1) - 1) * (prefill + decode);
  const evict = outlook.evict[index] ?? 0;
  const harm = outlook.harm[index] ?? 0;
  const congestion = outlook.pressure * (outlook.freshWork[index] ?? 0);
  const work = wait + load + prefill + decode + slowdown + evict + harm + congestion;
  return { wait, load, prefill, decode, slowdown, evict, harm, congestion, risk: riskOf(work, p, outlook.serviceMs) };
};

/**
 * The cost of candidate `index` in ms (routing-science, the cost that the smart strategies share):
 *
 *   C = (W + load + (prefill + w·decode)·k + E + H + µ·fresh)/p + (1 − p)/p·2·service
 *
 * with W the wait, k the slowdown, E evictions, H harm to others, µ the pressure and w the weight of writing. Loading is
 * not slowed down by neighbours: it is bound by the disk. Allocates nothing; finite whenever the outlook is.
 *
 * @param p its chance of success, 0…1; counted as at least `COST.leastRate`
 */
export const costOf = (outlook: Outlook, index: number, p: number, decodeWeight: number): number => {
  const prefill = outlook.prefill[index] ?? 0;
  const decode = decodeWeight * (outlook.decode[index] ?? 0);
  const work =
    (outlook.wait[index] ?? 0) +
    (outlook.load[index] ?? 0) +
    prefill +
    decode +
    ((outlook.slowdown[index] ?? 1) - 1) * (prefill + decode) +
    (outlook.evict[index] ?? 0) +
    (outlook.harm[index] ?? 0) +
    outlook.pressure * (outlook.freshWork[index] ?? 0);
  return work + riskOf(work, p, outlook.serviceMs);
};

/** work/p + (1 − p)/p·2·service − work: a try succeeds with p, so 1/p − 1 tries fail before. */
const riskOf = (work: number, p: number, serviceMs: number): number => {
  const rate = Math.max(COST.leastRate, p);
  return ((1 - rate) / rate) * (work + COST.failureServices * serviceMs);
};

/** A cost with its share of chance: between `cost` and 2 % above, and never 0. Draws one number. */
export const spread = (cost: number, rng: Rng): number => Math.max(COST.leastMs, cost) * (1 + COST.spread * rng.next());
