import type { PriorityClass, RequestFacts } from '../core/types.ts';

/** A request at the door: what decides about its turn, and nothing about where it will go. */
export interface Entrant {
  /** Names it in what operators read. */
  readonly id?: string | undefined;
  /** Requests of one lane want the same places: the model, in the spelling of `modelKey`. */
  readonly lane: string;
  readonly priority: PriorityClass;
  /** Whose service it counts as; '' where tenants are not told apart. */
  readonly tenant: string;
  /** > 0: a tenant of weight 2 is served twice as much as one of weight 1 while both wait. */
  readonly tenantWeight: number;
  /** ms on the Clock; Infinity where the client gave none. */
  readonly deadline: number;
  /** Bytes of memory that it holds while it waits. */
  readonly bytes: number;
  /** ms that it will take once it has started, as foreseen; 0 = not known. */
  readonly estimateMs: number;
  /** Tokens of its prompt that will have to be read, as foreseen. */
  readonly promptTokens: number;
  /** It comes back from a backend that failed: it has waited its turn already, and backends are barred to it. */
  readonly returning: boolean;
}

/** There is no place for this request anywhere now. */
export const FULL = { kind: 'full' } as const;
/** There are places, but the request is better off waiting for one that is busy. */
export interface Leaning {
  readonly kind: 'leaning';
  /** Whose place it waits for: it is asked again as soon as there is room; undefined = nobody's in particular. */
  readonly on?: string;
  /** Counts it there once more, after a walk in which it was not asked again. */
  readonly keep?: () => void;
}
/** Leaning on nobody in particular. */
export const LEANING: Leaning = { kind: 'leaning' };

/** What came of asking for a place. */
export type Start<T> = { readonly kind: 'started'; readonly value: T } | typeof FULL | Leaning;

/** The entrant for a request about which no more is known than its facts. */
export const entrantOf = (facts: RequestFacts, returning: boolean): Entrant => ({
  id: facts.id,
  lane: facts.model,
  priority: facts.priority,
  tenant: '',
  tenantWeight: 1,
  deadline: facts.deadline,
  bytes: 0,
  estimateMs: 0,
  promptTokens: 0,
  returning,
});

/** The answer of a `start` that either has a place or finds all of them taken. */
export const startedOrFull = <T>(value: T | undefined): Start<T> =>
  value === undefined ? FULL : { kind: 'started', value };
