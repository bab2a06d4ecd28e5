import type { KeyLimits } from '../core/key-rule.ts';
import { dayResetMs, type Ledger, type Moment } from './ledger.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** A span as OpenAI's headers write it, which is Go's way: `120ms`, `8.64s`, `6m0s`, `7h12m3s`. Rounded up to whole ms. */
export const goDuration = (ms: number): string => {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole === 0) return '0s';
  if (whole < SECOND_MS) return `${whole}ms`;
  const seconds = `${(whole % MINUTE_MS) / SECOND_MS}s`;
  if (whole < MINUTE_MS) return seconds;
  const minutes = `${Math.floor((whole % HOUR_MS) / MINUTE_MS)}m${seconds}`;
  return whole < HOUR_MS ? minutes : `${Math.floor(whole / HOUR_MS)}h${minutes}`;
};

const three = (what: string, limit: number, left: number, resetMs: number): readonly string[] => [
  `x-ratelimit-limit-${what}`,
  String(limit),
  `x-ratelimit-remaining-${what}`,
  String(Math.max(0, left)),
  `x-ratelimit-reset-${what}`,
  goDuration(resetMs),
];

/**
 * What a client is told of its limits, as a flat name-value list in OpenAI's names: limit, what is left of it now, and the
 * time until all of it is there again. Of two limits on tokens the one is told of which less is left.
 */
export const rateHeaders = (limits: KeyLimits, ledger: Ledger, { at, wallMs }: Moment): readonly string[] => {
  const { requestsPerMinute, tokensPerMinute, tokensPerDay } = limits;
  const headers: string[] = [];
  if (requestsPerMinute !== undefined) {
    const left = requestsPerMinute - ledger.requestsInMinute(at);
    headers.push(...three('requests', requestsPerMinute, left, ledger.requestsResetMs(at)));
  }
  const minuteLeft =
    tokensPerMinute === undefined ? Infinity : tokensPerMinute - ledger.tokensInMinute(at) - ledger.reserved;
  const dayLeft = tokensPerDay === undefined ? Infinity : tokensPerDay - ledger.tokensToday(wallMs) - ledger.reserved;
  if (tokensPerMinute !== undefined && minuteLeft <= dayLeft) {
    headers.push(...three('tokens', tokensPerMinute, minuteLeft, ledger.tokensResetMs(at)));
  } else if (tokensPerDay !== undefined) {
    headers.push(...three('tokens', tokensPerDay, dayLeft, dayResetMs(wallMs)));
  }
  return headers;
};
