import type { Rng } from '../core/rng.ts';
import type { BreakerSettings } from '../core/types.ts';
import { allows, openUntil, type Breaker } from './breaker.ts';

/** The operator's settings, and whether the rules of this file hold on top of them. */
export interface BreakerRules extends BreakerSettings {
  readonly adaptive?: boolean;
}

/**
 * What is remembered of a server, or of a model on a server, beside its breaker: how often it broke lately, whether it
 * must prove itself before clients are sent to it, and how far it is back in service. A value with pure steps; all times
 * are ms on one Clock.
 */
export interface Care {
  /** How many times the open time is doubled, as of `quietFrom`. */
  readonly level: number;
  /** Since when nothing has gone wrong. */
  readonly quietFrom: number;
  /** False from the moment it opened, or was suspected of hanging, until a request was seen to go well. */
  readonly proved: boolean;
  /** It opened because nobody listened there: certain, and no matter of statistics. */
  readonly dead: boolean;
  /** Answers to clients since it closed; Infinity where nothing has to be regained. */
  readonly regained: number;
}

export const CAREFREE: Care = {
  level: 0,
  quietFrom: Number.NEGATIVE_INFINITY,
  proved: true,
  dead: false,
  regained: Infinity,
};

/** Open times stop growing here: a server that was repaired should not stay out much longer than it takes to notice. */
export const MOST_OPEN_MS = 300_000;
/** A server that has worked for so long has earned one doubling back. */
export const CLEAN_MS = 300_000;
/** 2^16 timeouts are past the cap for every timeout of 5 ms or more; bounds the exponent. */
const MOST_LEVEL = 16;

/** How many times the open time is doubled for an opening at `at`. */
export const levelAt = ({ level, quietFrom }: Care, at: number): number =>
  level === 0 ? 0 : Math.max(0, level - Math.floor(Math.max(0, at - quietFrom) / CLEAN_MS));

/**
 * ms that a breaker which opens now stays open: `timeout` the first time, then between half and the whole of
 * timeout × 2^level (equal jitter, M. Brooker, "Exponential backoff and jitter"), at most five minutes or one timeout.
 */
export const openMs = (care: Care, timeout: number, at: number, rng: Rng): number => {
  const level = levelAt(care, at);
  if (level === 0) return timeout;
  const whole = Math.min(Math.max(MOST_OPEN_MS, timeout), timeout * 2 ** level);
  return Math.max(timeout, whole / 2 + rng.next() * (whole / 2));
};

/** It opened at `at` for `lasts` ms. The clean time that counts begins once it may be tried again. */
export const tripped = (care: Care, at: number, lasts: number, dead: boolean): Care => ({
  level: Math.min(MOST_LEVEL, levelAt(care, at) + 1),
  quietFrom: at + lasts,
  proved: false,
  dead,
  regained: Infinity,
});

/** Something went wrong that opened nothing: clean time begins anew. */
export const disturbed = (care: Care, at: number): Care =>
  care.level === 0 ? care : { ...care, level: levelAt(care, at), quietFrom: Math.max(care.quietFrom, at) };

/** It may be hanging: it has to prove itself before more is sent. */
export const suspected = (care: Care): Care => (care.proved ? { ...care, proved: false } : care);

/** A request was seen to go well, or there is no way to find out but by a client's. */
export const vouched = (care: Care): Care => (care.proved ? care : { ...care, proved: true });

/** Its breaker closed. */
export const recovered = (care: Care): Care => ({ ...care, proved: true, dead: false, regained: 0 });

/** It answered a client. */
export const regaining = (care: Care): Care =>
  care.regained === Infinity
    ? care
    : { ...care, regained: care.regained >= RAMP.length - 1 ? Infinity : care.regained + 1 };

/** Requests at a time, by answers since it closed: one until one came back, then two until both did. */
const RAMP: readonly number[] = [1, 2, 2];

/** Requests that it may have at a time. */
export const rampLimit = ({ regained }: Care): number => RAMP[regained] ?? Infinity;

/**
 * `free` = takes requests; `full` = not now, its trial places or those of its return are taken; `untried` = it has to
 * prove itself first; `out` = its breaker is open.
 */
export type Standing = 'free' | 'full' | 'untried' | 'out';

/** @param adaptive whether the rules of this file hold @param running requests that it has now */
export const standingOf = (
  { breaker, care }: { readonly breaker: Breaker; readonly care: Care },
  rules: BreakerRules,
  at: number,
  adaptive: boolean,
  running: number,
): Standing => {
  if (breaker.state === 'open' && at < openUntil(breaker, rules)) return 'out';
  if (adaptive && !care.proved) return 'untried';
  if (breaker.state !== 'closed') return allows(breaker, rules, at) ? 'free' : 'full';
  return adaptive && running >= rampLimit(care) ? 'full' : 'free';
};
