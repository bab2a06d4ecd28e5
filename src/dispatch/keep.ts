import type { Runner } from '../backends/backend.ts';
import type { Outlook } from '../core/outlook.ts';
import { COST, costOf } from '../routing/cost.ts';
import { hopefulRateOf, successRate } from '../routing/estimate.ts';
import type { Considered, Decisions } from '../results/decisions.ts';
import type { Decision } from './reserve.ts';

/** A ranking to be judged: its rows, and when it was made. */
export interface Ranked {
  readonly runners: readonly Runner[];
  readonly outlook: Outlook;
  readonly chosen: number;
  readonly at: number;
}

/** How the rows of a decision were judged: costs and chances of success, worked out when asked for. */
export const considered = ({ runners, outlook, chosen, at }: Ranked): Considered => {
  const hopeful = hopefulRateOf(runners, at, []);
  const rate = (row: number): number => successRate(runners[row]?.stats, hopeful, at);
  return {
    candidates: runners,
    outlook,
    chosen,
    cost: (row) => costOf(outlook, row, rate(row), COST.decodeWeight),
    successRate: rate,
  };
};

/** Keeps decisions for `explain`, `why` and the admin API. @param wallMs ms since 1970 */
export const keeper =
  (decisions: Decisions, wallMs: () => number): ((decision: Decision) => void) =>
  (decision) => {
    const { wish, runners, outlook, chosen, at } = decision;
    if (outlook === undefined) return;
    const judged = considered({ runners, outlook, chosen, at });
    decisions.record({
      id: wish.id,
      time: wallMs(),
      model: wish.model,
      strategy: wish.strategy.name,
      category: wish.facts.category,
      attempt: wish.attempt,
      candidates: runners,
      outlook,
      chosen,
      cost: (row) => judged.cost(row),
      successRate: (row) => judged.successRate(row),
    });
  };
