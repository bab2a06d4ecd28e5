import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { ARM_NAMES, armStrategyName, createArm, type ArmName } from '../../../src/routing/learned-arms.ts';
import { EPOCH_MS } from '../../../src/routing/learned-epoch.ts';
import { LearnedStrategy, type LearnedEvent } from '../../../src/routing/learned.ts';
import { candidatesOf, facts } from './candidates.ts';
import { moment, result } from './learned-results.ts';
import { outlookOf } from './outlooks.ts';

const SESSIONS = Array.from({ length: 2000 }, (_, i) => `session ${i}`);

/** A pool in which `firstMs` says how soon each arm answers; runs until `until` or for a day. */
const run = (
  strategy: LearnedStrategy,
  firstMs: (arm: ArmName) => number,
  until: (strategy: LearnedStrategy) => boolean,
  from = 0,
  rng = seededRng(11),
): number => {
  let at = from;
  for (let i = 0; at - from < 86_400_000 && !until(strategy); i++, at += 500) {
    const arm = strategy.armOf(strategy.forRequest(facts({ affinityKey: SESSIONS[i % SESSIONS.length] }))) ?? 'hybrid';
    strategy.observe(result({ arm, firstTokenMs: firstMs(arm) * (0.5 + rng.next()) }), moment(at), rng);
  }
  return at;
};

const tries = (strategy: LearnedStrategy): ArmName | undefined => strategy.trial;

