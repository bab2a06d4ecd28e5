import type { Rng } from '../../src/core/rng.ts';

/** What a seed decides, in the words that scenes are written in. */
export interface Chance extends Rng {
  /** @returns true with this probability */
  yes(probability: number): boolean;
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  /** One of them. @throws RangeError of an empty list */
  one<T>(from: readonly T[]): T;
  /** Between the two, evenly on a logarithmic scale; both > 0. */
  spread(least: number, most: number): number;
  /** Exponential with this mean, > 0. */
  about(mean: number): number;
}

export const chanceOf = (rng: Rng): Chance => {
  const next = (): number => rng.next();
  return {
    next,
    yes: (probability) => next() < probability,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    one: (from) => {
      if (from.length === 0) throw new RangeError('there is nothing to choose from');
      return from[Math.floor(next() * from.length)] as (typeof from)[number];
    },
    spread: (least, most) => least * (most / least) ** next(),
    about: (mean) => -mean * Math.log(1 - next()),
  };
};
