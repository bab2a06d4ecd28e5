import { describe, expect, it } from 'vitest';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { Outlook } from '../../../src/core/outlook.ts';
import type { Candidate } from '../../../src/core/types.ts';
import { Decisions, explainAnswer, type DecisionView } from '../../../src/results/decisions.ts';
import { Learned } from '../../../src/results/learned.ts';
import { terms } from '../../../src/routing/cost.ts';

type Columns = Partial<
  Record<'wait' | 'load' | 'prefill' | 'decode' | 'slowdown' | 'harm' | 'cached' | 'ready', number>
>;

/** One row per argument: idle, warm and fast unless it says otherwise. */
const outlookOf = (...rows: readonly Columns[]): Outlook => {
  const outlook = new Outlook();
  outlook.resize(rows.length);
  outlook.promptTokens = 300;
  outlook.outputTokens = 50;
  outlook.serviceMs = 2_000;
  rows.forEach((row, i) => {
    outlook.slowdown[i] = 1;
    outlook.ready[i] = 1;
    outlook.slots[i] = 1;
    outlook.slowFirst[i] = 1;
    outlook.slowToken[i] = 1;
    for (const [column, value] of Object.entries(row)) outlook[column as keyof Columns][i] = value;
  });
  return outlook;
};

const stats = new Learned().of('x');
const candidatesOf = (count: number): readonly Candidate[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `s${i}/m`,
    backendId: `s${i}`,
    model: 'm',
    weight: 1,
    inflight: 0,
    resident: true,
    stats,
  }));

interface Some {
  readonly id?: string;
  readonly attempt?: number;
  readonly chosen?: number;
  readonly outlook?: Outlook;
  readonly costs?: readonly number[];
  readonly rates?: readonly number[];
}

const inputOf = ({ id = 'r', attempt = 1, chosen = 0, outlook = outlookOf({}), costs = [], rates = [] }: Some) => ({
  id,
  time: Date.UTC(2026, 0, 1),
  model: 'm',
  strategy: 'hybrid',
  category: 'coding',
  attempt,
  candidates: candidatesOf(outlook.size),
  outlook,
  chosen,
  cost: (i: number) => costs[i] ?? i,
  successRate: (i: number) => rates[i] ?? 1,
});

const got = (decisions: Decisions, id = 'r'): DecisionView => {
  const found = decisions.get(id);
  if (found === undefined) throw new Error(`${id} is not kept`);
  return found;
};

