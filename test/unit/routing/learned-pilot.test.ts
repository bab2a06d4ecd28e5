import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { ARM_NAMES, forArms, type ArmName } from '../../../src/routing/learned-arms.ts';
import { CONTEXT_SIZE, EPOCH_MS, type ArmEpoch, type Epoch } from '../../../src/routing/learned-epoch.ts';
import { Pilot, type Turn } from '../../../src/routing/learned-pilot.ts';

const armEpoch = (reward: number, requests = 100): ArmEpoch => ({
  requests,
  goodput: 1,
  medianFirstMs: 1000,
  loadsPerThousand: 0,
  reward,
  variance: 0.04 / requests,
});
const NOTHING_FORETOLD = forArms(() => 0);
const FLAT = Array.from({ length: CONTEXT_SIZE }, () => 0);

/** Epochs of a world in which each arm has its reward. */
const world = (rewards: Readonly<Record<ArmName, number>>, seed = 1, noise = 0.01) => {
  const pilot = new Pilot();
  const rng = seededRng(seed);
  let at = 0;
  const turns: Turn[] = [];
  let trials = 0;
  const step = (level = 0, foretold = NOTHING_FORETOLD, now = rewards): Turn | undefined => {
    at += EPOCH_MS;
    const arms: Epoch['arms'] = forArms((name) =>
      name === pilot.default
        ? armEpoch(level + now[name] + noise * (rng.next() - 0.5), 900)
        : name === pilot.trial
          ? armEpoch(level + now[name] + noise * (rng.next() - 0.5))
          : undefined,
    );
    const turn = pilot.settle({ arms, context: FLAT }, foretold, at, rng);
    if (turn !== undefined) turns.push(turn);
    if (pilot.trial !== undefined) trials++;
    return turn;
  };
  return { pilot, step, turns, now: () => at, trials: () => trials };
};

