import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, type Moment, type Need } from '../../src/auth/ledger.ts';
import { MinuteLog } from '../../src/auth/minute-log.ts';
import type { KeyLimits } from '../../src/core/key-rule.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Gaps with room for many in a minute, and some that are longer than one. */
const gap = fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 90_000 }));

describe('a minute log', () => {
  it('sums up exactly what is less than a minute old, and foretells when it will be gone', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 50 })), { maxLength: 60 }), (steps) => {
        const log = new MinuteLog();
        const added: { readonly at: number; readonly amount: number }[] = [];
        let at = 0;
        for (const [ms, amount] of steps) {
          at += ms;
          log.add(amount, at);
          added.push({ at, amount });
          const alive = added.filter((entry) => entry.at + MINUTE > at);
          const sum = alive.reduce((total, entry) => total + entry.amount, 0);
          expect(log.sum(at)).toBe(sum);
          for (const wanted of [1, Math.ceil(sum / 2), sum]) {
            const freedAt = log.freedAt(wanted, at);
            const left = (when: number): number =>
              alive.reduce((total, entry) => total + (entry.at + MINUTE > when ? entry.amount : 0), 0);
            expect(sum - left(freedAt)).toBeGreaterThanOrEqual(wanted);
            expect(sum - left(freedAt - 1)).toBeLessThan(wanted);
          }
          expect(log.freedAt(sum + 1, at)).toBe(Infinity);
          expect(log.emptyAt(at)).toBe(at + MINUTE);
        }
      }),
    );
  });

  it('saved and restored counts nothing shorter, and nothing longer by more than a tenth of a second', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 50 })), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 30_000 }),
        // Around the moment at which one of them becomes a minute old.
        fc.nat(39),
        fc.integer({ min: -150, max: 150 }),
        (steps, away, which, offset) => {
          const log = new MinuteLog();
          const added: { readonly at: number; readonly amount: number }[] = [];
          let at = 0;
          for (const [ms, amount] of steps) {
            at += ms;
            log.add(amount, at);
            added.push({ at, amount });
          }
          const saved = JSON.parse(JSON.stringify(log.save(at))) as ReturnType<MinuteLog['save']>;
          // Another process with another clock, begun `away` ms later.
          const start = 1_000_000;
          const restored = new MinuteLog();
          restored.restore(saved, start - away, start);
          const asked = added[which % added.length]?.at ?? 0;
          const later = Math.max(at + away, asked + MINUTE + offset);
          const alive = (when: number): number =>
            added.reduce((sum, entry) => sum + (entry.at + MINUTE > when ? entry.amount : 0), 0);
          const sum = restored.sum(start + later - at - away);
          expect(sum).toBeGreaterThanOrEqual(alive(later));
          // What was gone when it was saved is gone.
          expect(sum).toBeLessThanOrEqual(Math.min(alive(at), alive(later - 100)));
        },
      ),
      { numRuns: 500 },
    );
  });
});

type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'ask'; readonly tokens: number; readonly guessed: boolean }
  | { readonly kind: 'end'; readonly which: number; readonly used: number }
  | { readonly kind: 'limits'; readonly limits: KeyLimits };

const bound = (max: number): fc.Arbitrary<number | undefined> =>
  fc.option(fc.integer({ min: 1, max }), { nil: undefined });