describe('who chooses for a request', () => {
  it('is hybrid for everybody at first, and for requests without a session always', () => {
    const strategy = new LearnedStrategy();
    for (const affinityKey of [undefined, ...SESSIONS]) {
      expect(strategy.forRequest(facts({ affinityKey })).name).toBe('learned/hybrid');
    }
    run(
      strategy,
      () => 500,
      (one) => tries(one) !== undefined,
    );
    expect(strategy.forRequest(facts()).name).toBe('learned/hybrid');
  });

  it('is another arm for a tenth of the sessions, always the same ones for the same arm', () => {
    const strategy = new LearnedStrategy();
    const cohorts = new Map<string, Set<string>>();
    let at = 0;
    const rng = seededRng(3);
    for (let i = 0; i < 40; i++) {
      at = run(
        strategy,
        () => 500,
        (one) => tries(one) !== undefined,
        at,
        rng,
      );
      const trial = tries(strategy);
      const own = SESSIONS.filter(
        (affinityKey) => strategy.armOf(strategy.forRequest(facts({ affinityKey }))) === trial,
      );
      expect(own.length / SESSIONS.length).toBeGreaterThan(0.08);
      expect(own.length / SESSIONS.length).toBeLessThan(0.12);
      const known = cohorts.get(trial ?? '');
      if (known !== undefined) expect(new Set(own)).toEqual(known);
      cohorts.set(trial ?? '', new Set(own));
      const epochs = strategy.epochs;
      at = run(
        strategy,
        () => 500,
        (one) => one.epochs > epochs,
        at,
        rng,
      );
    }
    expect(cohorts.size).toBeGreaterThan(2);
  });

  it('never leaves more than about a tenth of any set of sessions to a trial', () => {
    const strategy = new LearnedStrategy();
    run(
      strategy,
      () => 500,
      (one) => tries(one) !== undefined,
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 8, maxLength: 24 }), { minLength: 400, maxLength: 400 }),
        (keys) => {
          const off = keys.filter(
            (affinityKey) => strategy.forRequest(facts({ affinityKey })).name !== 'learned/hybrid',
          );
          // Six standard deviations above 40.
          expect(off.length).toBeLessThan(76);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('ranks as the arm does that chooses', () => {
    const strategy = new LearnedStrategy();
    const candidates = candidatesOf({ a: {}, b: {} });
    const outlook = outlookOf([{ wait: 5000, prefill: 10 }, { prefill: 3000 }]);
    const rank = (one: Pick<LearnedStrategy, 'rank'>) =>
      one
        .rank(facts(), candidates, { at: 0, rng: seededRng(1), outlook })
        .all()
        .map(({ candidate, cost }) => [candidate.id, cost]);
    expect(rank(strategy)).toEqual(rank(createArm('hybrid')));
  });
});

describe('the arms', () => {
  it('are known by the names that logs show', () => {
    expect(ARM_NAMES.map((arm) => createArm(arm).name)).toEqual(ARM_NAMES.map(armStrategyName));
    expect(ARM_NAMES.map((arm) => createArm(arm).patient === true)).toEqual([true, true, true, false, false]);
  });

  it('differ in what a prompt read anew and a long answer cost', () => {
    const candidates = candidatesOf({ rereads: {}, remembers: {}, writes: {} });
    const outlook = outlookOf(
      [
        { prefill: 2000, decode: 1000, freshWork: 2000 },
        { wait: 3000, prefill: 100, decode: 1000, freshWork: 100 },
        { prefill: 500, decode: 9000, freshWork: 1500 },
      ],
      { serviceMs: 1000 },
    );
    const best = (arm: ArmName) =>
      createArm(arm)
        .rank(facts(), candidates, { at: 0, rng: seededRng(1), outlook })
        .at(0)?.candidate.id;
    expect(best('hybrid')).toBe('rereads');
    expect(best('hybrid-sticky')).toBe('remembers');
    const writer = outlookOf([
      { prefill: 2000, decode: 1000 },
      { prefill: 100, decode: 4000 },
    ]);
    const quick = (arm: ArmName) =>
      createArm(arm)
        .rank(facts(), candidates.slice(0, 2), { at: 0, rng: seededRng(1), outlook: writer })
        .at(0)?.candidate.id;
    expect([quick('hybrid'), quick('hybrid-latency')]).toEqual(['remembers', 'rereads']);
  });
});

describe('what is learned', () => {
  it('makes the arm that answers sooner the default, and tells of it', () => {
    const events: LearnedEvent[] = [];
    const strategy = new LearnedStrategy({ tell: (event) => events.push(event) });
    const at = run(
      strategy,
      (arm) => (arm === 'performance' ? 1000 : 4200),
      (one) => one.default !== 'hybrid',
    );
    expect(at).toBeLessThan(86_400_000 / 2);
    expect(strategy.report(at).default).toBe('performance');
    expect(events.filter(({ kind }) => kind === 'switched')).toEqual([
      { kind: 'switched', from: 'hybrid', to: 'performance', why: expect.stringContaining('above hybrid') },
    ]);
    expect(strategy.forRequest(facts()).name).toBe('learned/performance');
  });

  it('is shown with the share of sessions that each arm gets', () => {
    const strategy = new LearnedStrategy();
    const at = run(
      strategy,
      () => 500,
      (one) => tries(one) !== undefined,
    );
    const report = strategy.report(at + 5);
    expect(report).toMatchObject({ shadow: false, default: 'hybrid', trying: 0.1, leastGain: 0.02, sure: 0.9 });
    expect(report.epochs).toBeGreaterThan(0);
    expect(report.arms.map(({ arm }) => arm)).toEqual(ARM_NAMES);
    const shares = strategy.shares();
    expect(shares.find(({ arm }) => arm === 'hybrid')?.share).toBe(0.9);
    expect(shares.find(({ arm }) => arm === report.trial)?.share).toBe(0.1);
    expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it('ends a trial that fails before the epoch is over', () => {
    const strategy = new LearnedStrategy();
    const at = run(
      strategy,
      () => 500,
      (one) => tries(one) !== undefined,
    );
    const trial = tries(strategy);
    const rng = seededRng(1);
    let now = at;
    while (tries(strategy) !== undefined && now < at + EPOCH_MS) {
      for (let i = 0; i < 9; i++) strategy.observe(result(), moment(now), rng);
      strategy.observe(result({ arm: trial ?? 'hybrid', firstTokenMs: 60_000 }), moment(now), rng);
      now += 500;
    }
    expect(now - at).toBeLessThan(40_000);
    expect(strategy.report(now).arms.find(({ arm }) => arm === trial)?.gain.mean).toBeLessThan(0);
  });

  it('reverts at once when three breakers open within half a minute, and not when they do so one by one', () => {
    const events: LearnedEvent[] = [];
    const strategy = new LearnedStrategy({ tell: (event) => events.push(event) });
    const at = run(
      strategy,
      (arm) => (arm === 'performance' ? 1000 : 4200),
      (one) => one.default !== 'hybrid',
    );
    for (const later of [1, 40_000, 80_000]) strategy.breakerOpened(at + later);
    expect(strategy.report(at).default).toBe('performance');
    strategy.breakerOpened(at + 90_000);
    strategy.breakerOpened(at + 100_000);
    expect(strategy.report(at)).toMatchObject({ default: 'hybrid', trial: undefined, trying: 0 });
    expect(events.at(-1)).toMatchObject({ kind: 'switched', from: 'performance', to: 'hybrid' });
  });
});

describe('in shadow', () => {
  const candidates = candidatesOf({ rereads: {}, remembers: {} });
  const outlook = outlookOf([
    { prefill: 2000, freshWork: 2000, ready: 1 },
    { wait: 3000, prefill: 100, freshWork: 100, ready: 0 },
  ]);

  it('uses hybrid alone, and tells for each decision what every arm would have chosen and at what cost', () => {
    const events: LearnedEvent[] = [];
    const strategy = new LearnedStrategy({ shadow: true, tell: (event) => events.push(event) });
    for (const at of [0, 499, 500]) strategy.decided(facts(), candidates, { at, rng: seededRng(1), outlook });
    const foretold = events.flatMap((event) => (event.kind === 'foretold' ? [event.choices] : []));
    expect(foretold).toHaveLength(2);
    expect(foretold[0]?.map(({ arm, candidate, firstMs }) => [arm, candidate, firstMs])).toEqual([
      ['hybrid', 'rereads', 2000],
      ['hybrid-sticky', 'remembers', 3100],
      ['hybrid-latency', 'rereads', 2000],
      ['least-loaded', 'rereads', 2000],
      ['performance', 'rereads', 2000],
    ]);
    expect(foretold[0]?.map(({ costMs }) => costMs)).toEqual([2000, 3100, 2000, 2000, 2000]);
    run(
      strategy,
      (arm) => (arm === 'performance' ? 100 : 4000),
      (one) => one.epochs >= 20,
    );
    const report = strategy.report(0);
    expect(report).toMatchObject({ shadow: true, default: 'hybrid', trial: undefined, trying: 0, decisions: 2 });
    const { agrees, meanCostMs, reward } = report.arms[1]?.foretold ?? {};
    expect([agrees, meanCostMs, reward]).toEqual([0, 3100, expect.closeTo(-0.1 * Math.log(3100 / 2000), 9)]);
  });

  it('goes back to hybrid when it is put there', () => {
    const strategy = new LearnedStrategy();
    run(
      strategy,
      (arm) => (arm === 'performance' ? 1000 : 4200),
      (one) => one.default !== 'hybrid',
    );
    strategy.shadow = true;
    expect(strategy.report(0)).toMatchObject({ default: 'hybrid', trying: 0 });
  });
});
