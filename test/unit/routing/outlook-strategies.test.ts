import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import type { Strategy } from '../../../src/core/types.ts';
import { affinity } from '../../../src/routing/affinity.ts';
import { hybrid } from '../../../src/routing/hybrid.ts';
import { leastLoaded } from '../../../src/routing/least-loaded.ts';
import { performance } from '../../../src/routing/performance.ts';
import { random } from '../../../src/routing/random.ts';
import { roundRobin } from '../../../src/routing/round-robin.ts';
import type { Told } from './candidates.ts';
import { candidatesOf, facts, tally } from './candidates.ts';
import type { Asked, Foreseen } from './outlooks.ts';
import { outlookOf } from './outlooks.ts';

/** Neither explores nor spreads costs. */
const noChance = { next: () => 0.999_999 };
type Pool = Readonly<Record<string, Told & { readonly foreseen?: Foreseen }>>;

const rank = (strategy: Strategy, pool: Pool, asked: Asked = {}, rng = noChance) =>
  strategy.rank(facts(), candidatesOf(pool), {
    at: 0,
    rng,
    outlook: outlookOf(
      Object.values(pool).map(({ foreseen = {} }) => foreseen),
      asked,
    ),
  });
const best = (strategy: Strategy, pool: Pool, asked: Asked = {}) => rank(strategy, pool, asked).at(0)?.candidate.id;
const firsts = (strategy: Strategy, pool: Pool, times = 4000) => {
  const rng = seededRng(7);
  return tally(times, () => rank(strategy, pool, { serviceMs: 10_000 }, rng).at(0)?.candidate.id);
};
const failing = (times: number): Told => ({ results: [{ success: false, times }] });
const working = (times: number): Told => ({ results: [{ times }] });

describe('hybrid with an outlook', () => {
  it('waits for a busy server that remembers the prompt rather than have it read again elsewhere', () => {
    const pool = (wait: number): Pool => ({
      remembers: { foreseen: { wait, prefill: 210, decode: 3600, ready: 0 } },
      idle: { foreseen: { prefill: 4300, decode: 7100 } },
    });
    expect(best(hybrid(), pool(2000))).toBe('remembers');
    expect(best(hybrid(), pool(6000))).toBe('idle');
  });

  it('leaves a fast server that keeps failing', () => {
    const pool: Pool = {
      fast: { ...failing(6), foreseen: { prefill: 100 } },
      slow: { ...working(6), foreseen: { prefill: 3000 } },
    };
    expect(best(hybrid(), pool, { serviceMs: 10_000 })).toBe('slow');
  });

  it('does not let the category have a say: who is foreseen to answer first goes first', () => {
    const pool: Pool = {
      specialist: { results: [{ category: 'coding', ms: 10, times: 30 }], foreseen: { prefill: 500 } },
      other: { results: [{ category: 'testing', ms: 900, times: 30 }], foreseen: { prefill: 400 } },
    };
    expect(best(hybrid(), pool)).toBe('other');
  });

  it('spreads equals evenly, also where they cost nothing', () => {
    const counts = firsts(hybrid(), { a: {}, b: {}, c: { foreseen: { prefill: 1 } } });
    expect(counts['c']).toBeUndefined();
    expect(counts['a']).toBeGreaterThan(1870); // 2000 expected, four standard deviations
    expect(counts['b']).toBeGreaterThan(1870);
  });

  it('says what it foresees', () => {
    const pool: Pool = { a: { foreseen: { prefill: 400, decode: 3600, cached: 2600 } } };
    expect(rank(hybrid(), pool, { promptTokens: 3000 }).at(0)?.why).toBe(
      'answers in 0.4 s: reads 0.4 s (2,600 of 3,000 tokens remembered), writes 3.6 s',
    );
  });
});

