import type { ErrorCode } from './errors.ts';
import type { Outlook } from './outlook.ts';
import type { Rng } from './rng.ts';

// ---- What is asked -------------------------------------------------------------------------------------------------

/** The built-in task categories, in the order in which tables and docs list them. */
export const TASK_CATEGORIES = [
  'coding',
  'refactoring',
  'testing',
  'documentation',
  'debugging',
  'code-review',
  'unknown',
] as const;
export type TaskCategory = (typeof TASK_CATEGORIES)[number];

/** The wire format of a request: decides how errors look and how a stream ends. */
export type Dialect = 'native' | 'openai' | 'anthropic';

/** What a route does, as metrics and logs name it. */
export type Endpoint = 'chat' | 'generate' | 'embed' | 'other';

export type PriorityClass = 'interactive' | 'normal' | 'batch';
export const PRIORITY_CLASSES: readonly PriorityClass[] = ['interactive', 'normal', 'batch'];

/** The part of a request that strategies read. Built once at the border and never changed. */
export interface TaskFacts {
  /** The category that the chain of categorizers gave; custom detectors may add names of their own. */
  readonly category: string;
  /** The model asked for, in the spelling of `modelKey`; the library, which routes over models, leaves it empty. */
  readonly model: string;
  /** Session, conversation or user, already chosen from headers and body. */
  readonly affinityKey: string | undefined;
}

export interface RequestFacts extends TaskFacts {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly stream: boolean;
  readonly priority: PriorityClass;
  /** On the Clock, in ms; Infinity where the client gave none. */
  readonly deadline: number;
}

// ---- What can answer -----------------------------------------------------------------------------------------------

/**
 * What recorded results taught about one candidate, or about one candidate in one category. Owned by `results`.
 * The numbers are as of `updatedAt`: a reader lets them fade from there to its own `at` (routing/estimate.ts).
 */
export interface OutcomeStats {
  /** Recorded successes and failures, decayed by age, so counts are not whole numbers. */
  readonly successes: number;
  readonly failures: number;
  /** Decayed mean latency of successes in ms; undefined = not measured yet. */
  readonly latencyMs: number | undefined;
  /** How many samples stand behind `latencyMs`, decayed like the counts. */
  readonly latencySamples: number;
  /** On the Clock, in ms: when the counts were last brought up to date. */
  readonly updatedAt: number;
}

export interface CandidateStats extends OutcomeStats {
  category(name: string): OutcomeStats | undefined;
}

/** One choice that a strategy may make: in the proxy a model on a backend, in the library a registered model. */
export interface Candidate {
  /** Unique among all candidates and stable over reloads: strategies remember by it. */
  readonly id: string;
  readonly backendId: string;
  readonly model: string;
  /** Relative capacity, > 0. */
  readonly weight: number;
  /** Requests taken and not yet ended on the whole backend. */
  readonly inflight: number;
  /** Known to be in memory; undefined = cannot tell. */
  readonly resident: boolean | undefined;
  readonly stats: CandidateStats;
}

/** Everything that a strategy needs besides the request and the candidates: time and chance are arguments. */
export interface RankContext {
  /** On the Clock, in ms. */
  readonly at: number;
  readonly rng: Rng;
  /**
   * What is foreseen for this request on each candidate, in the order of the candidates. Absent in the library, which
   * routes over models it knows nothing else about, and for requests that run no model.
   */
  readonly outlook?: Outlook | undefined;
}

export interface Choice {
  readonly candidate: Candidate;
  /** Lower is better; comparable only within one ranking. */
  readonly cost: number;
  /** One short phrase in words, for logs, headers and `explain`. */
  readonly why: string;
}

/** All candidates, best first. Finding the best is O(n); the rest is ordered once somebody asks for it. */
export interface Ranking {
  readonly size: number;
  /** The `index`-th best (0 = best), undefined past the end. */
  at(index: number): Choice | undefined;
  all(): readonly Choice[];
}

/**
 * A way to choose. `rank` only looks: it may be called several times for one request while the request waits.
 * A strategy may keep bounded private memory (a cursor, a map); what results teach lives in `CandidateStats`, so that
 * switching strategies loses nothing.
 */