describe('the decisions', () => {
  it('give back every candidate by cost, with its terms, what was foreseen, and who was ready and chosen', () => {
    const decisions = new Decisions();
    const outlook = outlookOf(
      { wait: 500, prefill: 100, decode: 1_000, slowdown: 1.5, ready: 0, cached: 250 },
      { load: 2_000, prefill: 300, decode: 2_000, harm: 40 },
    );
    decisions.record(inputOf({ outlook, chosen: 1, costs: [1_200, 900], rates: [0.5, 1] }));
    const [attempt] = got(decisions).attempts;
    const [best, second] = attempt?.candidates ?? [];
    expect(attempt).toMatchObject({
      attempt: 1,
      time: '2026-01-01T00:00:00.000Z',
      promptTokens: 300,
      outputTokens: 50,
    });
    expect(best).toMatchObject({ backend: 's1', chosen: true, ready: true, cost: 900, successRate: 1 });
    expect(best?.predicted).toMatchObject({ loadMs: 2_000, firstTokenMs: 2_300, totalMs: 4_300 });
    expect(second).toMatchObject({ backend: 's0', chosen: false, ready: false, cost: 1_200, successRate: 0.5 });
    // Reading and writing are slowed down by half, waiting is not.
    expect(second?.predicted).toMatchObject({
      waitMs: 500,
      prefillMs: 150,
      decodeMs: 1_500,
      firstTokenMs: 650,
      totalMs: 2_150,
      cachedTokens: 250,
    });
  });

  it('give the terms that the cost formula gives for the whole outlook, each column in its place', () => {
    const decisions = new Decisions();
    const outlook = outlookOf({}, {});
    outlook.pressure = 2;
    const columns = ['wait', 'load', 'prefill', 'decode', 'evict', 'harm', 'freshWork', 'backlog'] as const;
    columns.forEach((column, i) => (outlook[column][1] = 100 * (i + 1)));
    outlook.slowdown[1] = 1.25;
    outlook.slots[1] = 4;
    outlook.slowFirst[1] = 1.5;
    outlook.slowToken[1] = 0.75;
    decisions.record(inputOf({ outlook, rates: [1, 0.75] }));
    const second = got(decisions).attempts[0]?.candidates[1];
    const expected = terms(outlook, 1, 0.75);
    for (const [name, value] of Object.entries(second?.terms ?? {})) {
      expect(value, name).toBeCloseTo(expected[name as keyof typeof expected], 0);
    }
    expect(second).toMatchObject({ backlogMs: 800, slots: 4, slowFirst: 1.5, slowToken: 0.75 });
  });

  it('do not change when the outlook is filled for the next request', () => {
    const decisions = new Decisions();
    const outlook = outlookOf({ wait: 70 });
    decisions.record(inputOf({ outlook }));
    outlook.wait[0] = 9_999;
    expect(got(decisions).attempts[0]?.candidates[0]?.predicted.waitMs).toBe(70);
  });

  it('keep the last decision of a request that waited, how many there were, and what the first one foresaw', () => {
    const decisions = new Decisions();
    decisions.record(inputOf({ outlook: outlookOf({ wait: 800, prefill: 200, decode: 400, ready: 0 }, {}) }));
    decisions.record(inputOf({ outlook: outlookOf({ wait: 300, ready: 0 }, {}) }));
    decisions.record(inputOf({ outlook: outlookOf({ wait: 0 }, { wait: 5 }, {}), chosen: 1 }));
    const { attempts } = got(decisions);
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({
      decisions: 3,
      atFirst: { backend: 's0', waitMs: 800, firstTokenMs: 1_000, totalMs: 1_400 },
    });
    expect(attempts[0]?.candidates.map(({ backend, chosen }) => [backend, chosen])).toEqual([
      ['s0', false],
      ['s1', true],
      ['s2', false],
    ]);
  });

  it('keep one decision for each attempt of a failover, the last eight of them', () => {
    const decisions = new Decisions();
    for (let attempt = 1; attempt <= 10; attempt++) decisions.record(inputOf({ attempt }));
    const { attempts, droppedAttempts } = got(decisions);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(attempts.map(({ decisions: count }) => count)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(droppedAttempts).toBe(2);
  });

  it('keep the best 31 of many candidates and the chosen one, wherever it ranked', () => {
    const decisions = new Decisions();
    const count = 100;
    // 37 and 100 have no common divisor: every cost from 0 to 99 once, in no order.
    const costs = Array.from({ length: count }, (_, i) => (i === 50 ? NaN : (i * 37) % count));
    const chosen = costs.indexOf(90);
    decisions.record(inputOf({ outlook: outlookOf(...Array.from({ length: count }, () => ({}))), costs, chosen }));
    const attempt = got(decisions).attempts[0];
    const kept = costs.filter((cost) => cost < 90).toSorted((a, b) => a - b);
    expect(attempt?.candidates.map(({ cost }) => cost)).toEqual([...kept.slice(0, 31), 90]);
    expect(attempt?.candidates.at(-1)).toMatchObject({ backend: `s${chosen}`, chosen: true });
    expect(attempt?.leftOut).toBe(68);
  });

  it('rank what cannot be foreseen last and show it as null, so that JSON can say it', () => {
    const decisions = new Decisions();
    decisions.record(inputOf({ outlook: outlookOf({ wait: Infinity }, {}), costs: [NaN, 3] }));
    const [first, last] = got(decisions).attempts[0]?.candidates ?? [];
    expect(first?.backend).toBe('s1');
    expect(last).toMatchObject({ cost: null, terms: { wait: null }, predicted: { firstTokenMs: null } });
  });

  it('show what was observed once the request has ended, and leave others alone', () => {
    const decisions = new Decisions();
    decisions.record(inputOf({}));
    expect(got(decisions).observed).toBeNull();
    decisions.observed('nobody', { totalMs: 1 });
    decisions.observed('r', { queueMs: 5, firstByteMs: 40, totalMs: 90 });
    expect(got(decisions).observed).toEqual({ queueMs: 5, firstByteMs: 40, totalMs: 90 });
  });

  it('forget the oldest request beyond their size, and nothing of it shows in the one that takes its place', () => {
    const decisions = new Decisions(2);
    decisions.record(inputOf({ id: 'a', outlook: outlookOf({}, {}, {}) }));
    decisions.record(inputOf({ id: 'a', attempt: 2 }));
    decisions.observed('a', { totalMs: 1 });
    decisions.record(inputOf({ id: 'b' }));
    decisions.record(inputOf({ id: 'c' }));
    expect(decisions.get('a')).toBeUndefined();
    expect(decisions.last(9).map(({ id }) => id)).toEqual(['c', 'b']);
    expect(decisions.last(1).map(({ id }) => id)).toEqual(['c']);
    expect(got(decisions, 'c')).toMatchObject({ observed: null, droppedAttempts: 0 });
    expect(got(decisions, 'c').attempts.map(({ decisions: count, candidates }) => [count, candidates.length])).toEqual([
      [1, 1],
    ]);
  });

  it('begin anew when an id comes again after its request has ended', () => {
    const decisions = new Decisions();
    decisions.record(inputOf({}));
    decisions.observed('r', { totalMs: 1 });
    decisions.record(inputOf({ outlook: outlookOf({}, {}) }));
    expect(got(decisions).observed).toBeNull();
    expect(got(decisions).attempts[0]).toMatchObject({ decisions: 1 });
    expect(decisions.last(9)).toHaveLength(2);
  });
});

describe('an explanation', () => {
  const explained = (outlook: Outlook, chosen: number) =>
    explainAnswer({
      ...inputOf({ outlook, chosen }),
      demand: { ...NO_DEMAND, app: 'coding', outputLimit: 64, shape: { numCtx: 8_192, rest: '' } },
      categoryWhy: 'says fix',
      obstacles: [{ backend: 's9', why: 'draining' }],
    });

  it('says what was understood, ranks the candidates and names those that cannot', () => {
    const answer = explained(outlookOf({ prefill: 10 }, { prefill: 90 }), 0);
    expect(answer.understood).toEqual({
      model: 'm',
      category: 'coding',
      categoryWhy: 'says fix',
      kind: 'completion',
      promptTokens: 300,
      outputTokens: 50,
      outputLimit: 64,
      shape: { numCtx: 8_192, rest: '' },
      app: 'coding',
    });
    expect(answer.candidates.map(({ backend }) => backend)).toEqual(['s0', 's1']);
    expect(answer.obstacles).toEqual([{ backend: 's9', why: 'draining' }]);
  });

  it('says that it would wait when the chosen one is busy, or when nobody is there', () => {
    expect(explained(outlookOf({ ready: 0 }, {}), 0).wouldWait).toBe(true);
    expect(explained(outlookOf({ ready: 0 }, {}), 1).wouldWait).toBe(false);
    expect(explained(outlookOf(), -1).wouldWait).toBe(true);
  });
});
