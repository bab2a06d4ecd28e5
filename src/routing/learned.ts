import type { Outlook } from '../core/outlook.ts';
import type { Rng } from '../core/rng.ts';
import type { Candidate, RankContext, Ranking, Strategy, TaskFacts } from '../core/types.ts';
import { fnv1a, rendezvous } from './hash.ts';
import { ARM_NAMES, createArm, forArms, type ArmName } from './learned-arms.ts';
import { EpochBook, type LearnedResult, type Moment } from './learned-epoch.ts';
import { Foretold, type ForetoldChoice, type ForetoldView } from './learned-foretold.ts';
import { LEAST_GAIN, Pilot, SURE, type ArmView, type Turn } from './learned-pilot.ts';

/** Share of sessions that try another arm than the default. */
const TRYING = 0.1;
/** So many circuit breakers that open within so many ms are a storm. */
const STORM_BREAKERS = 3;
const STORM_MS = 30_000;
/** Of each epoch the usual rate takes over this share. */
const RATE_SHARE = 0.2;

/** What happened that an operator may want to read. */
export type LearnedEvent =
  | ({ readonly kind: 'switched' } & Turn)
  | { readonly kind: 'foretold'; readonly choices: readonly ForetoldChoice[] }
  | { readonly kind: 'epoch'; readonly report: LearnedReport };

/** How the arms stand. */
export interface LearnedReport {
  /** Nothing but the first arm is used; what the others would have done is only worked out. */
  readonly shadow: boolean;
  readonly default: ArmName;
  readonly why: string;
  /** Share of sessions that try `trial`. */
  readonly trying: number;
  readonly trial: ArmName | undefined;
  /** Epochs that ended, and ms since the one under way began; undefined = none has begun. */
  readonly epochs: number;
  readonly epochMs: number | undefined;
  /** What an arm needs to become the default: to be better by this much of the reward, with this probability. */
  readonly leastGain: number;
  readonly sure: number;
  readonly decisions: number;
  readonly arms: readonly (ArmView & { readonly foretold: ForetoldView })[];
}

export interface LearnedOptions {
  readonly shadow?: boolean;
  /** Told in the tick in which it happens. */
  readonly tell?: (event: LearnedEvent) => void;
}

/**
 * Learns which of five ways to choose suits this pool. Nine of ten sessions get the default arm, which is `hybrid` at
 * first; the tenth one, always the same for the same arm so that no conversation loses what a server remembers of it,
 * gets an arm that may be better. Every two minutes the two are compared, and an arm that has proved better becomes the
 * default. Requests without a session always get the default.
 *
 * It learns from results that it is told (`observe`), which the proxy does; where nobody tells it any it is `hybrid`.
 * `forRequest` says who chooses for a request; `rank` is the same for those who do not ask. Only `observe` and
 * `breakerOpened` change who is asked.
 */
export class LearnedStrategy implements Strategy {
  readonly name = 'learned';
  readonly patient = true;
  readonly #arms = forArms(createArm);
  readonly #names: ReadonlyMap<Strategy, ArmName> = new Map(ARM_NAMES.map((name) => [this.#arms[name], name]));
  readonly #pilot = new Pilot();
  readonly #foretold = new Foretold(this.#arms);
  readonly #tell: (event: LearnedEvent) => void;
  /** When the last few opened, the oldest first. */
  readonly #openedAt: number[] = [];
  #shadow: boolean;
  #book: EpochBook | undefined;
  #epochs = 0;
  #usualRate: number | undefined;

  constructor({ shadow = false, tell = () => {} }: LearnedOptions = {}) {
    this.#shadow = shadow;
    this.#tell = tell;
  }

