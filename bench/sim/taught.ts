import { seededRng } from '../../src/core/rng.ts';
import type { Strategy, TaskFacts } from '../../src/core/types.ts';
import type { Decision } from '../../src/dispatch/reserve.ts';
import type { ArmName } from '../../src/routing/learned-arms.ts';
import { LearnedStrategy } from '../../src/routing/learned.ts';
import type { AttemptEnd, WorldView } from './policy.ts';
import type { SimJob } from './workload.ts';

/** As in the proxy. */
const LOAD_FLOOR_MS = 1_000;
const DAY_MS = 86_400_000;
const SEED = 1;

/** Tells the strategy `learned` what the proxy would tell it; with any other strategy it does nothing. */
export class Taught {
  readonly #strategy: Strategy;
  readonly #world: WorldView;
  readonly #waiting: () => number;
  /** Its own, so that a run in which nothing is tried is the same as one of `hybrid`. */
  readonly #rng = seededRng(SEED);

  constructor(strategy: Strategy, world: WorldView, waiting: () => number) {
    this.#strategy = strategy;
    this.#world = world;
    this.#waiting = waiting;
  }

  /** Who chooses for a request. */
  chooser(facts: TaskFacts): Strategy {
    return this.#strategy.forRequest?.(facts) ?? this.#strategy;
  }

  decided({ wish, runners, outlook, at }: Decision): void {
    if (!(this.#strategy instanceof LearnedStrategy) || outlook === undefined) return;
    this.#strategy.decided(wish.facts, runners, { at, rng: this.#rng, outlook });
  }

  breakerOpened(): void {
    if (this.#strategy instanceof LearnedStrategy) this.#strategy.breakerOpened(this.#world.now());
  }

  /** @param since when the request arrived @param result of its last attempt; undefined = nobody served it */
  ended(chooser: Strategy, { model }: SimJob, since: number, result: AttemptEnd | undefined): void {
    if (!(this.#strategy instanceof LearnedStrategy) || result?.kind === 'left') return;
    const arm = this.#strategy.armOf(chooser);
    if (arm === undefined) return;
    const at = this.#world.now();
    const { servers } = this.#world;
    const moment = { at, waiting: this.#waiting(), hosts: servers.length, dayShare: (at % DAY_MS) / DAY_MS };
    this.#strategy.observe(resultOf(arm, model, at - since, result), moment, this.#rng);
  }
}

const resultOf = (arm: ArmName, model: string, ageMs: number, result: AttemptEnd | undefined) => {
  if (result?.kind !== 'served') {
    const nothing = { tokenMs: undefined, loaded: false, promptTokens: 0, cachedTokens: 0 };
    return { arm, served: false, firstTokenMs: ageMs, model, ...nothing };
  }
  const { usage, firstTokenMs, totalMs } = result;
  const { decodeMs, outputTokens, promptTokens = 0, cachedTokens = 0, loadMs = 0 } = usage;
  return {
    arm,
    served: true,
    firstTokenMs: ageMs - totalMs + firstTokenMs,
    tokenMs: decodeMs === undefined || outputTokens === undefined ? undefined : decodeMs / Math.max(1, outputTokens),
    loaded: loadMs > LOAD_FLOOR_MS,
    model,
    promptTokens,
    cachedTokens,
  };
};
