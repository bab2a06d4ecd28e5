import type { Candidate, Choice, Ranking } from '../core/types.ts';

/**
 * Orders candidates by cost, lowest first; equal costs keep the order of `candidates`, and a NaN counts as the highest.
 * Finding the best takes one pass; the rest is sorted once, when somebody asks past the first. `why(index)` is called
 * when the reason of a choice is read, with the index into `candidates`: read it in the tick of the ranking, and by
 * name, because a spread does not copy it.
 * Keeps `candidates` and `costs` without copying: neither may be reused by the caller.
 *
 * @param costs one number per candidate, in the same order; Infinity is allowed.
 */
export const rankByCost = (
  candidates: readonly Candidate[],
  costs: ArrayLike<number>,
  why: (index: number) => string,
): Ranking => new LazyRanking(candidates, costs, why);

/**
 * For pools too large to look at everybody: orders `head`, the few indices that were looked at, and puts all others
 * behind them by their own cost, which is worked out only if somebody asks past the first. The cost shown for one of
 * those starts from the highest of the head. Keeps what it is given; `why` as above.
 *
 * @param head indices into `candidates`, at least one, none twice
 * @param headCosts one cost for each of these
 * @param costOf the cost of any other index, ≥ 0
 */
export const rankByHead = (
  candidates: readonly Candidate[],
  head: readonly number[],
  headCosts: readonly number[],
  costOf: (index: number) => number,
  why: (index: number) => string,
): Ranking => new HeadRanking(candidates, head, headCosts, costOf, why);

/** So many are looked for one by one before all are sorted: whoever asks for a few wants the first that is free. */
const LEADERS = 6;

class HeadRanking implements Ranking {
  readonly #candidates: readonly Candidate[];
  readonly #head: readonly number[];
  readonly #headCosts: readonly number[];
  readonly #costOf: (index: number) => number;
  readonly #why: (index: number) => string;
  #whole: Ranking | undefined;

  constructor(
    candidates: readonly Candidate[],
    head: readonly number[],
    headCosts: readonly number[],
    costOf: (index: number) => number,
    why: (index: number) => string,
  ) {
    this.#candidates = candidates;
    this.#head = head;
    this.#headCosts = headCosts;
    this.#costOf = costOf;
    this.#why = why;
  }

  get size(): number {
    return this.#candidates.length;
  }

  at(index: number): Choice | undefined {
    if (index !== 0 || this.#whole !== undefined) return this.#all().at(index);
    let [best, lowest] = [Infinity, Infinity];
    for (const [i, one] of this.#head.entries()) {
      const cost = this.#headCosts[i] ?? Infinity;
      // Equal costs fall as in the whole ranking, to whoever is listed first.
      if (cost > lowest || (cost === lowest && one > best)) continue;
      best = one;
      lowest = cost;
    }
    const candidate = this.#candidates[best];
    return candidate && new LazyChoice(candidate, lowest, this.#why, best);
  }

  all(): readonly Choice[] {
    return this.#all().all();
  }

  #all(): Ranking {
    if (this.#whole === undefined) {
      // One ms more: an idle one that was not looked at must not tie with the best.
      const behind = 1 + Math.max(...this.#headCosts);
      const costs = this.#candidates.map((_, i) => behind + this.#costOf(i));
      for (const [i, one] of this.#head.entries()) costs[one] = this.#headCosts[i] ?? Infinity;
      this.#whole = rankByCost(this.#candidates, costs, this.#why);
    }
    return this.#whole;
  }
}

class LazyRanking implements Ranking {
  readonly #candidates: readonly Candidate[];
  readonly #costs: ArrayLike<number>;
  readonly #why: (index: number) => string;
  #order: Uint32Array | undefined;
  /** The best ones as far as they were asked for. */
  readonly #leaders: number[] = [];

  constructor(candidates: readonly Candidate[], costs: ArrayLike<number>, why: (index: number) => string) {
    this.#candidates = candidates;
    this.#costs = costs;
    this.#why = why;
  }

  get size(): number {
    return this.#candidates.length;
  }

  at(index: number): Choice | undefined {
    if (index < LEADERS && this.#order === undefined) return this.#choice(this.#leader(index));
    return this.#choice(this.#sorted()[index]);
  }

  all(): readonly Choice[] {
    const choices: Choice[] = [];
    for (const index of this.#sorted()) {
      const choice = this.#choice(index);
      if (choice !== undefined) choices.push(choice);
    }
    return choices;
  }

  #choice(index: number | undefined): Choice | undefined {
    if (index === undefined) return undefined;
    const candidate = this.#candidates[index];
    return candidate === undefined ? undefined : new LazyChoice(candidate, this.#cost(index), this.#why, index);
  }

  #cost(index: number): number {
    const cost = this.#costs[index];
    return cost === undefined || Number.isNaN(cost) ? Infinity : cost;
  }

  #leader(index: number): number | undefined {
    const leaders = this.#leaders;
    while (leaders.length <= index && leaders.length < this.size) leaders.push(this.#nextTo(leaders.at(-1)));
    return leaders[index];
  }

  /** Who comes right behind `before` in the order; the best of all where that is undefined. */
  #nextTo(before: number | undefined): number {
    const above = before === undefined ? -Infinity : this.#cost(before);
    const behind = before ?? -1;
    let found = -1;
    let lowest = Infinity;
    for (let i = 0; i < this.#candidates.length; i++) {
      const cost = this.#cost(i);
      if (cost < above || (cost === above && i <= behind)) continue;
      if (found >= 0 && cost >= lowest) continue;
      lowest = cost;
      found = i;
    }
    return found;
  }

  #sorted(): Uint32Array {
    if (this.#order === undefined) {
      const order = new Uint32Array(this.size);
      for (let i = 0; i < order.length; i++) order[i] = i;
      this.#order = order.sort((a, b) => compare(this.#cost(a), this.#cost(b)) || a - b);
    }
    return this.#order;
  }
}

/** Compared, not subtracted: the difference of two infinities is NaN. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** A class, because an accessor in an object literal costs more than the whole rest of a decision. */
class LazyChoice implements Choice {
  readonly candidate: Candidate;
  readonly cost: number;
  readonly #why: (index: number) => string;
  readonly #index: number;

  constructor(candidate: Candidate, cost: number, why: (index: number) => string, index: number) {
    this.candidate = candidate;
    this.cost = cost;
    this.#why = why;
    this.#index = index;
  }

  get why(): string {
    return this.#why(this.#index);
  }
}