  /** Only to work out what the arms would do, or to use them. */
  set shadow(shadow: boolean) {
    if (shadow && !this.#shadow) this.#tellTurn(this.#pilot.goHome('only to be shown what the arms would do'));
    this.#shadow = shadow;
  }

  rank(facts: TaskFacts, candidates: readonly Candidate[], context: RankContext): Ranking {
    return this.forRequest(facts).rank(facts, candidates, context);
  }

  chosen(candidate: Candidate, candidates: readonly Candidate[]): void {
    this.#arms[this.default].chosen?.(candidate, candidates);
  }

  forRequest({ affinityKey }: TaskFacts): Strategy {
    const { trial, default: usual } = this;
    if (trial === undefined || affinityKey === undefined) return this.#arms[usual];
    const key = fnv1a(affinityKey);
    // The name of the arm is a part of it: each arm has a tenth of its own, which stays when another one was tried between.
    const tries = rendezvous(key, `tries ${trial}`, TRYING) < rendezvous(key, 'default', 1 - TRYING);
    return this.#arms[tries ? trial : usual];
  }

  /** Which arm this is, undefined for a strategy that is none of them. */
  armOf(strategy: Strategy): ArmName | undefined {
    return this.#names.get(strategy);
  }

  /** What the sessions get that try nothing. */
  get default(): ArmName {
    return this.#pilot.default;
  }

  /** What the others get; undefined = nobody tries anything. */
  get trial(): ArmName | undefined {
    return this.#pilot.trial;
  }

  /** Epochs that ended. */
  get epochs(): number {
    return this.#epochs;
  }

  /** What came of a request that one of the arms chose for. Ends the epoch when it is time. */
  observe(result: LearnedResult, moment: Moment, rng: Rng): void {
    const { at } = moment;
    if (this.#book?.isOver(at) === true) this.#close(this.#book, moment, rng);
    this.#book ??= new EpochBook(at);
    const book = this.#book;
    const { trial, default: usual } = this;
    if (result.arm !== usual && result.arm !== trial) return;
    book.add(result, moment);
    if (trial === undefined || result.arm !== trial) return;
    if (Pilot.fails(book.requests(trial), () => [book.arm(trial), book.arm(usual)])) this.#cut(book, moment, rng);
  }

  /** A circuit breaker opened at `at`. */
  breakerOpened(at: number): void {
    this.#openedAt.push(at);
    if (this.#openedAt.length > STORM_BREAKERS) this.#openedAt.shift();
    const first = this.#openedAt[0] ?? at;
    if (this.#openedAt.length < STORM_BREAKERS || at - first > STORM_MS) return;
    // What was gathered tells of the storm and not of the arms.
    this.#book = undefined;
    this.#tellTurn(this.#pilot.storm(at));
  }

  /** A decision was made: what would the others have chosen? Looks at one now and then. */
  decided(
    facts: TaskFacts,
    candidates: readonly Candidate[],
    context: { readonly at: number; readonly rng: Rng; readonly outlook: Outlook },
  ): void {
    if (!this.#foretold.due(context.at)) return;
    const choices = this.#foretold.look(facts, candidates, context);
    if (this.#shadow) this.#tell({ kind: 'foretold', choices });
  }

  report(at: number): LearnedReport {
    return {
      shadow: this.#shadow,
      default: this.default,
      why: this.#pilot.why,
      trying: this.trial === undefined ? 0 : TRYING,
      trial: this.trial,
      epochs: this.#epochs,
      epochMs: this.#book && at - this.#book.startedAt,
      leastGain: LEAST_GAIN,
      sure: SURE,
      decisions: this.#foretold.decisions,
      arms: this.#pilot.arms().map((view) => ({ ...view, foretold: this.#foretold.view(view.arm) })),
    };
  }

  /** Share of sessions that each arm gets. */
  shares(): readonly { readonly arm: ArmName; readonly share: number }[] {
    const { trial, default: usual } = this;
    const trying = trial === undefined ? 0 : TRYING;
    return ARM_NAMES.map((arm) => ({ arm, share: arm === usual ? 1 - trying : arm === trial ? trying : 0 }));
  }

  #close(book: EpochBook, moment: Moment, rng: Rng): void {
    const { at } = moment;
    this.#book = undefined;
    this.#epochs++;
    const epoch = book.close(moment, this.#usualRate);
    this.#usualRate = (this.#usualRate ?? book.rate) + RATE_SHARE * (book.rate - (this.#usualRate ?? book.rate));
    const foretold = forArms((name) => this.#foretold.view(name).reward);
    const turn = this.#pilot.settle(epoch, foretold, at, rng);
    if (this.#shadow) this.#pilot.endTrial();
    this.#tellTurn(turn);
    this.#tell({ kind: 'epoch', report: this.report(at) });
  }

  /** The trial is a failure: it ends now and is learned from, rather than at the end of the epoch. */
  #cut(book: EpochBook, moment: Moment, rng: Rng): void {
    this.#close(book, moment, rng);
    this.#pilot.endTrial();
  }

  #tellTurn(turn: Turn | undefined): void {
    if (turn !== undefined) this.#tell({ kind: 'switched', ...turn });
  }
}

/** See `LearnedStrategy`. */
export const learned = (): Strategy => new LearnedStrategy();
