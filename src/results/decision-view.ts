import type { Outlook } from '../core/outlook.ts';
import type { Demand } from '../core/demand.ts';
import type { Candidate } from '../core/types.ts';
import { terms, type CostTerms } from '../routing/cost.ts';
import type { CandidateView, ExplainAnswer } from './decision-shape.ts';

/** One ranking with what stands behind it, by row of the outlook. */
export interface Considered {
  readonly candidates: readonly Pick<Candidate, 'id' | 'backendId' | 'model'>[];
  readonly outlook: Outlook;
  /** Row of the one it was sent to or waits for; −1 = none. */
  readonly chosen: number;
  /** What the strategy ranked by. */
  cost(row: number): number;
  /** 0…1. */
  successRate(row: number): number;
}

/** Rounded to a tenth of a ms, null for an infinity or NaN: the stored numbers are no finer, and people read them. */
export const rounded = (value: number): number | null => (Number.isFinite(value) ? Math.round(value * 10) / 10 : null);

const ratio = (value: number): number | null => (Number.isFinite(value) ? Math.round(value * 1_000) / 1_000 : null);

/** wait + load + prefill·slowdown, in ms. */
export const firstTokenMs = ({ wait, load, prefill, slowdown }: Outlook, row: number): number =>
  (wait[row] ?? 0) + (load[row] ?? 0) + (prefill[row] ?? 0) * (slowdown[row] ?? 1);

/** … + decode·slowdown, in ms. */
export const totalMs = (outlook: Outlook, row: number): number =>
  firstTokenMs(outlook, row) + (outlook.decode[row] ?? 0) * (outlook.slowdown[row] ?? 1);

const roundedTerms = (parts: CostTerms): CandidateView['terms'] => ({
  wait: rounded(parts.wait),
  load: rounded(parts.load),
  prefill: rounded(parts.prefill),
  decode: rounded(parts.decode),
  slowdown: rounded(parts.slowdown),
  evict: rounded(parts.evict),
  harm: rounded(parts.harm),
  congestion: rounded(parts.congestion),
  risk: rounded(parts.risk),
});

/** The candidates of a ranking for people, best first by the strategy's cost. Allocates; not for the request path. */
export const candidateViews = (considered: Considered): readonly CandidateView[] => {
  const { candidates, outlook, chosen } = considered;
  const order = candidates.map((candidate, row) => ({ candidate, row, cost: orLast(considered.cost(row)) }));
  // Compared, not subtracted: the difference of two infinities is NaN.
  order.sort((a, b) => (a.cost < b.cost ? -1 : a.cost > b.cost ? 1 : a.row - b.row));
  return order.map(({ candidate, row, cost }) => {
    const successRate = considered.successRate(row);
    const slowdown = outlook.slowdown[row] ?? 1;
    return {
      id: candidate.id,
      backend: candidate.backendId,
      model: candidate.model,
      chosen: row === chosen,
      ready: outlook.ready[row] === 1,
      cost: rounded(cost),
      successRate: ratio(successRate) ?? 0,
      terms: roundedTerms(terms(outlook, row, successRate)),
      predicted: {
        waitMs: rounded(outlook.wait[row] ?? 0),
        loadMs: rounded(outlook.load[row] ?? 0),
        prefillMs: rounded((outlook.prefill[row] ?? 0) * slowdown),
        decodeMs: rounded((outlook.decode[row] ?? 0) * slowdown),
        firstTokenMs: rounded(firstTokenMs(outlook, row)),
        totalMs: rounded(totalMs(outlook, row)),
        cachedTokens: rounded(outlook.cached[row] ?? 0),
      },
      backlogMs: rounded(outlook.backlog[row] ?? 0),
      slots: rounded(outlook.slots[row] ?? 0),
      slowFirst: ratio(outlook.slowFirst[row] ?? 1),
      slowToken: ratio(outlook.slowToken[row] ?? 1),
    };
  });
};

/** A NaN ranks as the highest cost, as it does in a ranking. */
export const orLast = (cost: number): number => (Number.isNaN(cost) ? Infinity : cost);

/** One request that was ranked without being sent. */
export interface Explained extends Considered {
  readonly strategy: string;
  readonly model: string;
  readonly category: string;
  readonly categoryWhy?: string | undefined;
  readonly demand: Demand;
  readonly obstacles: readonly { readonly backend: string; readonly why: string }[];
}

/** The answer to `POST /admin/v1/explain`. It waits where nobody is chosen or the chosen one is not ready. */
export const explainAnswer = (explained: Explained): ExplainAnswer => {
  const { strategy, model, category, categoryWhy, demand, obstacles, outlook, chosen } = explained;
  const { kind, outputLimit, shape, app } = demand;
  return {
    strategy,
    understood: {
      model,
      category,
      categoryWhy,
      kind,
      promptTokens: Math.round(outlook.promptTokens),
      outputTokens: Math.round(outlook.outputTokens),
      outputLimit,
      shape,
      app,
    },
    candidates: candidateViews(explained),
    obstacles,
    wouldWait: outlook.ready[chosen] !== 1,
  };
};
