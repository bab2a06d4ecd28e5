import type { Rng } from '../core/rng.ts';
import { ARM_NAMES, forArms, HOME_ARM, type ArmName } from './learned-arms.ts';
import { CONTEXT_SIZE, EPOCH_MS, type ArmEpoch, type Epoch } from './learned-epoch.ts';
import { chanceAbove, Posterior, type Belief } from './learned-posterior.ts';

/** After this long an observation counts 1/e: half an hour, as loads and habits change (routing-science 5.12). */
const MEMORY_MS = 1_800_000;
/** An arm becomes the default when it is better by this much of the reward, about two points of goodput … */
export const LEAST_GAIN = 0.02;
/** … with this probability, and has been tried in so many epochs: one lucky one proves nothing. */
export const SURE = 0.9;
const LEAST_EPOCHS = 3;
/** It stays so while it is better than the first arm at all with this probability: what is not proved anew fades. */
const STILL_SURE = 0.6;
/** An arm that is better by that much with less than this chance is not worth the requests that it takes to try it. */
const WORTH_TRYING = 0.05;
/** How much arms usually differ, and how much that changes with one unit of context. */
const ARM_SD = 0.04;
const CONTEXT_SD = 0.01;
/** What differs between two arms in an epoch besides chance: they use the same servers, and each suffers of the other. */
const EPOCH_SD = 0.02;
/** An epoch in which fewer requests of one of the two were answered tells nothing. */
const LEAST_REQUESTS = 5;
/** After a storm nothing is tried for so long. */
const CALM_MS = 5 * EPOCH_MS;
/** A trial that is worse by so many standard deviations ends at once; looked at whenever so many more were answered. */
const CUT_SDS = 2;
const CUT_EVERY = 5;
const CUT_FROM = 10;

const FEATURES = 1 + CONTEXT_SIZE;

/** One arm as it is shown. */
export interface ArmView {
  readonly arm: ArmName;
  /** By how much its reward is believed to be above that of the default, as things stand. */
  readonly gain: Belief;
  /** Chance that it is better by `LEAST_GAIN` or more. */
  readonly better: number;
  /** Epochs in which it was compared, the old ones fading. */
  readonly epochs: number;
}

/** What was decided, and why. */
export interface Turn {
  readonly from: ArmName;
  readonly to: ArmName;
  readonly why: string;
}

/**
 * Decides between epochs which arm is the default and which one a part of the sessions tries. What is learned is the
 * difference between two arms in the same epoch: whatever befell both cancels out. A difference is linear in how things
 * stood (an offset for each arm, and a slope for each number of the context), and it is Thompson's draw from what is
 * believed of it that says who is tried: an arm is tried as often as it may be the best one, and nobody is when the draw
 * favours the default.
 *
 * Pure: time and chance are arguments. O(arms·context)³ for an epoch, which is a fraction of a millisecond.
 */
