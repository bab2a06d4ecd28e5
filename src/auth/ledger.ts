import type { KeyLimits } from '../core/key-rule.ts';
import { MinuteLog, WINDOW_MS, type SavedLog } from './minute-log.ts';

export const DAY_MS = 86_400_000;
/** Where room depends on requests that still run nobody knows when it comes: soon enough, and not all the time. */
const SOON_MS = 1_000;

/** Both clocks: `at` in monotonic ms, for spans; `wallMs` since 1970, for calendar days. */
export interface Moment {
  readonly at: number;
  readonly wallMs: number;
}

/** What a request is taken to need. */
export interface Need {
  /** Tokens, ≥ 0; 0 = it takes none, and no limit on tokens is in its way. */
  readonly tokens: number;
  /**
   * It named no bound for its answer, so that this is the usual length of such answers. Beside others that counts; but a
   * guess alone turns nobody away from what is left.
   */
  readonly guessed: boolean;
}

export const NO_NEED: Need = { tokens: 0, guessed: false };

/** Whole ms: sums of fractions would end a hair behind the span they stand for, and be rounded up to its next second. */
export const momentOf = (at: number, wallMs: number): Moment => ({ at: Math.floor(at), wallMs: Math.floor(wallMs) });

export type LimitName = 'requests per minute' | 'requests at a time' | 'tokens per minute' | 'tokens per day';

/** Why a request is not let in now, and how long until it could be if nobody else came. */
export interface OverLimit {
  readonly limit: LimitName;
  readonly most: number;
  readonly waitMs: number;
}

/** What a key has used, as plain data for JSON. */
export interface SavedLedger {
  readonly requests: SavedLog;
  readonly tokens: SavedLog;
  /** Days since 1970 (UTC) and the tokens counted in that one. */
  readonly day: number;
  readonly dayTokens: number;
}

const dayOf = (wallMs: number): number => Math.floor(wallMs / DAY_MS);

/**
 * What one key uses, held against its limits. Nothing is taken unless everything fits. A request holds the tokens that it
 * is expected to take while it runs, and what it really took counts from its end, so that requests side by side cannot
 * all be let in by the same remainder.
 */
export class Ledger {
  readonly #requests = new MinuteLog();
  readonly #tokens = new MinuteLog();
  #day = 0;
  #dayTokens = 0;
  #running = 0;
  #reserved = 0;
  /** Since the start of the process. */
  readonly outcomes = new Map<string, number>();
  promptTokens = 0;
  outputTokens = 0;

  get running(): number {
    return this.#running;
  }

  /** Tokens that running requests are expected to take. */
  get reserved(): number {
    return this.#reserved;
  }

  requestsInMinute(at: number): number {
    return this.#requests.sum(at);
  }

  tokensInMinute(at: number): number {
    return this.#tokens.sum(at);
  }

  tokensToday(wallMs: number): number {
    this.#turnDay(wallMs);
    return this.#dayTokens;
  }

  /** Lets a request in at the door, where its size is not known yet: it runs from now on, unless it is refused. */
  enter(limits: KeyLimits, { at }: Moment): OverLimit | undefined {
    const { concurrent } = limits;
    if (concurrent !== undefined && this.#running >= concurrent) {
      return { limit: 'requests at a time', most: concurrent, waitMs: SOON_MS };
    }
    const over = this.#overRequests(limits, at);
    if (over === undefined) this.#running++;
    return over;
  }

