import { describe, expect, it } from 'vitest';
import { CONTENDERS } from '../../../bench/storm/contenders.ts';
import { figuresOf } from '../../../bench/storm/figures.ts';
import { predict } from '../../../bench/storm/predict.ts';
import { makeScene, speedUp } from '../../../bench/storm/scene.ts';
import { LEAST_ANSWER, MOST_ANSWER } from '../../../bench/storm/text.ts';
import { loadMs } from '../../../src/sim/model/profile.ts';

const turnsOf = (seed: number) => makeScene(1, 200, seed).workload.sessions.flatMap(({ turns }) => turns);

const named = (name: string) => {
  const found = CONTENDERS.find((contender) => contender.name === name);
  if (found === undefined) throw new Error(`no contender is called ${name}`);
  return found;
};

describe('a scene', () => {
  it('asks only for answers that the servers can be made to write', () => {
    const lengths = turnsOf(1).map(({ outputTokens }) => outputTokens);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(LEAST_ANSWER);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MOST_ANSWER);
  });

  it('begins with the same sessions however many are asked for', () => {
    const { sessions } = makeScene(1, 20, 3).workload;
    expect(sessions.slice(0, 5)).toEqual(makeScene(1, 5, 3).workload.sessions);
  });

  it('counts its requests', () => {
    const { workload } = makeScene(1, 30, 2);
    expect(workload.size).toBe(workload.sessions.reduce((sum, { turns }) => sum + turns.length, 0));
  });

  it('names its models so that a server that knows only the name gives them their size', () => {
    expect(makeScene(1, 1, 1).workload.models.map(({ size }) => Math.round(size))).toEqual([5e9, 8e9]);
  });
});

describe('a faster world', () => {
  it('loads, reads and writes faster and leaves the work as it is', () => {
    const scene = makeScene(1, 5, 1);
    const fast = speedUp(scene, 10);
    const [before, after] = [scene.fleet.servers[0], fast.fleet.servers[0]];
    if (before === undefined || after === undefined) throw new Error('the fleet is empty');
    expect(loadMs(after.profile, 5e9)).toBeCloseTo(loadMs(before.profile, 5e9) / 10);
    expect(after.profile.prefillPerSecond).toBe(10 * before.profile.prefillPerSecond);
    expect(after.profile.memoryBytes).toBe(before.profile.memoryBytes);
    expect(fast.workload.sessions[1]?.at).toBeCloseTo((scene.workload.sessions[1]?.at ?? Number.NaN) / 10);
    expect(fast.workload.sessions[0]?.turns[0]?.outputTokens).toBe(scene.workload.sessions[0]?.turns[0]?.outputTokens);
  });

  it('changes nothing for a policy that holds no second for a second', () => {
    const scene = makeScene(1, 20, 1);
    const turns = named('nginx-round-robin');
    const slow = figuresOf(predict(turns, scene, { chance: 1, scale: 1, warm: true }).sample);
    const fast = figuresOf(predict(turns, speedUp(scene, 8), { chance: 1, scale: 8, warm: true }).sample);
    expect(fast.p50).toBeCloseTo(slow.p50, 3);
    expect(fast.p95).toBeCloseTo(slow.p95, 3);
    expect(fast.cachedShare).toBeCloseTo(slow.cachedShare, 6);
  });
});

describe('a warm start', () => {
  it('leaves no load to the counted requests', () => {
    const scene = makeScene(1, 20, 1);
    const turns = named('nginx-round-robin');
    expect(predict(turns, scene, { chance: 1, scale: 1, warm: true }).sample.loads).toBe(0);
    expect(predict(turns, scene, { chance: 1, scale: 1, warm: false }).sample.loads).toBeGreaterThan(0);
  });
});
