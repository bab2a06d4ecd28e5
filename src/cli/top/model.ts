/** How a server is: the shape and colour of its state. */
export type Level = 'ok' | 'warn' | 'bad' | 'busy' | 'off';

/** What a server has in memory, or would have if its breaker let it. */
export interface TopModel {
  readonly name: string;
  readonly running: number;
  /** Requests that it works on at a time; undefined where nobody knows. */
  readonly slots: number | undefined;
  readonly sizeBytes: number;
  readonly vramBytes: number;
}

export interface TopServer {
  readonly name: string;
  readonly level: Level;
  /** The state in a word or two. */
  readonly word: string;
  /** What is wrong, in words; '' where nothing is. */
  readonly why: string;
  readonly running: number;
  readonly loaded: readonly TopModel[];
}

/** A request that has ended. */
export interface TopDecision {
  readonly id: string;
  /** ms since 1970; NaN where it is not known. */
  readonly at: number;
  readonly model: string;
  readonly category: string;
  readonly backend: string;
  readonly outcome: string;
  /** Code of the error; '' where there was none. */
  readonly problem: string;
  readonly attempts: number;
  readonly queueMs: number;
  /** Until the first token of a stream, else until the end; undefined where there was none. */
  readonly foreseenMs: number | undefined;
  readonly seenMs: number | undefined;
}

export const QUEUE_CLASSES = ['interactive', 'normal', 'batch'] as const;
export type QueueClass = (typeof QUEUE_CLASSES)[number];

export interface TopRates {
  readonly requestsPerSecond: number | undefined;
  readonly failedPerSecond: number | undefined;
  readonly tokensInPerSecond: number | undefined;
  readonly tokensOutPerSecond: number | undefined;
  readonly firstTokenP50Ms: number | undefined;
  readonly firstTokenP95Ms: number | undefined;
}

/** Everything that the live view shows of a proxy. */
export interface TopState {
  readonly version: string;
  readonly strategy: string;
  readonly ready: boolean;
  /** Why it is ready, or is not. */
  readonly reason: string;
  /** In the order in which the proxy names them. */
  readonly servers: readonly TopServer[];
  readonly waiting: Readonly<Record<QueueClass, number>>;
  readonly rates: TopRates;
  /** Newest first. */
  readonly decisions: readonly TopDecision[];
  /** Tokens written per second over the last steps of ten seconds, oldest first. */
  readonly tokensOut: readonly number[];
}
