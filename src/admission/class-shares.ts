import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';

export type ClassWeights = Readonly<Record<PriorityClass, number>>;
/** Which classes have somebody who can still be asked. */
export type OpenClasses = Readonly<Record<PriorityClass, boolean>>;

/**
 * Deficit round robin over the classes (Shreedhar & Varghese, SIGCOMM'95), a start counting as one and spread as in
 * smooth weighted round robin, so that nobody waits for a whole cycle: at each turn every class in it earns its weight,
 * and the one that wins pays what all of them earned. A class that had nobody to ask is not in the turn: what it could
 * not use costs nobody anything. Credit stays within ± the sum of the weights.
 *
 * A walk looks further than it starts: a request that leans on a busy place is served in its turn too, only later. Such
 * turns are counted on a copy that lasts for one walk.
 */
export class ClassShares {
  readonly #credit = noCredit();
  readonly #trial = noCredit();

  /** A walk begins: turns that were only leaned on are forgotten. */
  begin(): void {
    for (const each of PRIORITY_CLASSES) this.#trial[each] = this.#credit[each];
  }

  /** Whose turn it is among the open ones; undefined if none is open. */
  next(open: OpenClasses, weights: ClassWeights): PriorityClass | undefined {
    let best: PriorityClass | undefined;
    let most = -Infinity;
    for (const each of PRIORITY_CLASSES) {
      const credit = this.#trial[each] + weights[each];
      if (!open[each] || credit <= most) continue;
      best = each;
      most = credit;
    }
    return best;
  }

  /** One of this class leans: its turn is over for the rest of the walk. */
  lean(winner: PriorityClass, open: OpenClasses, weights: ClassWeights): void {
    step(this.#trial, winner, open, weights);
  }

  /** One of this class has started. */
  charge(winner: PriorityClass, open: OpenClasses, weights: ClassWeights): void {
    step(this.#trial, winner, open, weights);
    step(this.#credit, winner, open, weights);
  }

  /** Nobody of this class waits any more: credit is not saved up. */
  reset(priority: PriorityClass): void {
    this.#credit[priority] = 0;
  }
}

const noCredit = (): Record<PriorityClass, number> => ({ interactive: 0, normal: 0, batch: 0 });

const step = (
  credit: Record<PriorityClass, number>,
  winner: PriorityClass,
  open: OpenClasses,
  weights: ClassWeights,
): void => {
  const bound = weights.interactive + weights.normal + weights.batch;
  let total = 0;
  for (const each of PRIORITY_CLASSES) {
    if (!open[each]) continue;
    total += weights[each];
    credit[each] += weights[each];
  }
  credit[winner] -= total;
  for (const each of PRIORITY_CLASSES) credit[each] = Math.max(-bound, Math.min(bound, credit[each]));
};