export class Pilot {
  readonly #posterior = new Posterior(
    ARM_NAMES.flatMap(() => [ARM_SD, ...Array.from({ length: CONTEXT_SIZE }, () => CONTEXT_SD)]),
  );
  readonly #epochs: Record<ArmName, number> = { ...forArms(() => 0) };
  #context: readonly number[] = Array.from({ length: CONTEXT_SIZE }, () => 0);
  #default: ArmName = HOME_ARM;
  #trial: ArmName | undefined;
  #calmUntil = -Infinity;
  #closedAt: number | undefined;
  #why = 'starts with it';

  /** What the sessions get that try nothing. */
  get default(): ArmName {
    return this.#default;
  }

  /** What the others get; undefined = nobody tries anything. */
  get trial(): ArmName | undefined {
    return this.#trial;
  }

  /** Why the default is the default, in words. */
  get why(): string {
    return this.#why;
  }

  calm(at: number): boolean {
    return at < this.#calmUntil;
  }

  /**
   * Learns from an epoch and decides on the next one.
   * @param foretold by how much each arm's reward is foreseen to differ from that of the first arm
   * @returns what changed, undefined = the default stays
   */
  settle(epoch: Epoch, foretold: Readonly<Record<ArmName, number>>, at: number, rng: Rng): Turn | undefined {
    const left = Math.exp(-Math.min(MEMORY_MS * 10, at - (this.#closedAt ?? at)) / MEMORY_MS);
    this.#closedAt = at;
    this.#posterior.fade(left);
    for (const name of ARM_NAMES) this.#epochs[name] *= left;
    this.#context = epoch.context;
    for (const [i, name] of ARM_NAMES.entries()) {
      // A forecast minds only the request itself and not what its place does to later ones: it warns, but praises nobody.
      this.#posterior.expect(i * FEATURES, name === HOME_ARM ? 0 : Math.min(0, foretold[name]));
    }
    this.#learn(epoch);
    const turn = this.#turn();
    this.#trial = this.calm(at) ? undefined : this.#draw(rng);
    return turn;
  }

  /** Breakers open one after the other: whatever is tried ends, and nothing is for a while. */
  storm(at: number): Turn | undefined {
    this.#calmUntil = at + CALM_MS;
    return this.goHome('many circuit breakers opened at once');
  }

  /** Nobody tries anything, and the first arm is the default again. */
  goHome(why: string): Turn | undefined {
    this.#trial = undefined;
    return this.#goTo(HOME_ARM, why);
  }

  /** Nobody is to try anything until the next epoch. */
  endTrial(): void {
    this.#trial = undefined;
  }

  /** Whether a trial does so badly that it must not go on. To be asked whenever it got another answer. */
  static fails(
    requests: number,
    sums: () => readonly [trial: ArmEpoch | undefined, usual: ArmEpoch | undefined],
  ): boolean {
    if (requests < CUT_FROM || requests % CUT_EVERY !== 0) return false;
    const [trial, usual] = sums();
    if (trial === undefined) return true;
    if (usual === undefined || usual.requests < CUT_FROM) return false;
    return trial.reward - usual.reward < -CUT_SDS * Math.sqrt(trial.variance + usual.variance);
  }

  arms(): readonly ArmView[] {
    return ARM_NAMES.map((arm) => {
      const gain = this.#gain(arm, this.#default);
      return { arm, gain, better: chanceAbove(gain, LEAST_GAIN), epochs: this.#epochs[arm] };
    });
  }

  #learn({ arms }: Epoch): void {
    const usual = arms[this.#default];
    const trial = this.#trial;
    const tried = trial && arms[trial];
    if (trial === undefined || tried === undefined || usual === undefined) return;
    if (Math.min(tried.requests, usual.requests) < LEAST_REQUESTS) return;
    const variance = tried.variance + usual.variance + EPOCH_SD ** 2;
    this.#posterior.observe(this.#contrast(trial, this.#default), tried.reward - usual.reward, variance);
    this.#epochs[trial]++;
  }

  #turn(): Turn | undefined {
    const current = this.#default;
    let best: ArmView | undefined;
    for (const view of this.arms()) {
      if (view.arm === current || view.better < SURE) continue;
      // A default needs no proof that it is good to go back to, beyond what was learned while it was not.
      if (view.arm !== HOME_ARM && this.#epochs[view.arm] < LEAST_EPOCHS - 0.5) continue;
      if (best === undefined || view.gain.mean > best.gain.mean) best = view;
    }
    if (best !== undefined) return this.#goTo(best.arm, `${inWords(best.gain)} above ${current}`);
    if (current === HOME_ARM) return undefined;
    const home = this.#gain(HOME_ARM, current);
    if (chanceAbove(home, 0) <= 1 - STILL_SURE) return undefined;
    return this.#goTo(HOME_ARM, `nothing speaks for ${current} any more (${inWords(home)} above it)`);
  }

  #goTo(to: ArmName, why: string): Turn | undefined {
    const from = this.#default;
    if (from === to) return undefined;
    this.#default = to;
    this.#why = why;
    return { from, to, why };
  }

  #draw(rng: Rng): ArmName | undefined {
    const weights = this.#posterior.draw(rng);
    let found: ArmName | undefined;
    let highest = 0;
    for (const { arm, better } of this.arms()) {
      if (arm === this.#default || better < WORTH_TRYING) continue;
      let lead = 0;
      for (const [i, x] of this.#contrast(arm, this.#default).entries()) lead += x * (weights[i] ?? 0);
      if (lead <= highest) continue;
      highest = lead;
      found = arm;
    }
    return found;
  }

  #gain(arm: ArmName, over: ArmName): Belief {
    return arm === over ? { mean: 0, sd: 0 } : this.#posterior.belief(this.#contrast(arm, over));
  }

  /** What the weights are multiplied with for the difference of two arms as things stand. */
  #contrast(arm: ArmName, over: ArmName): readonly number[] {
    return ARM_NAMES.flatMap((name) => {
      const sign = name === arm ? 1 : name === over ? -1 : 0;
      return [sign, ...this.#context.map((value) => sign * value)];
    });
  }
}

const inWords = ({ mean, sd }: Belief): string => `reward ${mean.toFixed(3)} ± ${sd.toFixed(3)}`;
