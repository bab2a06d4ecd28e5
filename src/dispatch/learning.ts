import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import type { Log, Strategy } from '../core/types.ts';
import type { RequestRecord } from '../results/history.ts';
import { ARM_NAMES, armStrategyName, type ArmName } from '../routing/learned-arms.ts';
import type { LearnedResult } from '../routing/learned-epoch.ts';
import { LearnedStrategy, type LearnedEvent, type LearnedReport } from '../routing/learned.ts';
import type { Decision } from './reserve.ts';

/** A load below this is only the scheduler's own time on a model that was in memory (1–160 ms seen on real servers). */
const LOAD_FLOOR_MS = 1_000;
const DAY_MS = 86_400_000;

const ARM_BY_NAME: ReadonlyMap<string, ArmName> = new Map(ARM_NAMES.map((arm) => [armStrategyName(arm), arm]));

export interface LearningParts {
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wall: () => number;
  readonly rng: Rng;
  /** Requests that wait in the proxy, and backends that are up. */
  readonly queue: () => { readonly waiting: number; readonly hosts: number };
  readonly log: Log;
}

/** What the strategy `learned` needs of the proxy: results, decisions and breakers go in, what it decides is logged. */
export class Learning {
  readonly strategy: LearnedStrategy;
  readonly #parts: LearningParts;

  constructor(parts: LearningParts, shadow: boolean) {
    this.#parts = parts;
    this.strategy = new LearnedStrategy({ shadow, tell: (event) => this.#tell(event) });
  }

  configure(shadow: boolean): void {
    this.strategy.shadow = shadow;
  }

  /** A request ended. Those that another strategy chose for say nothing. */
  request(record: RequestRecord): void {
    const arm = record.arm === undefined ? undefined : ARM_BY_NAME.get(record.arm);
    const result = arm && resultOf(record, arm);
    if (result === undefined) return;
    const { clock, wall, rng, queue } = this.#parts;
    this.strategy.observe(result, { at: clock.now(), ...queue(), dayShare: (wall() % DAY_MS) / DAY_MS }, rng);
  }

  /** A place was taken, or a request has to wait. */
  decided({ wish, runners, outlook, at }: Decision): void {
    if (outlook === undefined || this.strategy.armOf(wish.strategy) === undefined) return;
    this.strategy.decided(wish.facts, runners, { at, rng: this.#parts.rng, outlook });
  }

  breakerOpened(): void {
    this.strategy.breakerOpened(this.#parts.clock.now());
  }

  /** @param current the strategy in force @returns undefined where that is another one */
  report(current: Strategy): LearnedReport | undefined {
    return current === this.strategy ? this.strategy.report(this.#parts.clock.now()) : undefined;
  }

  /** Share of sessions that each arm gets; none where another strategy is in force. */
  shares(current: Strategy): ReturnType<LearnedStrategy['shares']> {
    return current === this.strategy ? this.strategy.shares() : [];
  }

  #tell(event: LearnedEvent): void {
    const { log } = this.#parts;
    switch (event.kind) {
      case 'switched': {
        const { from, to, why } = event;
        log.info({ event: 'learned-switched', from, to, why }, `learned strategy: ${from} → ${to}, ${why}`);
        return;
      }
      case 'foretold':
        log.debug({ event: 'learned-foretold', choices: event.choices }, 'what each arm would have chosen');
        return;
      case 'epoch': {
        const { shadow, epochs, arms, ...rest } = event.report;
        if (shadow) log.info({ event: 'learned-shadow', epochs, arms }, `learned strategy: epoch ${epochs} in shadow`);
        else log.debug({ event: 'learned-epoch', epochs, arms, ...rest }, `learned strategy: epoch ${epochs} ended`);
      }
    }
  }
}

/** undefined where the end of a request says nothing about the pool: its client left, or asked for what cannot be. */
const resultOf = (record: RequestRecord, arm: ArmName): LearnedResult | undefined => {
  const { endpoint, outcome, usage, attempts, firstByteMs, totalMs, model = '' } = record;
  if (endpoint !== 'chat' && endpoint !== 'generate') return undefined;
  if (outcome !== 'served' && outcome !== 'failed') return undefined;
  const { decodeMs, outputTokens, promptTokens = 0, cachedTokens, loadMs = 0 } = usage ?? {};
  return {
    arm,
    served: outcome === 'served',
    // An answer that does not stream has its first byte at its end; what was written before it is known by its time.
    firstTokenMs: Math.max(0, Math.min(firstByteMs ?? totalMs, totalMs - (decodeMs ?? 0))),
    tokenMs: decodeMs === undefined || outputTokens === undefined ? undefined : decodeMs / Math.max(1, outputTokens),
    loaded: loadMs > LOAD_FLOOR_MS,
    model,
    promptTokens,
    cachedTokens: cachedTokens ?? attempts.at(-1)?.cachedTokens ?? 0,
  };
};
