import type { PriorityClass } from './types.ts';

/**
 * What an API key may be used for: running models, reading lists of them, changing which there are (pull, push, create,
 * copy, delete, blobs), and everything else that is handed on (accounts, web search, routes of newer servers).
 */
export const KEY_ROUTES = ['inference', 'models:read', 'models:write', 'other'] as const;
export type KeyRoute = (typeof KEY_ROUTES)[number];

/** The bounds of one key; undefined = without bound. All are whole numbers ≥ 1. */
export interface KeyLimits {
  /** Requests in any 60 seconds. */
  readonly requestsPerMinute: number | undefined;
  /** Requests at a time, from acceptance to the last byte. */
  readonly concurrent: number | undefined;
  /** Tokens of prompts and answers in any 60 seconds. */
  readonly tokensPerMinute: number | undefined;
  /** Tokens of prompts and answers in a calendar day (UTC). */
  readonly tokensPerDay: number | undefined;
}

/** One API key as the configuration has it. */
export interface KeyRule {
  /** Unique; appears in logs, metrics and the admin API. */
  readonly name: string;
  /** SHA-256 of the key, 64 hexadecimal digits in lower case. A secret: never shown. */
  readonly hash: string;
  /** Whose service its requests count as in the queue. */
  readonly tenant: string;
  /** The class of its requests, and the highest that a header may ask for; undefined = as without a key. */
  readonly class: PriorityClass | undefined;
  /** Patterns as in `fitsPattern`; undefined = every model. */
  readonly models: readonly string[] | undefined;
  readonly routes: readonly KeyRoute[];
  readonly limits: KeyLimits;
  /** Whether `x-task-router-backend` may choose the server. */
  readonly allowPin: boolean;
  /** ms since 1970: from then on the key is refused; undefined = never. */
  readonly notAfter: number | undefined;
}
