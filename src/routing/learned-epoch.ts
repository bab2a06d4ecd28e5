import { ARM_NAMES, forArms, type ArmName } from './learned-arms.ts';

/** Results are compared over so long, and the first ones are left out: they still tell of the epoch before. */
export const EPOCH_MS = 120_000;
export const DISCARDED_MS = 20_000;

/** A first token within this is good (the goodput of routing-science), and further tokens at this pace or faster. */
const GOOD_FIRST_MS = 5_000;
const GOOD_TOKEN_MS = 100;
/** Reward = goodput − 0.1·ln(median s to the first token) − 0.1·(loads per thousand requests)/100. */
const FIRST_WEIGHT = 0.1;
const LOADS_WEIGHT = 0.1;
const LOADS_UNIT = 100;
/** Faster than this is not told apart: nobody notices, and the logarithm would. */
const LEAST_FIRST_MS = 10;

/** Times kept for each arm and epoch; past it every second one, then every fourth, and so on. */
const TIMES = 512;
/** Distinct models that are counted in an epoch. */
const MODELS = 256;

/** What came of one request, as far as a reward is made of it. */
export interface LearnedResult {
  /** The arm that chose for it. */
  readonly arm: ArmName;
  /** An answer came, from whichever attempt. */
  readonly served: boolean;
  /** ms from its arrival to the first token, where it was served. */
  readonly firstTokenMs: number;
  /** Mean ms between further tokens; undefined = not known, or there were none. */
  readonly tokenMs: number | undefined;
  /** It waited for its model to be loaded. */
  readonly loaded: boolean;
  readonly model: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** How things stand while a result comes in. */
export interface Moment {
  /** On the Clock, in ms. */
  readonly at: number;
  /** Requests that wait in the proxy, and servers that are up. */
  readonly waiting: number;
  readonly hosts: number;
  /** What part of the day is over, 0…1, wherever the day begins. */
  readonly dayShare: number;
}

/** What an arm came to in an epoch. */
export interface ArmEpoch {
  readonly requests: number;
  readonly goodput: number;
  readonly medianFirstMs: number;
  readonly loadsPerThousand: number;
  readonly reward: number;
  /** Of the reward as an estimate of what it would be over many requests. */
  readonly variance: number;
}

export const CONTEXT_SIZE = 8;

export interface Epoch {
  /** Of arms with at least one answer. */
  readonly arms: Readonly<Record<ArmName, ArmEpoch | undefined>>;
  /** `CONTEXT_SIZE` numbers of about −1…1: how things stood. */
  readonly context: readonly number[];
}

/** A value of the reward that is made of these parts. */
export const rewardOf = (goodput: number, medianFirstMs: number, loadsPerThousand: number): number =>
  goodput - FIRST_WEIGHT * logFirst(medianFirstMs) - (LOADS_WEIGHT * loadsPerThousand) / LOADS_UNIT;

/** What is foreseen of one request in the same terms. @param firstMs until its first token, load included */
export const rewardForeseen = (firstMs: number, loads: boolean): number =>
  rewardOf(firstMs <= GOOD_FIRST_MS ? 1 : 0, firstMs, loads ? 1000 : 0);

const logFirst = (ms: number): number => Math.log(Math.max(LEAST_FIRST_MS, ms) / 1000);

/** Results of neighbouring requests resemble each other: two of them count as one. */
const ALIKE = 2;
/** The variance of a median is π/2 times that of a mean, where values are about normal. */
const MEDIAN_COST = Math.PI / 2;

class ArmTally {
  #requests = 0;
  #served = 0;
  #good = 0;
  #loads = 0;
  /** Every `#stride`-th time in ms. */
  readonly #times: number[] = [];
  #stride = 1;

  get requests(): number {
    return this.#requests;
  }

