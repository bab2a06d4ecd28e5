import type { PriorityClass } from '../core/types.ts';

/** Waiting requests in a lane below which nothing is shed: a handful says nothing about saturation. */
export const SHEDDING_FROM = 8;
/** Saturation from which a class begins to be shed; interactive ones are refused only by a full queue. */
const SHED_FROM: Readonly<Record<PriorityClass, number>> = { interactive: Infinity, normal: 1.2, batch: 0.8 };
/** Further saturation after which all of the class is shed. */
const SHED_RAMP = 0.4;

/**
 * The chance with which a request is refused although there is room to wait: ((s − from) / 0.4)², within 0 … 1, from 0.8
 * on for batch and from 1.2 on for normal ones.
 * @param saturation predicted median wait over the one that is aimed at
 */
export const shedChance = (priority: PriorityClass, saturation: number): number => {
  const ramp = Math.min(1, Math.max(0, (saturation - SHED_FROM[priority]) / SHED_RAMP));
  return ramp * ramp;
};