export interface Strategy {
  readonly name: string;
  /**
   * Its costs are ms and count the wait: the best candidate may be one that is busy, and the request then waits for it
   * rather than start elsewhere at a higher cost. Absent: whoever has a free slot is better than whoever has none.
   */
  readonly patient?: boolean;
  rank(facts: TaskFacts, candidates: readonly Candidate[], context: RankContext): Ranking;
  /**
   * Who chooses for this request, where that differs from one to the next: it is asked once for each request, and what it
   * gives takes this one's place until the request has ended. Absent: this one does.
   */
  forRequest?(facts: TaskFacts): Strategy;
  /** Told once per request which candidate got its first attempt; a failover to another one is not told. */
  chosen?(candidate: Candidate, candidates: readonly Candidate[]): void;
}

// ---- What came of it -----------------------------------------------------------------------------------------------

/** How far an attempt had come: the same error may be retried before the first byte and never after it. */
export type Phase = 'connect' | 'head' | 'first-byte' | 'body';

/** Which breaker a failure steps: the whole server, or only this model on it. `none` blames nobody. */
export type Blame = 'backend' | 'model' | 'none';

/** What the final record of an Ollama answer says; undefined = not said. Durations in ms. */
export interface Usage {
  readonly promptTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly loadMs: number | undefined;
  readonly prefillMs: number | undefined;
  readonly decodeMs: number | undefined;
}

/** How a lease ended. Exactly one of these for each lease. */
export type Outcome =
  | {
      readonly kind: 'served';
      readonly status: number;
      readonly firstByteMs: number;
      readonly totalMs: number;
      readonly usage: Usage | undefined;
    }
  /** The answer says that the client asked for something impossible: proof of life, otherwise neutral. */
  | { readonly kind: 'client-error'; readonly status: number; readonly totalMs: number }
  | {
      readonly kind: 'backend-failed';
      readonly phase: Phase;
      readonly blame: Blame;
      /** A closed set, safe as a metric label: `connect`, `reset`, `status-5xx`, `overloaded`, … */
      readonly reason: FailureReason;
      readonly message: string;
      readonly totalMs: number;
    }
  | { readonly kind: 'client-left'; readonly phase: Phase; readonly totalMs: number };

export type FailureReason =
  | 'connect'
  | 'reset'
  | 'status-5xx'
  | 'overloaded'
  | 'model-missing'
  /** This version of the server has no such route. */
  | 'route-missing'
  /** This server cannot do with the model what another one says it can: a capability, or a cloud that is off. */
  | 'unsupported'
  | 'error-line'
  | 'cut-stream'
  /** Silent for a time that was set beforehand. */
  | 'timeout'
  /** Silent for far longer than this server ever is with such a request. */
  | 'stall'
  | 'deadline'
  | 'bad-answer';

/** What a request came to in the end, over all its attempts. */
export type RequestOutcome = 'served' | 'client-error' | 'failed' | 'client-left' | 'refused';

// ---- Seams ---------------------------------------------------------------------------------------------------------

export type BreakerState = 'closed' | 'half-open' | 'open';

/** The operator's settings of a circuit breaker, in the library's units. */
export interface BreakerSettings {
  /** Consecutive failures that open it, ≥ 1. */
  readonly failureThreshold: number;
  /** Successes in half-open that close it, ≥ 1. */
  readonly successThreshold: number;
  /** ms it stays open before trials are let through, and ms after which a silent trial is given up, > 0. */
  readonly timeout: number;
  /** Trials at a time in half-open, ≥ 1. */
  readonly halfOpenRequests: number;
}

export const BREAKER_DEFAULTS: BreakerSettings = {
  failureThreshold: 5,
  successThreshold: 3,
  timeout: 30_000,
  halfOpenRequests: 2,
};

/** What a categorizer sees: the words of the request, whichever dialect they came in. */
export interface PromptView {
  /** The last thing the user said, or the prompt. */
  readonly text: string;
  /** The system prompt, '' if none. */
  readonly system: string;
  /** The path of the request, where there is one. */
  readonly path?: string;
  /** The headers of the request by their names in lower case, where there are any. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface Verdict {
  readonly category: string;
  /** 0…1, how sure. */
  readonly confidence: number;
  /** The evidence in words. */
  readonly why: string;
}

/** One link of the chain. Says undefined when it has no opinion; the next one is asked then. */
export interface Categorizer {
  readonly name: string;
  categorize(prompt: PromptView): Verdict | undefined;
}

/** The few log calls that the product makes; the process gives it pino, tests give it a list. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A problem in a text that somebody wrote, at its place (line and column from 1). */
export interface Issue {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export type { ErrorCode };
