import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRESETS, presetSpec, VARIANTS } from '../../../bench/sim/presets.ts';
import { quantile, sortedNumbers } from '../../../bench/sim/statistics.ts';
import { promptOf, turnOf, type Session, type Workload } from '../../../bench/sim/workload.ts';
import { FLOODER, makeWorkload } from '../../../bench/sim/workloads.ts';
import { totalTokens } from '../../../src/sim/model/prompt.ts';

const workloadOf = (preset: string, variants: readonly string[] = [], requests = 4000, seed = 1): Workload =>
  makeWorkload(presetSpec(preset, variants), seed, requests);

const promptsOf = (workload: Workload): readonly number[] =>
  sortedNumbers(
    workload.sessions.flatMap((session) => session.turns.map((_, index) => promptOf(session, index).tokens)),
  );

const outputsOf = (workload: Workload): readonly number[] =>
  sortedNumbers(workload.sessions.flatMap(({ turns }) => turns.map(({ outputTokens }) => outputTokens)));

const within = (value: number, wanted: number, share: number): void => {
  expect(value).toBeGreaterThan(wanted * (1 - share));
  expect(value).toBeLessThan(wanted * (1 + share));
};

const longSession = (workload: Workload): Session => {
  const found = workload.sessions.find(({ turns }) => turns.length >= 4);
  if (found === undefined) throw new Error('the workload has no session of four turns');
  return found;
};

describe('a workload', () => {
  it('is the same for the same seed and another one for another seed', () => {
    expect(workloadOf('science', ['aborts'], 300)).toEqual(workloadOf('science', ['aborts'], 300));
    expect(workloadOf('science', [], 300, 2)).not.toEqual(workloadOf('science', [], 300, 1));
  });

  it('keeps its lengths when only the arrivals change', () => {
    const turns = ({ sessions }: Workload) => sessions.map((session) => session.turns);
    expect(turns(workloadOf('science', ['bursts'], 500))).toEqual(turns(workloadOf('science', [], 500)));
  });

  it('has exactly as many requests as asked for, in order of time', () => {
    for (const preset of Object.keys(PRESETS)) {
      const { sessions, size } = workloadOf(preset, [], 777);
      expect(size).toBe(777);
      expect(sessions.reduce((sum, { turns }) => sum + turns.length, 0)).toBe(777);
      expect(sessions.every(({ at }, index) => at >= (sessions[index - 1]?.at ?? 0))).toBe(true);
    }
  });

  it('never asks for more than the context holds', () => {
    for (const preset of Object.keys(PRESETS)) {
      const workload = workloadOf(preset);
      expect(promptsOf(workload).at(-1)).toBeLessThan(workload.contextTokens);
    }
  });

  it('has the reference lengths of prompts and answers', () => {
    const workload = workloadOf('science');
    within(quantile(promptsOf(workload), 0.5), 2500, 0.12);
    within(quantile(promptsOf(workload), 0.9), 8000, 0.12);
    within(quantile(outputsOf(workload), 0.5), 114, 0.1);
    within(quantile(outputsOf(workload), 0.95), 536, 0.12);
    within(workload.size / workload.sessions.length, 3.5, 0.08);
  });

  it.each([
    ['azure-conversation', [396, 1020, 2734], [85, 129, 424]],
    ['azure-code', [578, 1469, 5187], [9, 13, 55]],
    ['mooncake-conversation', [2300, 6900, 27_000], [156, 350, 597]],
  ] as const)('follows the percentiles of the trace: %s', (preset, prompts, outputs) => {
    const workload = workloadOf(preset, [], 8000);
    [0.25, 0.5, 0.9].forEach((share, index) => {
      within(quantile(promptsOf(workload), share), prompts[index] ?? 0, 0.2);
      within(quantile(outputsOf(workload), share), outputs[index] ?? 0, 0.12);
    });
  });

  it('puts everything that was said before in front of each turn', () => {
    const session = longSession(workloadOf('science'));
    for (let index = 1; index < session.turns.length; index += 1) {
      const before = turnOf(session, index - 1, 0);
      const turn = turnOf(session, index, 0);
      if (before === undefined || turn === undefined) throw new Error('a turn is missing');
      const said = [...before.segments, before.answer].map(({ text }) => text);
      expect(turn.segments.map(({ text }) => text).slice(0, -1)).toEqual(said);
      expect(totalTokens(turn.segments)).toBe(promptOf(session, index).tokens);
      expect(turn.demand.marks.slice(0, before.demand.marks.length)).toEqual(before.demand.marks);
    }
    expect(turnOf(session, session.turns.length, 0)).toBeUndefined();
  });

  it('marks equal beginnings equally and different ones differently', () => {
    const hashes = new Map<number, string>();
    for (const session of workloadOf('science', [], 2000).sessions) {
      const turn = turnOf(session, 0, 0);
      let prefix = '';
      turn?.segments.forEach(({ text }, index) => {
        prefix += `${text}\n`;
        const hash = turn.demand.marks[index]?.hash ?? -1;
        expect(Number.isSafeInteger(hash)).toBe(true);
        expect(hashes.get(hash) ?? prefix).toBe(prefix);
        hashes.set(hash, prefix);
      });
    }
  });

  it('states prompts in bytes, four to a token', () => {
    const turn = turnOf(longSession(workloadOf('storm')), 2, 50);
    expect(turn?.demand.promptBytes).toBe(4 * totalTokens(turn?.segments ?? []));
    expect(turn?.demand.marks.at(-1)?.bytes).toBe(turn?.demand.promptBytes);
    expect(turn?.at).toBe(50);
  });
});