describe('choosing the default arm', () => {
  it('finds the arm that is better, and stays with it', () => {
    const { pilot, step, turns } = world({ ...forArms(() => 0.7), performance: 0.85 });
    for (let i = 0; i < 200; i++) step();
    expect(pilot.default).toBe('performance');
    expect(turns[0]).toMatchObject({ to: 'performance' });
    expect(turns.length).toBeLessThan(4);
    expect(pilot.why).toContain('above');
  });

  it('minds no change that befalls both arms', () => {
    const { pilot, step, turns } = world(forArms(() => 0.7));
    for (let i = 0; i < 200; i++) step(i % 2 === 0 ? 0 : -3);
    expect(turns).toEqual([]);
    expect(pilot.default).toBe('hybrid');
  });

  it('stays where it is while nothing is better by two points, whatever chance does', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { step, turns } = world({ ...forArms(() => 0.7), 'hybrid-sticky': 0.705, performance: 0.5 }, seed, 0.04);
        for (let i = 0; i < 60; i++) step();
        expect(turns).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('tries more than one epoch before it changes the default', () => {
    const { step, turns } = world({ ...forArms(() => 0.2), performance: 1 });
    let epochs = 0;
    while (turns.length === 0 && epochs < 300) {
      step();
      epochs++;
    }
    expect(turns).toHaveLength(1);
    expect(epochs).toBeGreaterThanOrEqual(3);
  });

  it('goes back to the first arm when the other one is not better any more', () => {
    const good = { ...forArms(() => 0.7), performance: 0.85 };
    const { pilot, step, turns } = world(good);
    for (let i = 0; i < 120; i++) step();
    expect(pilot.default).toBe('performance');
    for (let i = 0; i < 120; i++) step(0, NOTHING_FORETOLD, { ...good, performance: 0.4 });
    expect(pilot.default).toBe('hybrid');
    expect(turns.at(-1)?.from).toBe('performance');
  });

  it('goes back to the first arm when what spoke for the other one was long ago', () => {
    const { pilot, step } = world({ ...forArms(() => 0.7), performance: 0.85 });
    for (let i = 0; i < 120; i++) step();
    const silent: Epoch = { arms: forArms(() => undefined), context: FLAT };
    for (let i = 0; i < 60; i++) pilot.settle(silent, NOTHING_FORETOLD, (121 + i) * EPOCH_MS, seededRng(i));
    expect(pilot.default).toBe('hybrid');
    expect(pilot.why).toContain('nothing speaks for performance any more');
  });
});

describe('trying an arm', () => {
  it('tries nobody who is foreseen to be much worse', () => {
    const { pilot, step, trials } = world(forArms(() => 0.7));
    const foretold = { ...forArms(() => -0.3), hybrid: 0 };
    for (let i = 0; i < 100; i++) step(0, foretold);
    expect(trials()).toBe(0);
    expect(pilot.arms().every(({ arm, better }) => arm === 'hybrid' || better < 0.05)).toBe(true);
  });

  it('trusts no forecast that promises more', () => {
    const { pilot, step } = world(forArms(() => 0.7));
    step(0, { ...NOTHING_FORETOLD, performance: 5 });
    expect(pilot.arms().find(({ arm }) => arm === 'performance')?.gain.mean).toBe(0);
    expect(pilot.default).toBe('hybrid');
  });

  it('tries seldom what has proved worse', () => {
    const { pilot, step, trials } = world({ ...forArms(() => 0.4), hybrid: 0.7 });
    for (let i = 0; i < 300; i++) step();
    expect(trials()).toBeLessThan(100);
    expect(pilot.default).toBe('hybrid');
  });

  it('learns nothing from an epoch in which hardly anybody was answered', () => {
    const pilot = new Pilot();
    const rng = seededRng(3);
    let at = 0;
    while (pilot.trial === undefined)
      pilot.settle({ arms: forArms(() => undefined), context: FLAT }, NOTHING_FORETOLD, (at += EPOCH_MS), rng);
    const { trial } = pilot;
    pilot.settle(
      { arms: forArms((name) => (name === trial ? armEpoch(9, 4) : armEpoch(0))), context: FLAT },
      NOTHING_FORETOLD,
      (at += EPOCH_MS),
      rng,
    );
    expect(pilot.arms().every(({ epochs, gain }) => epochs === 0 && gain.mean === 0)).toBe(true);
  });

  it('tells a failing trial from one that has bad luck, and asks for sums only now and then', () => {
    let asked = 0;
    const fails = (requests: number, trial: ArmEpoch | undefined, usual: ArmEpoch | undefined) =>
      Pilot.fails(requests, () => {
        asked++;
        return [trial, usual];
      });
    expect(fails(20, armEpoch(0.2, 20), armEpoch(0.9, 180))).toBe(true);
    expect(fails(20, armEpoch(0.85, 20), armEpoch(0.9, 180))).toBe(false);
    expect(fails(20, armEpoch(0.2, 20), armEpoch(0.9, 5))).toBe(false);
    expect(fails(20, undefined, armEpoch(0.9, 180))).toBe(true);
    expect(asked).toBe(4);
    expect(fails(9, undefined, undefined)).toBe(false);
    expect(fails(21, undefined, undefined)).toBe(false);
    expect(asked).toBe(4);
  });
});

describe('a storm of breakers', () => {
  it('makes the first arm the default at once, and nobody tries anything for ten minutes', () => {
    const { pilot, step, now, turns } = world({ ...forArms(() => 0.7), performance: 0.85 });
    for (let i = 0; i < 120; i++) step();
    expect(pilot.default).toBe('performance');
    const before = turns.length;
    expect(pilot.storm(now())).toMatchObject({ from: 'performance', to: 'hybrid' });
    expect([pilot.default, pilot.trial]).toEqual(['hybrid', undefined]);
    const stormAt = now();
    while (now() + EPOCH_MS < stormAt + 600_000) {
      step();
      expect(pilot.trial).toBeUndefined();
    }
    expect(turns.length).toBeGreaterThanOrEqual(before);
  });

  it('changes nothing where the first arm is the default', () => {
    const pilot = new Pilot();
    expect(pilot.storm(0)).toBeUndefined();
    expect(pilot.calm(599_999)).toBe(true);
    expect(pilot.calm(600_000)).toBe(false);
  });
});

it('repeats itself from the same seed', () => {
  const run = () => {
    const { pilot, step } = world({ ...forArms(() => 0.7), 'hybrid-latency': 0.8 }, 5);
    const trace = Array.from({ length: 40 }, () => {
      step();
      return [pilot.default, pilot.trial];
    });
    return [trace, pilot.arms()];
  };
  expect(run()).toEqual(run());
});

it('knows every arm', () => {
  expect(new Pilot().arms().map(({ arm }) => arm)).toEqual(ARM_NAMES);
});
