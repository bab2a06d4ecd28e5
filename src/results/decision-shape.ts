import type { Demand } from '../core/demand.ts';
import type { CostTerms } from '../routing/cost.ts';
import type { RequestRecord } from './history.ts';

/**
 * The JSON of explanations, as the admin API gives it and the command line reads it. Durations in ms. `null` stands
 * where something cannot be foreseen (infinitely long), since JSON has no infinity.
 */
export type Foreseen = number | null;

/** One candidate as it was judged. */
export interface CandidateView {
  readonly id: string;
  readonly backend: string;
  readonly model: string;
  /** It was sent there, or waits for that one. */
  readonly chosen: boolean;
  /** It could be sent there at once. */
  readonly ready: boolean;
  /** What the strategy ranked by: ms where it is patient, else a number of its own; lower is better. */
  readonly cost: Foreseen;
  /** 0…1. */
  readonly successRate: number;
  /** What it would cost, by part; the same formula whatever the strategy. */
  readonly terms: { readonly [Term in keyof CostTerms]: Foreseen };
  readonly predicted: Predicted;
  /** ms of work before it, and slots for that. */
  readonly backlogMs: Foreseen;
  readonly slots: Foreseen;
  /** Observed over predicted lately, 1 = as predicted: time to first token, and time per token. */
  readonly slowFirst: Foreseen;
  readonly slowToken: Foreseen;
}

export interface Predicted {
  readonly waitMs: Foreseen;
  readonly loadMs: Foreseen;
  /** Reading the prompt, slowed down by the neighbours. */
  readonly prefillMs: Foreseen;
  /** Writing the answer, likewise. */
  readonly decodeMs: Foreseen;
  /** wait + load + prefill. */
  readonly firstTokenMs: Foreseen;
  /** … + decode. */
  readonly totalMs: Foreseen;
  readonly cachedTokens: Foreseen;
}

/** What came of a request; undefined = not known. */
export interface Observed {
  /** In the proxy's queue, over all attempts. */
  readonly queueMs?: number | undefined;
  /** From the arrival, as is `totalMs`; failed attempts before the last one are in both. */
  readonly firstByteMs?: number | undefined;
  readonly totalMs?: number | undefined;
  /** What the server itself says of the last attempt. */
  readonly loadMs?: number | undefined;
  readonly prefillMs?: number | undefined;
  readonly decodeMs?: number | undefined;
  readonly cachedTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** The last decision of one attempt. */
export interface AttemptView {
  /** From 1. */
  readonly attempt: number;
  /** Wall time of the last decision. */
  readonly time: string;
  /** How often it was decided; more than once = it waited, and only the last decision is kept. */
  readonly decisions: number;
  readonly promptTokens: number;
  /** Tokens that the answer was expected to have. */
  readonly outputTokens: number;
  /** ms that a usual request took in the pool. */
  readonly serviceMs: number;
  /** Price of a ms of work while requests queue, 0…10. */
  readonly pressure: number;
  /** What the first decision foresaw, when the wait was still ahead; null if it had chosen nobody. */
  readonly atFirst: {
    readonly backend: string;
    readonly waitMs: Foreseen;
    readonly firstTokenMs: Foreseen;
    readonly totalMs: Foreseen;
  } | null;
  /** Best first. */
  readonly candidates: readonly CandidateView[];
  /** Candidates beyond those kept. */
  readonly leftOut: number;
}

/** How one request was decided. */
export interface DecisionView {
  readonly id: string;
  /** As asked for. */
  readonly model: string;
  readonly category: string;
  readonly strategy: string;
  /** In their order; the last one is what `observed` is about. */
  readonly attempts: readonly AttemptView[];
  /** Earlier attempts beyond those kept. */
  readonly droppedAttempts: number;
  /** null = not ended yet. */
  readonly observed: Observed | null;
}

/** What `POST /admin/v1/explain` answers. */
export interface ExplainAnswer {
  readonly strategy: string;
  readonly understood: {
    readonly model: string;
    readonly category: string;
    readonly categoryWhy?: string | undefined;
    readonly kind: Demand['kind'];
    readonly promptTokens: number;
    readonly outputTokens: number;
    /** The most tokens that the client wants back. */
    readonly outputLimit?: number | undefined;
    readonly shape: { readonly numCtx?: number | undefined; readonly rest: string };
    /** Whose answers its length was guessed from. */
    readonly app: string;
  };
  /** Best first. */
  readonly candidates: readonly CandidateView[];
  /** Servers that cannot take it now, and why. */
  readonly obstacles: readonly { readonly backend: string; readonly why: string }[];
  /** It would wait in the queue instead of being sent at once. */
  readonly wouldWait: boolean;
}

/**
 * What `GET /admin/v1/decisions/{id}` answers: the record of the request (its members stand at the top, absent while it
 * still runs), and beside it how it was decided.
 */
export interface WhyAnswer extends Partial<RequestRecord> {
  readonly id: string;
  /** Absent for requests that were not ranked by cost, and once it is no longer kept. */
  readonly decided?: DecisionView | undefined;
}
