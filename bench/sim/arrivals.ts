import type { Rng } from '../../src/core/rng.ts';
import { exponential, gamma } from './draw.ts';

/** When things arrive. Every kind keeps the mean rate; the parts multiply. */
export interface Arrivals {
  /** Shape of the gamma-distributed gaps: 1 = Poisson, below 1 = bursts. Default 1. */
  readonly shape?: number;
  /** Bursts and silences of exponential length. */
  readonly onOff?: { readonly onMs: number; readonly offMs: number };
  /** A sine over the day: the rate swings by ± `depth` (0…1). */
  readonly diurnal?: { readonly periodMs: number; readonly depth: number };
}

/** Within a cell of this length the rate counts as steady: far below any period or burst. */
const CELL_MS = 250;

/**
 * The times of one arrival process after another, in ms from 0, never going back. Gaps of mean 1 are drawn and
 * stretched by the rate of the moment, so the same seed gives the same times scaled for another rate.
 * @param perSecond mean rate, > 0
 */
export const arrivalTimes = (arrivals: Arrivals, perSecond: number, rng: Rng): (() => number) => {
  const gap = arrivals.shape === undefined || arrivals.shape === 1 ? exponential : gamma(arrivals.shape);
  const perMs = perSecond / 1000;
  const steady = arrivals.onOff === undefined && arrivals.diurnal === undefined;
  let at = 0;
  let on = true;
  let changesAt = arrivals.onOff === undefined ? Number.POSITIVE_INFINITY : exponential(rng) * arrivals.onOff.onMs;

  const rateNow = (): number => {
    const { onOff, diurnal } = arrivals;
    if (onOff !== undefined && at >= changesAt) {
      on = !on;
      changesAt += exponential(rng) * (on ? onOff.onMs : onOff.offMs);
    }
    const burst = onOff === undefined ? 1 : on ? (onOff.onMs + onOff.offMs) / onOff.onMs : 0;
    const day = diurnal === undefined ? 1 : 1 + diurnal.depth * Math.sin((2 * Math.PI * at) / diurnal.periodMs);
    return perMs * burst * day;
  };

  return () => {
    let need = gap(rng);
    if (steady) {
      at += need / perMs;
      return at;
    }
    for (;;) {
      const rate = rateNow();
      const end = Math.min((Math.floor(at / CELL_MS) + 1) * CELL_MS, changesAt);
      if (rate * (end - at) >= need) {
        at += need / rate;
        return at;
      }
      need -= rate * (end - at);
      at = end;
    }
  };
};