describe('least-loaded with an outlook', () => {
  it('compares the work per slot and weight, not the number of requests', () => {
    const pool: Pool = {
      one: { inflight: 1, foreseen: { backlog: 60_000 } },
      three: { inflight: 3, foreseen: { backlog: 20_000 } },
    };
    expect(best(leastLoaded(), pool)).toBe('three');
    expect(best(leastLoaded(), { ...pool, one: { foreseen: { backlog: 60_000, slots: 4 } } })).toBe('one');
    expect(best(leastLoaded(), { ...pool, one: { weight: 4, foreseen: { backlog: 60_000 } } })).toBe('one');
  });

  it('counts loading the model and reading as work of its own, where it must be loaded', () => {
    const pool = (load: number): Pool => ({
      idle: { foreseen: { load, prefill: 1500 } },
      warm: { foreseen: { backlog: 5000, prefill: 1500 } },
    });
    expect(best(leastLoaded(), pool(4000))).toBe('warm');
    expect(best(leastLoaded(), pool(3000))).toBe('idle');
    expect(best(leastLoaded(), pool(0))).toBe('idle');
  });

  it('does not take the early ends of failures for idleness', () => {
    const pool: Pool = { fails: failing(3), works: { ...working(3), foreseen: { backlog: 2000 } } };
    expect(best(leastLoaded(), pool, { serviceMs: 10_000 })).toBe('works');
  });

  it('lets loads within a twentieth fall by chance in proportion to weight and slots', () => {
    const counts = firsts(leastLoaded(), {
      a: { weight: 3 },
      b: { foreseen: { slots: 2 } },
      c: {},
      busy: { foreseen: { backlog: 10 } },
    });
    expect(counts['busy']).toBeUndefined();
    expect((counts['a'] ?? 0) / 4000).toBeCloseTo(3 / 6, 1);
    expect((counts['b'] ?? 0) / 4000).toBeCloseTo(2 / 6, 1);
    const close = firsts(leastLoaded(), { a: { foreseen: { backlog: 1000 } }, b: { foreseen: { backlog: 1040 } } });
    expect((close['b'] ?? 0) / 4000).toBeCloseTo(0.5, 1);
    const apart = firsts(leastLoaded(), { a: { foreseen: { backlog: 1000 } }, b: { foreseen: { backlog: 1060 } } });
    expect(apart).toEqual({ a: 4000 });
  });

  describe('of more than 512', () => {
    const large = (foreseen: (i: number) => Foreseen): Pool =>
      Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`m${i}`, { foreseen: foreseen(i) }]));

    it('finds an idle one where a fifth of them is idle, without looking at all', () => {
      const pool = large((i) => (i % 5 === 0 ? {} : { backlog: 5000, ready: 0 }));
      const candidates = candidatesOf(pool);
      const outlook = outlookOf(Object.values(pool).map(({ foreseen = {} }) => foreseen));
      const rng = seededRng(3);
      const ids = Array.from({ length: 300 }, () => {
        const first = leastLoaded().rank(facts(), candidates, { at: 0, rng, outlook }).at(0);
        return first?.candidate.id ?? '';
      });
      const idle = ids.filter((id) => Number(id.slice(1)) % 5 === 0);
      expect(idle.length).toBeGreaterThan(285);
      expect(new Set(idle).size).toBeGreaterThan(80); // of 120: nobody's place in the list makes a favourite
    });

    it('still ranks everybody once, and the best first', () => {
      const rng = seededRng(5);
      const ranking = rank(
        leastLoaded(),
        large((i) => ({ backlog: (i * 7919) % 600 })),
        {},
        rng,
      );
      const first = ranking.at(0);
      const all = ranking.all();
      expect(all[0]?.candidate).toBe(first?.candidate);
      expect(ranking.at(0)?.candidate).toBe(first?.candidate);
      expect(new Set(all.map(({ candidate }) => candidate.id)).size).toBe(600);
      for (const [i, { cost }] of all.entries()) expect(cost).toBeGreaterThanOrEqual(all[i - 1]?.cost ?? 0);
      expect(ranking.at(600)).toBeUndefined();
    });
  });
});

describe('performance with an outlook', () => {
  it('prefers the one foreseen to be faster, unless it has been slower than foreseen of late', () => {
    const pool = (slowFirst: number): Pool => ({
      fast: { foreseen: { prefill: 1000, decode: 1000, slowFirst } },
      slow: { foreseen: { prefill: 2000, decode: 1000 } },
    });
    expect(best(performance(), pool(1))).toBe('fast');
    expect(best(performance(), pool(3))).toBe('slow');
  });

  it('moves on as requests fill the slots', () => {
    const pool = (slots: number): Pool => ({
      fast: { inflight: 2, foreseen: { prefill: 1000, slots } },
      slow: { foreseen: { prefill: 2000 } },
    });
    expect(best(performance(), pool(1))).toBe('slow');
    expect(best(performance(), pool(4))).toBe('fast');
  });

  it('leaves one that fails half the time for one that takes twice as long', () => {
    const pool: Pool = {
      flaky: { results: [{ times: 20 }, { success: false, times: 20 }], foreseen: { prefill: 1000 } },
      solid: { ...working(40), foreseen: { prefill: 2000 } },
    };
    expect(best(performance(), pool)).toBe('solid');
  });

  it('asks the idle one that has been silent for longest once in a hundred requests', () => {
    const at = (time: number): Told => ({ results: [{ at: time }] });
    const counts = firsts(performance(), {
      fast: { ...at(900), foreseen: { prefill: 100 } },
      recent: { ...at(500), foreseen: { prefill: 9000 } },
      silent: { ...at(200), foreseen: { prefill: 9000 } },
      older: { ...at(100), inflight: 1, foreseen: { prefill: 9000 } },
      full: { ...at(50), foreseen: { prefill: 9000, ready: 0 } },
    });
    expect(Object.keys(counts).toSorted()).toEqual(['fast', 'silent']);
    expect(counts['silent']).toBeGreaterThan(15); // 40 expected, four standard deviations
    expect(counts['silent']).toBeLessThan(65);
  });
});

