import type { Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';
import type { Candidate, Strategy, TaskFacts } from '../core/types.ts';
import { COST, costOf } from './cost.ts';
import { hopefulRateOf, successRate } from './estimate.ts';
import { ARM_NAMES, forArms, HOME_ARM, type ArmName } from './learned-arms.ts';
import { rewardForeseen } from './learned-epoch.ts';
import { firstByteMs } from './reason.ts';

/** Decisions that are looked at: one in so many ms, since each is ranked once more by every arm. */
const EVERY_MS = 500;
/** After so many decisions an older one counts 1/e: as many as half an hour has at that pace. */
const MEMORY = 3_600;

/** What an arm would have chosen for a request. */
export interface ForetoldChoice {
  readonly arm: ArmName;
  readonly candidate: string;
  /** What the choice costs by the terms that all arms are measured with, in ms. */
  readonly costMs: number;
  /** ms until the first token. */
  readonly firstMs: number;
}

/** One arm over the decisions that were looked at, old ones fading. */
export interface ForetoldView {
  /** Share of decisions in which it chose as the first arm did, 0…1. */
  readonly agrees: number;
  readonly meanCostMs: number;
  /** By how much the reward of its choices is foreseen to differ from that of the first arm's. */
  readonly reward: number;
}

interface Sums {
  agrees: number;
  costMs: number;
  reward: number;
}

/** What each arm would have chosen, request by request, and what that would have cost. */
export class Foretold {
  readonly #arms: Readonly<Record<ArmName, Strategy>>;
  readonly #sums: Readonly<Record<ArmName, Sums>> = forArms(() => ({ agrees: 0, costMs: 0, reward: 0 }));
  #weight = 0;
  #decisions = 0;
  #nextAt = -Infinity;

  constructor(arms: Readonly<Record<ArmName, Strategy>>) {
    this.#arms = arms;
  }

  /** Decisions that were looked at. */
  get decisions(): number {
    return this.#decisions;
  }

  /** Whether the next decision is looked at. */
  due(at: number): boolean {
    return at >= this.#nextAt;
  }

  /** Looks at one decision. Nothing that is given is changed or kept. */
  look(
    facts: TaskFacts,
    candidates: readonly Candidate[],
    { at, rng, outlook }: { readonly at: number; readonly rng: Rng; readonly outlook: Outlook },
  ): readonly ForetoldChoice[] {
    this.#nextAt = at + EVERY_MS;
    const hopeful = hopefulRateOf(candidates, at, []);
    const choices: ForetoldChoice[] = [];
    let home = -1;
    let homeReward = 0;
    this.#decisions++;
    const left = 1 - 1 / MEMORY;
    this.#weight = left * this.#weight + 1;
    for (const arm of ARM_NAMES) {
      const row = rowOf(this.#arms[arm], facts, candidates, { at, rng, outlook });
      const candidate = candidates[row];
      if (candidate === undefined) continue;
      const costMs = costOf(outlook, row, successRate(candidate.stats, hopeful, at), COST.decodeWeight);
      const firstMs = firstByteMs(outlook, row);
      const reward = rewardForeseen(firstMs, (outlook.load[row] ?? 0) > 0);
      if (arm === HOME_ARM) [home, homeReward] = [row, reward];
      const sums = this.#sums[arm];
      sums.agrees = left * sums.agrees + (row === home ? 1 : 0);
      sums.costMs = left * sums.costMs + costMs;
      sums.reward = left * sums.reward + (reward - homeReward);
      choices.push({ arm, candidate: candidate.id, costMs, firstMs });
    }
    return choices;
  }

  view(arm: ArmName): ForetoldView {
    const { agrees, costMs, reward } = this.#sums[arm];
    const weight = Math.max(1, this.#weight);
    return { agrees: agrees / weight, meanCostMs: costMs / weight, reward: reward / weight };
  }
}

/** Whom a strategy sends a request to, or has it wait for: one that is not patient takes whoever has a free slot. */
const rowOf = (
  strategy: Strategy,
  facts: TaskFacts,
  candidates: readonly Candidate[],
  context: { readonly at: number; readonly rng: Rng; readonly outlook: Outlook },
): number => {
  const ranking = strategy.rank(facts, candidates, context);
  const rowAt = (place: number): number => {
    const candidate = ranking.at(place)?.candidate;
    return candidate === undefined ? -1 : candidates.indexOf(candidate);
  };
  const best = rowAt(0);
  if (strategy.patient === true || context.outlook.ready[best] === 1) return best;
  for (let place = 1; place < ranking.size; place++) {
    const row = rowAt(place);
    if (context.outlook.ready[row] === 1) return row;
  }
  return best;
};
