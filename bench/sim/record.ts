import type { SimTurn } from './workload.ts';

export type RequestEnd = 'served' | 'refused' | 'failed' | 'left' | 'unfinished';

/** What one request came to. Times in ms of virtual time; NaN = it never came to that. */
export interface RequestRecord {
  readonly id: string;
  readonly tenant: string;
  readonly model: string;
  readonly arrivedAt: number;
  /** When the attempt that gave the first token, or else the last one, was dispatched. */
  readonly sentAt: number;
  readonly firstTokenAt: number;
  readonly endedAt: number;
  readonly end: RequestEnd;
  /** Why it was refused or failed; '' otherwise. */
  readonly why: string;
  readonly attempts: number;
  /** The server of the last attempt; '' = none. */
  readonly server: string;
  /** From the final record of the answer: 0 unless served. */
  readonly loadMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** A request under way. Only the driver writes here. */
export interface LiveRequest {
  readonly turn: SimTurn;
  /** Counted in the results: not part of the warm-up. */
  readonly counted: boolean;
  sentAt: number;
  firstTokenAt: number;
  attempts: number;
  server: string;
  /** Takes the running attempt back; undefined = it waits at the policy. */
  cancel: (() => void) | undefined;
  closed: boolean;
}

export const ttftMs = (record: RequestRecord): number => record.firstTokenAt - record.arrivedAt;

/** ms per token after the first; NaN for answers of one token and those that did not end well. */
export const tpotMs = (record: RequestRecord): number =>
  record.end === 'served' && record.outputTokens > 1
    ? (record.endedAt - record.firstTokenAt) / (record.outputTokens - 1)
    : Number.NaN;