describe('variants', () => {
  it('ask for another context in five sessions of a hundred', () => {
    const { sessions, contextTokens } = workloadOf('science', ['options'], 8000);
    const asking = sessions.filter(({ numCtx }) => numCtx !== undefined);
    within(asking.length / sessions.length, 0.05, 0.35);
    expect(asking[0]?.numCtx).toBe(contextTokens / 2);
  });

  it('let three clients of ten leave', () => {
    const turns = workloadOf('science', ['aborts']).sessions.flatMap((session) => session.turns);
    within(turns.filter(({ patienceMs }) => Number.isFinite(patienceMs)).length / turns.length, 0.3, 0.1);
  });

  it('let the two most popular models change places', () => {
    const { sessions, models } = workloadOf('science', ['flip'], 6000);
    const flipAt = presetSpec('science', ['flip']).flipAt ?? 0;
    const share = (late: boolean): number => {
      const some = sessions.filter(({ at }) => at >= flipAt === late);
      return some.filter(({ model }) => model === models[0]).length / some.length;
    };
    expect(share(false)).toBeGreaterThan(share(true) * 1.5);
  });

  it('add one tenant that floods, between its times only', () => {
    const { sessions } = workloadOf('science', ['flood'], 6000);
    const times = sessions.filter(({ tenant }) => tenant === FLOODER).map(({ at }) => at);
    within(times.length, 2400, 0.1);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(300_000);
    expect(Math.max(...times)).toBeLessThan(900_000);
  });

  it('give the hot model nine of ten sessions', () => {
    const { sessions, models } = workloadOf('science', ['hot'], 8000);
    within(sessions.filter(({ model }) => model === models[0]).length / sessions.length, 0.9, 0.03);
  });

  it('share one system prompt among all', () => {
    const { sessions } = workloadOf('science', ['shared'], 500);
    expect(new Set(sessions.map(({ app }) => app)).size).toBe(1);
  });

  it('stack, and say what is wrong with a name', () => {
    fc.assert(
      fc.property(fc.subarray(Object.keys(VARIANTS)), (names) => {
        expect(presetSpec('storm', names).name).toBe(['storm', ...names].join('+'));
      }),
    );
    expect(() => presetSpec('scienc')).toThrow('science');
    expect(() => presetSpec('science', ['burst'])).toThrow('bursts');
  });
});