describe('affinity with an outlook', () => {
  it('prefers who does the category well to who is a little faster', () => {
    const pool: Pool = {
      writer: {
        results: [
          { category: 'coding', success: false, times: 30 },
          { category: 'documentation', times: 30 },
        ],
        foreseen: { prefill: 1000 },
      },
      coder: { results: [{ category: 'coding', times: 60 }], foreseen: { prefill: 1500 } },
    };
    const counts = firsts(affinity(), pool);
    expect(counts['coder']).toBeGreaterThan(3950);
  });

  it('tries one hardly known in the category more often than one known to be worse', () => {
    const results = (successes: number, failures: number): Told => ({
      results: [
        { times: Math.max(1, successes) },
        { success: false, times: Math.max(1, failures) },
        { category: 'testing', times: 30 },
      ],
    });
    const pool: Pool = { good: results(40, 10), unknown: results(1, 1), worse: results(20, 20) };
    const counts = firsts(affinity(), pool);
    expect(counts['unknown']).toBeGreaterThan(2 * (counts['worse'] ?? 0));
    expect(counts['unknown']).toBeGreaterThan(200);
  });

  it('waits for a favourite that is busy, but not for one that is at its share of the load', () => {
    const pool = (inflight: number): Pool => ({
      favourite: { inflight, foreseen: { wait: 1000, slots: 2, ready: 0 } },
      other: { foreseen: { prefill: 9000 } },
    });
    expect(best(affinity(), pool(1))).toBe('favourite');
    expect(best(affinity(), pool(3))).toBe('other');
    expect(rank(affinity(), pool(3)).at(1)?.why).toBe('at its share of the load: 3 in flight, bound 3');
  });

  it('takes no free slot for an overload', () => {
    const pool: Pool = {
      favourite: { inflight: 3, foreseen: { prefill: 100, slots: 4 } },
      other: { foreseen: { prefill: 9000 } },
    };
    expect(best(affinity(), pool)).toBe('favourite');
  });

  it('says how well the category goes, and what it foresees', () => {
    const pool: Pool = { a: { ...working(5), foreseen: { prefill: 400, decode: 2000 } } };
    expect(rank(affinity(), pool).at(0)?.why).toBe('coding: 100% ok, answers in 0.4 s: reads 0.4 s, writes 2.0 s');
  });
});

describe('random with an outlook', () => {
  const pool: Pool = { idle: {}, busy: { foreseen: { backlog: 5000 } }, busier: { foreseen: { backlog: 9000 } } };

  it('draws two and takes the lighter one', () => {
    const counts = firsts(random(), pool);
    expect(counts['busier']).toBeUndefined();
    expect((counts['idle'] ?? 0) / 4000).toBeCloseTo(2 / 3, 1);
    expect(rank(random(), { idle: {}, busy: { foreseen: { backlog: 5000 } } }).at(0)?.why).toBe(
      'drawn by chance with weight 1, the lighter of two: 0 s of work',
    );
  });

  it('draws one where it is told to', () => {
    const counts = firsts(random({ choices: 1 }), pool);
    for (const id of Object.keys(pool)) expect((counts[id] ?? 0) / 4000).toBeCloseTo(1 / 3, 1);
  });

  it('compares the work for the weight and the slots', () => {
    const even: Pool = {
      wide: { weight: 2, foreseen: { backlog: 9000, slots: 2 } },
      narrow: { foreseen: { backlog: 5000 } },
    };
    expect(firsts(random(), even)).toEqual({ wide: 4000 });
  });

  it('keeps the proportions of the weights where all have as much to do', () => {
    const counts = firsts(random(), { a: { weight: 3 }, b: {} });
    expect((counts['a'] ?? 0) / 4000).toBeCloseTo(0.75, 1);
  });
});

describe('round-robin with an outlook', () => {
  const turns = (strategy: Strategy, pool: Pool, times: number, ready: (turn: number, i: number) => boolean) => {
    const candidates = candidatesOf(pool);
    return Array.from({ length: times }, (_, turn) => {
      const outlook = outlookOf(candidates.map((__, i) => ({ ready: ready(turn, i) ? 1 : 0 })));
      const choice = strategy.rank(facts(), candidates, { at: 0, rng: noChance, outlook }).at(0);
      if (choice !== undefined) strategy.chosen?.(choice.candidate, candidates);
      return choice?.candidate.id;
    });
  };

  it('passes over whoever has no free slot, and takes all in turn while nobody has one', () => {
    const pool: Pool = { a: {}, b: {}, c: {} };
    expect(turns(roundRobin(), pool, 4, (_, i) => i !== 1)).toEqual(['a', 'c', 'a', 'c']);
    expect(turns(roundRobin(), pool, 3, () => false)).toEqual(['a', 'b', 'c']);
  });

  it('gives nobody who comes back a burst of the turns that were missed', () => {
    const ids = turns(roundRobin(), { a: {}, b: {} }, 24, (turn, i) => i === 0 || turn >= 20);
    expect(ids.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 'a'));
    expect(ids.slice(20).filter((id) => id === 'b')).toHaveLength(2);
  });

  it('says who has no free slot', () => {
    const ranking = rank(roundRobin(), { full: { weight: 2, foreseen: { ready: 0 } }, free: {} });
    expect(ranking.all().map(({ why }) => why)).toEqual(['turn by weight 1, credit 1', 'no free slot, weight 2']);
  });
});
