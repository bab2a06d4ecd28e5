/** The share of good requests that a pool must give. */
export const CAPACITY_GOODPUT = 0.9;
/** Factors on the usual rate that are tried first, growing; the capacity is then searched above the last good one. */
const GRID = [0.1, 0.2, 0.4, 0.7, 1, 1.4, 1.9, 2.5];
/** Halvings of the gap between two factors: as fine as a few seeds can tell. */
const HALVINGS = 3;

export interface Capacity {
  /** The highest rate found at which enough requests are good; 0 where no rate gives that. */
  readonly perSecond: number;
  /** Every rate that was tried with the share of good requests, lowest rate first. */
  readonly tried: readonly (readonly [perSecond: number, goodShare: number])[];
}

/**
 * Searches for the rate above which fewer than 90 % of the requests are good. The whole grid is tried, because a share
 * does not simply fall with the rate: a pool with little to do lets models go between requests.
 * @param good share of good requests at a rate, 0…1
 * @param usual a rate about which the pool is busy, > 0; capacities up to 2.5 times as much are found
 */
export const findCapacity = async (good: (perSecond: number) => Promise<number>, usual: number): Promise<Capacity> => {
  const rates = GRID.map((factor) => factor * usual);
  const shares = await Promise.all(rates.map(good));
  const tried = new Map(rates.map((rate, index) => [rate, shares[index] ?? 0]));
  const last = shares.findLastIndex((share) => share >= CAPACITY_GOODPUT);
  let perSecond = rates[last] ?? 0;
  let above = last === -1 ? undefined : rates[last + 1];
  for (let halving = 0; above !== undefined && halving < HALVINGS; halving += 1) {
    const middle = (perSecond + above) / 2;
    const share = await good(middle);
    tried.set(middle, share);
    if (share >= CAPACITY_GOODPUT) perSecond = middle;
    else above = middle;
  }
  return { perSecond, tried: [...tried].sort(([a], [b]) => a - b) };
};