const limitsArbitrary: fc.Arbitrary<KeyLimits> = fc.record({
  requestsPerMinute: bound(8),
  concurrent: bound(5),
  tokensPerMinute: bound(300),
  tokensPerDay: bound(900),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: gap }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: DAY }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      tokens: fc.integer({ min: 0, max: 400 }),
      guessed: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(20),
      used: fc.integer({ min: 0, max: 400 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limits' as const), limits: limitsArbitrary }) },
);

/** The same rules, said as plainly as can be: over whole histories, without any upkeep. */
class Plain {
  readonly begun: number[] = [];
  readonly ended: { readonly at: number; readonly wallMs: number; readonly used: number }[] = [];
  readonly running: number[] = [];

  minute(at: number): number {
    return this.begun.filter((each) => each + MINUTE > at).length;
  }

  tokens(at: number): number {
    return this.ended.reduce((sum, end) => sum + (end.at + MINUTE > at ? end.used : 0), 0);
  }

  today(wallMs: number): number {
    const day = Math.floor(wallMs / DAY);
    return this.ended.reduce((sum, end) => sum + (Math.floor(end.wallMs / DAY) === day ? end.used : 0), 0);
  }

  mayCome(limits: KeyLimits, { tokens, guessed }: Need, { at, wallMs }: Moment): boolean {
    const held = this.running.reduce((sum, each) => sum + each, 0);
    const fits = (limit: number | undefined, used: number): boolean => {
      if (limit === undefined || tokens === 0) return true;
      if (guessed && held === 0) return used < limit;
      return used + held + Math.min(tokens, limit) <= limit;
    };
    return (
      (limits.concurrent === undefined || this.running.length < limits.concurrent) &&
      (limits.requestsPerMinute === undefined || this.minute(at) < limits.requestsPerMinute) &&
      fits(limits.tokensPerMinute, this.tokens(at)) &&
      fits(limits.tokensPerDay, this.today(wallMs))
    );
  }
}

describe('a ledger', () => {
  it('lets in exactly those who may come, whatever the order of things and the changes of limits', () => {
    fc.assert(
      fc.property(limitsArbitrary, fc.array(step, { maxLength: 80 }), (first, steps) => {
        const ledger = new Ledger();
        const plain = new Plain();
        let limits = first;
        let now: Moment = { at: 0, wallMs: 20_000 * DAY + 12_345 };
        for (const each of steps) {
          if (each.kind === 'wait') now = { at: now.at + each.ms, wallMs: now.wallMs + each.ms };
          else if (each.kind === 'limits') limits = each.limits;
          else if (each.kind === 'end') {
            const [held] = plain.running.splice(each.which % Math.max(1, plain.running.length), 1);
            if (held === undefined) continue;
            ledger.settle(held, each.used, 0, now);
            ledger.leave();
            plain.ended.push({ ...now, used: each.used });
          } else {
            const expected = plain.mayCome(limits, each, now);
            const atDoor = ledger.enter(limits, now);
            const refusal = atDoor ?? ledger.start(limits, each, now);
            if (atDoor === undefined && refusal !== undefined) ledger.leave();
            expect(refusal === undefined).toBe(expected);
            if (expected) {
              plain.begun.push(now.at);
              plain.running.push(each.tokens);
            } else {
              expect(refusal?.waitMs).toBeGreaterThan(0);
            }
          }
          expect(ledger.running).toBe(plain.running.length);
          expect(ledger.reserved).toBe(plain.running.reduce((sum, held) => sum + held, 0));
          expect(ledger.requestsInMinute(now.at)).toBe(plain.minute(now.at));
          expect(ledger.tokensInMinute(now.at)).toBe(plain.tokens(now.at));
          expect(ledger.tokensToday(now.wallMs)).toBe(plain.today(now.wallMs));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('names the wait after which the request is let in if nobody else comes, and not a moment before', () => {
    fc.assert(
      fc.property(
        limitsArbitrary,
        fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 200 }), fc.boolean()), { maxLength: 40 }),
        (any, requests) => {
          const limits = { ...any, concurrent: undefined };
          const ledger = new Ledger();
          let now: Moment = { at: 0, wallMs: 20_000 * DAY + 5 };
          for (const [ms, tokens, guessed] of requests) {
            const need = { tokens, guessed };
            now = { at: now.at + ms, wallMs: now.wallMs + ms };
            const over = ledger.start(limits, need, now);
            if (over === undefined) {
              ledger.settle(tokens, tokens, 0, now);
              continue;
            }
            const after = (waitMs: number): Moment => ({ at: now.at + waitMs, wallMs: now.wallMs + waitMs });
            expect(ledger.start(limits, need, after(over.waitMs - 1))).toBeDefined();
            now = after(over.waitMs);
            expect(ledger.start(limits, need, now)).toBeUndefined();
            ledger.settle(tokens, tokens, 0, now);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