  /** Counts the request and holds its tokens, or says what is in the way longest. */
  start(limits: KeyLimits, need: Need, moment: Moment): OverLimit | undefined {
    let worst = this.#overRequests(limits, moment.at);
    if (need.tokens > 0) {
      for (const over of [this.#overMinute(limits, need, moment.at), this.#overDay(limits, need, moment.wallMs)]) {
        if (over !== undefined && over.waitMs >= (worst?.waitMs ?? 0)) worst = over;
      }
    }
    if (worst !== undefined) return worst;
    this.#requests.add(1, moment.at);
    this.#reserved += need.tokens;
    return undefined;
  }

  /** Gives back what `start` held, and counts what was really used. */
  settle(held: number, promptTokens: number, outputTokens: number, { at, wallMs }: Moment): void {
    this.#reserved -= held;
    const used = promptTokens + outputTokens;
    if (used === 0) return;
    this.#tokens.add(used, at);
    this.#turnDay(wallMs);
    this.#dayTokens += used;
    this.promptTokens += promptTokens;
    this.outputTokens += outputTokens;
  }

  /** The last byte of a request is out. */
  leave(): void {
    this.#running--;
  }

  count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** ms until no request counts any more. */
  requestsResetMs(at: number): number {
    return this.#requests.emptyAt(at) - at;
  }

  /** ms until no token counts any more: those of running requests count for a minute at least. */
  tokensResetMs(at: number): number {
    return this.#reserved > 0 ? WINDOW_MS : this.#tokens.emptyAt(at) - at;
  }

  save({ at, wallMs }: Moment): SavedLedger {
    this.#turnDay(wallMs);
    return {
      requests: this.#requests.save(at),
      tokens: this.#tokens.save(at),
      day: this.#day,
      dayTokens: this.#dayTokens,
    };
  }

  /** Adds what an earlier process had counted. @param awayMs since it was saved */
  restore(saved: SavedLedger, awayMs: number, { at, wallMs }: Moment): void {
    const savedAt = at - awayMs;
    this.#requests.restore(saved.requests, savedAt, at);
    this.#tokens.restore(saved.tokens, savedAt, at);
    this.#turnDay(wallMs);
    if (isOver(saved.day, this.#day)) return;
    this.#day = saved.day;
    this.#dayTokens += saved.dayTokens;
  }

  #overRequests({ requestsPerMinute: most }: KeyLimits, at: number): OverLimit | undefined {
    if (most === undefined) return undefined;
    const over = this.#requests.sum(at) + 1 - most;
    if (over <= 0) return undefined;
    return { limit: 'requests per minute', most, waitMs: this.#requests.freedAt(over, at) - at };
  }

  /** Tokens under a limit that must be free for a request, those included that running ones hold. */
  #wanted({ tokens, guessed }: Need, most: number): number {
    return guessed && this.#reserved === 0 ? 1 : this.#reserved + Math.min(tokens, most);
  }

  #overMinute({ tokensPerMinute: most }: KeyLimits, need: Need, at: number): OverLimit | undefined {
    if (most === undefined) return undefined;
    const used = this.#tokens.sum(at);
    const over = used + this.#wanted(need, most) - most;
    if (over <= 0) return undefined;
    const surelyAt = this.#tokens.freedAt(over, at);
    // Else those that run must give something back first, and even then what was used may have to leave.
    const freedAt = surelyAt === Infinity ? this.#tokens.freedAt(used + alone(need, most) - most, at) : surelyAt;
    return { limit: 'tokens per minute', most, waitMs: freedAt > at ? freedAt - at : SOON_MS };
  }

  #overDay({ tokensPerDay: most }: KeyLimits, need: Need, wallMs: number): OverLimit | undefined {
    if (most === undefined) return undefined;
    this.#turnDay(wallMs);
    if (this.#dayTokens + this.#wanted(need, most) <= most) return undefined;
    // What others hold they may give back, unless what was used is enough to fill the day.
    const waitMs = this.#dayTokens + alone(need, most) <= most ? SOON_MS : dayResetMs(wallMs);
    return { limit: 'tokens per day', most, waitMs };
  }

  #turnDay(wallMs: number): void {
    const day = dayOf(wallMs);
    if (!isOver(this.#day, day)) return;
    this.#day = day;
    this.#dayTokens = 0;
  }
}

/** Tokens under a limit that must be free for a request while no other runs. */
const alone = ({ tokens, guessed }: Need, most: number): number => (guessed ? 1 : Math.min(tokens, most));

/**
 * Whether a day that was counted in is over as of `today`. A clock that is set back over midnight makes no new day; one
 * that had been days ahead does.
 */
const isOver = (counted: number, today: number): boolean => counted < today || counted > today + 1;

/** ms until the next day begins (UTC). */
export const dayResetMs = (wallMs: number): number => (dayOf(wallMs) + 1) * DAY_MS - wallMs;