  add({ served, firstTokenMs, tokenMs, loaded }: LearnedResult): void {
    this.#requests++;
    if (loaded) this.#loads++;
    if (!served) return;
    if (firstTokenMs <= GOOD_FIRST_MS && !((tokenMs ?? 0) > GOOD_TOKEN_MS)) this.#good++;
    if (this.#served++ % this.#stride !== 0) return;
    this.#times.push(firstTokenMs);
    if (this.#times.length < TIMES) return;
    for (let i = 0; i < TIMES / 2; i++) this.#times[i] = this.#times[2 * i] ?? 0;
    this.#times.length = TIMES / 2;
    this.#stride *= 2;
  }

  /** undefined where nothing was answered. */
  sum(): ArmEpoch | undefined {
    const { length } = this.#times;
    if (length === 0) return undefined;
    const sorted = Float64Array.from(this.#times).sort();
    const medianFirstMs = ((sorted[(length - 1) >> 1] ?? 0) + (sorted[length >> 1] ?? 0)) / 2;
    let sum = 0;
    let squares = 0;
    for (const ms of sorted) {
      const log = logFirst(ms);
      sum += log;
      squares += log * log;
    }
    const n = this.#requests;
    const goodput = this.#good / n;
    const loads = this.#loads / n;
    // With one more of either kind, so that ten good ones of ten are not taken for a certainty.
    const spreadOf = (count: number): number => ((count + 1) * (n - count + 1)) / ((n + 2) * (n + 2));
    const logSpread = length < 2 ? 1 : Math.max(0, squares - (sum * sum) / length) / (length - 1);
    const loadWeight = (LOADS_WEIGHT * 1000) / LOADS_UNIT;
    const perRequest =
      spreadOf(this.#good) + FIRST_WEIGHT ** 2 * MEDIAN_COST * logSpread + loadWeight ** 2 * spreadOf(this.#loads);
    return {
      requests: n,
      goodput,
      medianFirstMs,
      loadsPerThousand: 1000 * loads,
      reward: rewardOf(goodput, medianFirstMs, 1000 * loads),
      variance: (ALIKE * perRequest) / n,
    };
  }
}

/** Gathers the results of one epoch. Memory is bounded, whatever comes; adding is O(1). */
export class EpochBook {
  readonly #startedAt: number;
  readonly #tallies = forArms(() => new ArmTally());
  readonly #models = new Set<string>();
  #results = 0;
  #failures = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  /** Sum over the results of the requests that waited then, for each server. */
  #queued = 0;

  constructor(at: number) {
    this.#startedAt = at;
  }

  isOver(at: number): boolean {
    return at - this.#startedAt >= EPOCH_MS;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  add(result: LearnedResult, { at, waiting, hosts }: Moment): void {
    if (at - this.#startedAt < DISCARDED_MS) return;
    this.#tallies[result.arm].add(result);
    if (this.#models.size < MODELS) this.#models.add(result.model);
    this.#results++;
    if (!result.served) this.#failures++;
    this.#promptTokens += result.promptTokens;
    this.#cachedTokens += result.cachedTokens;
    this.#queued += waiting / Math.max(1, hosts);
  }

  /** How many results one arm has in it. */
  requests(arm: ArmName): number {
    return this.#tallies[arm].requests;
  }

  arm(arm: ArmName): ArmEpoch | undefined {
    return this.#tallies[arm].sum();
  }

  /** @param usualRate results a second that are usual here; undefined = not known yet */
  close({ hosts, dayShare }: Moment, usualRate: number | undefined): Epoch {
    const n = Math.max(1, this.#results);
    const rate = this.rate;
    const turn = 2 * Math.PI * dayShare;
    return {
      arms: forArms((name) => this.arm(name)),
      context: [
        clamp(this.#queued / n),
        usualRate === undefined || rate === 0 ? 0 : clamp(Math.log2(rate / usualRate) / 2),
        clamp(this.#models.size / (2 * Math.max(1, hosts))),
        this.#promptTokens === 0 ? 0 : this.#cachedTokens / this.#promptTokens - 0.5,
        // 250 tokens are −1, and 16,000 are 1.
        clamp(Math.log2(Math.max(1, this.#promptTokens / n) / 2000) / 3),
        this.#failures / n,
        Math.sin(turn) / 2,
        Math.cos(turn) / 2,
      ],
    };
  }

  /** Results a second. */
  get rate(): number {
    return (1000 * this.#results) / (EPOCH_MS - DISCARDED_MS);
  }

  /** Arms with results. */
  get seen(): readonly ArmName[] {
    return ARM_NAMES.filter((name) => this.requests(name) > 0);
  }
}

const clamp = (value: number): number => Math.min(1, Math.max(-1, value));
